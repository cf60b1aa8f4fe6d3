"""Where the system starts no more threads there are fewer, or one line of error; nothing waits for ever."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from facepipe import Gallery, Pipeline
from facepipe.batches import each
from facepipe.cli import app
from facepipe.errors import DeviceUnavailable
from facepipe.machine.devices import workers
from facepipe.machine.threads import Threads
from facepipe.serve.app import create_app
from facepipe.serve.settings import Settings

Limit = Callable[[int], None]


@pytest.fixture
def limit(monkeypatch: pytest.MonkeyPatch) -> Limit:
    """From now on the system has so many threads at once, besides those that run already."""
    start = threading.Thread.start

    def allow(most: int) -> None:
        started: list[threading.Thread] = []

        def limited(thread: threading.Thread) -> None:
            if sum(one.is_alive() for one in started) >= most:
                raise RuntimeError("can't start new thread")
            start(thread)
            started.append(thread)

        monkeypatch.setattr(threading.Thread, "start", limited)

    return allow


def test_fewer_workers_do_all_the_work(limit: Limit) -> None:
    before = torch.get_num_threads()
    limit(5)
    with workers("some", 3) as first, workers("fewer", 3) as second:
        assert (first.count, second.count) == (3, 2)
        assert second.each(lambda value: value + 1, range(20)) == list(range(1, 21))
    assert torch.get_num_threads() == before


def test_without_any_thread_there_is_an_error_and_nobody_waits(limit: Limit) -> None:
    running = threading.active_count()
    limit(0)
    with pytest.raises(DeviceUnavailable, match="start no more threads"):
        workers("none", 3)
    assert threading.active_count() == running
    with Threads(2) as pool, pytest.raises(DeviceUnavailable):
        pool.submit(int)


def test_other_errors_of_a_pool_stay_as_they_are() -> None:
    pool = Threads(1)
    pool.shutdown()
    with pytest.raises(RuntimeError, match="after shutdown"):
        pool.submit(int)


def test_images_that_cannot_be_decoded_ahead(limit: Limit, samples: Path) -> None:
    limit(0)
    with pytest.raises(DeviceUnavailable):
        list(each([samples / "obama.jpg"], lambda group: [len(group)]))


@pytest.mark.slow
def test_threads_share_a_pipeline_and_find_what_one_would(samples: Path, tmp_path: Path) -> None:
    photos = [samples / name for name in ("obama3.jpg", "biden.jpg", "astronaut.png")]
    pipe = Pipeline()  # all begin together: its networks are loaded once, by one of them
    with Gallery.open(tmp_path / "people.db") as gallery:

        def look(photo: Path) -> tuple[list[str | None], bool, int]:
            names = [face.name for face in pipe.identify(photo, gallery)]
            each = [face.name for outcome in pipe.identify_each([photo] * 2, gallery) for face in outcome.unwrap()]
            assert each == 2 * names
            return names, pipe.verify(photo, photo).match, id(pipe.backbone)

        with Threads(4) as threads:
            nobody = [one.result() for one in [threads.submit(look, photo) for photo in photos]]
            assert {name for names, _, _ in nobody for name in names} == {None}
            people = zip(("Barack", "Joe"), ("obama.jpg", "biden.jpg"), strict=True)
            for one in [threads.submit(pipe.enroll, name, samples / photo, gallery) for name, photo in people]:
                one.result()
            found = [one.result() for one in [threads.submit(look, photo) for photo in 4 * photos]]
        assert [names for names, _, _ in found] == 4 * [["Barack"], ["Joe"], [None]]
        assert {(match, backbone) for _, match, backbone in nobody + found} == {(True, id(pipe.backbone))}


def test_a_server_does_not_start_without_its_threads(limit: Limit, pipeline: Pipeline, tmp_path: Path) -> None:
    pipeline.backbone  # noqa: B018
    with Gallery.open(tmp_path / "people.db") as gallery:
        limit(0)
        with pytest.raises(DeviceUnavailable):
            create_app(Settings(), pipeline, gallery)


def test_the_shell_says_it_in_a_line(
    limit: Limit, samples: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    limit(0)
    monkeypatch.setattr("sys.argv", ["facepipe", "detect", str(samples / "obama.jpg")])
    with pytest.raises(SystemExit) as ended:
        app.main()
    assert ended.value.code == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "OMP_NUM_THREADS=1" in said
