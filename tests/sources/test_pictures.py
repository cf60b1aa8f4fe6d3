"""Pictures: which files, and in which order."""

import logging
import os
from pathlib import Path

import pytest

from facepipe.errors import UsageError
from facepipe.sources import find_images, image_files
from tests.sources.trees import relative


def test_files_are_yielded_as_given_missing_ones_too():
    given: list[Path | str] = ["b.jpg", Path("a.tiff"), "missing/c", "b.jpg", "a\0.jpg", "https://example.org/a.jpg"]
    assert list(image_files(given)) == given
    assert list(image_files([])) == []


@pytest.mark.parametrize("kind", [str, Path])
def test_one_path_alone(kind, tree):
    root = tree("a.jpg")
    assert list(image_files(kind(root / "a.jpg"))) == [kind(root / "a.jpg")]


def test_folders_are_searched_in_a_fixed_order(tree):
    root = tree("b/2.PNG", "b/1.jpg", "a/deep/x.WebP", "z.jpeg", "y.gif", "a/n.bmp", "notes.txt", "a/s.tiff", "jpg")
    expected = ["y.gif", "z.jpeg", "a/n.bmp", "a/s.tiff", "a/deep/x.WebP", "b/1.jpg", "b/2.PNG"]
    assert relative(image_files([root]), root) == expected


def test_hidden_files_and_folders_are_left_out(tree):
    root = tree("a.jpg", ".b.jpg", "._a.jpg", ".thumbs/c.jpg", "d/.e/f.jpg")
    assert relative(image_files([root]), root) == ["a.jpg"]


def test_a_hidden_folder_named_by_the_user_is_searched(tree):
    root = tree(".private/a.jpg")
    assert relative(image_files([root / ".private"]), root) == [".private/a.jpg"]


def test_a_folder_with_a_picture_name_is_a_folder(tree):
    root = tree("a.jpg/b.jpg")
    assert relative(image_files([root]), root) == ["a.jpg/b.jpg"]


def test_links_are_followed_but_loops_are_not(tree):
    root = tree("a/1.jpg", "elsewhere/2.jpg")
    (root / "a" / "up").symlink_to(root / "a")
    (root / "a" / "out").symlink_to(root / "elsewhere")
    (root / "a" / "out2").symlink_to(root / "elsewhere")
    (root / "a" / "file.jpg").symlink_to(root / "elsewhere" / "2.jpg")
    assert relative(image_files([root / "a"]), root) == ["a/1.jpg", "a/file.jpg", "a/out/2.jpg"]


@pytest.mark.parametrize("names", [[], ["notes.txt"], [".hidden.jpg"], ["sub/list.csv"], ["@eaDir/a.jpg"]])
@pytest.mark.parametrize("look", [find_images, lambda paths: list(image_files(paths))])
def test_a_folder_without_images(names, look, tree):
    root = tree(*names)
    with pytest.raises(UsageError, match=r"no images in this folder.*expected.*HEIC"):
        look([root])


def test_an_unreadable_folder_is_said(tree, monkeypatch, caplog):
    root = tree("a/1.jpg", "b/2.jpg")
    scandir = os.scandir

    def deny(path):
        if Path(path).name == "b":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", deny)
    with caplog.at_level(logging.WARNING, "facepipe"):
        found = find_images([root])
    assert relative(found.files, root) == ["a/1.jpg"]
    assert [(one.path, one.matters) for one in found.left_out] == [(root / "b", True)]
    assert str(found.left_out[0].error).startswith(f"{root / 'b'}: cannot be searched (Permission denied); change")
    assert f"{root / 'b'}: cannot be searched (Permission denied)" in caplog.text
