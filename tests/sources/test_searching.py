"""Folders: a picture is known by its content, and nothing is left out without a word."""

import logging
import os

import pytest

from facepipe.errors import ImageFormatError, UsageError
from facepipe.sources import find_images, image_files, open_source
from tests.sources.trees import relative

PNG = b"\x89PNG\r\n\x1a\n"
FILES = {  # name: how it begins, and what it is, None of a picture
    "a": (PNG, None),
    "b.txt": (b"\xff\xd8\xff\xe0", None),
    "c.jfif": (b"\xff\xd8\xff\xe0", None),
    "d.HEIC": (b"\0\0\0\x1cftypheic\0\0\0\0mif1heic", None),
    "e.xyz": (b"\0\0\0\x1cftypmif1\0\0\0\0mif1avif", None),
    "f.mp4": (b"\0\0\0\x18ftypmp42" + bytes(20), "video"),
    "g.MOV": (b"\0\0\0\x14ftypqt  " + bytes(20), "video"),
    "h.ts": ((b"\x47" + bytes(187)) * 5, "video"),
    "i.CR3": (b"\0\0\0\x18ftypcrx " + bytes(20), "raw picture"),
    "j.psd": (b"8BPS\0\1" + bytes(20), "PSD picture"),
    "k.svg": (b'<?xml version="1.0"?>\n<svg xmlns=""/>', "SVG picture"),
    "l.xmp": (b'<?xpacket begin="\xef\xbb\xbf"?>', "text"),
    "m.ini": ("[.ShellClassInfo]".encode("utf-16"), "text"),
    "n.txt": ("照片的说明，没有别的".encode("gbk"), "text"),
    "o.txt": ("照片".encode(), "text"),
    "p.txt": (b"The free software, wide and far", "text"),
    "q.bin": (bytes(range(256)), "an unknown format"),
    "r.db": (b"SQLite format 3\0" + bytes(20), "database"),
    "Thumbs.db": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(20), "thumbnail database"),
    "s.doc": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(20), "Office document"),
    "t.mp3": (b"ID3\3" + bytes(20), "audio"),
    "u.m4a": (b"\0\0\0\x18ftypM4A " + bytes(20), "audio"),
    "v.zip": (b"PK\3\4" + bytes(20), "ZIP archive"),
    "w.note": (b"", "empty file"),
}
COMPANIONS = {"l.xmp", "m.ini", "n.txt", "o.txt", "p.txt", "r.db", "Thumbs.db", "t.mp3", "u.m4a", "w.note"}


@pytest.fixture
def folder(tmp_path):
    for name, (head, _) in FILES.items():
        (tmp_path / name).write_bytes(head)
    return tmp_path


def test_every_file_is_a_picture_or_said_to_be_something_else(folder):
    found = find_images([folder])
    assert relative(found.files, folder) == [name for name, (_, kind) in FILES.items() if kind is None]
    kinds = {one.path.name: one.kind for one in found.left_out}
    assert kinds == {name: kind for name, (_, kind) in FILES.items() if kind is not None}
    assert {one.path.name for one in found.left_out if not one.matters} == COMPANIONS
    for one in found.left_out:
        assert isinstance(one.error, ImageFormatError)
        assert str(one.error).startswith(f"{one.path}: expected a JPEG, PNG")
        assert one.kind in str(one.error)


def test_what_is_left_out_is_counted_by_kind_in_one_line(folder, caplog):
    with caplog.at_level(logging.WARNING, "facepipe"):
        assert len(list(image_files([folder]))) == 5
    (line,) = caplog.messages
    assert line.startswith(
        f"{folder}: left out: 5 text files (INI, TXT, XMP), 3 videos (MOV, MP4, TS), 2 audio files ("
    )
    assert "1 raw picture (CR3)" in line
    assert "1 PSD picture, " in line
    assert "1 file of an unknown format (BIN)" in line


def test_a_file_named_like_a_picture_is_left_to_the_decoder(tree):
    root = tree("a.jpg", "b.HEIC", "c.tif", "d.jp2")
    (root / "a.jpg").write_bytes(b"<html>not found</html>")
    assert relative(find_images([root]).files, root) == ["a.jpg", "b.HEIC", "c.tif", "d.jp2"]


def test_what_cannot_be_read_is_left_to_the_decoder(tree, tmp_path):
    root = tree("a.jpg")
    (root / "gone").symlink_to("nowhere")
    os.mkfifo(root / "pipe")  # which would block whoever opens it
    assert relative(find_images([root]).files, root) == ["a.jpg", "gone", "pipe"]


def test_only_what_may_hold_a_picture(tmp_path, caplog):
    (tmp_path / "a.mp4").write_bytes(FILES["f.mp4"][0])
    found = find_images([tmp_path])
    assert (found.files, [one.kind for one in found.left_out]) == ([], ["video"])
    for look in (lambda: list(image_files([tmp_path])), lambda: open_source(tmp_path)):
        with pytest.raises(UsageError, match="no images in this folder"):
            look()
    assert f"{tmp_path}: no images in this folder, only 1 video (MP4); expected one that holds a JPEG" in caplog.text


@pytest.mark.parametrize(
    "name", ["@eaDir", "#recycle", "$RECYCLE.BIN", "System Volume Information", "lost+found", "__MACOSX", "FOUND.000"]
)
def test_folders_of_systems_are_left_out_and_said(name, tree, caplog):
    root = tree("a.jpg", f"{name}/b.jpg", f"deep/{name}/c.jpg")
    with caplog.at_level(logging.WARNING, "facepipe"):
        assert relative(find_images([root]).files, root) == ["a.jpg"]
    assert caplog.messages == [f"{root}: left out: 2 system folders ({name})"]
    assert relative(find_images([root / name]).files, root) == [f"{name}/b.jpg"]  # when it is what was asked for
