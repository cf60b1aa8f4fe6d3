"""``serve(app, settings)``: a real server, in a thread, for as long as the test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from serving import Serve, serving


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start servers that end with the test."""
    yield from serving()


@pytest.fixture(scope="module")
def serve_module() -> Iterator[Serve]:
    """Start servers that end with the module: for tests that leave no trace in them."""
    yield from serving()
