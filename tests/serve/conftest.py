"""``serve(app, settings)``: a real server, in a thread, for as long as the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from facepipe.gallery import Gallery
from facepipe.serve.app import create_app
from facepipe.serve.settings import Settings
from tests.serve.serving import Serve, Served, serving

if TYPE_CHECKING:
    from facepipe.pipeline import Pipeline

Start = Callable[..., Served]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start servers that end with the test."""
    yield from serving()


@pytest.fixture(scope="module")
def serve_module() -> Iterator[Serve]:
    """Start servers that end with the module: for tests that leave no trace in them."""
    yield from serving()


@pytest.fixture
def gallery(tmp_path: Path, pipeline: Pipeline) -> Iterator[Gallery]:
    """An empty one."""
    with Gallery.open(tmp_path / "people.db", backbone=pipeline.backbone) as opened:
        yield opened


@pytest.fixture
def unmeasured(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """The network's card does not say how likely a match is."""
    monkeypatch.setattr(pipeline.backbone, "card", replace(pipeline.backbone.card, evidence=None))


@pytest.fixture
def start(gallery: Gallery, pipeline: Pipeline, serve: Serve) -> Start:
    """Start the whole server on the default pipeline and the empty ``gallery``, with the settings that are given."""

    def begin(**settings: object) -> Served:
        chosen = Settings(**({"rate": 1000.0, "burst": 1000} | settings))  # type: ignore[arg-type]
        return serve(create_app(chosen, pipeline, gallery), chosen)

    return begin
