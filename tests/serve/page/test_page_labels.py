"""Labels stand beside faces, never over one, whatever the size of the window and however many faces there are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page

Visit = Callable[..., "Page"]
Box = list[float]

# What is drawn over the picture, in px of the screen: frames are stroked, plates filled
RECORD = """
const drawn = { frames: [], plates: [], texts: [] };
window.drawn = drawn;
const context = CanvasRenderingContext2D.prototype;
const over = (method, note) => {
  const before = context[method];
  context[method] = function (...given) {
    if (this.canvas.className === "overlay") note.call(this, ...given);
    return before.apply(this, given);
  };
};
let last = null;
over("scale", () => { for (const list of Object.values(drawn)) list.length = 0; });
over("beginPath", () => { last = null; });
over("roundRect", (x, y, wide, high) => { last = [x, y, x + wide, y + high]; });
over("stroke", () => { if (last) drawn.frames.push(last); });
over("fill", () => { if (last) drawn.plates.push(last); });
over("fillText", (text) => { drawn.texts.push(text); });
"""
PLACE = """async ([faces, size]) => {
  const { placeLabels } = await import("/page/js/labels.js");
  return placeLabels(faces, size, (text) => [14 + 8 * text.length, 20]);
}"""


def meet(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def expect_apart(plates: list[Box], frames: list[Box]) -> None:
    assert [(plate, frame) for plate in plates for frame in frames if meet(plate, frame)] == []
    assert [(a, b) for number, a in enumerate(plates) for b in plates[:number] if meet(a, b)] == []


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("count", [2, 6, 12, 40])
def test_no_label_is_over_a_face(
    site: Callable, visit: Visit, enroll: Callable, group: Callable[[int], Path], width: int, count: int
) -> None:
    here = site()
    enroll(here.gallery, "Hubert Blaine Wolfeschlegelsteinhausenbergerdorff", "obama.jpg", "obama2.jpg")
    page = visit(here, viewport={"width": width, "height": 740})
    page.evaluate(RECORD)
    page.locator("input[type=file]").set_input_files(group(count))
    page.locator(".face").nth(count - 1).wait_for()
    drawn = page.evaluate("window.drawn")
    assert len({tuple(frame) for frame in drawn["frames"]}) == count
    expect_apart(drawn["plates"], drawn["frames"])
    numbers = {text.split()[0] for text in drawn["texts"]}
    assert numbers <= {str(number) for number in range(1, count + 1)}
    if count <= 12:
        assert len(drawn["plates"]) == len(numbers) == count
    cards = page.locator(".face-number").all_inner_texts()
    assert cards == [str(number) for number in range(1, count + 1)]  # the list is the legend


def test_numbers_are_those_of_the_shell(
    site: Callable, visit: Visit, group: Callable[[int], Path], pipeline: Any, enroll: Callable
) -> None:
    here = site()
    enroll(here.gallery, "Joe Biden", "biden.jpg")
    page = visit(here)
    page.locator("input[type=file]").set_input_files(group(6))
    page.locator(".face").nth(5).wait_for()
    names = page.locator(".face-name").all_inner_texts()
    found = pipeline.identify(group(6), here.gallery)  # the largest first, as --face N counts
    assert [name == "Joe Biden" for name in names] == [face.name == "Joe Biden" for face in found]
    assert sorted(names).count("Joe Biden") == 2


def test_one_face_has_no_number(site: Callable, visit: Visit, samples: Path) -> None:
    page = visit(site())
    page.evaluate(RECORD)
    page.locator("input[type=file]").set_input_files(samples / "obama.jpg")
    page.locator(".face[data-status=unknown]").wait_for()
    assert page.locator(".face-number").inner_text() == ""
    assert page.evaluate("drawn.texts").pop() == "? Unknown"


def faces_of(boxes: list[Box]) -> list[dict[str, Any]]:
    names = [f"{number} ✓ Ada Lovelace 97 %" for number in range(1, len(boxes) + 1)]
    return [
        {"key": number, "box": box, "texts": [name, name[:8]], "mark": str(number + 1)}
        for number, (box, name) in enumerate(zip(boxes, names, strict=True))
    ]


def test_wherever_faces_are(site: Callable, visit: Visit) -> None:
    page = visit(site(), "#people")
    page.locator("h1").wait_for()
    chance = np.random.default_rng(0)
    missing = 0
    for _ in range(120):
        size = [float(chance.integers(300, 1300)), float(chance.integers(200, 800))]
        corners = chance.uniform(0, 0.9, (chance.integers(1, 40), 2)) * size
        sides = chance.uniform(10, 160, (len(corners), 1)) * (0.8, 1)
        boxes = np.hstack([corners, corners + sides]).tolist()  # over one another, beyond the border
        placed = page.evaluate(PLACE, [faces_of(boxes), size])
        plates = [label["plate"] for label in placed["labels"] if label]
        missing += len(boxes) - len(plates)
        expect_apart(plates, boxes)
        assert all(min(plate) >= 0 and plate[2] <= size[0] and plate[3] <= size[1] for plate in plates)
    assert missing < 600  # of about 2,400: faces that others hide


@pytest.mark.parametrize(
    ("boxes", "kind"),
    [
        ([[40, 60, 120, 160], [300, 60, 380, 160]], "words"),
        ([[40, 60, 120, 160], [130, 60, 210, 160], [220, 60, 300, 160]], "words"),
        ([[200 + x, 100 + y, 260 + x, 160 + y] for x, y in ((0, 0), (-68, 0), (68, 0), (0, -68), (0, 68))], "numbers"),
        ([[2, 2, 498, 298]], "nothing"),
    ],
)
def test_where_there_is_little_room_there_are_numbers(site: Callable, visit: Visit, boxes: Any, kind: str) -> None:
    page = visit(site(), "#people")
    page.locator("h1").wait_for()
    placed = page.evaluate(PLACE, [faces_of(boxes), [500, 300]])
    texts = [label["text"] for label in placed["labels"] if label]
    assert placed["numbers"] == (kind == "numbers")
    if kind == "words":
        assert [text.startswith(f"{number} ✓ Ad") for number, text in enumerate(texts, 1)] == [True] * len(boxes)
    if kind == "numbers":
        assert all(text.isdigit() for text in texts)
        assert placed["labels"][0]["line"]  # the one in the middle
    if kind == "nothing":
        assert texts == []


def test_a_label_stays_on_its_side(site: Callable, visit: Visit) -> None:
    page = visit(site(), "#people")
    page.locator("h1").wait_for()
    say = """async ([faces, size, side]) => {
      const { placeLabels } = await import("/page/js/labels.js");
      return placeLabels(faces, size, () => [60, 20], { before: new Map([[0, side]]) }).labels[0].side;
    }"""
    faces = faces_of([[200, 100, 280, 200]])
    assert [page.evaluate(say, [faces, [500, 300], side]) for side in ("above", "below", "left", None)] == [
        "above",
        "below",
        "left",
        "above",
    ]
