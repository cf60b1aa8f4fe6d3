"""All work off the event loop: pictures go through the networks in batches, a core each; everything in bounded queues.

One picture on one core, and as many pictures side by side as there are cores: more throughput than one picture on all
cores, and no threads that wait for each other when something else runs on the machine.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Generic, TypeVar

from facepipe.batches import GROUP, GROUP_PIXELS
from facepipe.errors import FaceError, FacepipeError, ServerBusy
from facepipe.faces import Faces
from facepipe.machine.devices import cores, workers
from facepipe.machine.threads import Threads
from facepipe.pipeline import Pipeline
from facepipe.records import Detection, Face, Image

T = TypeVar("T")
SHORT_THREADS, SHORT = 4, 64  # short works, such as reading the gallery: threads; waiting or running at once
LONG = 4  # works of seconds, waiting or running; they run one at a time


@dataclass(eq=False)
class Single(Generic[T]):
    """A work about as long as one picture takes."""

    work: Callable[[], T]
    future: Future[T] = field(default_factory=Future)


@dataclass(eq=False)
class Described(Generic[T]):
    """A picture whose faces are described together with those of others; ``then`` makes the result of them. The pixels
    are let go after that."""

    decode: Callable[[], Image]
    then: Callable[[Image, Faces[Face]], T]
    future: Future[T] = field(default_factory=Future)


Job = Single[Any] | Described[Any]
Found = tuple[Described[Any], Image, list[Detection]]


class Lane:
    """Threads for works of one kind, ``most`` of which may wait or run."""

    def __init__(self, pool: Threads, most: int, wait: float) -> None:
        self.pool, self._most, self._wait, self._taken = pool, most, wait, 0

    async def run(self, work: Callable[[], T]) -> T:
        if self._taken >= self._most:
            raise busy()
        self._taken += 1
        held = [work]  # emptied when the caller goes: what is left in the pool's queue then holds no picture

        def begin() -> T:
            return held.pop()()

        try:
            return await _begun_within(self._wait, self.pool.submit(begin))
        finally:
            held.clear()
            self._taken -= 1


class Engine:
    """The threads of one server. ``queue``: requests that may wait or be worked on; ``wait``: seconds within which the
    work on one must begin. Everything raises ServerBusy beyond either, and what the work itself raises."""

    def __init__(self, pipe: Pipeline, queue: int, wait: float) -> None:
        self.pipe = pipe
        self._queue, self._wait = queue, wait
        self.taken = 0  # places, now
        self._waiting: deque[Job] = deque()
        self._lock = threading.Lock()
        self._count, self._busy = cores(), 0
        self._pool = workers("facepipe-faces", self._count)
        self._short = Lane(Threads(SHORT_THREADS, "facepipe-short"), SHORT, wait)
        self._long = Lane(workers("facepipe-long", 1), LONG, wait)

    def close(self) -> None:
        """Let what runs come to its end, and nothing else begin."""
        with self._lock:
            waiting, self._waiting = self._waiting, deque()
        for job in waiting:
            job.future.cancel()
        for pool in (self._pool, self._short.pool, self._long.pool):
            pool.shutdown(cancel_futures=True)

    @contextmanager
    def place(self) -> Iterator[None]:
        """One of the queue's places, for as long as a request is worked on."""
        if self.taken >= self._queue:
            raise busy()
        self.taken += 1
        try:
            yield
        finally:
            self.taken -= 1

    async def detect(self, decode: Callable[[], Image], then: Callable[[Image, Faces[Detection]], T]) -> T:
        """``then`` of a picture and the faces found in it, largest first."""

        def work() -> T:
            image = decode()
            return then(image, self.pipe.detect(image))

        return await self.single(work)

    async def faces(self, decode: Callable[[], Image], then: Callable[[Image, Faces[Face]], T]) -> T:
        """As ``detect``, with chip and template of every face."""
        return await self._run(Described(decode, then))

    async def single(self, work: Callable[[], T]) -> T:
        """A work about as long as one picture takes, in turn with the pictures."""
        return await self._run(Single(work))

    async def short(self, work: Callable[[], T]) -> T:
        """What takes milliseconds but blocks: the gallery."""
        return await self._short.run(work)

    async def long(self, work: Callable[[], T]) -> T:
        """What takes seconds: one at a time, so that it cannot take all cores from the others."""
        return await self._long.run(work)

    # The workers ----------------------------------------------------------------------------------------------------

    async def _run(self, job: Single[T] | Described[T]) -> T:
        with self._lock:
            self._waiting.append(job)
            idle = self._busy < self._count
            self._busy += idle
        if idle:
            self._pool.submit(self._work)
        try:
            return await _begun_within(self._wait, job.future)
        finally:
            if job.future.cancel():  # only what waits can be
                self._withdraw(job)

    def _withdraw(self, job: Job) -> None:
        """Its caller has gone: it must not wait here with its picture until a worker comes to it."""
        with self._lock, suppress(ValueError):
            self._waiting.remove(job)

    def _work(self) -> None:
        """One worker: does its share of what waits until nothing does."""
        while jobs := self._share():
            self._do(jobs)

    def _share(self) -> list[Job]:
        """As many as come to each worker when all take part: none idles while another has a long batch."""
        with self._lock:
            taken: list[Job] = []
            most = min(GROUP, -(-len(self._waiting) // self._count))
            while self._waiting and len(taken) < most:
                job = self._waiting.popleft()
                if job.future.set_running_or_notify_cancel():
                    taken.append(job)
            self._busy -= not taken
            return taken

    def _do(self, jobs: Sequence[Job]) -> None:
        """Find faces in one picture after another; describe them group by group, so that memory stays flat."""
        group: list[Found] = []
        for job in jobs:
            if isinstance(job, Single):
                _settle(job.future, job.work)
            elif (found := self._find(job)) is not None:
                group.append(found)
            if sum(image.height * image.width for _, image, _ in group) >= GROUP_PIXELS:
                self._describe(group)
                group = []
        if group:
            self._describe(group)

    def _find(self, job: Described[Any]) -> Found | None:
        try:
            image = job.decode()
            return job, image, self.pipe.detect(image)
        except BaseException as error:
            _fail(job.future, error)
            return None

    def _describe(self, group: Sequence[Found]) -> None:
        jobs, images, detections = zip(*group, strict=True)
        try:
            rows = self.pipe.describe_together(images, detections)
        except BaseException as error:
            if isinstance(error, FaceError) and len(group) > 1:  # to find which
                for one in group:
                    self._describe([one])
                return
            for job in jobs:
                _fail(job.future, error)
            return
        for (job, image, _), faces in zip(group, rows, strict=True):
            _settle(job.future, partial(job.then, image, faces))


def busy() -> ServerBusy:
    return ServerBusy("the server has as much to do as it takes; try again in a moment", retry_after=1)


def _settle(future: Future[T], work: Callable[[], T]) -> None:
    try:
        future.set_result(work())
    except BaseException as error:
        _fail(future, error)


def _fail(future: Future[Any], error: BaseException) -> None:
    """A traceback would keep the picture's pixels; of facepipe's own errors nobody looks at it."""
    future.set_exception(error.with_traceback(None) if isinstance(error, FacepipeError) else error)


async def _begun_within(wait: float, future: Future[T]) -> T:
    """The result of ``future``; ServerBusy when nobody has begun with it within ``wait`` seconds."""
    result = asyncio.wrap_future(future)
    try:
        done, _ = await asyncio.wait({result}, timeout=wait)
        if not done and future.cancel():  # only what waits can be
            raise busy()
        return await result
    finally:
        result.cancel()  # who asked has gone: what waits for its turn gives it up
