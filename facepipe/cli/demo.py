"""demo: the whole story on portraits that come with facepipe."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from facepipe import folders
from facepipe.cli import options as opt
from facepipe.cli import output as out
from facepipe.files import replacing

if TYPE_CHECKING:
    from facepipe.gallery import Gallery
    from facepipe.pipeline import Pipeline
    from facepipe.records import Identification

ENROLLED = {"Barack Obama": ["obama.jpg", "obama2.jpg"], "Joe Biden": ["biden.jpg"]}
# From left to right; None is a stranger. Of Joe Biden there is one photo: he is recognised in it, made smaller.
GROUP = {"obama3.jpg": "Barack Obama", "biden.jpg": "Joe Biden", "astronaut.png": None}
GROUP_HEIGHT = 560  # px
PAIRS = (("obama.jpg", "obama3.jpg"), ("obama.jpg", "biden.jpg"))

FOLDER = Path("facepipe-demo")

Step = tuple[str, str, str]
Say = Callable[[str], None]


def demo(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", file_okay=False, help="Where to write the results.")
    ] = FOLDER,
    device: opt.Device = "cpu",
) -> None:
    """See it work on portraits that come with facepipe.

    Enrols two people, recognises them in a group picture, leaves a stranger unknown, verifies two pairs. Your own
    gallery is not touched.
    """
    from facepipe.gallery import Gallery

    out.ready(folder)
    started = time.perf_counter()
    steps: list[Step] = []
    with tempfile.TemporaryDirectory(prefix="facepipe-demo-") as scratch:
        with _timed(steps, "load") as say:
            pipe = opt.open_pipeline(device=device)
            say(f"detector {pipe.detector.card.name}, backbone {pipe.backbone.card.name}, on {device}")
        with Gallery.open(Path(scratch) / "people.db", backbone=pipe.backbone) as gallery:
            with _timed(steps, "enroll") as say:
                _enroll(pipe, gallery, say)
            with _timed(steps, "identify") as say:
                found = _identify(pipe, gallery, folder)
                for number, face in enumerate(found, 1):
                    say(f"{number}  {out.identified_text(face)}")
        with _timed(steps, "verify") as say:
            _verify(pipe, say)
    steps.append(("in all", f"{time.perf_counter() - started:.2f}", ""))
    out.table("facepipe demo", ("step", "seconds", "result"), steps)
    out.say(f"Look at {folder / 'group-faces.jpg'}; beside it the JSON (group.json) and the aligned faces (chips/).")
    if [face.name for face in sorted(found, key=_from_the_left)] != list(GROUP.values()):
        out.complain("the demo expected " + ", ".join(name or "unknown" for name in GROUP.values()))
        raise typer.Exit(1)


@contextmanager
def _timed(steps: list[Step], name: str) -> Iterator[Say]:
    """Time a step; what it says becomes its rows."""
    said: list[str] = []
    start = time.perf_counter()
    yield said.append
    first, *more = said
    steps.append((name, f"{time.perf_counter() - start:.2f}", first))
    steps.extend(("", "", text) for text in more)


def _enroll(pipe: Pipeline, gallery: Gallery, say: Say) -> None:
    for person, names in ENROLLED.items():
        pipe.enroll(person, [folders.samples() / name for name in names], gallery)
    for enrolled in gallery.people():
        say(f"{enrolled.name}: {out.count(enrolled.references, 'photo')}")


def _identify(pipe: Pipeline, gallery: Gallery, folder: Path) -> list[Identification]:
    """Recognise everybody in a group picture and write picture, JSON and chips. The largest face first."""
    from facepipe import draw
    from facepipe.image import read_image

    portraits = [draw.upper_square(read_image(folders.samples() / name)) for name in GROUP]
    draw.save(draw.side_by_side(portraits, GROUP_HEIGHT), folder / "group.jpg")
    image = read_image(folder / "group.jpg")
    faces = pipe.faces(image)
    found = pipe.match(faces, gallery, top=2)
    marks = [draw.mark_identified(face, number) for number, face in draw.numbered(found)]
    draw.save(draw.annotate(image, marks), folder / "group-faces.jpg")
    for number, face in enumerate(faces, 1):
        draw.save(face.chip.pixels, folder / "chips" / f"face-{number}.png")
    record = faces.told_as(found).to_dict() | {"error": None}
    with replacing(folder / "group.json") as stream:
        stream.write(json.dumps(record, indent=2, ensure_ascii=False).encode())
    return found


def _from_the_left(face: Identification) -> float:
    return float(face.detection.box[0])


def _verify(pipe: Pipeline, say: Say) -> None:
    for a, b in PAIRS:
        say(f"{a} and {b}: {pipe.verify(folders.samples() / a, folders.samples() / b)}")
