from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
from PIL import ImageColor

from facepipe import Pipeline, read_image
from facepipe.draw import (
    KNOWN,
    NEUTRAL,
    UNKNOWN,
    Annotator,
    Mark,
    annotate,
    caption,
    mark_identified,
    mirrored,
    numbered,
    save,
    side_by_side,
    upper_square,
)
from facepipe.draw.plates import Plate
from facepipe.errors import WriteFailed
from facepipe.records import Candidate, Detection, Identification, Image

GREY = 90


@pytest.fixture
def image() -> Image:
    return Image(np.full((300, 400, 3), GREY, np.uint8), "grey")


def face(x0: float, y0: float, x1: float, y1: float) -> Detection:
    centre = np.full((5, 2), ((x0 + x1) / 2, (y0 + y1) / 2), np.float32)
    return Detection(np.array([x0, y0, x1, y1], np.float32), 0.99, centre)


def drawn(image: Image, box: tuple[float, ...], label: str = "Ada", known: bool | None = True) -> np.ndarray:
    return np.asarray(annotate(image, [Mark(face(*box), label, known)]))


def label_place(pixels: np.ndarray, box: tuple[float, ...]) -> tuple[int, int, int, int]:
    """x0, y0, x1, y1 (inclusive) of what is drawn, without the box's own place."""
    marked = (pixels != GREY).any(axis=2)
    x0, y0, x1, y1 = (int(v) for v in box)
    marked[max(y0 - 3, 0) : max(y1 + 4, 0), max(x0 - 3, 0) : max(x1 + 4, 0)] = False
    y, x = np.nonzero(marked)
    return int(x.min()), int(y.min()), int(x.max()), int(y.max())


@pytest.mark.parametrize(("known", "colour"), [(True, KNOWN), (False, UNKNOWN), (None, NEUTRAL)])
def test_the_box_says_in_colour_whether_the_face_is_known(image: Image, known: bool | None, colour: str) -> None:
    pixels = drawn(image, (100, 120, 200, 240), known=known)
    for x, y in ((100, 180), (200, 180), (150, 120), (150, 240)):  # the middle of each edge
        assert tuple(pixels[y, x]) == ImageColor.getrgb(colour)
    assert (pixels[140:170, 110:140] == GREY).all()  # inside
    assert (pixels[180, 150] == 255).all()  # the landmarks


def test_the_three_colours_differ() -> None:
    assert len({KNOWN, UNKNOWN, NEUTRAL}) == 3


def test_the_original_is_not_modified(image: Image) -> None:
    before = image.pixels.copy()
    assert (drawn(image, (100, 120, 200, 240)) != before).any()
    assert (image.pixels == before).all()


def test_no_marks_is_a_copy(image: Image) -> None:
    assert (np.asarray(annotate(image, [])) == image.pixels).all()


def test_the_label_is_over_the_box(image: Image) -> None:
    box = (100, 120, 200, 240)
    x0, y0, _, y1 = label_place(drawn(image, box), box)
    assert x0 == 100
    assert y0 > 80
    assert y1 <= 120


LONG = "Augusta Ada King, Countess of Lovelace, born Byron, the first programmer"
BORDERS = {
    "top": (150, 0, 250, 100),
    "over top": (150, -30, 250, 100),
    "left": (0, 100, 100, 200),
    "over left": (-50, 100, 50, 200),
    "right": (390, 100, 450, 200),
    "bottom": (150, 250, 250, 350),
    "over all": (-20, -20, 420, 320),
    "nearly all": (-20, 5, 420, 295),
}
CROWDS = {
    "a row": [(60 + 40 * n, 150, 90 + 40 * n, 190) for n in range(8)],
    "thirty": [(2 + 13 * n, 150, 14 + 13 * n, 166) for n in range(30)],
    "one over the other": [(100, 130, 150, 190), (100, 195, 150, 255)],
    "at the top": [(0, 0, 70, 80), (75, 0, 145, 80), (300, 10, 400, 100)],
    "at the bottom": [(0, 220, 70, 300), (75, 220, 145, 300), (100, 120, 170, 215)],
    "a wall": [(50 * n, 60 * m, 50 * n + 50, 60 * m + 60) for n in range(8) for m in range(5)],
    "one in front of the other": [(100, 100, 200, 220), (150, 80, 260, 200), (120, 110, 180, 190)],
}
LABELS = ("Ada 98 %", "unknown", "王小明 99.6 %", "unknown; nearest Barack Obama, 7 %")


def crowd(boxes: Sequence[Sequence[float]]) -> list[Mark]:
    """A mark for each of ``boxes``; known and unknown, with long and short labels."""
    return [
        Mark(face(*box), LABELS[nth % 4], nth % 2 == 0, nth + 1 if len(boxes) > 1 else None)
        for nth, box in enumerate(boxes)
    ]


def randomly(seed: int) -> list[tuple[float, ...]]:
    """Faces of any size anywhere, beyond the border too."""
    rng = np.random.default_rng(seed)
    centres, sizes = rng.uniform(0, (400, 300), (int(rng.integers(1, 40)), 2)), rng.uniform(8, 90, 40)
    return [(x - size, y - 1.3 * size, x + size, y + 1.3 * size) for (x, y), size in zip(centres, sizes, strict=False)]


def assert_no_face_is_covered(image: Image, marks: Sequence[Mark], picture: PIL.Image.Image) -> None:
    """``picture`` shows each face of ``image`` as it would be shown without labels."""
    plain = np.asarray(annotate(image, [replace(mark, label="") for mark in marks]))
    changed = (np.asarray(picture)[: image.height, : image.width] != plain).any(axis=2)
    for mark in marks:
        x0, y0, x1, y1 = np.floor(mark.detection.box).astype(int).clip(0)
        assert not changed[y0 : y1 + 1, x0 : x1 + 1].any()


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Number and text of each plate that is drawn."""
    plates: list[tuple[str, str]] = []
    draw = Plate.draw

    def watched(plate: Plate, *where: Any) -> None:
        plates.append((plate.number, plate.text))
        draw(plate, *where)

    monkeypatch.setattr(Plate, "draw", watched)
    return plates


@pytest.mark.slow
@pytest.mark.parametrize("boxes", [*CROWDS.values(), *map(randomly, range(40))], ids=[*CROWDS, *map(str, range(40))])
def test_no_label_is_over_a_face_and_each_is_whole(
    image: Image, boxes: list[tuple[float, ...]], said: list[tuple[str, str]]
) -> None:
    marks = crowd(boxes)
    assert_no_face_is_covered(image, marks, annotate(image, marks))
    labels = [("" if mark.number is None else str(mark.number), mark.label) for mark in marks]
    assert sorted(one for one in said if one[1]) == sorted(labels)


@pytest.mark.parametrize("box", BORDERS.values(), ids=BORDERS)
@pytest.mark.parametrize("label", ["Ada", LONG])
def test_the_label_is_whole_at_every_border(
    image: Image, box: tuple[float, ...], label: str, said: list[tuple[str, str]]
) -> None:
    marks = [Mark(face(*box), label, True)]
    picture = annotate(image, marks)
    assert_no_face_is_covered(image, marks, picture)
    assert said == [("", label)]
    assert (np.asarray(picture)[..., 0] > 200).sum() > 5 * len(label)  # its letters


def test_labels_of_a_group_of_real_faces(pipeline: Pipeline, samples: Path, said: list[tuple[str, str]]) -> None:
    portraits = [upper_square(read_image(samples / name)) for name in ("obama.jpg", "biden.jpg", "astronaut.png")]
    heads = [one.crop((one.width // 4, 0, one.width * 3 // 4, one.width // 2)) for one in portraits]
    rows = [np.asarray(side_by_side(heads[n:] + heads[:n], 130)) for n in range(3)]
    narrow = min(row.shape[1] for row in rows)
    group = Image(np.concatenate([row[:, :narrow] for row in rows]), "group")
    faces = pipeline.detect(group)
    assert len(faces) >= 7
    marks = [Mark(one, f"Augusta Ada Lovelace {one.score:.2f}", None, number) for number, one in numbered(faces)]
    assert_no_face_is_covered(group, marks, annotate(group, marks))
    assert len([text for _, text in said if text]) == len(faces)


def test_without_room_there_is_the_number_and_a_legend_below(image: Image, said: list[tuple[str, str]]) -> None:
    marks = crowd(CROWDS["a row"])
    picture = annotate(image, marks)
    assert picture.height > image.height
    assert picture.width == image.width
    in_place = [number for number, text in said if not text]
    assert len(in_place) == 7  # the first one's label has room
    assert [number for number, _ in said[len(marks) :]] == sorted(in_place, key=int)  # the legend


def test_a_face_without_room_for_its_number_is_pictured_in_the_legend() -> None:
    stripes = np.zeros((300, 400, 3), np.uint8)
    stripes[:, :200], stripes[:, 200:] = (255, 0, 0), (0, 0, 255)
    halves = [(0, 0, 199, 299), (200, 0, 399, 299)]
    below = np.asarray(annotate(Image(stripes, "stripes"), crowd(halves)))[300:]
    for colour in ((255, 0, 0), (0, 0, 255)):
        assert (np.abs(below.astype(int) - colour).max(axis=2) < 8).sum() > 200
    alone = np.asarray(annotate(Image(stripes, "stripes"), crowd([(0, 0, 399, 299)])))[300:]
    assert not (np.abs(alone.astype(int) - (255, 0, 0)).max(axis=2) < 8).any()  # it can be nobody else


def test_a_label_touches_no_other_face(image: Image) -> None:
    """It would seem to be theirs."""
    marks = crowd([(100, 150, 160, 220), (165, 150, 225, 220)])
    pixels, plain = (np.asarray(annotate(image, few))[:300] for few in (marks, [replace(m, label="") for m in marks]))
    changed = (pixels != plain).any(axis=2)
    orange = (pixels == ImageColor.getrgb(UNKNOWN)).all(axis=2) & changed
    teal = (pixels == ImageColor.getrgb(KNOWN)).all(axis=2) & changed
    assert not teal[147:224, 163:].any()
    assert not orange[147:224, :162].any()
    assert not teal[140:150, 165:].any()
    assert not orange[140:150, :160].any()


# Films ----------------------------------------------------------------------------------------------------------------


def sides(image: Image, tops: Sequence[float]) -> list[bool]:
    """Whether the label is over its face, with the face's top at each of ``tops`` in turn."""
    annotator, found = Annotator(), []
    for top in tops:
        mark = Mark(face(150, top, 250, top + 120), "Ada 98 %", True, 1)
        picture = annotator.annotate(image, [mark])
        assert picture.size == (image.width, image.height)
        changed = (np.asarray(picture) != np.asarray(annotate(image, [replace(mark, label="")]))).any(axis=2)
        found.append(bool(changed[: max(int(top), 0)].any()))
    return found


def test_in_a_film_a_label_stays_on_its_side(image: Image) -> None:
    over = sides(image, [60, 40, 30, 20, 10, 4, 10, 20, 30, 40, 60])
    assert over[0]
    assert over.count(True) == over.index(False)  # it went under the face once, for lack of room, and stayed there


def heights(image: Image, widths: Sequence[float]) -> list[int]:
    """Of the label, px, over a face that is as wide as each of ``widths`` in turn."""
    annotator, found = Annotator(), []
    for width in widths:
        marks = [Mark(face(150, 150, 150 + width, 200), "Ada", True, 1)]
        teal = (np.asarray(annotator.annotate(image, marks))[:149] == ImageColor.getrgb(KNOWN)).all(axis=2)
        found.append(int(teal.any(axis=1).sum()))
    return found


def test_in_a_film_letters_do_not_tremble_with_their_face(image: Image) -> None:
    assert len(set(heights(image, [41, 44] * 6)[1:])) == 1


def test_in_a_film_letters_grow_with_their_face(image: Image) -> None:
    small, larger = heights(image, [33, 120])
    assert larger > small


def test_in_a_film_a_label_comes_back_when_there_is_room(image: Image, said: list[tuple[str, str]]) -> None:
    annotator = Annotator()
    for apart in (5, 150):
        boxes = [(100, 100, 140, 150), (140 + apart, 90, 220 + apart, 170), (10, 90, 95, 170)]
        annotator.annotate(image, [Mark(face(*box), "Ada Lovelace", True, n) for n, box in enumerate(boxes, 1)])
    assert [text for number, text in said if number == "1"] == ["", "Ada Lovelace"]


def test_in_a_film_what_has_no_room_is_left_out(image: Image, said: list[tuple[str, str]]) -> None:
    annotator = Annotator()
    for _ in range(2):
        assert annotator.annotate(image, crowd(CROWDS["a wall"])).size == (400, 300)
    assert said == []


def test_names_get_their_place_before_strangers(image: Image) -> None:
    boxes = [(100, 150, 130, 190), (160, 150, 190, 190)]
    marks = [Mark(face(*box), "Ada Lovelace", known) for box, known in zip(boxes, (False, True), strict=True)]
    pixels = np.asarray(annotate(image, marks))
    teal, orange = ((pixels == ImageColor.getrgb(colour)).all(axis=2) for colour in (KNOWN, UNKNOWN))
    assert teal[130:149, 160:190].any()  # over its face
    assert not orange[130:149, 160:190].any()


def test_small_faces_have_no_landmarks_and_smaller_letters(image: Image) -> None:
    assert (drawn(image, (100, 120, 136, 156), "")[125:151, 105:131] == GREY).all()
    large = Image(np.full((1000, 1000, 3), GREY, np.uint8), "grey")
    assert letters(large, (100, 120, 136, 156), "Ada") < 0.8 * letters(large, (100, 120, 300, 320), "Ada")


def letters(image: Image, box: tuple[float, ...], label: str) -> int:
    """How many pixels of the label's white letters are to be seen."""
    away = np.full((5, 2), -1000, np.float32)  # white too
    mark = Mark(Detection(np.array(box, np.float32), 0.99, away), label, True)
    return int((np.asarray(annotate(image, [mark]))[..., 0] > 128).sum())  # the plate has less red


def test_a_label_that_is_longer_than_any_legend_is_cut(image: Image) -> None:
    picture = annotate(image, [Mark(face(100, 120, 200, 240), "W" * 200, True)])
    assert picture.width < 600
    below = np.asarray(picture)[300:]
    white = np.nonzero((below == 255).all(axis=2))[1]
    assert white.max() < np.nonzero((below == ImageColor.getrgb(KNOWN)).all(axis=2))[1].max() - 3


@pytest.mark.parametrize(
    "label", ["", "王小明", "名前", "😀", "Łódź", "अदा", "آدا", "a\u0301", "x" * 5000, "two\nlines"]
)
@pytest.mark.parametrize("size", [(12, 12), (60, 400)])
def test_any_name_on_any_picture(label: str, size: tuple[int, int]) -> None:
    tiny = Image(np.full((*size, 3), GREY, np.uint8), "tiny")
    pixels = drawn(tiny, (1, 1, 11, 11), label)
    assert (np.array(pixels.shape) >= tiny.pixels.shape).all()
    assert max(pixels.shape) < 600


@pytest.mark.parametrize("box", [(5, 5, 5, 5), (10, 10, 10.4, 11), (-90, -90, -10, -10), (900, 900, 950, 950)])
def test_odd_boxes(image: Image, box: tuple[float, ...]) -> None:
    drawn(image, box)


def identification(*candidates: Candidate) -> Identification:
    return Identification(face(0, 0, 9, 9), candidates, 0.9)


def test_marks_of_the_known_and_of_strangers() -> None:
    known = mark_identified(identification(Candidate("Ada", 0.957, 1, 1, 0.98), Candidate("Bob", 0.91, 2, 2, 0.01)), 3)
    assert (known.label, known.known, known.number) == ("Ada 98 %", True, 3)
    assert mark_identified(identification(Candidate("Ada", 0.957, 1, 1))).label == "Ada 0.96"  # no probability measured
    near = mark_identified(identification(Candidate("Ada", 0.89, 1, 1, 0.0737)))
    assert (near.label, near.known) == ("unknown; nearest Ada, 7 %", False)
    for stranger in (identification(), identification(Candidate("Ada", 0.89, 1, 1, 0.002))):
        assert (mark_identified(stranger).label, mark_identified(stranger).known) == ("unknown", False)


def test_several_faces_are_numbered_and_a_single_one_is_not() -> None:
    assert numbered(["a", "b"]) == [(1, "a"), (2, "b")]
    assert numbered(["a"]) == [(None, "a")]


def test_a_mark_without_a_label_has_no_plate(image: Image) -> None:
    box = (100, 120, 200, 240)
    pixels = drawn(image, box, "")
    assert (pixels[:115] == GREY).all()
    assert (pixels[245:] == GREY).all()


def test_mirrored() -> None:
    pixels = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)
    points = np.array([[1, 1], [3, 1], [2, 2], [1.5, 3], [2.5, 3]], np.float32)
    given = Detection(np.array([0, 0, 4, 4], np.float32), 0.9, points)
    image, (face,) = mirrored(Image(pixels, "ada"), [given])
    assert image.source == "ada"
    assert (image.pixels == pixels[:, ::-1]).all()
    assert face.box.tolist() == [2, 0, 6, 4]
    assert face.landmarks.tolist() == [[2, 1], [4, 1], [3, 2], [2.5, 3], [3.5, 3]]  # image-left first, as ever
    for x, y in points.astype(int)[:3]:
        assert (image.pixels[y, 5 - x] == pixels[y, x]).all()


@pytest.mark.slow
@pytest.mark.parametrize("message", ["turn your head a little to your left", "把头向左转一点", "W" * 300, ""])
@pytest.mark.parametrize("size", [(640, 480), (1920, 1080), (90, 120)])
def test_a_caption_is_below_the_picture(message: str, size: tuple[int, int]) -> None:
    picture = PIL.Image.new("RGB", size, (GREY,) * 3)
    pixels = np.asarray(caption(picture, message, 2, 5, True))
    assert (pixels[: size[1]] == GREY).all()
    assert (pixels[size[1] :] != GREY).any(axis=2).all()
    dots = (np.abs(pixels.astype(int) - ImageColor.getrgb(KNOWN)).max(axis=2) < 10).sum()
    other = np.asarray(caption(picture, message, 4, 5, True))
    more = (np.abs(other.astype(int) - ImageColor.getrgb(KNOWN)).max(axis=2) < 10).sum()
    assert more > dots  # more of them are filled


def test_the_dots_of_a_caption_are_smooth() -> None:
    picture = PIL.Image.new("RGB", (640, 480), (GREY,) * 3)
    row = np.asarray(caption(picture, "", 5, 5, True))[480:]
    greens = np.unique(row[15:][:, 250:390, 1])  # below the line of colour
    assert len(greens) > 10  # shades between the dot and its ground


def test_side_by_side() -> None:
    red, blue = PIL.Image.new("RGB", (50, 100), "red"), PIL.Image.new("RGB", (400, 400), "blue")
    row = side_by_side([red, blue], height=200, gap=10)
    assert row.size == (100 + 10 + 200, 200)
    assert [row.getpixel((x, 100)) for x in (99, 105, 110)] == [(255, 0, 0), (255, 255, 255), (0, 0, 255)]


@pytest.mark.parametrize(("name", "kind"), [("a.jpg", "JPEG"), ("a.png", "PNG")])
def test_save(tmp_path: Path, image: Image, name: str, kind: str) -> None:
    path = tmp_path / "new" / name
    save(image.pixels, path)
    save(PIL.Image.fromarray(image.pixels), path)  # again, over it
    with PIL.Image.open(path) as picture:
        assert picture.format == kind
        assert np.abs(np.asarray(picture).astype(int) - GREY).max() <= 1
    assert [file.name for file in path.parent.iterdir()] == [name]


def test_save_where_it_cannot(tmp_path: Path, image: Image) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(WriteFailed, match="file"):
        save(image.pixels, tmp_path / "file" / "a.jpg")
