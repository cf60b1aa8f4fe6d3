"""A real face and a real pair, looked into with the real networks."""

import functools
import sys
from collections.abc import Iterator
from pathlib import Path

import PIL.Image
import pytest

from facepipe.errors import NoFace, SeveralFaces, UsageError
from facepipe.gallery import Gallery
from facepipe.inspect.chosen_views import VIEWS, choose_views
from facepipe.inspect.explain import Explanation, explain
from facepipe.inspect.views import saliency
from facepipe.inspect.views.search_view import found_by
from facepipe.page.page import failed, render
from facepipe.page.view import Picture, Text
from facepipe.pipeline import Pipeline

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def gallery(pipeline: Pipeline, samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gallery]:
    with Gallery.open(tmp_path_factory.mktemp("explain") / "people.db", backbone=pipeline.backbone) as people:
        pipeline.enroll("Obama", [samples / "obama.jpg", samples / "obama2.jpg"], people)
        pipeline.enroll("Collins", samples / "astronaut.png", people)
        yield people


@pytest.fixture(scope="module")
def older() -> Pipeline:
    return Pipeline("dlib_resnet", detector="mtcnn")


@pytest.fixture(scope="module")
def one(pipeline: Pipeline, samples: Path, gallery: Gallery) -> Explanation:
    return explain(pipeline, [samples / "obama3.jpg"], gallery)


@pytest.fixture(scope="module")
def pair(pipeline: Pipeline, samples: Path) -> Explanation:
    chosen = ["ladder", "match"]
    return explain(pipeline, [samples / "obama.jpg", samples / "biden.jpg"], views=chosen)


def test_one_face_has_every_view_but_those_of_pairs(one: Explanation) -> None:
    assert one.left_out == {}
    assert [view.id for view in one.views] == ["kernel", "ladder", "exciters", "translation", "identity", "coarse"]
    assert "match" in choose_views(None, 2)
    assert "saliency" not in choose_views(None, 2)
    assert choose_views(["match", "kernel"], 1) == ["kernel", "match"]


def test_mtcnn_explains_how_a_face_is_found_that_yunet_found(one: Explanation) -> None:
    """In the story, at the ladder and with the candidates, in both languages."""
    views = {view.id: view for view in one.views}
    cascade, stages = (
        next(block for block in views[view].blocks if isinstance(block, Picture) and block.name == name)
        for view, name in (("ladder", "cascade"), ("coarse", "stages"))
    )
    story, told = one.story.blocks[-1], views["coarse"].blocks
    assert isinstance(story, Text)
    for text in (story, cascade.caption, *(block for block in told if block == found_by("yunet"))):
        assert found_by("yunet").en in text.en
        assert found_by("yunet").zh in text.zh
    assert found_by("yunet") in told
    assert "P-Net sees it shrunk to 12 px, R-Net to 24, O-Net to 48" in cascade.caption.en
    assert stages.caption.en.startswith("Candidates left after each stage of mtcnn: proposed ")
    assert "translation" in views
    assert "P-Net on crops equals its map" in views["translation"].checks[0].what.en


def test_with_mtcnn_no_other_detector_is_spoken_of(older: Pipeline, samples: Path) -> None:
    found = explain(older, [samples / "biden.jpg"], views=["ladder", "coarse"])
    assert "found by" not in found.page()


def test_the_older_backbone_has_every_view_too(older: Pipeline, samples: Path) -> None:
    chosen = [name for name in VIEWS if name not in ("saliency", "patches", "identity")]
    found = explain(older, [samples / "obama.jpg", samples / "biden.jpg"], views=chosen)
    assert [view.id for view in found.views] == ["kernel", "ladder", "translation", "match-map", "coarse"]
    assert failed(found.views) == []
    assert "Maps of one place share one scale" in found.page()


def test_saliency_tries_unlearnt_weights_on_the_default_backbone(
    pipeline: Pipeline, samples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saliency, "curves", functools.partial(saliency.curves, steps=3))
    few = functools.partial(saliency.saliency, grid=3, rounds=2)
    monkeypatch.setattr(saliency, "saliency", few)
    found = explain(pipeline, [samples / "obama.jpg", samples / "obama2.jpg"], views=["saliency"])
    assert any("weights shuffled" in check.what.en for check in found.views[0].checks)


def test_every_check_of_the_page_holds(one: Explanation, pair: Explanation) -> None:
    assert sum(len(view.checks) for view in (*one.views, *pair.views)) > 15
    assert failed([*one.views, *pair.views]) == []


def test_the_story_tells_the_decision(
    one: Explanation, pair: Explanation, pipeline: Pipeline, gallery: Gallery, samples: Path
) -> None:
    assert one.story.title.en == "How this face became Obama"
    assert "2 people (3 references)" in one.story.intro.en
    face = pipeline.faces(samples / "obama3.jpg")[0].template
    score = gallery.search(face, 1)[0][0].score
    nearest = max(face.cosine(reference.template) for reference in gallery.references("Obama"))
    assert f"score {score:.3f}, at or above" in one.story.intro.en
    assert f"2 references as one; the nearest reference alone has the cosine {nearest:.3f}." in one.story.intro.en
    assert f"{score:.3f}" != f"{nearest:.3f}"
    assert pair.story.title.en == "Why these two faces do not match"
    score = pipeline.verify(samples / "obama.jpg", samples / "biden.jpg").score
    assert f"{score:.3f}, below the threshold {pipeline.threshold():.3f}" in pair.story.intro.en


def test_pages_stay_small(one: Explanation, pair: Explanation) -> None:
    assert len(render(one.story.title, one.story, one.views).encode()) < 1_500_000
    assert len(render(pair.story.title, pair.story, pair.views).encode()) < 3_000_000


def test_names_of_pictures_are_unique_in_their_view(one: Explanation, pair: Explanation) -> None:
    for view in (one.story, *one.views, pair.story, *pair.views):
        names = [block.name for block in view.blocks if isinstance(block, Picture)]
        assert len(set(names)) == len(names)


def test_without_a_gallery_the_face_is_matched_with_nobody(pipeline: Pipeline, samples: Path) -> None:
    found = explain(pipeline, [samples / "biden.jpg"], views=["patches", "identity", "coarse"])
    assert set(found.left_out) == {"patches", "identity"}
    assert found.story.title.en == "What the network saw in this face"


def test_a_stranger_stays_unknown(pipeline: Pipeline, samples: Path, gallery: Gallery) -> None:
    found = explain(pipeline, [samples / "biden.jpg"], gallery, views=["identity"])
    assert found.story.title.en == "Why this face is unknown"
    assert "below the threshold" in found.story.intro.en
    assert list(found.left_out) == ["identity"]


@pytest.mark.parametrize("network", ["pnet", "rnet", "onet"])
def test_the_detectors_networks_can_be_looked_into(pipeline: Pipeline, samples: Path, network: str) -> None:
    found = explain(pipeline, [samples / "biden.jpg"], views=["kernel", "ladder"], network=network)
    assert [view.id for view in found.views] == ["kernel", "ladder"]
    assert failed(found.views) == []


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"views": ["kernels"]}, "kernels: no such view; there are kernel, ladder"),
        ({"network": "onett"}, "onett: no such network; there are pnet, rnet, onet, sface"),
        ({"layers": "conv9"}, r"conv9: no such layer in sface; nearest: conv; facepipe inspect --list"),
        ({"layers": "fc"}, "fc: no convolution of sface"),
        ({"threshold": 2.0}, "expected a cosine"),
    ],
)
def test_what_is_not_there_is_named(pipeline: Pipeline, samples: Path, asked: dict[str, object], why: str) -> None:
    with pytest.raises(UsageError, match=why):
        explain(pipeline, [samples / "biden.jpg"], **asked)  # type: ignore[arg-type]


def test_one_image_or_two(pipeline: Pipeline, samples: Path) -> None:
    with pytest.raises(UsageError, match="3 images: expected one, or two to compare"):
        explain(pipeline, [samples / "biden.jpg"] * 3)


def test_no_face_and_several_are_refused(pipeline: Pipeline, samples: Path, tmp_path: Path) -> None:
    from facepipe import draw
    from facepipe.image import read_image

    PIL.Image.new("RGB", (200, 200), "grey").save(tmp_path / "grey.png")
    with pytest.raises(NoFace, match=r"grey\.png: no face"):
        explain(pipeline, [tmp_path / "grey.png"])
    both = [draw.upper_square(read_image(samples / name)) for name in ("obama3.jpg", "biden.jpg")]
    draw.side_by_side(both, 500).save(tmp_path / "two.png")
    with pytest.raises(SeveralFaces, match="2 faces"):
        explain(pipeline, [tmp_path / "two.png"])
    assert explain(pipeline, [tmp_path / "two.png"], pick=1, views=["kernel"]).views


def test_faces_are_counted_before_anything_is_loaded_that_takes_long(
    samples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "facepipe.inspect.chosen_views", None)  # whoever imports it fails
    fresh = Pipeline()
    monkeypatch.setattr(fresh, "_load", lambda: pytest.fail("the backbone was loaded"))
    photo = PIL.Image.open(samples / "biden.jpg").convert("RGB")
    both = PIL.Image.new("RGB", (2 * photo.width, photo.height))
    both.paste(photo)
    both.paste(photo, (photo.width, 0))
    with pytest.raises(SeveralFaces, match="2 faces"):
        explain(fresh, [both])
    with pytest.raises(ImportError):
        explain(fresh, [photo])


def test_labelled_photos_measure_each_depth(pipeline: Pipeline, lfw: Path) -> None:
    by_person: dict[str, list[Path]] = {}
    for path in sorted((lfw / "images").glob("*.jpg")):
        by_person.setdefault(path.stem.rsplit("_", 1)[0], []).append(path)
    photos = [(name, path) for name, paths in by_person.items() if len(paths) > 1 for path in paths[:2]][:48]
    found = explain(pipeline, [photos[0][1]], views=["identity", "patches"], labelled=photos)
    assert [view.id for view in found.views] == ["exciters", "identity"]
    with pytest.raises(UsageError, match="labelled photos: 5 people have several; expected 20"):
        explain(pipeline, [photos[0][1]], views=["identity"], labelled=photos[:10])


def test_progress_names_each_view(pipeline: Pipeline, samples: Path) -> None:
    told: list[tuple[str, int, int]] = []
    explain(pipeline, [samples / "biden.jpg"], views=["ladder", "kernel"], progress=lambda *step: told.append(step))
    assert told == [("kernel", 0, 2), ("ladder", 1, 2)]
    assert set(VIEWS) >= {name for name, *_ in told}
