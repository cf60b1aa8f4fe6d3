"""Attributes that are made when they are first asked for."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, TypeVar

T = TypeVar("T")

if TYPE_CHECKING or sys.version_info >= (3, 12):
    from functools import cached_property
else:

    class cached_property(Generic[T]):
        """As Python has it from 3.12. Before, all objects share one lock: threads wait for those at work on another
        object, and a forked child for threads that it does not have."""

        def __init__(self, make: Callable[[Any], T]) -> None:
            self._make, self.__doc__ = make, make.__doc__

        def __set_name__(self, owner: type, name: str) -> None:
            self._name = name

        def __get__(self, one: Any, owner: type | None = None) -> Any:
            return self if one is None else one.__dict__.setdefault(self._name, self._make(one))


__all__ = ["cached_property"]
