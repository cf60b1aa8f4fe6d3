"""What was made before a fork works in the child, or says what to do; nothing waits for threads that are not there."""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from itertools import takewhile
from pathlib import Path

import pytest

from facepipe import Gallery, Pipeline
from facepipe.errors import EnrolledAlready, UsageError

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")]

ROOT = Path(__file__).parents[2]
PATIENCE = 90  # seconds, for what takes less than ten where nothing hangs
BEGIN = """
import multiprocessing, os, sys, threading

fork = multiprocessing.get_context("fork")
photos = [f"samples/{name}.jpg" for name in ("obama", "biden", "obama2", "obama3")]

def several_threads():
    import torch
    torch.set_num_threads(3)  # also where there is one core

def leave(work):
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1]
    work()
    sys.stdout.flush()
    sys.exit()
"""
MADE = """
from facepipe import FacepipeError, Gallery, Pipeline

several_threads()
pipe = Pipeline()
gallery = Gallery.open("people.db", backbone=pipe.backbone)
pipe.enroll("Barack", photos[0], gallery)
pipe.enroll("Joe", photos[1], gallery)

def names(photo):
    return [face.name for face in pipe.identify(photo, gallery)]

names(photos[2])
"""


END = "that is all"
LISTEN = f"""
import json, traceback

parent = os.getpid()
for line in sys.stdin:
    folder, code = json.loads(line)
    os.chdir(folder)
    try:
        exec(code)
    except Exception:
        if os.getpid() != parent:
            raise
        traceback.print_exc(file=sys.stdout)
    print({END!r})
"""


class Python:
    """A process that runs ``code`` in ``folder``. It and its children are killed when they take too long."""

    def __init__(self, folder: Path, code: str) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("OMP_")}
        environment["PYTHONPATH"] = str(ROOT)
        command = [sys.executable, "-u", "-c", BEGIN + code]  # what waits to be printed would be so by children too
        self.errors = folder / "errors.txt"
        with self.errors.open("w") as errors:
            self.process = subprocess.Popen(
                command, cwd=folder, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
                text=True, start_new_session=True,
            )  # fmt: skip

    def lines(self) -> Iterator[str]:
        """What it prints."""
        assert self.process.stdout is not None
        alarm = threading.Timer(PATIENCE, self.kill)
        alarm.start()
        try:
            for line in self.process.stdout:
                yield line.rstrip("\n")
            assert self.process.wait() == 0, self.errors.read_text() or "it hung"
        finally:  # also where nobody asks for more
            alarm.cancel()

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def close(self) -> None:
        self.kill()
        self.process.communicate()


class Listening(Python):
    """One that is told what to run, one piece after another: only the first waits for torch."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, LISTEN)

    def __call__(self, folder: Path, code: str) -> list[str]:
        """The lines that ``code`` prints in ``folder``, after MADE."""
        print(json.dumps([str(folder), MADE + code]), file=self.process.stdin, flush=True)
        return list(takewhile(lambda line: line != END, self.lines()))


def run(folder: Path, code: str) -> list[str]:
    """The lines that ``code`` prints in a process of its own."""
    with closing(Python(folder, code)) as started:
        return list(started.lines())


@pytest.fixture(scope="module")
def parent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Listening]:
    """``parent(folder, code)``: the lines that ``code`` prints in a process that has a pipeline, a gallery with Barack
    and Joe, and torch with threads of its own."""
    with closing(Listening(tmp_path_factory.mktemp("parent"))) as started:
        yield started


@pytest.fixture
def folder(tmp_path: Path, samples: Path) -> Path:
    (tmp_path / "samples").symlink_to(samples)
    return tmp_path


def test_a_pool_uses_the_pipeline_and_the_gallery_of_its_parent(parent: Listening, folder: Path) -> None:
    code = """
def enroll(number):
    return len(pipe.enroll(f"Person {number}", photos[3], gallery, anyway=True))

def together(some):
    return [face.name for outcome in pipe.identify_each(some, gallery) for face in outcome.unwrap()]

with fork.Pool(2) as pool:
    print(pool.map(names, photos[:3]))
    print(pool.map(together, [photos[:2], photos[1:3]]))
    print(pool.map(enroll, range(4)))
print(len(gallery), gallery.check(), names(photos[2]))
"""
    assert parent(folder, code) == [
        "[['Barack'], ['Joe'], ['Barack']]",
        "[['Barack', 'Joe'], ['Joe', 'Barack']]",
        "[1, 1, 1, 1]",
        "6 [] ['Barack']",
    ]


def test_futures_a_process_and_a_bare_fork_too(parent: Listening, folder: Path) -> None:
    code = """
from concurrent.futures import ProcessPoolExecutor

with ProcessPoolExecutor(1, mp_context=fork) as pool:
    print(list(pool.map(names, photos[:2])), flush=True)
child = fork.Process(target=lambda: print(names(photos[2]), flush=True))
child.start()
child.join()
with gallery:
    print(leave(lambda: print(names(photos[2]))), flush=True)  # a child would print what waits to be printed, too
    print(leave(gallery.close), flush=True)
    print(len(gallery), gallery.check(), flush=True)
"""
    assert parent(folder, code) == ["[['Barack'], ['Joe']]", "['Barack']", "['Barack']", "0", "0", "2 []"]


@pytest.mark.parametrize("known", ["import facepipe", ""])
def test_children_make_a_pipeline_where_the_parent_used_torch_itself(known: str, folder: Path) -> None:
    code = f"""
{known}
several_threads()
import torch
torch.ones(9_999_999).sin()

def begin():
    global pipe
    from facepipe import Pipeline
    pipe = Pipeline()

def faces(photo):
    return len(pipe.faces(photo))

with fork.Pool(2, initializer=begin) as pool:
    print(pool.map(faces, photos[:3]))
"""
    assert run(folder, code) == ["[1, 1, 1]"]


def test_children_of_a_parent_without_torch(folder: Path) -> None:
    """Several chips and pictures at a time have threads in the parent, and have their own in the children."""
    code = """
import numpy

chips = numpy.zeros((20, 112, 112, 3), numpy.uint8)

def together():
    found = pipe.identify_each(photos[1:3] * 2, gallery)
    return [face.name for outcome in found for face in outcome.unwrap()], pipe.backbone.embed(chips).shape

print(together())
with fork.Pool(2) as pool:
    print(pool.apply(together) == pool.apply(together) == together())
print(leave(lambda: print(together() and pipe.backbone.layers[-1])))
print("torch" in sys.modules)
"""
    assert run(folder, MADE.replace("several_threads()", "") + code) == [
        "(['Joe', 'Barack', 'Joe', 'Barack'], (20, 128))",
        "True",
        "fc",
        "0",
        "False",
    ]


def test_a_fork_while_threads_are_at_work(parent: Listening, folder: Path) -> None:
    code = """
from time import sleep

done = threading.Event()

def go_on(work, *given):
    while not done.is_set():
        work(*given)

def enroll():
    pipe.enroll(f"Person {len(gallery)}", photos[3], gallery, anyway=True)

threads = [threading.Thread(target=go_on, args=(work, *given)) for work, *given in [(names, photos[2]), (enroll,)]]
for thread in threads:
    thread.start()
codes = []
for _ in range(5):
    child = fork.Process(target=names, args=(photos[2],))
    child.start()
    child.join()
    codes.append(child.exitcode)
done.set()
for thread in threads:
    thread.join()
print(codes, gallery.check())
"""
    assert parent(folder, code) == ["[0, 0, 0, 0, 0] []"]


def test_a_lock_that_a_thread_held_at_the_fork_is_not_the_childs(parent: Listening, folder: Path) -> None:
    code = """
from facepipe.machine import devices
from facepipe import batches
from facepipe.embed import fused

held, done = threading.Event(), threading.Event()

def hold():
    with pipe._loading(), devices._starting(), batches._pil(), fused._packing(), gallery._hold.lock:
        held.set()
        done.wait()

thread = threading.Thread(target=hold)
thread.start()
held.wait()
print(leave(lambda: print(names(photos[2]))))
done.set()
"""
    assert parent(folder, code) == ["['Barack']", "0"]


def test_what_a_thread_was_writing_at_the_fork_is_not_the_childs_to_undo(parent: Listening, folder: Path) -> None:
    code = """
held, done = threading.Event(), threading.Event()

def write():
    with gallery._hold.writing() as (record, _):
        record.rename("Joe", "Jo")
        held.set()
        done.wait()

thread = threading.Thread(target=write)
thread.start()
held.wait()
print(leave(lambda: None))
done.set()
thread.join()
print([person.name for person in gallery.people()], gallery.check())
"""
    assert parent(folder, code) == ["0", "['Barack', 'Jo'] []"]


def test_a_gallery_that_was_closed_is_closed_in_children_too(parent: Listening, folder: Path) -> None:
    code = """
def look():
    try:
        gallery.people()
    except FacepipeError as error:
        print(error.code)

gallery.close()
print(leave(look))
"""
    assert parent(folder, code) == ["gallery", "0"]


def test_a_child_lets_go_of_its_parents_pipeline(parent: Listening, folder: Path) -> None:
    code = """
import gc

def let_go():
    global pipe
    del pipe
    gc.collect()
    print(len(Pipeline().faces(photos[0])))

print(leave(let_go))
"""
    assert parent(folder, code) == ["1", "0"]


def test_a_video_that_the_parent_opened_has_to_be_opened_again(folder: Path) -> None:
    code = """
import cv2
import numpy
from facepipe import FacepipeError
from facepipe.sources import open_source

film = cv2.VideoWriter("film.avi", cv2.VideoWriter_fourcc(*"MJPG"), 10, (64, 48))
for _ in range(20):
    film.write(numpy.full((48, 64, 3), 100, numpy.uint8))
film.release()

def look():
    try:
        print(len(list(source)))
    except FacepipeError as error:
        print(error)
    print(len(list(open_source("film.avi"))))

with open_source("film.avi") as source:
    print(leave(look))
    print(len(list(source)))
"""
    said = "film.avi: was opened by the parent of this process; open it anew in each"
    assert run(folder, code) == [said, "20", "0", "20"]


@pytest.mark.parametrize("way", ["fork", "spawn", "forkserver"])
def test_a_pipeline_goes_to_a_pool_with_its_work(way: str, folder: Path) -> None:
    (folder / "work.py").write_text(
        f"""
import multiprocessing
from functools import partial
from facepipe import Pipeline

def faces(pipe, photo):
    assert pipe.detector.min_face == 40
    return len(pipe.faces(photo)), id(pipe)

if __name__ == "__main__":
    pipe = Pipeline(min_face=40)
    with multiprocessing.get_context({way!r}).Pool(1) as pool:
        found = pool.map(partial(faces, pipe), ["samples/obama.jpg", "samples/biden.jpg"], 1)
        print([count for count, _ in found], len({{id for _, id in found}}))
        print(pool.apply(pipe.verify, ("samples/obama.jpg", "samples/obama2.jpg")).match)
""",
        "utf-8",
    )
    assert run(folder, "os.execv(sys.executable, [sys.executable, 'work.py'])") == ["[1, 1] 1", "True"]


def test_what_is_found_can_be_sent_back(pipeline: Pipeline, samples: Path) -> None:
    (face,) = pipeline.faces(samples / "biden.jpg")
    again = pickle.loads(pickle.dumps(face))
    assert (again.template.vector == face.template.vector).all()
    assert again.detection.size == face.detection.size
    assert pickle.loads(pickle.dumps(EnrolledAlready("as Ada", person="Ada"))).person == "Ada"


def test_a_gallery_says_how_it_gets_to_another_process(tmp_path: Path) -> None:
    with Gallery.open(tmp_path / "people.db") as gallery, pytest.raises(UsageError, match="send its path"):
        pickle.dumps(gallery)
