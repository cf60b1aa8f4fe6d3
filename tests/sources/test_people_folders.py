"""Folders of people: whose pictures they are, and which are refused."""

import logging

import pytest

from facepipe.errors import ImageNotFound, UsageError
from facepipe.sources import find_people, labelled_pictures, people_folders
from tests.sources.trees import relative


def test_one_person_per_subfolder(tree, caplog):
    root = tree("Grace/2.jpg", "Grace/1.jpg", "Ada/x.png", "Ada/a.jpg", "李/1.jpg", ".git/1.jpg")
    with caplog.at_level(logging.WARNING, "facepipe"):
        people = people_folders(root)
    assert [(name, relative(pictures, root)) for name, pictures in people] == [
        ("Ada", ["Ada/a.jpg", "Ada/x.png"]),
        ("Grace", ["Grace/1.jpg", "Grace/2.jpg"]),
        ("李", ["李/1.jpg"]),
    ]
    assert people_folders(str(root)) == people
    assert caplog.text == ""


def test_what_belongs_to_nobody_is_said(tree, caplog):
    root = tree("Ada/1.jpg", "loose.jpg", "Bob/notes.txt", ".DS_Store")
    with caplog.at_level(logging.WARNING, "facepipe"):
        assert [name for name, _ in people_folders(root)] == ["Ada"]
    assert "1 file belongs to no person" in caplog.text
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


@pytest.mark.parametrize("look", [find_people, people_folders, labelled_pictures])
def test_a_folder_one_level_too_high_is_refused(look, tree):
    root = tree("family/Ada/1.jpg", "family/Ben/1.jpg", "Eve/1.jpg")
    with pytest.raises(UsageError) as refusal:
        look(root)
    assert str(refusal.value) == (
        f"{root / 'family'}: holds folders of pictures (Ada, Ben), expected the pictures of one person; if each of them"
        f" is a person, give {root / 'family'} instead of {root}; if all are of family, move them into"
        f" {root / 'family'} itself"
    )


def test_many_folders_are_not_all_named(tree):
    root = tree(*(f"family/{n}/1.jpg" for n in range(9)))
    with pytest.raises(UsageError, match=r"\(0, 1, 2, …\)"):
        find_people(root)


def test_folders_without_pictures_do_no_harm(tree):
    root = tree("Ada/1.jpg", "Ada/clips/a.txt", "Ada/none/.b.jpg", "Ada/@eaDir/1.jpg/SYNOFILE_THUMB_XL.jpg")
    assert labelled_pictures(root) == [("Ada", root / "Ada" / "1.jpg")]


def test_folders_of_systems_are_nobody(tree, caplog):
    root = tree("Ada/1.jpg", "Ada/@eaDir/1.jpg/SYNOFILE_THUMB_XL.jpg", "#recycle/2.jpg", "$RECYCLE.BIN/3.jpg")
    with caplog.at_level(logging.WARNING, "facepipe"):
        assert [(name, relative(pictures, root)) for name, pictures in people_folders(root)] == [("Ada", ["Ada/1.jpg"])]
    assert caplog.messages == [f"{root}: left out: 3 system folders (#recycle, $RECYCLE.BIN, @eaDir)"]


def test_whose_the_files_are_that_are_left_out(tree):
    root = tree("Ada/1.jpg", "notes.txt", "loose.jpg")
    (root / "Ada" / "clip.mp4").write_bytes(b"\0\0\0\x18ftypmp42" + bytes(40))
    found = [(name, file.path.name, file.kind, file.matters) for name, file in find_people(root).left_out]
    assert found == [
        (None, "loose.jpg", "picture", True),
        (None, "notes.txt", "empty file", False),
        ("Ada", "clip.mp4", "video", True),
    ]
    assert "belongs to no person; expected one sub-folder" in str(find_people(root).left_out[0][1].error)


def test_people_of_whom_there_is_nothing_that_can_be_read(tree):
    root = tree("Ada/1.txt")
    (root / "Ada" / "1.CR2").write_bytes(b"II*\0\x10\0\0\0CR\2\0" + bytes(40))
    with pytest.raises(UsageError, match=r"no people in this folder, only 1 .*, 1 .*; expected one sub-folder"):
        find_people(root)
