import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
import torch

from facepipe.errors import DeviceUnavailable
from facepipe.machine import devices
from facepipe.machine.devices import torch_device, workers

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A machine without accelerators, to which a test adds."""
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    return monkeypatch


def test_cpu_is_always_there(machine: pytest.MonkeyPatch) -> None:
    assert devices.available() == ["cpu"]
    assert torch_device("cpu") == torch.device("cpu")


@pytest.mark.parametrize("name", ["cuda", "cuda:0", "mps", "meta", "gpu", "CPU", "cpu:0", "cuda:", "xla", ""])
def test_what_is_not_there_is_refused_with_what_is(machine: pytest.MonkeyPatch, name: str) -> None:
    with pytest.raises(DeviceUnavailable, match=rf"^device '?{name}'?: not available here; there is cpu$"):
        torch_device(name)


def test_accelerators_that_are_there(machine: pytest.MonkeyPatch) -> None:
    machine.setattr(torch.cuda, "device_count", lambda: 2)
    machine.setattr(torch.backends.mps, "is_available", lambda: True)
    assert devices.available() == ["cpu", "cuda:0", "cuda:1", "mps"]
    assert torch_device("cuda") == torch.device("cuda")
    assert torch_device("cuda:1") == torch.device("cuda", 1)
    with pytest.raises(DeviceUnavailable, match="there is cpu, cuda:0, cuda:1, mps"):
        torch_device("cuda:2")


def test_workers_run_on_one_core_each_and_leave_the_process_as_it_was() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        with workers("test") as pool:
            together = Barrier(3)

            def look() -> int:
                together.wait(10)
                return torch.get_num_threads()

            assert [found.result(10) for found in [pool.submit(look) for _ in range(3)]] == [1, 1, 1]
            with ThreadPoolExecutor(1) as fresh:  # takes over the process's setting
                assert fresh.submit(torch.get_num_threads).result(10) == 3
            assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


# Without torch --------------------------------------------------------------------------------------------------------


def run(code: str, **environment: str) -> list[str]:
    """The lines that ``code`` prints in a process of its own, which begins without torch."""
    inherited = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    command = [sys.executable, "-c", "import sys\nfrom facepipe.machine.devices import cores, workers\n" + code]
    given = {**inherited, "PYTHONPATH": str(ROOT), **environment}
    done = subprocess.run(command, env=given, capture_output=True, text=True, check=True, timeout=120)
    return done.stdout.splitlines()


HERE = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


@pytest.mark.parametrize(
    ("said", "count"),
    [("1", 1), (" 1 ", 1), ("1,2", 1), (str(HERE), HERE), ("999", HERE), ("", HERE), ("0", HERE), ("-1", HERE),
     ("many", HERE), (",1", HERE)],
)  # fmt: skip
def test_the_cores_there_are_unless_the_environment_says_how_many(said: str, count: int) -> None:
    assert run("print(cores(), 'torch' in sys.modules)", OMP_NUM_THREADS=said) == [f"{count} False"]


@pytest.mark.parametrize("said", ["1", "999", ""])
def test_torch_would_take_as_many_and_is_asked_once_it_is_there(said: str) -> None:
    code = "alone = cores()\nimport torch\nprint(cores() == alone)\ntorch.set_num_threads(5)\nprint(cores())"
    assert run(code, OMP_NUM_THREADS=said) == ["True", "5"]


def test_workers_that_begin_before_torch_take_one_core_each_after_it_too() -> None:
    code = """
pool = workers("test", 3)
print(pool.count, [pool.submit(cores).result() for _ in range(3)], "torch" in sys.modules)
import torch
torch.set_num_threads(3)

def look():
    return cores(), torch.get_num_threads()

print({pool.submit(look).result() for _ in range(9)}, torch.get_num_threads(), cores())
"""
    assert run(code) == ["3 [1, 1, 1] False", "{(1, 1)} 3 3"]


def test_workers_that_begin_after_torch() -> None:
    code = """
import threading
import torch
torch.set_num_threads(3)
pool = workers("test", 2)
print(pool.count, {pool.submit(torch.get_num_threads).result() for _ in range(9)}, torch.get_num_threads())
seen = []
other = threading.Thread(target=lambda: seen.append(torch.get_num_threads()))
other.start()
other.join()
print(seen)
"""
    assert run(code) == ["2 {1} 3", "[3]"]


def test_a_thread_that_a_worker_starts_is_no_worker() -> None:
    code = """
from concurrent.futures import ThreadPoolExecutor
def ask():
    with ThreadPoolExecutor(1) as other:
        return cores(), other.submit(cores).result()
print(workers("test", 1).submit(ask).result())
"""
    assert run(code) == [f"(1, {HERE})"]


def test_each_keeps_the_order_and_hands_on_what_is_raised() -> None:
    with workers("test", 3) as pool:
        assert pool.each(lambda number: number * 2, range(50)) == list(range(0, 100, 2))
        assert pool.each(int, []) == []
        with pytest.raises(ZeroDivisionError):
            pool.each(lambda number: 1 // number, [1, 2, 0, 3])
        assert pool.each(str, [1]) == ["1"]
