from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
import torch

from facepipe import devices
from facepipe.devices import torch_device, workers
from facepipe.errors import DeviceUnavailable


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
