"""Faces found once and kept: what is in the cache is not looked for again, whatever the file is called."""

import os
import shutil
import sqlite3
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

from facepipe import Pipeline, folders
from facepipe.errors import ImageNotFound, UsageError, WriteFailed
from facepipe.evaluate import embedded
from facepipe.evaluate.cache import Cache, Central
from facepipe.evaluate.embedded import embed, recipe
from facepipe.evaluate.faces import find_faces, remembering
from facepipe.records import Image

pytestmark = pytest.mark.slow


class Counting:
    """The pipeline, which notes the images that it is given to look at, and stops after ``patience`` of them."""

    def __init__(self, pipe: Pipeline, patience: int = 1000) -> None:
        self.backbone, self.detector, self._pipe = pipe.backbone, pipe.detector, pipe
        self.seen: list[str] = []
        self.patience = patience

    def faces_each(self, images: Iterable[Image]) -> Iterator[Any]:
        for image in images:
            if len(self.seen) == self.patience:
                raise KeyboardInterrupt
            self.seen.append(Path(image.source).name)
            yield from self._pipe.faces_each([image])


def quiet(name: str, done: int, total: int) -> None:
    assert 0 <= done <= total


@pytest.fixture
def photos(samples: Path, tmp_path: Path) -> list[Path]:
    """Small ones: three of Obama, Biden, the astronaut."""
    found = []
    for path in sorted(samples.glob("*.*g")):
        picture = PIL.Image.open(path).convert("RGB")
        picture.thumbnail((300, 300))
        found.append(tmp_path / f"{path.stem}.png")
        picture.save(found[-1])
    return found


def test_faces_are_found_and_embedded_as_by_the_pipeline(pipeline: Pipeline, photos: list[Path]) -> None:
    found = embed(pipeline, photos, None, quiet)
    assert found.place.tolist() == [0, 1, 2, 3, 4]
    for photo, vector in zip(photos, found.vectors, strict=True):
        assert pipeline.faces(photo)[0].template.vector == pytest.approx(vector, abs=1e-5)


def test_what_was_found_is_not_looked_for_again(pipeline: Pipeline, photos: list[Path], tmp_path: Path) -> None:
    pipe: Any = Counting(pipeline)
    with Cache(recipe(pipe)) as cache:
        first = embed(pipe, photos, cache, quiet)
        assert cache.stored == len(pipe.seen) == 5
    copy = shutil.copy(photos[0], tmp_path / "another name.png")
    pipe.seen.clear()
    with Cache(recipe(pipe)) as cache:
        again = embed(pipe, [*photos, Path(copy)], cache, quiet)
    assert pipe.seen == []
    assert np.array_equal(again.vectors[:5], first.vectors)
    assert np.array_equal(again.landmarks[:5], first.landmarks)
    assert np.array_equal(again.vectors[5], first.vectors[0])


def test_a_run_that_was_stopped_goes_on_where_it_was(pipeline: Pipeline, photos: list[Path], tmp_path: Path) -> None:
    many = []
    for number in range(20):  # each another picture, with no face: quick
        picture = PIL.Image.new("RGB", (64, 64), (number, 10, 10))
        picture.save(tmp_path / f"{number}.png")
        many.append(tmp_path / f"{number}.png")
    stopped: Any = Counting(pipeline, patience=18)
    with Cache(recipe(stopped)) as cache, pytest.raises(KeyboardInterrupt):
        embed(stopped, [*many, photos[0]], cache, quiet)
    resumed: Any = Counting(pipeline)
    with Cache(recipe(resumed)) as cache:
        found = embed(resumed, [*many, photos[0]], cache, quiet)
    assert len(resumed.seen) <= 21 - 8  # what was done of the last group is done again, no more
    assert found.no_face == tuple(range(20))
    assert found.place.tolist() == [-1] * 20 + [0]


def test_other_settings_and_networks_have_entries_of_their_own(pipeline: Pipeline) -> None:
    assert recipe(pipeline) != recipe(Pipeline(min_face=40))
    assert recipe(pipeline) != recipe(Pipeline(min_score=0.5))
    assert recipe(pipeline) == recipe(Pipeline())
    assert pipeline.backbone.id in recipe(pipeline)


def test_other_code_that_finds_faces_is_another_recipe(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    before = recipe(pipeline)
    monkeypatch.setattr(embedded, "_code", lambda: "changed")
    assert recipe(pipeline) != before


def test_each_recipe_has_entries_of_its_own() -> None:
    with Cache("one") as cache:
        cache.add({"a": None})
    with Cache("other") as cache:
        assert cache.find(["a"]) == {}


def test_the_cache_gives_back_what_it_got_and_only_its_owner_may_read_it(home: Path) -> None:
    rng = np.random.default_rng(0)
    face = Central(2, rng.random((5, 2), np.float32), rng.random(128, np.float32))
    with Cache("r") as cache:
        cache.add({"face": face, "none": None})
        assert cache.path == folders.embeddings() == home / "embeddings.db"
    with Cache("r") as cache:
        found = cache.find([*(f"x{n}" for n in range(1200)), "face", "none"])
    assert set(found) == {"face", "none"}
    assert found["none"] is None
    again = found["face"]
    assert again is not None
    assert again.faces == 2
    assert np.array_equal(again.landmarks, face.landmarks)
    assert np.array_equal(again.vector, face.vector)
    if os.name == "posix":
        assert stat.S_IMODE(cache.path.stat().st_mode) == 0o600


def test_a_cache_that_is_none_is_one_line(home: Path) -> None:
    home.mkdir()
    (home / "embeddings.db").write_text("not a database, but long enough to have a header of one hundred bytes" * 3)
    with pytest.raises(WriteFailed, match=r"kept embeddings cannot be used .*; delete the file, or use --no-cache"):
        Cache("r")


def test_what_is_forgotten_is_gone_and_what_was_there_before_stays() -> None:
    with Cache("one") as cache:
        cache.add({"a": None, "b": None})
    with Cache("one") as cache:
        cache.add({"c": None})
        cache.forget()
    with Cache("one") as cache:
        assert set(cache.find(["a", "b", "c"])) == {"a", "b"}


def test_a_file_made_for_what_is_forgotten_is_gone_too_unless_another_uses_it() -> None:
    first = Cache("one")
    first.add({"a": None})
    with Cache("other") as other:
        other.add({"a": None})
    first.forget()
    with Cache("other") as other:
        assert set(other.find(["a"])) == {"a"}
    folders.embeddings().unlink()
    alone = Cache("one")
    alone.add({"a": None})
    alone.forget()
    assert not folders.embeddings().exists()


def test_what_is_refused_keeps_nothing_and_what_is_stopped_keeps_all(pipeline: Pipeline, photos: list[Path]) -> None:
    people = [str(number) for number in range(len(photos))]

    def work(end: BaseException) -> None:
        with remembering(pipeline, cached=True) as cache:
            find_faces(pipeline, photos, people, cache, quiet)
            raise end

    with pytest.raises(UsageError):
        work(UsageError("too few"))
    assert not folders.embeddings().exists()
    with pytest.raises(KeyboardInterrupt):
        work(KeyboardInterrupt())
    assert folders.embeddings().exists()
    with remembering(pipeline, cached=False) as cache:
        assert cache is None


def test_what_is_deleted_is_overwritten() -> None:
    with Cache("r") as cache:
        assert cache._sql.execute("PRAGMA secure_delete").fetchone()[0] == 1
        assert isinstance(cache._sql, sqlite3.Connection)


def test_images_that_cannot_be_read_are_told_apart_from_those_without_a_face(
    pipeline: Pipeline, photos: list[Path], tmp_path: Path
) -> None:
    PIL.Image.new("RGB", (64, 64)).save(tmp_path / "black.png")
    found = embed(pipeline, [tmp_path / "nowhere.jpg", photos[0], tmp_path / "black.png"], None, quiet)
    assert found.place.tolist() == [-1, 0, -1]
    assert found.no_face == (2,)
    assert list(found.errors) == [0]
    assert isinstance(found.errors[0], ImageNotFound)


def test_of_several_faces_the_most_central_is_taken(pipeline: Pipeline, photos: list[Path], tmp_path: Path) -> None:
    obama, biden = (PIL.Image.open(path) for path in (photos[2], photos[1]))
    together = PIL.Image.new("RGB", (obama.width + 2 * biden.width, 300))
    for place, picture in ((0, biden), (biden.width, obama), (biden.width + obama.width, biden)):
        together.paste(picture, (place, 0))
    together.save(tmp_path / "together.png")
    found = embed(pipeline, [tmp_path / "together.png", photos[2], photos[1]], None, quiet)
    assert found.several == (0,)
    assert found.vectors[0] @ found.vectors[1] > 0.98 > found.vectors[0] @ found.vectors[2]


@pytest.mark.parametrize(
    ("names", "why"),
    [
        (["black.png"], "1 images: no face found in any; expected photos of people"),
        (["nowhere.png"], "1 images: none can be read, the first: .*nowhere.png: no such file"),
        (["black.png", "nowhere.png"], "2 images: no face found in any, 1 cannot be read, the first: .*nowhere.png"),
    ],
)
def test_nothing_to_go_on_is_one_line(pipeline: Pipeline, tmp_path: Path, names: list[str], why: str) -> None:
    PIL.Image.new("RGB", (64, 64)).save(tmp_path / "black.png")
    with pytest.raises(UsageError, match=why):
        embed(pipeline, [tmp_path / name for name in names], None, quiet)
