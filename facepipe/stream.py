"""Many images through one function: decoded ahead in the background, handed over in groups, failures kept apart."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

from facepipe.errors import FaceError, FacepipeError, ImageError, ImageTooLarge, UsageError
from facepipe.image import ImageLike, is_one, label_of, read_image
from facepipe.records import Image

T = TypeVar("T")

AHEAD = 4  # images decoded before they are needed
GROUP = 8  # images handed over at once
# How torch, CUDA, OpenCV and onnxruntime say it, in errors of different types
_NO_MEMORY = re.compile(r"can't allocate memory|out of memory|insufficient memory|failed to allocate", re.IGNORECASE)
GROUP_PIXELS = 16_000_000  # …or fewer when they are large, so that memory stays flat


@dataclass(frozen=True)
class Outcome(Generic[T]):
    """What became of one input: the ``image`` and its ``value``, or the ``error`` that stopped it."""

    source: str
    image: Image | None = None
    value: T | None = None
    error: FacepipeError | None = None

    def unwrap(self) -> T:
        """The value. Raises the error."""
        if self.error is not None:
            raise self.error
        return self.value  # type: ignore[return-value]  # a value that is None is one of its T


def each(images: Iterable[ImageLike], work: Callable[[list[Image]], Sequence[T]]) -> Iterator[Outcome[T]]:
    """One outcome per input, in order. ``work`` takes a group of decoded images and gives one value for each.

    An image that cannot be decoded, or that ``work`` cannot use (ImageError, FaceError), becomes an outcome with its
    error and stops nothing else. Any other error of ``work`` is raised. Raises UsageError at once for a single image.
    """
    expect_many(images)
    return _each(images, work)


def expect_many(images: object) -> None:
    """Raise UsageError when ``images`` is one image, or a path, whose letters would be taken for images."""
    if is_one(images):
        raise UsageError(f"{label_of(images)}: expected several images, as a list or another iterable, got one")


@contextmanager
def within_memory(image: Image) -> Iterator[None]:
    """Turn running out of memory over ``image`` into ImageTooLarge."""
    try:
        yield
    except Exception as error:
        if not isinstance(error, MemoryError) and not _NO_MEMORY.search(str(error)):
            raise
        extent = f"{image.width}x{image.height}"
        raise ImageTooLarge(f"{image.source}: {extent} px take more memory than there is; save it smaller") from error


def _each(images: Iterable[ImageLike], work: Callable[[list[Image]], Sequence[T]]) -> Iterator[Outcome[T]]:
    decoded: Iterator[Image | Outcome[T]] = _decoded(images)
    for group in _groups(decoded):
        usable = [item for item in group if isinstance(item, Image)]
        done = iter(_outcomes(usable, work) if usable else ())
        for item in group:
            yield item if isinstance(item, Outcome) else next(done)


def _outcomes(images: list[Image], work: Callable[[list[Image]], Sequence[T]]) -> list[Outcome[T]]:
    try:
        return [Outcome(image.source, image, value) for image, value in zip(images, work(images), strict=True)]
    except (FaceError, ImageError) as error:
        if len(images) == 1:
            return [Outcome(images[0].source, images[0], error=error)]
    return [_outcomes([image], work)[0] for image in images]  # to find which


def _decoded(images: Iterable[ImageLike]) -> Iterator[Image | Outcome[T]]:
    waiting: deque[Future[Image | Outcome[T]]] = deque()
    with ThreadPoolExecutor(1, thread_name_prefix="facepipe-decode") as pool:
        try:
            for given in images:
                waiting.append(pool.submit(_decode, given))
                if len(waiting) > AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _decode(given: ImageLike) -> Image | Outcome[T]:
    try:
        return read_image(given)
    except FacepipeError as error:
        return Outcome(label_of(given), error=error)


def _groups(items: Iterator[Image | Outcome[T]]) -> Iterator[list[Image | Outcome[T]]]:
    group: list[Image | Outcome[T]] = []
    pixels = 0
    with closing(items):  # type: ignore[type-var]
        for item in items:
            group.append(item)
            pixels += item.height * item.width if isinstance(item, Image) else 0
            if len(group) == GROUP or pixels >= GROUP_PIXELS:
                yield group
                group, pixels = [], 0
        if group:
            yield group
