"""Commands that take a folder: every file in it has an answer, whatever it is and whatever it is called."""

from __future__ import annotations

import io
import json
import os
import shutil
from pathlib import Path

import PIL.Image
import pytest

from tests.cli.cli_shell import Run, start

HEIC = Path(__file__).parents[1] / "heic" / "turned-6.heic"
MP4 = b"\0\0\0\x18ftypmp42" + bytes(40)
CR2 = b"II*\0\x10\0\0\0CR\2\0" + bytes(40)


def saved(kind: str) -> bytes:
    stream = io.BytesIO()
    PIL.Image.open("obama.jpg").convert("RGB").save(stream, kind, quality=90)
    return stream.getvalue()


def forty() -> tuple[dict[str, bytes], dict[str, bytes]]:
    """Files by name: those that show a face, and those that are not read, each with a word of why."""
    jpeg = Path("obama.jpg").read_bytes()
    tiff, jp2, avif = saved("TIFF"), saved("JPEG2000"), saved("AVIF")
    good = dict.fromkeys(("1.jpg", "2.JPG", "3.jpeg", "4.jfif", "5.jpe", "6", "7.txt", "8.heic", "9.MOV"), jpeg)
    good |= {"10.png": saved("PNG"), "11.webp": saved("WEBP"), "12.bmp": saved("BMP"), "13.gif": saved("GIF")}
    good |= {"14.tif": tiff, "15.TIFF": tiff, "16.jp2": jp2, "17.j2k": jp2, "18.avif": avif, "19.jpg": avif}
    good |= {"20.mpo": jpeg + jpeg, "21.jpg": jpeg + MP4, "22.dat": tiff}
    bad = {"23.mp4": MP4, "24.CR2": CR2, "25.psd": b"8BPS\0\1" + bytes(40), "26.pdf": b"%PDF-1.7" + bytes(40)}
    bad |= {"27.jxl": b"\xff\x0a" + bytes(40), "28.zip": b"PK\3\4" + bytes(40), "29.bin": bytes(range(256))}
    bad |= {"30.xmp": b"<x:xmpmeta/>", "31.json": b'{"title": ""}', "32.ini": b"[.ShellClassInfo]", "33.txt": b"Ada"}
    bad |= {"34.jpg": jpeg[: len(jpeg) // 2], "35.png": b"<html>not found</html>", "36.jpg": b"", "37.svg": b"<svg/>"}
    bad |= {"38.mp3": b"ID3\3" + bytes(40), "39.eps": b"%!PS-Adobe-3.0", "40.heic": HEIC.read_bytes()[:2000]}
    return good, bad


@pytest.fixture
def photos(here: Path) -> Path:
    """Forty files, and some that are nobody's business."""
    folder = here / "photos"
    folder.mkdir()
    for name, data in {**forty()[0], **forty()[1], ".hidden.jpg": b"", "._1.jpg": b"\0\5\x16\7"}.items():
        (folder / name).write_bytes(data)
    return folder


def test_forty_files_have_forty_answers(photos: Path, run: Run) -> None:
    good, bad = forty()
    assert len(good) + len(bad) == 40
    done = run("detect", "--json", photos)
    assert done.code == 3
    assert "Traceback" not in done.err
    answers = {Path(line["source"]).name: line for line in done.json}
    assert len(done.json) == len(answers) == 40
    assert {name for name, line in answers.items() if line["error"] is None} == set(good)
    assert all(len(answers[name]["faces"]) == 1 for name in good)
    assert all(answers[name]["faces"] == [] and name in answers[name]["error"] for name in bad)
    assert "video" in answers["23.mp4"]["error"]
    assert "raw picture" in answers["24.CR2"]["error"]


def test_what_is_not_read_is_counted_by_kind(photos: Path, run: Run, caplog: pytest.LogCaptureFixture) -> None:
    done = run("detect", photos)
    assert done.code == 3
    (first,) = caplog.messages
    *failed, total = done.err.splitlines()
    assert first.startswith(f"{photos}: left out: 4 text files (INI, JSON, TXT, …), 1 ")
    for words in ("1 video (MP4)", "1 raw picture (CR2)", "1 PSD picture", "1 PDF", "1 JPEG XL picture (JXL)"):
        assert words in first
    assert [line.split(": ")[1] for line in failed] == [
        str(photos / f"{n}") for n in ("34.jpg", "35.png", "36.jpg", "40.heic")
    ]
    assert total == "facepipe: 4 of 26 inputs failed; 9 files left out may hold pictures"  # five others cannot


def test_sidecars_fail_no_run(here: Path, run: Run, caplog: pytest.LogCaptureFixture) -> None:
    (here / "photos").mkdir()
    shutil.copy("obama.jpg", "photos")
    for name in ("obama.xmp", "obama.jpg.json", "Thumbs.db", "notes.txt"):
        Path("photos", name).write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" if name == "Thumbs.db" else b"{}")
    done = run("detect", "--json", "photos")
    assert (done.code, len(done.json)) == (0, 5)
    assert caplog.messages == ["photos: left out: 3 text files (JSON, TXT, XMP), 1 thumbnail database (DB)"]


@pytest.fixture
def clips(here: Path) -> None:
    """A photo of somebody, and a folder with the same, a video and a sidecar."""
    Path("people/Ada").mkdir(parents=True)
    Path("people/Ben").mkdir()
    shutil.copy("obama.jpg", "people/Ada")
    shutil.copy("obama2.jpg", "people/Ada")
    shutil.copy("biden.jpg", "people/Ben")
    Path("people/Ada/clip.mp4").write_bytes(MP4)
    Path("people/Ada/obama.xmp").write_text("<x/>")


@pytest.mark.usefixtures("clips")
@pytest.mark.parametrize(
    "command",
    [
        ["detect", "people"],
        ["identify", "people"],
        ["enroll", "Ada", "people/Ada"],
        ["enroll", "--folders", "people"],
    ],
)
def test_commands_with_a_line_for_each(command: list[str], enrolled: Run, caplog: pytest.LogCaptureFixture) -> None:
    done = enrolled(*command, "--json")
    assert done.code == 3
    clip, sidecar = done.json[-2:]
    assert (clip["source"], sidecar["source"]) == ("people/Ada/clip.mp4", "people/Ada/obama.xmp")
    assert clip["error"].startswith("people/Ada/clip.mp4: expected a JPEG")
    assert list(clip) == list(done.json[0])
    if command[0] == "enroll":
        assert (clip["person"], clip["reference"]) == ("Ada", None)
    assert "left out: 1 video (MP4), 1 text file (XMP)" in caplog.text


@pytest.mark.usefixtures("clips")
@pytest.mark.parametrize(
    "command",
    [
        ["evaluate", "--folders", "people", "--no-cache"],
        ["inspect", "people", "--dump", "faces.npz", "--layers", "*1"],
    ],
)
def test_commands_with_one_object(command: list[str], run: Run, caplog: pytest.LogCaptureFixture) -> None:
    done = run(*command, "--json")
    assert (done.code, len(done.json)) == (3, 1)
    assert [one["source"] for one in done.json[0]["left_out"]] == ["people/Ada/clip.mp4", "people/Ada/obama.xmp"]
    assert "left out: 1 video (MP4), 1 text file (XMP)" in caplog.text


@pytest.mark.usefixtures("clips")
def test_a_page_is_written_though_something_was_left_out(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    done = run("inspect", "obama.jpg", "--people", "people", "--views", "ladder", "--out", "page.html")
    assert (done.code, Path("page.html").exists()) == (3, True)
    assert "left out: 1 video (MP4), 1 text file (XMP)" in caplog.text


def test_videos_only(here: Path, run: Run) -> None:
    Path("clips").mkdir()
    Path("clips/a.mp4").write_bytes(MP4)
    done = run("detect", "--json", "clips")
    assert (done.code, len(done.json)) == (1, 1)
    said = start("detect", "clips", FACEPIPE_HOME=str(here)).complaint
    assert said.startswith(
        "warning: clips: no images in this folder, only 1 video (MP4); expected one that holds a JPEG"
    )


def test_a_folder_one_level_too_high(here: Path, run: Run) -> None:
    Path("all/family/Ada").mkdir(parents=True)
    shutil.copy("obama.jpg", "all/family/Ada")
    for command in (["enroll", "--folders", "all"], ["evaluate", "--folders", "all"], ["calibrate", "all"]):
        done = run(*command)
        assert done.code in (1, 2), command
        if command[0] != "calibrate":  # which wants a gallery first
            assert "all/family: holds folders of pictures (Ada)" in done.complaint


def test_loose_pictures_belong_to_nobody(clips: None, run: Run) -> None:
    shutil.copy("obama3.jpg", "people")
    done = run("enroll", "--json", "--folders", "people")
    assert done.code == 3
    (loose,) = [line for line in done.json if line["person"] is None]
    assert loose["source"] == "people/obama3.jpg"
    assert "belongs to no person" in loose["error"]
    assert json.dumps(loose)


def test_folders_whose_names_are_not_utf_8(here: Path, run: Run) -> None:
    """As an older system writes them, in Latin-1."""
    folder = os.fsdecode(b"caf\xe9")
    for name in ("Ada", os.fsdecode(b"J\xf6rg")):
        Path(folder, name).mkdir(parents=True)
    shutil.copy("obama.jpg", f"{folder}/Ada")
    shutil.copy("biden.jpg", Path(folder, os.fsdecode(b"J\xf6rg")))
    assert run("detect", folder).code == 0
    done = run("enroll", "--folders", folder)
    assert done.code == 3
    assert "Ada: caf\\udce9/Ada/obama.jpg: reference 1" in done.out
    name = r"'J\udcf6rg': the byte 0xF6 is not UTF-8; rename the folder, or type the name: enroll NAME FOLDER"
    assert done.err.splitlines()[0] == rf"facepipe: 'caf\udce9/J\udcf6rg/biden.jpg': name {name}"
    assert run("enroll", "Jörg", Path(folder, os.fsdecode(b"J\xf6rg"))).code == 0
    assert run("identify", "--json", folder).json[0]["source"] == f"{folder}/Ada/obama.jpg"
