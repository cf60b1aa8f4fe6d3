"""What every layer put out for many faces, written into one file while it is computed.

One tensor per layer, named as in the network, with a row per face: (faces, C, H, W) float32, (faces, D, 1, 1) where the
layer puts out a vector. A layer of one of the networks that show how a face is found (the detector's where it can be
looked into, else MTCNN's) has the network's name before it: ``onet/conv1``.
Beside them, with a row per face: ``face/chip`` (h, w, 3) uint8 RGB, ``face/to_chip`` (2, 3) image px → chip px,
``face/box`` (4), ``face/score``, ``face/landmarks`` (5, 2), image px; ``face/image``, from 0 in the metadata's list;
and, of a detector that can be looked into, with a row per candidate of each of its stages: ``detector/STAGE/box``,
``score`` and ``image``.

Metadata, each value JSON: ``backbone`` and ``detector`` ids, ``images``, ``layers`` in the order they run with their
inputs, stride and receptive field; ``detector`` is what found the faces. In .npz it is the array ``metadata``.

Two passes: the first with the detector alone, to know how many rows there will be, the second writes. Memory holds one
image and one map at a time, whatever the number of faces.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from facepipe.align.cut import cut_chip
from facepipe.errors import FacepipeError, NoFace, UsageError
from facepipe.files import replacing
from facepipe.image import ImageLike
from facepipe.inspect.graphs.network import Network
from facepipe.inspect.networks_of import backbone_network, cascade, choose_layers, detector_networks
from facepipe.inspect.survey import Finds, Survey, Which
from facepipe.inspect.writers import Spec, Writer, check_suffix, tensor_writer
from facepipe.pipeline import Pipeline
from facepipe.records import Detection, Image


@dataclass(frozen=True)
class Dump:
    """What was written: a row for each of ``faces`` in each of ``layers``, ``bytes`` in all; and the images that were
    ``skipped``, with the error."""

    faces: int
    layers: tuple[str, ...]
    bytes: int
    skipped: tuple[tuple[str, FacepipeError], ...] = ()


def dump(
    pipe: Pipeline,
    images: Sequence[ImageLike],
    path: str | Path,
    layers: str | Sequence[str] = "*",
    pick: Which = None,
) -> Dump:
    """Write what ``layers`` put out for every face of ``images``, or for the one of each that ``pick`` says.

    ``layers`` are names or globs: of layers of the backbone, or ``onet/conv*`` of MTCNN's O-Net (so ``rnet/``,
    ``pnet/``; P-Net sees each image at another size, so its maps make one tensor for one face only). ``path`` ends in
    .safetensors or .npz and is replaced as a whole or not at all. Images that cannot be used are skipped. Raises
    UsageError (unknown layer or suffix), WriteFailed; NoFace or the first image's error when none can be used.
    """
    path = Path(path)
    check_suffix(path)
    if isinstance(pick, int) and pick < 1:
        raise UsageError(f"pick {pick}: expected a whole number from 1, the largest face")
    patterns = [layers] if isinstance(layers, str) else list(layers)
    taps = _backbone_taps(pipe, patterns)  # before the long part: an unknown layer is told at once
    with replacing(path) as stream, tempfile.TemporaryFile() as spool:
        survey = Survey(pipe.detector, pipe.backbone.card.chip, images, spool, pick)
        if not survey.faces:
            raise survey.skipped[0][1] if survey.skipped else NoFace("no face found in any image")
        taps += _detector_taps(pipe, patterns, survey)
        about = _about(pipe, taps, [source for _, source in survey.images])
        metadata = {key: json.dumps(value) for key, value in about.items()}
        with tensor_writer(stream, path.suffix, _specs(pipe, taps, survey), metadata) as writer:
            rows = {tap.network.name: tap.into(writer) for tap in taps}
            for number, found in enumerate(survey):
                _write_candidates(number, found, writer)
                for face in found.faces:
                    _write_face(pipe, survey.image(found.position), number, face, writer, rows)
    names = tuple(tensor for tap in taps for tensor in tap.tensors.values())
    return Dump(survey.faces, names, path.stat().st_size, tuple(survey.skipped))


@dataclass(frozen=True, eq=False)
class Tap:
    """The layers of ``network`` that are written, and the names of their tensors. A row is one pass over one input."""

    network: Network
    tensors: Mapping[str, str]

    def specs(self, rows: int) -> dict[str, Spec]:
        return {tensor: Spec((rows, *self.network.layers[name].shape)) for name, tensor in self.tensors.items()}

    def into(self, writer: Writer) -> Callable[[Tensor], None]:
        """A function of ``x`` (1, 3, H, W) that runs the network and writes each map before the next layer runs."""

        def see(name: str, values: Tensor) -> None:
            writer.write(self.tensors[name], values.float().cpu().numpy())

        def write(x: Tensor) -> None:
            if x.shape != self.network.x.shape:
                raise UsageError(f"{self.network.name}: its maps differ in size from face to face: dump a single face")
            run(x)

        run = self.network.watcher(self.tensors, see)
        return write


def _backbone_taps(pipe: Pipeline, patterns: Sequence[str]) -> list[Tap]:
    own = [pattern for pattern in patterns if _network_of(pipe, pattern) is None]
    if not own:
        return []
    side = pipe.backbone.card.chip.size
    network = backbone_network(pipe.backbone, np.zeros((side, side, 3), np.uint8))
    if network is None:
        raise UsageError(f"{pipe.backbone.card.name}: neither torch nor ONNX, so there are no layers to see")
    return [Tap(network, {name: name for name in _chosen(network, own)})]


def _detector_taps(pipe: Pipeline, patterns: Sequence[str], survey: Survey) -> list[Tap]:
    """Their inputs depend on the image: the first face gives the shapes."""
    wanted: dict[str, list[str]] = {}
    for pattern in patterns:
        if (name := _network_of(pipe, pattern)) is not None:
            wanted.setdefault(name, []).append(pattern.partition("/")[2])
    if not wanted:
        return []
    first = next(found for found in survey if found.faces)
    networks = detector_networks(pipe.detector, survey.image(first.position), first.faces[0])
    return [
        Tap(network, {layer: f"{name}/{layer}" for layer in _chosen(network, wanted[name])})
        for name, network in networks.items()
        if name in wanted
    ]


def _network_of(pipe: Pipeline, pattern: str) -> str | None:
    """The network of ``cascade`` whose layers ``pattern`` means, None for the backbone."""
    name, slash, _ = pattern.partition("/")
    return name if slash and name in cascade(pipe.detector).networks else None


def _chosen(network: Network, patterns: Sequence[str]) -> list[str]:
    matching = {name for pattern in patterns for name in choose_layers(network, pattern)}
    return [name for name in network.layers if name in matching]


def _write_candidates(number: int, found: Finds, writer: Writer) -> None:
    for stage, rows in found.stages.items():
        writer.write(f"detector/{stage}/box", rows[:, :4])
        writer.write(f"detector/{stage}/score", rows[:, 4])
        writer.write(f"detector/{stage}/image", np.full(len(rows), number))


def _write_face(
    pipe: Pipeline,
    image: Image,
    number: int,
    face: Detection,
    writer: Writer,
    networks: Mapping[str, Callable[[Tensor], None]],
) -> None:
    """One row of everything: ``networks`` maps names to functions that write the rows of their layers."""
    chip = cut_chip(image, face.landmarks, pipe.backbone.card.chip)
    score, position = np.float32(face.score), np.int32(number)
    values: list[Any] = [chip.pixels, chip.to_chip, face.box, score, face.landmarks, position]
    for name, value in zip(_per_face(pipe), values, strict=True):
        writer.write(name, value)
    shown = [backbone_network(pipe.backbone, chip.pixels)] if pipe.backbone.card.name in networks else []
    if set(networks) - {pipe.backbone.card.name}:
        shown += detector_networks(pipe.detector, image, face).values()
    for network in shown:
        if network is not None and network.name in networks:
            networks[network.name](network.x)


def _specs(pipe: Pipeline, taps: Sequence[Tap], survey: Survey) -> dict[str, Spec]:
    """Every tensor of the file. The bytes come last, so that all others lie at multiples of four."""
    layers = {name: spec for tap in taps for name, spec in tap.specs(survey.faces).items()}
    faces = {name: Spec((survey.faces, *row.shape), row.dtype) for name, row in _per_face(pipe).items()}
    stages = {
        f"detector/{stage}/{what}": Spec((rows, *extents), dtype)
        for stage, rows in survey.candidates.items()
        for what, extents, dtype in (("box", (4,), "float32"), ("score", (), "float32"), ("image", (), "int32"))
    }
    every = {**layers, **stages, **faces}
    return dict(sorted(every.items(), key=lambda entry: entry[1].dtype == "uint8"))


def _per_face(pipe: Pipeline) -> dict[str, Spec]:
    """One row of what is written of every face beside the layers."""
    side = pipe.backbone.card.chip.size
    return {
        "face/chip": Spec((side, side, 3), "uint8"),
        "face/to_chip": Spec((2, 3)),
        "face/box": Spec((4,)),
        "face/score": Spec(()),
        "face/landmarks": Spec((5, 2)),
        "face/image": Spec((), "int32"),
    }


def _about(pipe: Pipeline, taps: Sequence[Tap], sources: Sequence[str]) -> dict[str, object]:
    layers = {}
    for tap in taps:
        for name, tensor in tap.tensors.items():
            layer, field = tap.network.layers[name], tap.network.fields[name]
            layers[tensor] = {
                "network": tap.network.name,
                "kind": layer.kind,
                "inputs": layer.inputs,
                "shape": layer.shape,
                "stride": field and field.jump,
                "receptive_field": field and {"first": field.first, "last": field.last},
            }
    return {"backbone": pipe.backbone.id, "detector": pipe.detector.card.name, "images": sources, "layers": layers}
