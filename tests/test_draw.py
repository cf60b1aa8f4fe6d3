from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from PIL import ImageColor

from facepipe.draw import (
    KNOWN,
    NEUTRAL,
    UNKNOWN,
    Mark,
    annotate,
    caption,
    mark_identified,
    mirrored,
    save,
    side_by_side,
)
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


@pytest.mark.parametrize(
    "box",
    [
        (150, 0, 250, 100),
        (150, -30, 250, 100),
        (0, 100, 100, 200),
        (-50, 100, 50, 200),
        (390, 100, 450, 200),
        (150, 250, 250, 350),
        (-20, -20, 420, 320),
        (-20, 5, 420, 295),
    ],
    ids=["top", "over top", "left", "over left", "right", "bottom", "over all", "nearly all"],
)
@pytest.mark.parametrize("label", ["Ada", "Augusta Ada King, Countess of Lovelace, born Byron, the first programmer"])
def test_the_label_is_whole_and_inside_at_every_border(image: Image, box: tuple[float, ...], label: str) -> None:
    whole = letters(image, (10, 120, 110, 240), label)
    assert whole > 50
    assert letters(image, box, label) == pytest.approx(whole, rel=0.03)


CROWDS = {
    "a row": [(60, 150, 90, 190), (100, 150, 130, 190), (140, 150, 170, 190), (180, 150, 210, 190)],
    "one over the other": [(100, 130, 150, 190), (100, 195, 150, 255)],
    "at the top": [(0, 0, 70, 80), (75, 0, 145, 80), (300, 10, 400, 100)],
    "at the bottom": [(0, 220, 70, 300), (75, 220, 145, 300), (100, 120, 170, 215)],
}


@pytest.mark.parametrize("boxes", CROWDS.values(), ids=CROWDS)
def test_labels_of_a_crowd_hide_neither_each_other_nor_a_face(image: Image, boxes: list[tuple[float, ...]]) -> None:
    alone = [letters(image, box, "unknown") for box in boxes]
    away = np.full((5, 2), -1000, np.float32)
    marks = [Mark(Detection(np.array(box, np.float32), 0.99, away), "unknown", True) for box in boxes]
    pixels = np.asarray(annotate(image, marks))
    assert (pixels[..., 0] > 128).sum() == pytest.approx(sum(alone), rel=0.03)  # as letters() counts
    for x0, y0, x1, y1 in boxes:
        inside = pixels[int(y0) + 4 : int(y1) - 3, int(x0) + 4 : int(x1) - 3]
        assert (inside == GREY).all()


def test_names_get_their_place_before_strangers(image: Image) -> None:
    boxes = [(100, 150, 130, 190), (140, 150, 170, 190)]
    marks = [Mark(face(*box), "Ada Lovelace", known) for box, known in zip(boxes, (False, True), strict=True)]
    pixels = np.asarray(annotate(image, marks))
    teal, orange = ((pixels == ImageColor.getrgb(colour)).all(axis=2) for colour in (KNOWN, UNKNOWN))
    assert teal[130:149, 150:200].any()  # over its face
    assert not orange[130:149, 150:].any()


def test_small_faces_have_no_landmarks_and_smaller_letters(image: Image) -> None:
    assert (drawn(image, (100, 120, 136, 156), "")[125:151, 105:131] == GREY).all()
    large = Image(np.full((1000, 1000, 3), GREY, np.uint8), "grey")
    assert letters(large, (100, 120, 136, 156), "Ada") < 0.8 * letters(large, (100, 120, 300, 320), "Ada")


def letters(image: Image, box: tuple[float, ...], label: str) -> int:
    """How many pixels of the label's white letters are to be seen."""
    away = np.full((5, 2), -1000, np.float32)  # white too
    mark = Mark(Detection(np.array(box, np.float32), 0.99, away), label, True)
    return int((np.asarray(annotate(image, [mark]))[..., 0] > 128).sum())  # the plate has less red


def test_a_label_longer_than_the_picture_is_cut(image: Image) -> None:
    box = (100, 120, 200, 240)
    pixels = drawn(image, box, "W" * 200)
    x0, y0, x1, y1 = label_place(pixels, box)
    assert x0 >= 0
    white = np.nonzero((pixels[y0 : y1 + 1] == 255).all(axis=2))[1]
    assert white.max() < x1 - 3 <= 396  # the text ends before the plate does


@pytest.mark.parametrize(
    "label", ["", "王小明", "名前", "😀", "Łódź", "अदा", "آدا", "a\u0301", "x" * 5000, "two\nlines"]
)
@pytest.mark.parametrize("size", [(12, 12), (60, 400)])
def test_any_name_on_any_picture(label: str, size: tuple[int, int]) -> None:
    tiny = Image(np.full((*size, 3), GREY, np.uint8), "tiny")
    assert drawn(tiny, (1, 1, 11, 11), label).shape == tiny.pixels.shape


@pytest.mark.parametrize("box", [(5, 5, 5, 5), (10, 10, 10.4, 11), (-90, -90, -10, -10), (900, 900, 950, 950)])
def test_odd_boxes(image: Image, box: tuple[float, ...]) -> None:
    drawn(image, box)


def identification(*candidates: Candidate) -> Identification:
    return Identification(face(0, 0, 9, 9), candidates, 0.9)


def test_marks_of_the_known_and_of_strangers() -> None:
    known = mark_identified(identification(Candidate("Ada", 0.957, 1, 1), Candidate("Bob", 0.91, 2, 2)))
    assert (known.label, known.known) == ("Ada 0.96", True)
    for stranger in (identification(), identification(Candidate("Ada", 0.89, 1, 1))):
        assert (mark_identified(stranger).label, mark_identified(stranger).known) == ("unknown", False)


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


@pytest.mark.parametrize("message", ["turn your head a little to your left", "把头向左转一点", "W" * 300, ""])
@pytest.mark.parametrize("size", [(640, 480), (1920, 1080), (90, 120)])
def test_a_caption_is_within_the_lower_part(message: str, size: tuple[int, int]) -> None:
    picture = PIL.Image.new("RGB", size, (GREY,) * 3)
    caption(picture, message, 2, 5, True)
    pixels = np.asarray(picture)
    assert (pixels[: size[1] // 2] == GREY).all()
    assert (pixels[-1] != GREY).all()
    dots = (np.abs(pixels.astype(int) - ImageColor.getrgb(KNOWN)).max(axis=2) < 10).sum()
    other = PIL.Image.new("RGB", size, (GREY,) * 3)
    caption(other, message, 4, 5, True)
    more = (np.abs(np.asarray(other).astype(int) - ImageColor.getrgb(KNOWN)).max(axis=2) < 10).sum()
    assert more > dots  # more of them are filled


def test_the_dots_of_a_caption_are_smooth() -> None:
    picture = PIL.Image.new("RGB", (640, 480), (GREY,) * 3)
    caption(picture, "", 5, 5, True)
    row = np.asarray(picture)[380:]
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
