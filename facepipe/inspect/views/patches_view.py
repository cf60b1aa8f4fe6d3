"""View 3: what excites a channel, as sheets of patches, a curve of how much of a patch is needed, and a table."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import PIL.Image
from matplotlib.figure import Figure

from facepipe.inspect.views.patches import Channel, Exciters, Patch
from facepipe.page.view import Block, Chart, Check, Picture, Table, Text, View
from facepipe.records import Pixels

TILE = 48  # px, the most that a patch takes on its sheet
SHOWN = 56  # px on the page, about, of a smaller one
GAP, OWN = (128, 128, 128), (15, 157, 138)
STRIPES = (205, 210, 217), (168, 176, 186)  # outside the chip

TITLE = Text("What excites a channel", "什么会激活一个通道")
INTRO = Text(
    "A channel is one learnt feature, looked for at every place. Its strongest answers among real faces show what it "
    "looks for: from edges and spots of a few pixels in the first layers to much of a face in the last. People foresee "
    "a channel's answers better from such real patches than from synthetic images (Borowski et al. 2021).",
    "一个通道就是一种学到的特征，在每个位置上都被寻找。它在真实人脸上响应最强的地方，说明它在找什么："
    "最初几层是几个像素的"
    "边缘和斑点，最后几层是大半张脸。与看合成图像相比，看这类真实图块时，"
    "人更能准确预测通道的响应（Borowski 等，2021）。",
)
HEAD = (
    Text("layer, channel", "层、通道"),
    Text("receptive field, px", "感受野（像素）"),
    Text("this face", "这张脸"),
    Text("strongest", "最强"),
    Text("weakest shown", "所示最弱"),
)


def show_exciters(result: Exciters) -> View:
    """The view of what ``find_exciters`` found."""
    layers = list(dict.fromkeys(channel.layer for channel in result.channels))
    blocks: list[Block] = [
        _sheet(result, layer, [channel for channel in result.channels if channel.layer == layer]) for layer in layers
    ]
    return View("exciters", TITLE, INTRO, (*blocks, _chart(result), _table(result)), (_check(result),))


def _sheet(result: Exciters, layer: str, channels: Sequence[Channel]) -> Picture:
    """One row per channel: this face's patch, a line, the strongest patches."""
    columns = max(len(channel.patches) for channel in channels)
    rows = [
        _row(
            [
                _tile(c.own, result, c.side),
                *(_tile(p, result, c.side) for p in (*c.patches, *[None] * columns)[:columns]),
            ]
        )
        for c in channels
    ]
    pixels = _few_colours(np.concatenate([part for row in rows for part in (row, _line(row.shape[1], GAP))][:-1]))
    side, indices = channels[0].side, [str(channel.index) for channel in channels]
    numbers, numbers_zh = ", ".join(indices), "、".join(indices)
    whole = side >= max(result.size)
    alt = Text(
        f"The patches that excite channels {numbers} of {layer} most", f"最能激活 {layer} 通道 {numbers_zh} 的图块"
    )
    caption = Text(
        f"{layer}, channels {numbers}, from top to bottom. Left of the green line the place of this face that excites "
        f"the channel most; right of it the strongest of {result.seen} chips, the first the strongest. "
        f"A unit's receptive field is {side} × {side} px{', larger than the chip' if whole else ''}; striped: "
        "outside the chip.",
        f"{layer}，自上而下为通道 {numbers_zh}。绿线左侧：这张脸上最能激活该通道的位置；右侧：{result.seen} "
        "张对齐人脸中最强的"
        f"图块，由强到弱。一个单元的感受野为 {side} × {side} 像素{'，大于人脸图像' if whole else ''}；"
        "条纹表示人脸图像之外。",
    )
    return Picture(layer.replace("/", "_"), pixels, alt, caption, max(1, round(SHOWN / rows[0].shape[0])))


def _tile(patch: Patch | None, result: Exciters, side: int) -> Pixels:
    """The patch in its receptive field, at most TILE px; along an axis where the field holds the chip, the chip."""
    height, width = (min(side, extent) for extent in result.size)
    tile = _striped(height, width)
    if patch is not None:
        y = max(-patch.box[0], 0) if height < result.size[0] else patch.corner[0]
        x = max(-patch.box[1], 0) if width < result.size[1] else patch.corner[1]
        tile[y : y + patch.pixels.shape[0], x : x + patch.pixels.shape[1]] = patch.pixels
    scale = TILE / max(height, width)
    if scale >= 1:
        return tile
    return np.asarray(cv2.resize(tile, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)


def _striped(height: int, width: int) -> Pixels:
    y, x = np.indices((height, width))
    period = max(4, max(height, width) // 8)
    return np.array(STRIPES, np.uint8)[((x + y) % period < period / 2).astype(int)]


def _row(tiles: Sequence[Pixels]) -> Pixels:
    """The tiles side by side; the line after the first is green."""
    between = [_line(tiles[0].shape[0], OWN), *[_line(tiles[0].shape[0], GAP)] * len(tiles)]
    parts = [part for tile, line in zip(tiles, between, strict=False) for part in (tile, line.transpose(1, 0, 2))]
    return np.concatenate(parts[:-1], axis=1)


def _line(length: int, colour: tuple[int, int, int]) -> Pixels:
    return np.full((1, length, 3), colour, np.uint8)


def _few_colours(pixels: Pixels) -> Pixels:
    """``pixels`` in 255 colours: a third of the bytes, and hardly to be seen."""
    return np.asarray(PIL.Image.fromarray(pixels).quantize(255).convert("RGB"))


def _chart(result: Exciters) -> Chart:
    figure = Figure(figsize=(6.4, 3.4))
    axes = figure.subplots()
    lines = [(layer, shares) for layer, shares in result.kept.items() if shares]
    for number, (layer, shares) in enumerate(lines):
        axes.plot(list(shares), list(shares.values()), "o-", ms=3.5, label=layer, color=_shade(number, len(lines)))
    axes.axhline(1, color="0.7", lw=0.8, zorder=0)
    sides = sorted({side for _, shares in lines for side in shares})
    axes.set(xscale="log", xlabel="s (px)", ylabel="(A(s) − A₀) / (A − A₀)", ylim=(min(0.0, axes.get_ylim()[0]), None))
    axes.set_xticks(_apart(sides), [str(side) for side in _apart(sides)])
    axes.minorticks_off()
    axes.spines[["top", "right"]].set_visible(False)
    if lines:
        axes.legend(frameon=False, fontsize=8)
    alt = Text("How much of the activation squares of growing side reproduce", "边长渐增的方块再现激活值的比例")
    caption = Text(
        "How much of its surroundings a channel needs: the share (A(s) − A₀) / (A − A₀) of the strongest patch's "
        "activation A that is left when only a square of side s around its centre is kept and all else is grey; what "
        "plain grey gives, A₀, is taken off. The median of a layer's channels. At the receptive field "
        "nothing is missing any more. Most of the activation often comes from less.",
        "一个通道需要多大范围：只保留最强图块中心边长为 s 的方块、其余涂灰时，激活值 A 剩下的比例 "
        "(A(s) − A₀) / (A − A₀)（已减去纯灰图的响应 A₀；同层各通道的中位数）。"
        "达到感受野时不再缺少任何东西；常常更小的范围就给出了大部分激活值。",
    )
    return Chart("kept", figure, alt, caption)


def _apart(sides: Sequence[int]) -> list[int]:
    """Those far enough apart for their numbers not to touch, the largest among them."""
    found: list[int] = []
    for side in reversed(sides):
        if not found or found[-1] >= 1.25 * side:
            found.append(side)
    return found


def _shade(number: int, count: int) -> tuple[float, float, float, float]:
    """Dark to light with depth."""
    from matplotlib import colormaps

    return colormaps["viridis"](0.9 * number / max(count - 1, 1))


def _table(result: Exciters) -> Table:
    rows = [
        (
            f"{c.layer}, {c.index}",
            f"{c.side} × {c.side}",
            f"{c.own.activation:.2f}" if c.own else "–",
            f"{c.patches[0].activation:.2f}" if c.patches else "–",
            f"{c.patches[-1].activation:.2f}" if c.patches else "–",
        )
        for c in result.channels
    ]
    caption = Text(
        f"The channels that this face excites most above plain grey, and how strongly; compared with {result.seen} "
        "chips.",
        f"这张脸激活最强（扣除纯灰图的响应）的通道及其激活值，与 {result.seen} 张对齐人脸比较。",
    )
    return Table(caption, HEAD, tuple(rows))


def _check(result: Exciters) -> Check:
    patches = sum(len(c.patches) + (c.own is not None) for c in result.channels)
    return Check(
        Text(
            f"each of {patches} patches alone, all else grey, gives back its activation (largest relative deviation)",
            f"{patches} 个图块各自单独出现、其余涂灰时，都再现其激活值（最大相对偏差）",
        ),
        result.deviation,
        1e-5,
    )
