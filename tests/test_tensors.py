from pathlib import Path

import pytest
import torch

from facepipe.errors import WeightsAltered
from facepipe.tensors import read_state_dict


class Malicious:
    """Unpickling this touches a file."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (self.target,))


def test_a_pickled_object_is_refused_and_does_not_run(tmp_path: Path) -> None:
    trace, file = tmp_path / "ran", tmp_path / "weights.pt"
    torch.save({"weight": torch.zeros(1), "extra": Malicious(trace)}, file)
    with pytest.raises(WeightsAltered, match=r"weights\.pt: not a file of plain tensors") as caught:
        read_state_dict(file)
    assert "\n" not in str(caught.value)
    assert not trace.exists()
    torch.load(file, weights_only=False)  # the file would have run: the test can fail
    assert trace.exists()


@pytest.mark.parametrize("content", [b"", b"not weights", b"PK\x03\x04 half a zip"])
def test_files_that_are_not_weights_are_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "weights.pt"
    file.write_bytes(content)
    with pytest.raises(WeightsAltered) as caught:
        read_state_dict(file)
    assert "\n" not in str(caught.value)


def test_tensors_in_a_list_are_refused(tmp_path: Path) -> None:
    torch.save([torch.zeros(1)], tmp_path / "weights.pt")
    with pytest.raises(WeightsAltered, match="expected a dictionary of tensors, got list"):
        read_state_dict(tmp_path / "weights.pt")
