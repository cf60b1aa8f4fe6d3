"""Translation: what a network makes of a shifted picture, layer by layer and in the embedding."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from facepipe.errors import UsageError
from facepipe.inspect.graphs.graph import Field
from facepipe.inspect.graphs.network import Network
from facepipe.records import Floats, Pixels

CANVAS = 288  # px, the largest side that is worth its time: 6.6 times the work of a 112 px face, for each shift
EVERY = 8  # px: up to here every shift is tried, beyond every second one
LAYERS = 4
AT_MOST = 1000  # crops compared


@dataclass(frozen=True, eq=False)
class Crops:
    """A fully convolutional network on small crops against its map of the whole picture (h, w) px.

    The unit [i, j] of ``layer`` (H, W) is compared with what the network says to the crop of ``window`` px at (i, j) ·
    ``stride``. ``compared`` units; of them ``cut`` have a window that is cut by the picture's lower or right border
    (the pool before rounds up) and are compared with the crop that is left. ``error`` is the largest difference
    relative to the map's largest magnitude.
    """

    layer: str
    picture: tuple[int, int]
    shape: tuple[int, int]
    window: int
    stride: int
    compared: int
    cut: int
    error: float


@dataclass(frozen=True, eq=False)
class Equivariance:
    """E(δ) = ‖T_{δ/s} F(x) − F(T_δ x)‖ / ‖F(x)‖ of ``layer`` for the ``shifts`` δ (px, to the right), ``stride`` s px.

    Over the units whose field of ``field`` px lies inside the ``canvas`` (side, px) before and after. Between whole
    strides the map is shifted by linear interpolation. ``maps``: for δ = s and δ = s/2 the strongest channel
    (T F(x), F(T x)), each (H, W).
    """

    layer: str
    stride: int
    field: int
    canvas: int
    shifts: tuple[int, ...]
    errors: tuple[float, ...]
    maps: dict[int, tuple[Floats, Floats]]

    @property
    def whole(self) -> float:
        """The largest error at whole strides."""
        return max(e for d, e in zip(self.shifts, self.errors, strict=True) if d % self.stride == 0)


@dataclass(frozen=True, eq=False)
class Invariance:
    """The cosine (−1..1) of a face's embedding with that of the face shifted by ``shifts`` px, ``right`` and "
    "``down``."""

    shifts: tuple[int, ...]
    right: tuple[float, ...]
    down: tuple[float, ...]
    threshold: float


def compare_crops(network: Network, layer: str | None = None) -> Crops:
    """``Crops`` of ``network`` (P-Net) on its picture, for ``layer`` (None: its last convolution).

    Raises UsageError where crops cannot be compared: the field is unknown, or larger than the picture, or padded.
    """
    name = layer or (network.convolutions or [""])[-1]
    field = network.fields.get(name) if name else None
    if field is None or min(field.first) < 0 or len({*field.size}) > 1 or field.size[0] > min(network.x.shape[2:]):
        raise UsageError(f"{network.name}: {name or 'no convolution'} is not a map whose units see a crop each")
    run = pass_to(network, [name])
    whole = run(network.x)[name][0]
    window, stride = field.size[0], field.jump[0]
    units = [(i, j) for i in range(whole.shape[1]) for j in range(whole.shape[2])]
    units = [units[k] for k in np.linspace(0, len(units) - 1, min(len(units), AT_MOST)).round().astype(int)]
    groups: dict[tuple[int, ...], list[tuple[int, int]]] = {}
    for i, j in units:
        groups.setdefault(tuple(_crop(network.x, i * stride, j * stride, window).shape), []).append((i, j))
    worst = 0.0
    for members in groups.values():
        crops = torch.cat([_crop(network.x, i * stride, j * stride, window) for i, j in members])
        alone = run(crops)[name][:, :, 0, 0]
        there = torch.stack([whole[:, i, j] for i, j in members])
        worst = max(worst, float((alone - there).abs().max()))
    cut = sum(len(members) for shape, members in groups.items() if shape[2:] != (window, window))
    picture, shape = (int(network.x.shape[2]), int(network.x.shape[3])), (int(whole.shape[1]), int(whole.shape[2]))
    error = worst / (float(whole.abs().max()) or 1.0)
    return Crops(name, picture, shape, window, stride, len(units), cut, error)


def measure_equivariance(
    network: Network, layers: Sequence[str] | None = None, shifts: Sequence[int] | None = None
) -> tuple[Equivariance, ...]:
    """``Equivariance`` of ``layers`` (None: ``movable``) for ``shifts`` ≥ 0 px (None: about one stride).

    On a canvas on which the face is mirrored over and over; a shifted canvas is another window of that larger picture,
    so nothing has to be made up at its border. All padding of the network lies outside the units compared. Nothing for
    an ONNX network, whose input has one size. Raises UsageError for a layer without a field.
    """
    names = movable(network) if layers is None else tuple(layers)
    if not names or not network.differentiable:
        return ()
    fields = {name: _field(network, name) for name in names}
    longest = max(max(f.size) + 2 * max(f.jump) for f in fields.values())
    most = max(f.jump[1] for f in fields.values())
    if shifts is None:
        shifts = (*range(EVERY + 1), *range(EVERY + 2, most + 1, 2))
        wanted = {name: [d for d in shifts if d <= max(EVERY, f.jump[1])] for name, f in fields.items()}
    else:
        wanted = {name: list(shifts) for name in names}
    reach = max(shifts)
    canvas = longest + reach + 16
    texture = mirrored(network.x, canvas, reach)
    run = pass_to(network, names)
    still = run(texture[..., reach:])
    errors: dict[str, list[float]] = {name: [] for name in names}
    maps: dict[str, dict[int, tuple[Floats, Floats]]] = {name: {} for name in names}
    for shift in shifts:
        moved = run(texture[..., reach - shift : reach - shift + canvas])
        for name, field in ((n, f) for n, f in fields.items() if shift in wanted[n]):
            expected, found, norm = _aligned(still[name], moved[name], shift, field, canvas)
            errors[name].append(float((expected - found).norm() / norm) if norm else 0.0)
            if shift in (field.jump[1], field.jump[1] // 2):
                channel = int(still[name][0].mean(dim=(1, 2)).argmax())
                maps[name][shift] = expected[channel].cpu().numpy(), found[channel].cpu().numpy()
    return tuple(
        Equivariance(name, f.jump[1], max(f.size), canvas, tuple(wanted[name]), tuple(errors[name]), maps[name])
        for name, f in fields.items()
    )


def movable(network: Network) -> tuple[str, ...]:
    """At most ``LAYERS`` layers, one per stride, the deepest whose field and shifts fit a canvas of ``CANVAS`` px."""
    deepest: dict[int, str] = {}
    for name, field in network.fields.items():
        if not name or field is None or network.layers[name].kind == "pool":
            continue
        if field.jump[0] == field.jump[1] and max(field.size) + 5 * field.jump[0] + 16 <= CANVAS:
            deepest[field.jump[1]] = name
    return tuple(deepest.values())[-LAYERS:]


def left_out(network: Network, measured: Sequence[Equivariance]) -> tuple[str, ...]:
    """The layers deeper than those measured."""
    names = list(network.layers)
    deepest = max((names.index(one.layer) for one in measured), default=-1)
    return tuple(names[deepest + 1 :])


def measure_invariance(
    pixels: Pixels,
    embed: Callable[[Pixels], Floats],
    threshold: float,
    shifts: Sequence[int] = tuple(range(-20, 21, 4)),
) -> Invariance:
    """``embed`` takes (h, w, 3) uint8 RGB to a vector (D,), mirrored and averaged as the pipeline does.

    ``threshold`` is the cosine in force. What comes in at the border repeats the outermost pixels.
    """
    reach = max(abs(shift) for shift in shifts)
    wide = cv2.copyMakeBorder(pixels, *(reach,) * 4, cv2.BORDER_REPLICATE)
    own = _unit(embed(pixels))

    def similarity(down: int, right: int) -> float:
        y, x = reach - down, reach - right
        window = wide[y : y + pixels.shape[0], x : x + pixels.shape[1]]
        return float(own @ _unit(embed(np.ascontiguousarray(window))))

    right, down = tuple(similarity(0, s) for s in shifts), tuple(similarity(s, 0) for s in shifts)
    return Invariance(tuple(shifts), right, down, threshold)


class _Enough(Exception):
    """Ends a pass: all that was wanted has been seen."""


def pass_to(network: Network, layers: Sequence[str]) -> Callable[[Tensor], dict[str, Tensor]]:
    """``Network.outputs``, but no further than the last of ``layers``: what comes after may need another size."""
    found: dict[str, Tensor] = {}
    wanted = len(set(layers))

    def see(name: str, values: Tensor) -> None:
        found[name] = values.clone()
        if len(found) == wanted:
            raise _Enough

    forward = network.watcher(layers, see)

    def run(x: Tensor) -> dict[str, Tensor]:
        found.clear()
        with suppress(_Enough):
            forward(x)
        return dict(found)

    return run


def mirrored(x: Tensor, canvas: int, more: int) -> Tensor:
    """``x`` (1, C, h, w) mirrored over and over to (1, C, canvas, canvas + more), itself in the middle."""
    while x.shape[2] < canvas or x.shape[3] < canvas + more:
        grow = [min(have - 1, max(0, -(-(want - have) // 2))) for have, want in _sides(x, canvas, more)]
        x = functional.pad(x, (grow[1], grow[1], grow[0], grow[0]), mode="reflect")
    y, left = (x.shape[2] - canvas) // 2, (x.shape[3] - canvas - more) // 2
    return x[:, :, y : y + canvas, left : left + canvas + more].contiguous()


def _sides(x: Tensor, canvas: int, more: int) -> tuple[tuple[int, int], tuple[int, int]]:
    return (int(x.shape[2]), canvas), (int(x.shape[3]), canvas + more)


def _aligned(still: Tensor, moved: Tensor, shift: int, field: Field, canvas: int) -> tuple[Tensor, Tensor, float]:
    """T_{δ/s} F(x) and F(T_δ x), (C, H, W) each, where both are sound, and the norm of F(x) there."""
    rows = _inside(still.shape[2], field.first[0], field.last[0], field.jump[0], canvas)
    columns = _inside(still.shape[3], field.first[1], field.last[1], field.jump[1], canvas)
    steps, rest = divmod(shift, field.jump[1])
    part = rest / field.jump[1]
    kept = range(columns.start + steps + 1, columns.stop)  # unit j comes from j − steps − part
    source = [j - steps for j in kept]
    own = still[0, :, rows.start : rows.stop]
    expected = (1 - part) * own[:, :, source] + part * own[:, :, [j - 1 for j in source]] if part else own[:, :, source]
    found = moved[0, :, rows.start : rows.stop][:, :, list(kept)]
    return expected, found, float(own[:, :, source].norm())


def _inside(count: int, first: int, last: int, jump: int, canvas: int) -> range:
    """The units whose field lies inside the canvas."""
    inside = [i for i in range(count) if first + i * jump >= 0 and last + i * jump < canvas]
    return range(inside[0], inside[-1] + 1)


def _field(network: Network, layer: str) -> Field:
    field = network.fields.get(layer)
    if field is None:
        raise UsageError(f"{layer}: no layer of {network.name} with a receptive field; `facepipe inspect --list`")
    return field


def _crop(x: Tensor, y: int, left: int, window: int) -> Tensor:
    return x[:, :, y : y + window, left : left + window]


def _unit(vector: Floats) -> Floats:
    return np.asarray(vector / (np.linalg.norm(vector) or 1), np.float32)
