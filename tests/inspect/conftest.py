"""The default pipeline and one with the networks of before, and what all their networks see of one face."""

from pathlib import Path

import pytest

from facepipe.image import read_image
from facepipe.inspect.graphs.network import Network
from facepipe.inspect.networks_of import networks_of
from facepipe.pipeline import Pipeline


@pytest.fixture(scope="session")
def older() -> Pipeline:
    return Pipeline("dlib_resnet", detector="mtcnn")


@pytest.fixture(scope="session")
def pipelines(pipeline: Pipeline, older: Pipeline) -> dict[str, Pipeline]:
    """By the backbone's name."""
    return {"sface": pipeline, "dlib_resnet": older}


@pytest.fixture(scope="session")
def networks(pipelines: dict[str, Pipeline], samples: Path) -> dict[str, Network]:
    """pnet, rnet, onet and both backbones, with the face in obama.jpg."""
    return _seen(pipelines, samples / "obama.jpg")


@pytest.fixture(scope="session")
def others(pipelines: dict[str, Pipeline], samples: Path) -> dict[str, Network]:
    """The same with the face in biden.jpg."""
    return _seen(pipelines, samples / "biden.jpg")


def _seen(pipelines: dict[str, Pipeline], path: Path) -> dict[str, Network]:
    image, found = read_image(path), dict[str, Network]()
    for pipe in pipelines.values():
        found |= networks_of(pipe, image, pipe.faces(image)[0])
    return found
