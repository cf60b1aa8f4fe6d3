"""The engine: batches, bounded queues, places given back."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed, wait
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from starlette.requests import ClientDisconnect, Request

from facepipe import Faces
from facepipe.errors import EmbeddingInvalid, ImageTruncated, NoFace, ServerBusy
from facepipe.image import read_image
from facepipe.pipeline import Pipeline
from facepipe.records import Detection, Face, Image
from facepipe.serve.context import attended
from facepipe.serve.engine import Engine


class Watched(Pipeline):
    """The pipeline, and how many pictures were described at once."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.__dict__.update(pipeline.__dict__)
        self.batches: list[int] = []
        self.refuses: Image | None = None

    def describe_together(
        self, images: Sequence[Image], detections: Sequence[Sequence[Detection]]
    ) -> list[Faces[Face]]:
        self.batches.append(len(images))
        if any(image is self.refuses for image in images):
            raise EmbeddingInvalid("one of them")
        return super().describe_together(images, detections)


@pytest.fixture
def pipe(pipeline: Pipeline) -> Watched:
    return Watched(pipeline)


@contextmanager
def engine(pipe: Pipeline, queue: int = 16, wait: float = 30.0) -> Iterator[Engine]:
    made = Engine(pipe, queue, wait)
    try:
        yield made
    finally:
        made.close()


@contextmanager
def all_workers_busy(made: Engine) -> Iterator[Awaitable[None]]:
    """Until the block ends. Within an event loop."""
    free, busy = threading.Event(), threading.Semaphore(0)

    def work() -> None:
        busy.release()
        free.wait(30)

    tasks = [asyncio.ensure_future(made.single(work)) for _ in range(torch.get_num_threads())]

    async def started() -> None:
        for _ in tasks:
            await asyncio.to_thread(busy.acquire)

    try:
        yield started()
    finally:
        free.set()


def test_what_waits_is_described_together(pipe: Watched, samples: Path) -> None:
    pictures = [samples / name for name in ("obama.jpg", "biden.jpg", "astronaut.png")] * 3

    async def ask(made: Engine) -> list[list[Face]]:
        with all_workers_busy(made) as started:
            await started
            asked = [
                asyncio.ensure_future(made.faces(partial(read_image, p), lambda _, faces: faces)) for p in pictures
            ]
            await asyncio.sleep(0)  # all of them are in the queue now
        return await asyncio.gather(*asked)

    with engine(pipe) as made:
        found = asyncio.run(ask(made))
    assert sum(pipe.batches) == len(pictures)
    assert max(pipe.batches) > 1
    if torch.get_num_threads() == 1:
        assert pipe.batches == [8, 1]
    alone = pipe.faces(samples / "biden.jpg")[0]
    for faces in (found[1], found[4], found[7]):
        assert faces[0].template.cosine(alone.template) == pytest.approx(1, abs=1e-5)
        assert faces[0].detection.box.tolist() == alone.detection.box.tolist()


def test_who_hangs_up_leaves_no_picture_behind(pipe: Watched) -> None:
    class Picture:
        pass

    async def hang_up(run: Callable[[Callable[[], Any]], Awaitable[Any]]) -> weakref.ref[Picture]:
        picture = Picture()
        task = asyncio.ensure_future(run(lambda: picture))
        await asyncio.sleep(0.05)
        task.cancel()
        await asyncio.wait({task})
        return weakref.ref(picture)

    async def ask(made: Engine) -> list[Picture | None]:
        end = threading.Event()
        with all_workers_busy(made) as started:
            await started
            first = asyncio.ensure_future(made.long(end.wait))  # the only one of its kind that runs
            await asyncio.sleep(0.05)
            seen = [await hang_up(made.single), await hang_up(made.long)]
            gc.collect()
            left = [one() for one in seen]
            end.set()
        await first
        return left

    with engine(pipe) as made:
        assert asyncio.run(ask(made)) == [None, None]


def test_an_error_is_only_its_own_pictures(pipe: Watched, samples: Path) -> None:
    good, odd = read_image(samples / "obama.jpg"), read_image(samples / "biden.jpg")
    pipe.refuses = odd

    def damaged() -> Image:
        raise ImageTruncated("half")

    def refuse(image: Image, faces: list[Face]) -> None:
        raise NoFace("not this one")

    async def ask(made: Engine) -> list[Any]:
        with all_workers_busy(made) as started:
            await started
            asked: list[Awaitable[Any]] = [
                asyncio.ensure_future(made.faces(lambda: good, lambda _, faces: len(faces))),
                asyncio.ensure_future(made.faces(damaged, lambda _, faces: faces)),
                asyncio.ensure_future(made.faces(lambda: odd, lambda _, faces: faces)),
                asyncio.ensure_future(made.faces(lambda: good, refuse)),
                asyncio.ensure_future(made.detect(lambda: good, lambda _, faces: len(faces))),
            ]
            await asyncio.sleep(0)
        return await asyncio.gather(*asked, return_exceptions=True)

    with engine(pipe) as made:
        found = asyncio.run(ask(made))
    assert [type(one) for one in found] == [int, ImageTruncated, EmbeddingInvalid, NoFace, int]
    assert (found[0], found[4]) == (1, 1)


def test_what_waits_too_long_is_refused(pipe: Watched) -> None:
    done: list[str] = []

    async def ask(made: Engine) -> None:
        with all_workers_busy(made) as started:
            await started
            with pytest.raises(ServerBusy) as refused:
                await made.single(lambda: done.append("late"))
            assert refused.value.retry_after == 1
        await made.single(lambda: done.append("in time"))

    with engine(pipe, wait=0.05) as made:
        asyncio.run(ask(made))
    assert done == ["in time"]


def test_the_queue_has_so_many_places(pipe: Watched) -> None:
    with engine(pipe, queue=2) as made:
        with made.place(), made.place(), pytest.raises(ServerBusy), made.place():
            pass
        assert made.taken == 0


def test_long_works_run_one_at_a_time_and_few_wait(pipe: Watched) -> None:
    running: list[int] = [0]
    most: list[int] = [0]

    def work() -> None:
        running[0] += 1
        most[0] = max(most[0], running[0])
        threading.Event().wait(0.01)
        running[0] -= 1

    async def ask(made: Engine) -> list[Any]:
        return await asyncio.gather(*(made.long(work) for _ in range(7)), return_exceptions=True)

    with engine(pipe) as made:
        found = asyncio.run(ask(made))
    assert most[0] == 1
    assert [type(one) for one in found].count(ServerBusy) == 3  # four had a place


def _request(disconnect: asyncio.Event) -> Request:
    async def receive() -> dict[str, str]:
        await disconnect.wait()
        return {"type": "http.disconnect"}

    return Request({"type": "http", "method": "POST", "headers": [], "path": "/"}, receive)


def test_who_goes_away_gives_the_place_back_and_nothing_is_done_for_them(pipe: Watched) -> None:
    done: list[str] = []

    async def ask(made: Engine) -> None:
        gone = asyncio.Event()
        with all_workers_busy(made) as started:
            await started
            work: Callable[[], Awaitable[None]] = lambda: made.single(lambda: done.append("gone"))  # noqa: E731
            task = asyncio.ensure_future(attended(_request(gone), made, work))
            await asyncio.sleep(0)
            assert made.taken == 1
            gone.set()
            with pytest.raises(ClientDisconnect):
                await task
            assert made.taken == 0
        await made.single(lambda: done.append("next"))

    with engine(pipe) as made:
        asyncio.run(ask(made))
    assert done == ["next"]


def test_the_pixels_are_let_go(pipe: Watched) -> None:
    kept: list[weakref.ref[np.ndarray]] = []

    def decode() -> Image:
        pixels = np.zeros((64, 64, 3), np.uint8)
        kept.append(weakref.ref(pixels))
        return Image(pixels, "black")

    async def ask(made: Engine) -> None:
        await made.faces(decode, lambda image, faces: len(faces))
        await made.single(int)  # whatever the worker held of the picture before is overwritten

    with engine(pipe) as made:
        asyncio.run(ask(made))
    assert kept[0]() is None


def test_a_full_queue_answers_503(start: Any, pipeline: Pipeline, samples: Path, monkeypatch: Any) -> None:
    free = threading.Event()
    find = pipeline.detect

    def slow(image: Image) -> list[Detection]:
        free.wait(30)
        return find(image)

    monkeypatch.setattr(pipeline, "detect", slow)
    data = (samples / "astronaut.png").read_bytes()
    with start(queue=1).client() as client, ThreadPoolExecutor(2) as pool:
        asked = [pool.submit(client.post, "/api/v1/detect", files={"image": data}) for _ in range(2)]
        refused = next(as_completed(asked, timeout=30)).result()
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "server-busy")
        assert int(refused.headers["Retry-After"]) == refused.json()["error"]["retry_after"] >= 1
        assert client.get("/api/v1/health").status_code == 200  # the loop is free
        free.set()
        assert sorted(one.result().status_code for one in asked) == [200, 503]
        assert client.post("/api/v1/detect", files={"image": data}).status_code == 200


def test_a_client_that_hangs_up_makes_room(start: Any, pipeline: Pipeline, samples: Path, monkeypatch: Any) -> None:
    free, busy = threading.Event(), threading.Event()
    find = pipeline.detect

    def slow(image: Image) -> list[Detection]:
        busy.set()
        free.wait(30)
        return find(image)

    monkeypatch.setattr(pipeline, "detect", slow)
    data = (samples / "astronaut.png").read_bytes()
    served = start(queue=1)

    def ask() -> int:
        with served.client() as client:
            client.timeout = 60
            return int(client.post("/api/v1/detect", files={"image": data}).status_code)

    with served.connect() as first, ThreadPoolExecutor(1) as pool:
        kind = "multipart/form-data; boundary=x"
        head = f"POST /api/v1/detect HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\n"
        body = b'--x\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n' + data + b"\r\n--x--\r\n"
        first.sendall(head.encode() + f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
        assert busy.wait(30)
        assert ask() == 503
        first.close()
        for _ in range(60):  # until the server has noticed
            asked = pool.submit(ask)
            if not wait([asked], timeout=0.5).done:
                break
        assert not asked.done()
        free.set()
        assert asked.result(60) == 200
