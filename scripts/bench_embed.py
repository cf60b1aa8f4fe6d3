"""How long embedding takes, beside OpenCV's SFace, dlib's own network and facenet_pytorch's; how far results lie apart.

    python scripts/bench_embed.py [--rounds 5] [--chips 64] [--json FILE]

Nothing else should run: where threads wait for each other at every layer, a core that is busy holds up all of them. The
chips are cut from the portraits in data/samples, each of them shifted a little. OpenCV and dlib run as they do, dlib on
one core; facenet_pytorch and facepipe on as many as there are. The Inception-ResNet has random weights, made here: what
it computes is not looked at but for being the same.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

import cv2
import dlib  # type: ignore[import-not-found, import-untyped, unused-ignore]
import numpy as np
import onnx
import torch
from facenet_pytorch import InceptionResnetV1
from stopwatch import Measure, add_json_option, medians, paired, ratio, report
from torch import Tensor, nn

from facepipe import Pipeline, folders
from facepipe.embed.base import Backbone, load_backbone, templates
from facepipe.networks.cards import find_card
from facepipe.networks.weights import locate
from facepipe.records import Chip, Floats, Pixels

FACENET = "inception_resnet_v1-vggface2"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--chips", type=int, default=64)
    add_json_option(parser)
    given = parser.parse_args()
    print(f"torch {torch.__version__} on {torch.get_num_threads()} threads, dlib {dlib.__version__}")
    parts = against_opencv, against_dlib, against_facenet
    report([row for part in parts for row in part(given.chips, given.rounds)], given.json)


def against_opencv(count: int, rounds: int) -> list[Measure]:
    pipe = Pipeline("sface")
    backbone, pixels = pipe.backbone, chips(pipe, count)
    with tempfile.TemporaryDirectory() as scratch:
        theirs = cv2.FaceRecognizerSF.create(str(readable(locate(backbone.card)[0], Path(scratch))), "")

    def opencv_embeds(some: Pixels) -> Floats:
        return np.concatenate([theirs.feature(np.ascontiguousarray(chip[..., ::-1])).copy() for chip in some])

    few, one = pixels[:8], _singly(backbone.embed)
    apart = np.abs(unit(backbone.embed(few)) - unit(opencv_embeds(few))).max()
    return [
        _row("one chip, FaceRecognizerSF", _pairs(one, few, opencv_embeds, few, 2 * rounds), 8, 8, "≥ 1"),
        _row(
            f"{count} chips, each, FaceRecognizerSF",
            _pairs(backbone.embed, pixels, opencv_embeds, few, rounds),
            *(count, 8, "≥ 2"),
        ),
        Measure("furthest from FaceRecognizerSF, of unit vectors", float(apart), bar="≤ 1e-5", unit=""),
    ]


def readable(path: Path, folder: Path) -> Path:
    """A copy of SFace's file that OpenCV 5 takes: weights are listed among the inputs in the original."""
    model = onnx.load(path)
    del model.graph.input[1:]
    onnx.save(model, folder / path.name)
    return folder / path.name


def unit(vectors: Floats) -> Floats:
    lengths: Floats = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / lengths


def against_dlib(count: int, rounds: int) -> list[Measure]:
    pipe = Pipeline("dlib_resnet")
    backbone, pixels = pipe.backbone, chips(pipe, count)
    half = load_backbone(backbone.card.name, precision="half")
    theirs = dlib.face_recognition_model_v1(str(locate(backbone.card)[0]))

    def dlib_embeds(some: Pixels) -> Floats:
        return np.array(theirs.compute_face_descriptor(list(some)), np.float32)

    ours, reduced, expected = (embed(pixels) for embed in (backbone.embed, half.embed, dlib_embeds))
    faces = [Chip(one, np.eye(2, 3, dtype=np.float32)) for one in pixels]
    few = pixels[:8]  # dlib takes as long for each of many as for one: it need not embed all of them every time
    return [
        _row(
            "one chip, dlib", _pairs(_singly(backbone.embed), few, _singly(dlib_embeds), few, 2 * rounds), 8, 8, "≥ 14"
        ),
        _row(f"{count} chips, each, dlib", _pairs(backbone.embed, pixels, dlib_embeds, few, rounds), count, 8, "≥ 28"),
        Measure("furthest from dlib's embeddings", float(np.abs(ours - expected).max()), bar="≤ 1e-5", unit=""),
        _row(f"{count} chips, each, half, dlib", _pairs(half.embed, pixels, dlib_embeds, few, rounds), count, 8),
        Measure("least cosine, half and full", float(cosines(ours, reduced).min()), bar="≥ 0.9999", unit=""),
        _row(f"{count} templates, each, dlib", _pairs(_summaries(backbone), faces, dlib_embeds, few, rounds), count, 8),
    ]


def against_facenet(count: int, rounds: int) -> list[Measure]:
    net = random_facenet()
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / "net.pt"
        torch.save(net.state_dict(), file)
        backbone = load_backbone(FACENET, weights=file)
    net.logits = nn.Identity()  # the embedding before its normalisation, as facepipe's
    size = find_card(FACENET).chip.size
    pixels = np.random.default_rng(0).integers(0, 256, (count, size, size, 3), np.uint8)

    def facenet_embeds(some: Pixels) -> Floats:
        with torch.inference_mode():
            batch: Tensor = (torch.from_numpy(some).permute(0, 3, 1, 2).float() - 127.5) / 128.0
            return np.concatenate([net(part).numpy() for part in batch.split(16)])

    apart = 1 - cosines(backbone.embed(pixels[:16]), facenet_embeds(pixels[:16])).min()
    few, one = pixels[:8], _singly(backbone.embed)
    return [
        _row("one chip, InceptionResnetV1", _pairs(one, few, _singly(facenet_embeds), few, rounds), 8, 8),
        _row(
            f"{count} chips, each, InceptionResnetV1",
            _pairs(backbone.embed, pixels, facenet_embeds, pixels, rounds),
            count,
            count,
        ),
        Measure("1 − cosine with InceptionResnetV1", float(apart), bar="≤ 1e-6", unit=""),
    ]


def chips(pipe: Pipeline, count: int) -> Pixels:
    """``count`` chips (count, size, size, 3) of faces."""
    found = [face.chip.pixels for path in sorted(folders.samples().glob("*.[jp][pn]g")) for face in pipe.faces(path)]
    return np.stack([np.roll(found[i % len(found)], i // len(found), axis=1) for i in range(count)])


def random_facenet() -> nn.Module:
    """facenet_pytorch's network with the classifier its released files have."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net: nn.Module = InceptionResnetV1(classify=True, num_classes=10).eval()
        for module in net.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.kaiming_normal_(module.weight)
    return net


def cosines(a: Floats, b: Floats) -> Floats:
    """Of each row of ``a`` with the same row of ``b``."""
    product: Floats = (a * b).sum(axis=1) / (np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1))
    return product


def _singly(embed: Callable[[Pixels], object]) -> Callable[[Pixels], object]:
    """One chip at a time, several in turn: each use of the other network pushes this one's weights out of the cache."""
    return lambda some: [embed(one[None]) for one in some]


def _summaries(backbone: Backbone) -> Callable[[list[Chip]], object]:
    return lambda faces: templates(backbone, faces)


def _pairs(
    ours: Callable[..., object], what: object, theirs: Callable[..., object], other: object, rounds: int
) -> list[tuple[float, float]]:
    return paired(lambda: ours(what), lambda: theirs(other), rounds)


def _row(name: str, pairs: list[tuple[float, float]], ours: int, theirs: int, bar: str = "") -> Measure:
    """``pairs`` of seconds for so many chips of ours and of theirs, as ms for one."""
    each = [(a / ours * 1e3, b / theirs * 1e3) for a, b in pairs]
    return Measure(name, *medians(each), ratio(each), bar, "ms")


if __name__ == "__main__":
    main()
