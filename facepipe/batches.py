"""Many images through one function: decoded and looked at ahead, handed over in groups, failures kept apart."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass
from itertools import chain, islice
from threading import Lock
from typing import Any, Generic, NoReturn, Protocol, TypeAlias, TypeVar

import PIL.Image

from facepipe.errors import FaceError, FacepipeError, ImageError, ImageTooLarge, UsageError
from facepipe.image import ImageLike, is_one, label_of, read_image
from facepipe.machine import memory
from facepipe.machine.forks import PerProcess
from facepipe.machine.threads import Threads
from facepipe.records import Image

T = TypeVar("T")
Look = Callable[[Image], Any]
Work = Callable[[list[Any]], Sequence[T]]

AHEAD = 4  # images decoded before they are needed
AHEAD_OF_EACH = 2  # of a pool's threads: images decoded and looked at before they are needed
GROUP = 8  # images handed over at once
GROUP_PIXELS = 8_000_000  # …or fewer when they are large, so that memory stays flat


class Pool(Protocol):
    """``count`` threads to do work in, such as ``devices.workers``."""

    count: int

    def submit(self, work: Callable[..., T], /, *given: Any) -> Future[T]: ...


@dataclass(frozen=True, slots=True)
class Done(Generic[T]):
    """One input that went well: its ``value``. ``picture``: the decoded image, where it was asked for."""

    source: str
    value: T
    picture: Image | None = None

    @property
    def image(self) -> Image:
        """The decoded image. Raises UsageError where it was let go."""
        if self.picture is None:
            raise UsageError(f"{self.source}: its picture was let go; ask for pictures=True")
        return self.picture

    def unwrap(self) -> T:
        """The value."""
        return self.value


@dataclass(frozen=True, slots=True)
class Failed:
    """One input that could not be used, and the ``error`` that says why."""

    source: str
    error: FacepipeError

    def unwrap(self) -> NoReturn:
        """Raises the error."""
        raise self.error


Outcome: TypeAlias = Done[T] | Failed
"""What became of one input. ``unwrap()`` gives the value or raises the error."""


def each(
    images: Iterable[ImageLike],
    work: Work[T],
    look: Look | None = None,
    pool: Pool | None = None,
    *,
    pictures: bool = False,
) -> Iterator[Outcome[T]]:
    """One outcome per input, in order. ``work`` takes a group of decoded images, or of what ``look`` made of each, and
    gives one value for each.

    With a ``pool``, its threads do all of it: while one works on a group, the others decode and look at the images
    after it. Without, or for one image alone, decoding ahead has a thread and the rest is done in the caller's.

    An image that cannot be decoded, or that cannot be used (ImageError, FaceError), is Failed and stops nothing else.
    Any other error is raised. The images are let go, unless ``pictures`` are to be handed out with what is Done: a list
    of outcomes would hold them all. Raises UsageError at once for a single image.
    """
    expect_many(images)
    return _each(images, work, look or _itself, pool, pictures)


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
        if not memory.is_lacking(error):
            raise
        extent = f"{image.width}x{image.height}"
        raise ImageTooLarge(f"{image.source}: {extent} px take more memory than there is; save it smaller") from error


def _each(
    images: Iterable[ImageLike], work: Work[T], look: Look, pool: Pool | None, pictures: bool
) -> Iterator[Outcome[T]]:
    coming = iter(images)
    first = list(islice(coming, 2))
    coming = chain(first, coming)
    if pool is not None and len(first) > 1:
        del first
        yield from _shared_out(coming, work, look, pool, pictures)
        return
    with Threads(1, thread_name_prefix="facepipe-decode") as decoder:
        for group in _groups(_ahead(coming, _itself, decoder.submit, AHEAD)):
            yield from _outcomes(group, lambda images: work([look(image) for image in images]), pictures)


def _shared_out(
    images: Iterator[ImageLike], work: Work[T], look: Look, pool: Pool, pictures: bool
) -> Iterator[Outcome[T]]:
    running: deque[Future[list[Outcome[T]]]] = deque()
    for group in _groups(_ahead(images, look, pool.submit, AHEAD_OF_EACH * pool.count)):
        running.append(pool.submit(_outcomes, group, work, pictures))
        if len(running) >= max(2, pool.count):  # the threads have more to do before these values are waited for
            yield from running.popleft().result()
    while running:
        yield from running.popleft().result()


def _outcomes(group: list[Outcome[Any]], work: Work[T], pictures: bool) -> list[Outcome[T]]:
    """The values of those that went well so far, with their ``pictures`` or without, and the others as they are."""
    seen = [item for item in group if isinstance(item, Done)]
    try:
        values = list(zip(seen, work([item.value for item in seen]), strict=True)) if seen else []
    except (FaceError, ImageError) as error:
        if len(seen) > 1:  # to find which
            return [outcome for item in group for outcome in _outcomes([item], work, pictures)]
        return [item if isinstance(item, Failed) else _failed(item.source, error) for item in group]
    done = iter([Done(item.source, value, item.picture if pictures else None) for item, value in values])
    return [item if isinstance(item, Failed) else next(done) for item in group]


def _failed(source: str, error: FacepipeError) -> Failed:
    """The ``error`` without its tracebacks, which would keep the image alive."""
    link: BaseException | None = error
    while link is not None:
        link.__traceback__ = None
        link = link.__cause__ or link.__context__
    return Failed(source, error)


def _ahead(
    images: Iterator[ImageLike], look: Look, submit: Callable[..., Future[Outcome[Any]]], most: int
) -> Iterator[Outcome[Any]]:
    """What was seen of each image, in order; ``most`` of them before they are asked for, of large ones half as many."""
    waiting: deque[Future[Outcome[Any]]] = deque()
    now = most
    try:
        for given in images:
            waiting.append(submit(_seen, given, look))
            while len(waiting) > now:
                seen = waiting.popleft().result()
                now = most // 2 if _pixels(seen) >= GROUP_PIXELS else most  # those to come are likely as large
                yield seen
                del seen  # it may be handed out and let go while the next is waited for
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()


_pil = PerProcess(Lock)  # one PIL image may be given twice, and two threads must not load it at once


def _seen(given: ImageLike, look: Look) -> Outcome[Any]:
    """The image, and what ``look`` makes of it; or why there is none."""
    try:
        with _pil() if isinstance(given, PIL.Image.Image) else nullcontext():
            image = read_image(given)
    except FacepipeError as error:
        return _failed(label_of(given), error)
    try:
        return Done(image.source, look(image), image)
    except (FaceError, ImageError) as error:
        return _failed(image.source, error)


def _itself(image: Image) -> Image:
    return image


def _pixels(seen: Outcome[Any]) -> int:
    return seen.image.height * seen.image.width if isinstance(seen, Done) else 0


def _groups(items: Iterator[Outcome[T]]) -> Iterator[list[Outcome[T]]]:
    group: list[Outcome[T]] = []
    pixels = 0
    with closing(items):  # type: ignore[type-var]
        for item in items:
            group.append(item)
            pixels += _pixels(item)
            del item
            if len(group) == GROUP or pixels >= GROUP_PIXELS:
                yield group
                group, pixels = [], 0
        if group:
            yield group
