"""What is in the file is what the networks put out; a file is whole or not there."""

import errno
import json
import os
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file

from facepipe.detect.base import OpenDetector
from facepipe.errors import ImageNotFound, NoFace, UsageError, WriteFailed
from facepipe.image import read_image
from facepipe.inspect import writers
from facepipe.inspect.dump import dump
from facepipe.inspect.networks_of import in_torch, networks_of
from facepipe.inspect.writers import Spec, tensor_writer
from facepipe.pipeline import Pipeline
from facepipe.records import Image

pytestmark = pytest.mark.slow

SUFFIXES = [".safetensors", ".npz"]
CONVOLUTIONS = ["conv", "blocks.*wise"]


def load(path: Path) -> tuple[dict[str, np.ndarray], dict[str, object]]:
    """The tensors and the metadata, read by the formats' own libraries."""
    if path.suffix == ".safetensors":
        with safe_open(path, "numpy") as file:
            return load_file(path), {key: json.loads(value) for key, value in file.metadata().items()}
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
    with np.load(path, allow_pickle=False) as file:
        tensors = {name: file[name] for name in file.files}
    metadata = json.loads(tensors.pop("metadata").item())
    return tensors, {key: json.loads(value) for key, value in metadata.items()}


@pytest.fixture(scope="module")
def images(samples: Path) -> list[Image]:
    """Three faces: one of another size than the next, none in the second image."""
    empty = read_image(np.full((200, 200, 3), 90, np.uint8))
    return [read_image(samples / "obama2.jpg"), empty, read_image(samples / "astronaut.png")]


# Files ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_rows_written_in_turns_lie_in_their_own_tensors(tmp_path: Path, suffix: str) -> None:
    rng = np.random.default_rng(0)
    maps = rng.normal(size=(3, 2, 5)).astype(np.float32)
    numbers, chips = np.arange(5, dtype=np.int32), rng.integers(0, 256, (3, 3), np.uint8)
    specs = {"a/map": Spec((3, 2, 5)), "none": Spec((0, 4)), "n": Spec((5,), "int32"), "chip": Spec((3, 3), "uint8")}
    path = tmp_path / f"x{suffix}"
    with path.open("xb") as stream, tensor_writer(stream, suffix, specs, {"who": '"Zoë"'}) as writer:
        writer.write("n", numbers[:2])
        for row in range(3):
            writer.write("chip", chips[row])
            writer.write("a/map", np.asfortranarray(maps[row]))
        writer.write("n", numbers[2:])
    tensors, metadata = load(path)
    assert set(tensors) == set(specs)
    for name, expected in {"a/map": maps, "none": np.empty((0, 4), np.float32), "n": numbers, "chip": chips}.items():
        assert tensors[name].dtype == expected.dtype
        assert np.array_equal(tensors[name], expected)
    assert metadata == {"who": "Zoë"}


def test_the_header_of_safetensors(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    with path.open("xb") as stream, tensor_writer(stream, path.suffix, {"a": Spec((1, 2))}, {"k": "v"}) as writer:
        writer.write("a", np.array([1, 2], np.float32))
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    assert length % 8 == 0
    assert json.loads(data[8 : 8 + length]) == {
        "__metadata__": {"k": "v"},
        "a": {"dtype": "F32", "shape": [1, 2], "data_offsets": [0, 8]},
    }
    assert data[8 + length :] == np.array([1, 2], "<f4").tobytes()


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("rows", [1, 3])
def test_more_or_fewer_rows_than_announced_are_noticed(tmp_path: Path, suffix: str, rows: int) -> None:
    def write() -> None:
        with (tmp_path / "x").open("xb") as stream, tensor_writer(stream, suffix, {"a": Spec((2, 2))}, {}) as writer:
            for _ in range(rows):
                writer.write("a", np.zeros(2))

    with pytest.raises(ValueError, match="not as many rows as announced"):
        write()


# Dumps ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("suffix", "name"), [(".safetensors", "sface"), (".npz", "sface"), (".safetensors", "dlib_resnet")]
)
def test_every_layer_of_every_face_bit_for_bit(
    pipelines: dict[str, Pipeline], images: list[Image], tmp_path: Path, suffix: str, name: str
) -> None:
    pipeline = pipelines[name]
    path = tmp_path / f"faces{suffix}"
    summary = dump(pipeline, images, path, ["*", "onet/*", "rnet/conv?"])
    tensors, _ = load(path)
    assert (summary.faces, summary.skipped, summary.bytes) == (2, (), path.stat().st_size)
    assert summary.bytes <= 1.01 * sum(values.nbytes for values in tensors.values())
    for row, image in enumerate([images[0], images[2]]):
        (face,) = pipeline.faces(image)
        networks = networks_of(pipeline, image, face)
        backbone, onet, rnet = (networks[one] for one in (name, "onet", "rnet"))
        expected = dict(backbone.outputs(backbone.layers))
        expected |= {f"onet/{layer}": values for layer, values in onet.outputs(onet.layers).items()}
        expected |= {f"rnet/{layer}": values for layer, values in rnet.outputs(rnet.convolutions).items()}
        assert set(expected) == set(summary.layers)
        for layer, values in expected.items():
            assert np.array_equal(tensors[layer][row].ravel(), values[0].numpy().ravel()), layer
        for activation in pipeline.backbone.activations(face.chip.pixels, pipeline.backbone.layers):
            assert np.array_equal(tensors[activation.layer][row], activation.values), activation.layer


@pytest.mark.parametrize("name", ["sface", "dlib_resnet"])
def test_the_chip_and_the_face(pipelines: dict[str, Pipeline], images: list[Image], tmp_path: Path, name: str) -> None:
    dump(pipelines[name], images, tmp_path / "x.safetensors", "fc")
    tensors, _ = load(tmp_path / "x.safetensors")
    assert tensors["face/image"].tolist() == [0, 2]
    for row, image in enumerate([images[0], images[2]]):
        (face,) = pipelines[name].faces(image)
        assert np.array_equal(tensors["face/chip"][row], face.chip.pixels)
        assert np.array_equal(tensors["face/to_chip"][row], face.chip.to_chip)
        assert np.array_equal(tensors["face/box"][row], face.detection.box)
        assert np.array_equal(tensors["face/landmarks"][row], face.detection.landmarks)
        assert tensors["face/score"][row] == np.float32(face.detection.score)


def test_the_candidates_of_a_detector_that_can_be_looked_into(
    pipeline: Pipeline, older: Pipeline, images: list[Image], tmp_path: Path
) -> None:
    for pipe in (pipeline, older):
        dump(pipe, images, tmp_path / f"{pipe.detector.card.name}.npz", "fc")
    assert not [name for name in load(tmp_path / "yunet.npz")[0] if name.startswith("detector/")]
    assert isinstance(older.detector, OpenDetector)
    tensors, _ = load(tmp_path / "mtcnn.npz")
    for number, image in enumerate(images):
        counts = []
        for stage in older.detector.stages(image):
            mine = tensors[f"detector/{stage.stage}/image"] == number
            assert np.array_equal(tensors[f"detector/{stage.stage}/box"][mine], stage.boxes)
            assert np.array_equal(tensors[f"detector/{stage.stage}/score"][mine], stage.scores)
            counts.append(int(mine.sum()))
        assert counts == sorted(counts, reverse=True)
        assert (counts[-1] > 0) == (number != 1)


def test_the_metadata(pipeline: Pipeline, samples: Path, tmp_path: Path) -> None:
    given = samples / "obama.jpg"
    dump(pipeline, [given], tmp_path / "x.npz", [*CONVOLUTIONS, "fc", "pnet/conv1"])
    tensors, metadata = load(tmp_path / "x.npz")
    assert metadata["backbone"] == pipeline.backbone.id
    assert (metadata["detector"], metadata["images"]) == ("yunet", [str(given)])
    layers = metadata["layers"]
    assert isinstance(layers, dict)
    names = list(layers)
    assert (names[0], names[-2:], len(names)) == ("conv", ["fc", "pnet/conv1"], 29)
    assert all(list(tensors[name].shape[1:]) == layers[name]["shape"] for name in names)
    first = {"first": [-1, -1], "last": [1, 1]}
    assert layers["conv"] | {"shape": []} == {
        "network": "sface",
        "kind": "conv",
        "inputs": [""],
        "shape": [],
        "stride": [1, 1],
        "receptive_field": first,
    }
    assert (layers["fc"]["stride"], layers["fc"]["receptive_field"]) == (None, None)
    assert layers["pnet/conv1"]["network"] == "pnet"


def peak(work: Callable[[], object]) -> int:
    """The most memory that Python and numpy hold during ``work``, bytes."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_faces(pipeline: Pipeline, samples: Path, tmp_path: Path) -> None:
    given = samples / "astronaut.png"

    def dumped(faces: int) -> int:
        return peak(lambda: dump(pipeline, [given] * faces, tmp_path / "x.safetensors", CONVOLUTIONS))

    largest = 64 * 112 * 112 * 4
    dumped(1)  # what is loaded once
    few, many = dumped(2), dumped(12)
    assert many - few < 0.25 * largest  # ten faces and 200 MB more
    assert many - peak(lambda: pipeline.detect(given)) < 2 * largest


def test_one_face_can_be_picked(pipeline: Pipeline, samples: Path, images: list[Image], tmp_path: Path) -> None:
    both = [read_image(samples / name).pixels[:600, :600] for name in ("obama.jpg", "obama2.jpg")]
    pair = read_image(np.concatenate([np.pad(half, ((0, 600 - len(half)), (0, 0), (0, 0))) for half in both], axis=1))
    second = pipeline.faces(pair)[1]
    summary = dump(pipeline, [pair, images[2]], tmp_path / "x.npz", "fc", pick=2)
    tensors, _ = load(tmp_path / "x.npz")
    assert summary.faces == 1
    assert np.array_equal(tensors["face/box"], second.detection.box[None])
    ((_, error),) = summary.skipped
    assert isinstance(error, NoFace)
    with pytest.raises(UsageError, match="pick 0"):
        dump(pipeline, [pair], tmp_path / "x.npz", pick=0)


# What goes wrong ------------------------------------------------------------------------------------------------------


def test_a_bad_image_is_skipped_and_named(pipeline: Pipeline, images: list[Image], tmp_path: Path) -> None:
    summary = dump(pipeline, [tmp_path / "gone.jpg", images[2]], tmp_path / "x.npz", "fc")
    ((source, error),) = summary.skipped
    assert source == str(tmp_path / "gone.jpg")
    assert isinstance(error, ImageNotFound)
    tensors, metadata = load(tmp_path / "x.npz")
    assert tensors["face/image"].tolist() == [0]
    assert metadata["images"] == [images[2].source]


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ("blocks.0.depth", "blocks.0.depth: no such layer in sface; nearest: .*blocks.0.depthwise.*--list"),
        ("qnet/conv1", "qnet/conv1: no such layer in sface.*--list"),
        ("onet/conv9", "conv9: no such layer in onet; nearest: .*conv4"),
        (["fc", "pnet/*"], "pnet: its maps differ in size from face to face"),
    ],
)
def test_unknown_layers(
    pipeline: Pipeline, images: list[Image], tmp_path: Path, layers: str | list[str], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        dump(pipeline, images, tmp_path / "x.npz", layers)
    assert os.listdir(tmp_path) == []


def test_the_suffix_and_the_layers_are_looked_at_before_the_images(pipeline: Pipeline, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"x.pt: expected a name that ends in .safetensors or .npz"):
        dump(pipeline, [tmp_path / "gone.jpg"], tmp_path / "x.pt")
    with pytest.raises(UsageError, match="no such layer"):
        dump(pipeline, [tmp_path / "gone.jpg"], tmp_path / "x.npz", "nothing")


def test_nothing_to_write(pipeline: Pipeline, images: list[Image], tmp_path: Path) -> None:
    with pytest.raises(NoFace):
        dump(pipeline, [images[1]], tmp_path / "x.npz")
    with pytest.raises(ImageNotFound):
        dump(pipeline, [tmp_path / "gone.jpg"], tmp_path / "x.npz")
    assert os.listdir(tmp_path) == []


def test_a_file_that_cannot_be_written(pipeline: Pipeline, images: list[Image], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(WriteFailed, match=r"x.npz: cannot be written"):
        dump(pipeline, [images[2]], tmp_path / "file" / "x.npz")
    (tmp_path / "x.npz").mkdir()
    with pytest.raises(WriteFailed, match=r"x.npz: cannot be written"):
        dump(pipeline, [images[2]], tmp_path / "x.npz", "fc")
    assert sorted(os.listdir(tmp_path)) == ["file", "x.npz"]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_full_disk_leaves_the_old_file_and_the_networks_as_they_were(
    pipeline: Pipeline, images: list[Image], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    path = tmp_path / f"x{suffix}"
    path.write_bytes(b"old")
    written = []

    def full(self: object, name: str, values: np.ndarray) -> None:
        written.append(name)
        if name == "blocks.2.depthwise":
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(writers._Rows, "write", full)
    with pytest.raises(WriteFailed, match="No space left"):
        dump(pipeline, [images[2]], path)
    assert "blocks.1.depthwise" in written
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == [path.name]
    learnt = in_torch(pipeline.backbone)
    assert learnt is not None
    assert not any(module._forward_hooks for module in learnt.module.modules())


def test_a_detector_and_a_backbone_of_other_kinds(images: list[Image], tmp_path: Path) -> None:
    """Without stages there are no candidates; without layers there is nothing to dump."""
    pipe = Pipeline()
    inner, backbone = pipe.detector, pipe.backbone
    pipe.detector = SimpleNamespace(card=inner.card, detect=inner.detect)
    dump(pipe, [images[2]], tmp_path / "x.npz", "fc")
    tensors, _ = load(tmp_path / "x.npz")
    assert len(tensors["face/box"]) == 1
    assert not [name for name in tensors if name.startswith("detector/")]
    pipe._load = lambda: SimpleNamespace(card=backbone.card, id=backbone.id)  # type: ignore[assignment]
    with pytest.raises(UsageError, match="sface: neither torch nor ONNX"):
        dump(pipe, [images[2]], tmp_path / "y.npz")
