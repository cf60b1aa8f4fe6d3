"""Pictures: which files, and in which order."""

import logging
import os
from pathlib import Path

import pytest

from facepipe.errors import ImageNotFound, UsageError
from facepipe.sources import image_files, people_folders


@pytest.fixture
def tree(tmp_path):
    """Make files from their names; they need no content, for nothing here reads them."""

    def make(*names):
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        return tmp_path

    return make


def relative(paths, root):
    return [path.relative_to(root).as_posix() for path in paths]


def test_files_are_yielded_as_given_missing_ones_too():
    given = ["b.jpg", Path("a.tiff"), "missing/c", "b.jpg", "a\0.jpg", "https://example.org/a.jpg"]
    assert list(image_files(given)) == given
    assert list(image_files([])) == []


@pytest.mark.parametrize("kind", [str, Path])
def test_one_path_alone(kind, tree):
    root = tree("a.jpg")
    assert list(image_files(kind(root / "a.jpg"))) == [kind(root / "a.jpg")]


def test_folders_are_searched_in_a_fixed_order(tree):
    root = tree("b/2.PNG", "b/1.jpg", "a/deep/x.WebP", "z.jpeg", "y.gif", "a/n.bmp", "notes.txt", "a/raw.tiff", "jpg")
    expected = ["y.gif", "z.jpeg", "a/n.bmp", "a/deep/x.WebP", "b/1.jpg", "b/2.PNG"]
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


@pytest.mark.parametrize("names", [[], ["notes.txt"], [".hidden.jpg"], ["sub/raw.tiff"]])
def test_a_folder_without_images(names, tree):
    root = tree(*names)
    with pytest.raises(UsageError, match=r"no images in this folder.*\.jpg"):
        list(image_files([root]))


def test_an_unreadable_folder_is_said(tree, monkeypatch, caplog):
    root = tree("a/1.jpg", "b/2.jpg")
    scandir = os.scandir

    def deny(path):
        if Path(path).name == "b":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", deny)
    with caplog.at_level(logging.WARNING, "facepipe"):
        assert relative(image_files([root]), root) == ["a/1.jpg"]
    assert f"{root / 'b'}: cannot be searched (Permission denied)" in caplog.text


def test_one_person_per_subfolder(tree, caplog):
    root = tree("Grace/2.jpg", "Grace/1.jpg", "Ada/phone/x.png", "Ada/a.jpg", "李/1.jpg", ".git/1.jpg")
    with caplog.at_level(logging.WARNING, "facepipe"):
        people = people_folders(root)
    assert [(name, relative(pictures, root)) for name, pictures in people] == [
        ("Ada", ["Ada/a.jpg", "Ada/phone/x.png"]),
        ("Grace", ["Grace/1.jpg", "Grace/2.jpg"]),
        ("李", ["李/1.jpg"]),
    ]
    assert people_folders(str(root)) == people
    assert caplog.text == ""


def test_what_belongs_to_nobody_is_said(tree, caplog):
    root = tree("Ada/1.jpg", "loose.jpg", "Bob/notes.txt", ".DS_Store")
    with caplog.at_level(logging.WARNING, "facepipe"):
        assert [name for name, _ in people_folders(root)] == ["Ada"]
    assert "1 files belong to no person" in caplog.text
    assert f"{root / 'Bob'}: no images" in caplog.text


@pytest.mark.parametrize("names", [[], ["a.jpg"], ["Ada/notes.txt"], [".Ada/1.jpg"]])
def test_no_people(names, tree):
    with pytest.raises(UsageError, match="one sub-folder of pictures per person"):
        people_folders(tree(*names))


def test_people_of_a_missing_folder_or_a_file(tree):
    root = tree("a.jpg")
    with pytest.raises(ImageNotFound, match=r"no such folder.*one sub-folder of pictures per person"):
        people_folders(root / "gone")
    with pytest.raises(UsageError, match="one sub-folder of pictures per person"):
        people_folders(root / "a.jpg")
