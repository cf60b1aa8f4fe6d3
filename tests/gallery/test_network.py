"""A gallery is used with the network that it was made with, wherever none is named."""

from pathlib import Path

import pytest

from facepipe import Pipeline, folders
from facepipe.defaults import BACKBONE
from facepipe.errors import GalleryMismatch, WeightsAltered, WeightsMissing
from facepipe.gallery import Gallery, NewReference
from facepipe.gallery.network import network_of
from facepipe.networks.cards import find_card
from tests.toy_networks import add_grid, write_grid


@pytest.fixture
def made(path: Path, template, tmp_path: Path) -> Path:
    """A gallery of one reference made with the network ``grid``."""
    card = add_grid(tmp_path)
    with Gallery.open(path) as gallery:
        gallery.add("Ada", [NewReference(template(1, card.dimension, card.backbone_id()))])
    return path


def test_the_network_it_was_made_with(made: Path) -> None:
    with Gallery.open(made) as gallery:
        assert network_of(gallery) == "grid"
        assert Pipeline.for_gallery(gallery).backbone.id == gallery.backbone


@pytest.mark.slow
def test_a_new_gallery_takes_the_usual_one(path: Path) -> None:
    with Gallery.open(path) as gallery:
        assert network_of(gallery) == BACKBONE
        pipe = Pipeline.for_gallery(gallery, min_face=50)
        assert (pipe.backbone.card.name, vars(pipe.detector)["min_face"]) == (BACKBONE, 50)


def test_one_that_is_not_here_is_named(made: Path) -> None:
    find_card("grid").path.unlink()
    with Gallery.open(made) as gallery, pytest.raises(GalleryMismatch) as refused:
        network_of(gallery)
    assert f"{made}: made with grid@" in str(refused.value)
    assert "facepipe models add FILE.onnx --name grid" in str(refused.value)
    assert "facepipe gallery upgrade" in str(refused.value)


def test_other_weights_are_refused_unless_they_are_those(made: Path, tmp_path: Path) -> None:
    add_grid(tmp_path, factor=2.0)
    with Gallery.open(made) as gallery:
        with pytest.raises(GalleryMismatch, match=r"whose weights or card are not those here .*--weights FILE"):
            network_of(gallery)
        own = write_grid(tmp_path / "own.onnx")
        assert network_of(gallery, own) == "grid"
        assert Pipeline.for_gallery(gallery, weights=own).backbone.id == gallery.backbone
        with pytest.raises(GalleryMismatch, match="not those of --weights"):
            network_of(gallery, write_grid(tmp_path / "other.onnx", 3.0))


def test_weights_that_are_gone_or_altered(made: Path) -> None:
    (weights,) = folders.user_models().glob("grid-*.onnx")
    weights.write_bytes(weights.read_bytes() + b"\0")
    with Gallery.open(made) as gallery:
        with pytest.raises(WeightsAltered, match=r"made with grid: .*sha256 is"):
            network_of(gallery)
        weights.unlink()
        with pytest.raises(WeightsMissing, match=r"made with grid: .*gallery upgrade"):
            network_of(gallery)
