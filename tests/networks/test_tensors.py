from pathlib import Path

import numpy as np
import pytest
import torch

from facepipe.errors import WeightsAltered
from facepipe.networks import tensors
from facepipe.networks.cards import find_card
from facepipe.networks.tensors import read_arrays, read_state_dict
from facepipe.networks.weights import locate


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


# Without torch --------------------------------------------------------------------------------------------------------

FACENET = locate(find_card("mtcnn", "detector"))


def old(content: object, path: Path) -> Path:
    """A file as torch wrote them before 1.6."""
    torch.save(content, path, _use_new_zipfile_serialization=False)
    return path


@pytest.mark.parametrize("path", FACENET, ids=lambda path: path.stem)
def test_arrays_are_what_torch_reads(path: Path) -> None:
    found, expected = read_arrays(path), read_state_dict(path)
    assert list(found) == list(expected)
    for name, values in found.items():
        assert values.dtype == np.float32
        assert values.flags.c_contiguous
        assert np.array_equal(values, expected[name].numpy())


def test_parts_of_a_storage_and_turned_ones_are_read_as_they_lie(tmp_path: Path) -> None:
    whole = torch.arange(24, dtype=torch.float32)
    state = {
        "rows": whole.reshape(4, 6),
        "turned": whole.reshape(4, 6).T,
        "part": whole[3:11:2],
        "one": torch.tensor(5.0),
        "none": torch.zeros(0, 3),
        "learnt": torch.nn.Parameter(whole[:4]).data,
    }
    found = read_arrays(old(state, tmp_path / "weights.pt"))
    assert {name: values.tolist() for name, values in found.items()} == {
        name: values.tolist() for name, values in state.items()
    }


def test_a_pickled_object_does_not_run_without_torch_either(tmp_path: Path) -> None:
    trace, file = tmp_path / "ran", tmp_path / "weights.pt"
    for content in ({"weight": torch.zeros(1), "extra": Malicious(trace)}, Malicious(trace)):
        with pytest.raises(WeightsAltered, match=r"weights\.pt: not a file of plain tensors, .*it asks for") as caught:
            read_arrays(old(content, file))
        assert "\n" not in str(caught.value)
    assert not trace.exists()
    torch.load(file, weights_only=False)  # the file would have run: the test can fail
    assert trace.exists()


@pytest.mark.parametrize("kind", [torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.uint8])
def test_numbers_of_other_kinds_are_refused(tmp_path: Path, kind: torch.dtype) -> None:
    file = old({"weight": torch.zeros(3, dtype=kind)}, tmp_path / "weights.pt")
    with pytest.raises(WeightsAltered, match=r"weights\.pt: not a file of plain tensors, .*Storage"):
        read_arrays(file)


@pytest.mark.parametrize("content", [[torch.zeros(1)], {"weight": 1}, {"weight": [torch.zeros(2)]}, 5, None])
def test_what_is_no_dictionary_of_tensors_is_refused(tmp_path: Path, content: object) -> None:
    with pytest.raises(WeightsAltered, match=r"weights\.pt: not a file of plain tensors") as caught:
        read_arrays(old(content, tmp_path / "weights.pt"))
    assert "\n" not in str(caught.value)


def test_a_file_as_torch_writes_them_today_is_refused(tmp_path: Path) -> None:
    torch.save({"weight": torch.zeros(3)}, tmp_path / "weights.pt")
    with pytest.raises(WeightsAltered, match=r"weights\.pt: not a file of plain tensors"):
        read_arrays(tmp_path / "weights.pt")


def test_no_part_of_a_file_is_taken_for_the_whole(tmp_path: Path) -> None:
    data, file = FACENET[0].read_bytes(), tmp_path / "weights.pt"
    for length in [*range(0, 2000, 13), *range(2000, len(data), 997), len(data) - 1]:
        file.write_bytes(data[:length])
        with pytest.raises(WeightsAltered, match=r"weights\.pt: not a file of plain tensors") as caught:
            read_arrays(file)
        assert "\n" not in str(caught.value)
    file.write_bytes(data)
    assert len(read_arrays(file)) == len(read_arrays(FACENET[0]))


BEYOND = [
    (1, (6,), (1,)),
    (0, (2, 4), (4, 1)),
    (0, (7,), (1,)),
    (-1, (2,), (1,)),
    (5, (2,), (-1,)),
    (0, (10**9,), (0,)),
    (0, (-2,), (1,)),
    (6, (), ()),
]


@pytest.mark.parametrize(("offset", "shape", "strides"), BEYOND)
def test_a_tensor_that_reaches_beyond_its_storage_is_refused(
    offset: int, shape: tuple[int, ...], strides: tuple[int, ...]
) -> None:
    with pytest.raises(ValueError, match="reaches beyond what is stored"):
        tensors._array(np.zeros(6, np.float32), tensors._Place("0", offset, shape, strides))


def test_counts_beyond_every_file_are_refused(tmp_path: Path) -> None:
    data = bytearray(FACENET[0].read_bytes())
    start = data.index(read_arrays(FACENET[0])["conv1.bias"].tobytes()) - 8
    for count in (2**61, -1, 2**62 + 1):
        data[start : start + 8] = np.int64(count).tobytes()
        (tmp_path / "weights.pt").write_bytes(data)
        with pytest.raises(WeightsAltered, match=r"weights\.pt: not a file of plain tensors"):
            read_arrays(tmp_path / "weights.pt")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(WeightsAltered, match=r"none\.pt: not a file of plain tensors"):
        read_arrays(tmp_path / "none.pt")
