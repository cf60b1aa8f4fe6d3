"""What costs time is done once for one face: weights are read, faces found and measured, the threshold looked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from facepipe.align import quality
from facepipe.cli import options as opt
from facepipe.cli.snapshots import Snapshots
from facepipe.gallery import Gallery
from facepipe.gallery.thresholds import Thresholds
from facepipe.image import read_image
from facepipe.inspect.dump import dump
from facepipe.inspect.explain import explain
from facepipe.networks import weights
from facepipe.pipeline import Pipeline
from facepipe.records import Detection, Frame, Image
from facepipe.watch import Watcher, sightings

pytestmark = pytest.mark.slow

Count = Callable[[object, str], Counter[Any]]


@pytest.fixture
def count(monkeypatch: pytest.MonkeyPatch) -> Count:
    """Counts the calls of a function of a module, a class or an object, by their arguments where these are hashable."""

    def counted(owner: Any, name: str) -> Counter[Any]:
        calls: Counter[Any] = Counter()
        function = getattr(owner, name)

        def noted(*arguments: Any, **named: Any) -> Any:
            calls[tuple(id(each) for each in arguments)] += 1
            return function(*arguments, **named)

        monkeypatch.setattr(owner, name, noted)
        return calls

    return counted


@pytest.fixture
def gallery(tmp_path: Path, pipeline: Pipeline, samples: Path) -> Iterator[Gallery]:
    with Gallery.open(tmp_path / "people.db", backbone=pipeline.backbone) as gallery:
        pipeline.enroll("Barack", samples / "obama2.jpg", gallery)
        yield gallery


@pytest.mark.parametrize("own", [False, True], ids=["the card's", "--weights"])
def test_a_command_reads_weights_once(
    gallery: Gallery, own: bool, count: Count, monkeypatch: pytest.MonkeyPatch, pipeline: Pipeline
) -> None:
    """However often it is asked which they are."""
    (file,) = weights.locate(pipeline.backbone.card)
    monkeypatch.setattr(weights, "_hashed", {})
    reads: list[str] = []
    read = weights._read
    monkeypatch.setattr(weights, "_read", lambda stream: reads.append(Path(stream.name).name) or read(stream))
    given = file if own else None
    with opt.gallery_with_network(gallery.path, None, given) as (_, name):
        assert opt.open_pipeline(name, given).backbone.id == gallery.backbone
    assert sorted(reads) == sorted({*reads})
    assert file.name in reads


def test_a_face_is_measured_once_in_a_frame(
    pipeline: Pipeline, gallery: Gallery, samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the watcher, which chooses chips by it, and for the snapshots."""
    measured: Counter[tuple[int, int]] = Counter()
    kept: list[object] = []  # as a number is used again when its object is gone
    measure = quality.measure

    def noted(image: Image, face: Detection) -> Any:
        kept.extend((image, face))
        measured[id(image), id(face)] += 1
        return measure(image, face)

    monkeypatch.setattr(quality, "measure", noted)
    monkeypatch.setattr(sightings, "measure", noted)
    watcher, pixels = Watcher(pipeline, gallery), read_image(samples / "obama.jpg").pixels
    shots = Snapshots(tmp_path / "seen", watcher.worths)
    for number in range(12):
        frame = Frame(Image(np.roll(pixels, 2 * number, axis=1), "film"), number, number / 10)
        shots.look(frame, watcher.see(frame))
    assert len(measured) >= 12
    assert set(measured.values()) == {1}


def test_a_picture_is_searched_once_to_look_into_the_face_at_a_place(
    pipeline: Pipeline, samples: Path, tmp_path: Path, count: Count
) -> None:
    searches = count(pipeline.detector, "detect")
    image = read_image(samples / "obama.jpg")
    explain(pipeline, [image], pick=lambda image, faces: 1, views=["kernel"])
    assert searches.total() == 1
    dump(pipeline, [image], tmp_path / "layers.npz", "conv", pick=lambda image, faces: 1)
    assert searches.total() == 2


def test_a_detector_that_is_looked_into_searches_once(samples: Path, count: Count) -> None:
    pipe = Pipeline(detector="mtcnn")
    searches = count(pipe.detector, "stages")
    found = explain(pipe, [samples / "obama.jpg"], views=["coarse"])
    assert [view.id for view in found.views] == ["coarse"]
    assert searches.total() == 1


def test_the_threshold_is_looked_for_once(pipeline: Pipeline, gallery: Gallery, samples: Path, count: Count) -> None:
    asked = count(Thresholds, "find")
    pipeline.verify(samples / "obama.jpg", samples / "obama2.jpg")
    assert asked.total() == 1
    faces = pipeline.faces(samples / "obama.jpg")
    pipeline.compare(faces[0], faces[0])
    assert asked.total() == 2
    pipeline.identify(samples / "obama.jpg", gallery)
    assert asked.total() == 3
    photos = [samples / "obama.jpg", samples / "obama2.jpg", samples / "biden.jpg"] * 4
    assert len(list(pipeline.identify_each(photos, gallery))) == 12
    assert asked.total() == 4
