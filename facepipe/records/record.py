"""What every record can do beside being what it is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any


class BaseRecord(ABC):
    """``str`` says a record in a few words, without its arrays; ``to_dict`` is what JSON tells of it, in the shell and
    over HTTP."""

    __slots__ = ()

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """As JSON has it: boxes and points in px with two digits, scores with four, times in ISO 8601. Pixels and
        activations, of which there may be millions, are left out."""

    @abstractmethod
    def __str__(self) -> str: ...

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self}>"
