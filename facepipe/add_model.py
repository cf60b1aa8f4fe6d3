"""Make an ONNX face embedder one of the user's models: a copy of the file, and a card that says how to feed it."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from facepipe import folders
from facepipe.align.transform import arcface_template
from facepipe.errors import UsageError, WeightsMissing
from facepipe.files import replacing
from facepipe.networks.cards import Card, all_cards, load_card

Points = Sequence[tuple[float, float]]


def add_onnx(
    path: Path,
    *,
    name: str | None = None,
    size: int | None = None,
    colour: str = "RGB",
    mean: float | Sequence[float] = 127.5,
    scale: float | Sequence[float] = 1 / 127.5,
    template: str | Points = "arcface",
    mirror: bool = False,
    licence: str = "not stated",
    source: str | None = None,
    replace: bool = False,
) -> Card:
    """Copy the ONNX file ``path`` to the user's models and write its card; return the card.

    What the file itself says (extents of image and vector) is read from it, and it must run; ``size`` in px is needed
    only where it leaves the image's open. The rest it cannot say: ``colour`` order RGB or BGR, (value − ``mean``) ×
    ``scale`` for one or three channels, ``template``: "arcface", or five points in chip px in the order of
    ``Detection.landmarks``. ``name`` is the file's unless given.
    Raises UsageError (a name that is taken, unless ``replace``), WeightsMissing (no such file, no room for a copy),
    CardInvalid, DependencyMissing.
    """
    from facepipe.embed.onnx import OnnxModel

    name = _free_name(path.stem if name is None else name, replace)
    data = _read(path)
    network = OnnxModel(data, path)
    size = _size(path, network.signature.size, size)
    dimension = network(np.zeros((1, 3, size, size), np.float32)).shape[1]
    sha256 = hashlib.sha256(data).hexdigest()
    # a file name of its own for other content: until the card is replaced, the old one finds what it knows
    file = f"{name}-{sha256[:12]}.onnx"
    table = {
        "name": name,
        "role": "backbone",
        "architecture": "onnx",
        "summary": f"{path.name}, {size}×{size} px → {dimension} numbers",
        "licence": licence,
        "source": source or path.name,
        "dimension": dimension,
        "mirror": mirror,
        "weights": [{"file": file, "sha256": sha256, "bytes": len(data)}],
        "input": {
            "size": size,
            "colour": _colour(colour),
            "mean": _numbers("mean", mean),
            "scale": _numbers("scale", scale),
            "template": _template(template, size),
        },
    }
    return _store(name, table, file, data)


def _read(path: Path) -> bytes:
    if path.is_dir():
        raise WeightsMissing(f"{path}: expected an ONNX file, got a folder; name the file in it")
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise WeightsMissing(f"{path}: no such file") from None
    except OSError as error:
        raise WeightsMissing(f"{path}: cannot be read: {error.strerror}") from None


def _free_name(name: str, replace: bool) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", name):
        raise UsageError(f"name {name!r}: expected up to 64 letters, digits, dots, dashes and underscores")
    for card in all_cards():
        if card.name == name and not replace:
            raise UsageError(f"{name}: there is such a model already ({card.path}); take another name, or replace it")
    return name


def _size(path: Path, found: int | None, given: int | None) -> int:
    if found is None and given is None:
        raise UsageError(f"{path}: it takes images of any size; say which one it was trained with")
    if None not in (found, given) and found != given:
        raise UsageError(f"size {given}: {path.name} takes {found}×{found} px")
    size = found if given is None else given
    if size is None or size < 1:
        raise UsageError(f"size {given}: expected a positive number of pixels")
    return size


def _colour(colour: str) -> str:
    if colour not in ("RGB", "BGR"):
        raise UsageError(f"colour {colour!r}: expected RGB or BGR")
    return colour


def _numbers(what: str, given: float | Sequence[float]) -> float | list[float]:
    values = [float(v) for v in given] if isinstance(given, Sequence) else [float(given)]
    if len(values) not in (1, 3) or not all(map(math.isfinite, values)):
        raise UsageError(f"{what}: expected one or three finite numbers, got {given!r}")
    return values if len(values) == 3 else values[0]


def _template(template: str | Points, size: int) -> list[list[float]]:
    if isinstance(template, str):
        if template != "arcface":
            raise UsageError(f"template {template!r}: expected arcface, or five points x, y")
        return arcface_template(size)
    points = [[float(value) for value in point] for point in template]
    if [len(point) for point in points] != [2] * 5 or not np.isfinite(points).all():
        raise UsageError(f"template: expected five points x, y, got {template!r}")
    return points


def _store(name: str, table: dict[str, Any], file: str, data: bytes) -> Card:
    """Write the weights, then the card that refers to them; remove the weights of an earlier card of that name."""
    import tomli_w

    folder = folders.user_models()
    path = folder / f"{name}.toml"
    before = [entry.file for entry in load_card(path).weights] if path.is_file() else []
    with replacing(folder / file, private=False) as stream:
        stream.write(data)
    with replacing(path, private=False) as stream:
        stream.write(tomli_w.dumps(table).encode())
    for old in set(before) - {file}:
        if re.fullmatch(rf"{re.escape(name)}-[0-9a-f]{{12}}\.onnx", old):  # made here
            (folder / old).unlink(missing_ok=True)
    return load_card(path)
