"""Errors: what is given beside the message is kept, in another process and in other words."""

import inspect
import pickle
from collections.abc import Iterator
from typing import Any

import pytest

from facepipe import errors
from facepipe.errors import FacepipeError, PoorShot


def kinds(root: type[FacepipeError] = FacepipeError) -> Iterator[type[FacepipeError]]:
    yield root
    for kind in root.__subclasses__():
        if kind.__module__ == errors.__name__:
            yield from kinds(kind)


GIVEN: dict[str, Any] = {
    "details": [{"image": 1, "source": "ada.jpg"}],
    "problems": ("blurred", "flat"),
    "person": "Ada",
    "retry_after": 2.5,
}


@pytest.mark.parametrize("kind", list(kinds()), ids=lambda kind: kind.__name__)
def test_what_is_given_is_kept(kind: type[FacepipeError]) -> None:
    names = list(inspect.signature(kind).parameters)[1:]
    given = {name: GIVEN[name] for name in names}
    error = kind("ada.jpg: no", **given)
    error.add_note("a note") if hasattr(error, "add_note") else None
    sent = pickle.loads(pickle.dumps(error))
    again = error.again("in other words", details=None)
    for other, message, expected in (
        (error, "ada.jpg: no", given),
        (sent, "ada.jpg: no", given),
        (error.again(), "ada.jpg: no", given),
        (again, "in other words", given | {"details": None}),
    ):
        assert (type(other), str(other)) == (kind, message)
        assert {name: getattr(other, name) for name in names} == expected


def test_without_anything_there_is_nothing() -> None:
    assert (PoorShot("no").problems, PoorShot("no").details) == ((), None)


def test_what_an_error_does_not_know_is_refused() -> None:
    with pytest.raises(TypeError):
        errors.NoFace("no", person="Ada")  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        errors.NoFace("no").again(person="Ada")
