"""The faces of one image: what they say, tell and show, and that they hold no picture."""

from __future__ import annotations

import io
import json
import pickle
import weakref
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from facepipe import Faces
from facepipe.records import Candidate, Chip, Detection, Face, Identification, Image, Template

BOX = np.array([10, 20, 40, 80], np.float32)
POINTS = np.arange(10, dtype=np.float32).reshape(5, 2)
FOUND = Detection(BOX, 0.9, POINTS)
ADA = Identification(FOUND, (Candidate("Ada", 0.8, 1, 3, 0.98),), 0.3)
NOBODY = Identification(FOUND, (Candidate("Ada", 0.1, 1, 3, 0.002),), 0.3)
WHOLE = Face(
    FOUND,
    Chip(np.zeros((112, 112, 3), np.uint8), np.array([[2, 1, 5], [-1, 2, 7]], np.float32)),
    Template(np.array([0.6, 0.8], np.float32), 3.0, "toy@1"),
)


def image(side: int = 100, source: str = "party.jpg", shrunk: int = 1) -> Image:
    return Image(np.full((side, 2 * side, 3), 255, np.uint8), source, shrunk)


def shown(faces: Faces[Identification]) -> PIL.Image.Image | None:
    jpeg = faces._repr_jpeg_()
    return None if jpeg is None else PIL.Image.open(io.BytesIO(jpeg))


def test_they_are_a_list_that_says_who_is_there() -> None:
    faces = Faces.of(image(), [ADA, NOBODY])
    assert faces == [ADA, NOBODY]
    assert str(faces) == "party.jpg: 2 faces\n  1  Ada, 98 %, 30×60 px at (10, 20)\n  2  unknown, 30×60 px at (10, 20)"
    assert repr(faces) == "<Faces: party.jpg: Ada, 98 %, 30×60 px at (10, 20); unknown, 30×60 px at (10, 20)>"
    assert str(Faces.of(image(), [])) == "party.jpg: 0 faces"


def test_a_source_cannot_repaint_the_terminal() -> None:
    assert str(Faces.of(image(source="a\x1b[2J\nb"), [])) == r"a\x1b[2J\nb: 0 faces"


def test_json_numbers_the_faces_and_is_in_pixels_of_the_file() -> None:
    told = Faces.of(image(shrunk=2), [ADA]).to_dict()
    assert json.loads(json.dumps(told)) == told
    assert (told["source"], told["size"]) == ("party.jpg", [400, 200])
    (face,) = told["faces"]
    assert (face["face"], face["name"], face["box"]) == (1, "Ada", [20.5, 40.5, 80.5, 160.5])


@pytest.mark.parametrize("face", [FOUND, ADA, WHOLE], ids=["detection", "identification", "face"])
def test_of_every_kind_of_face(face: Detection | Identification | Face) -> None:
    held = image(shrunk=2)
    faces = Faces.of(held, [face])
    assert [type(one) for one in faces.in_file()] == [type(face)]
    assert faces.in_file().to_dict() == faces.to_dict()
    assert PIL.Image.open(io.BytesIO(faces._repr_jpeg_() or b"")).size[0] >= 200


def test_a_face_in_pixels_of_the_file_is_cut_out_of_that() -> None:
    twice = WHOLE.enlarged(2)
    for x, y in FOUND.landmarks:
        in_chip = WHOLE.chip.to_chip @ (x, y, 1)
        assert twice.chip.to_chip @ (2 * x + 0.5, 2 * y + 0.5, 1) == pytest.approx(in_chip, abs=1e-4)


def test_they_hold_no_picture() -> None:
    held = image()
    faces, gone = Faces.of(held, [ADA]), weakref.ref(held)
    told = faces.told_as([NOBODY])
    assert shown(told) is not None
    del held
    assert gone() is None
    assert shown(faces) is None
    assert shown(told) is None


def test_a_notebook_shows_the_picture_with_its_names() -> None:
    held = image()
    picture = shown(Faces.of(held, [ADA]))
    assert picture is not None
    plain = PIL.Image.open(io.BytesIO(Faces.of(held, [])._repr_jpeg_() or b""))
    assert np.abs(np.asarray(picture)[:100].astype(int) - np.asarray(plain)).max() > 100


def test_a_large_picture_is_shown_smaller() -> None:
    held = image(side=1000)
    picture = shown(Faces.of(held, [ADA]))
    assert picture is not None
    assert max(picture.size) == 1600


def test_a_picture_that_was_let_go_is_read_again_while_its_file_is_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "party.png"
    PIL.Image.new("RGB", (200, 100)).save(path)
    faces = Faces.of(image(source=str(path)), [ADA])
    assert shown(faces) is not None
    PIL.Image.new("RGB", (100, 200)).save(path)
    assert shown(faces) is None
    path.unlink()
    assert shown(faces) is None


def test_ipython_shows_lines_where_there_is_no_picture() -> None:
    class Printer:
        said = ""

        def text(self, text: str) -> None:
            self.said += text

    printer = Printer()
    Faces.of(image(), [ADA])._repr_pretty_(printer, False)
    assert printer.said.splitlines()[1] == "  1  Ada, 98 %, 30×60 px at (10, 20)"


def test_they_go_to_another_process_without_the_picture() -> None:
    held = image()
    again = pickle.loads(pickle.dumps(Faces.of(held, [ADA])))
    assert (type(again), again.source, again.size, again[0].name) == (Faces, "party.jpg", (200, 100), "Ada")
