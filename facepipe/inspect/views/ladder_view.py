"""The view of the ladder: one picture per depth, and its numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np

from facepipe.inspect.graphs.network import Network
from facepipe.inspect.views.ladder import SHARE, Apart, Ladder, Rung, densest
from facepipe.inspect.views.paint import ORANGE, TEAL, beside, enlarge, fill, grey, mosaic, outline
from facepipe.inspect.views.search_view import found_by
from facepipe.page.view import Block, Check, Picture, Table, Text, View
from facepipe.records import Pixels

SIDE = 150  # px, of the face on the page, at least
COLUMNS = 6


def show_ladder(
    ladder: Ladder, other: Ladder | None = None, cascade: Sequence[Network] = (), finder: str | None = None
) -> View:
    """The view of what ``climb`` found.

    ``other`` is a second face, climbed with the same layers and channels, and shown below the first; ``cascade`` are
    networks that find a face, whose windows grow; ``finder`` is the detector that found it, where that is another.
    """
    second = dict(zip(ladder.rungs, other.rungs, strict=True)) if other is not None else {}
    blocks: list[Block] = []
    for number, rung in enumerate(ladder.rungs):
        rungs = [rung, *([second[rung]] if rung in second else [])]
        top = max(float(each.maps.max()) for each in rungs) if rung.maps[0].size == 1 else None
        rows = [_row(ladder.pixels, rung, top)]
        if other is not None:
            rows.append(_row(other.pixels, second[rung], top))
        alt = Text(f"The field and the strongest channels of {rung.shown}", f"{rung.shown} 的感受野与最强通道")
        blocks.append(Picture(f"rung-{number:02}", mosaic(rows, 1, 6), alt, _caption(rung, ladder)))
    blocks.append(_table(ladder))
    if ladder.apart is not None:
        blocks.append(_two_steps(ladder.apart))
    if cascade:
        blocks.append(_cascade(cascade, finder))
    checks = [check for one in (ladder, other) if one is not None for check in _checks(one)]
    return View("ladder", Text("The ladder of depths", "逐层阶梯"), _intro(ladder), tuple(blocks), tuple(checks))


def _intro(ladder: Ladder) -> Text:
    count = len(ladder.rungs[0].channels)
    seen, seen_zh = ".", "。"
    if any(rung.gradient is not None for rung in ladder.rungs):
        seen = (
            f"; bright is what does reach it, the pixels that hold {SHARE:.0%} of its gradient, and the green square "
            "around the field's centre holds as much."
        )
        seen_zh = (
            f"；明亮处是真正影响它的像素，合起来占其梯度的 {SHARE:.0%}；以感受野中心为中心的绿色方框也含同样多的梯度。"
        )
    more, more_zh = "", ""
    if any(rung.maps[0].size == 1 for rung in ladder.rungs):
        more, more_zh = " Maps of one place share one scale.", "只有一个位置的特征图共用一个尺度。"
    if any(rung.maps.min() < 0 for rung in ladder.rungs):
        more += " What lies below 0 is handed on too, though it is not shown."
        more_zh += "小于 0 的值同样传给下一层，只是这里不显示。"
    return Text(
        "From simple to complex, from local to whole. On the left the face: the orange box is the theoretical "
        f"receptive field of the unit in the middle of the map, all that could reach it{seen} On the right the "
        f"{count} channels with the largest mean, strongest first, each on a scale of its own: black is 0 or less, "
        f"white its largest value.{more}",
        "由简单到复杂，由局部到整体。左边是人脸：橙框是特征图中央单元的理论感受野，即可能影响它的全部像素"
        f"{seen_zh}右边是平均响应最强的 {count} 个通道，由强到弱，各自缩放：黑色为 0 或更小，白色为该通道的最大值。"
        f"{more_zh}",
    )


def _row(pixels: Pixels, rung: Rung, top: float | None) -> Pixels:
    """The face with both fields, and the channels; white is ``top``, or each one's largest value."""
    tiles = [grey(values, 0, float(values.max()) if top is None else max(top, 0.0)) for values in rung.maps]
    times = max(1, _side(pixels) // 2 // max(rung.maps.shape[1:]))
    columns = min(COLUMNS, -(-len(tiles) // 2))
    return beside([_face(pixels, rung), mosaic([enlarge(tile, times) for tile in tiles], columns, 2)], 6)


def _side(pixels: Pixels) -> int:
    """The face's longer side on the page, px: a whole multiple. Two rows of maps are as high."""
    longer = max(pixels.shape[:2])
    return -(-SIDE // longer) * longer


def _face(pixels: Pixels, rung: Rung) -> Pixels:
    times = _side(pixels) // max(pixels.shape[:2])
    plain = grey(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.float32), 0, 255)
    dark = (plain * 0.3).astype(np.uint8)
    if rung.gradient is not None:
        seen = densest(rung.gradient)
        dark[seen] = plain[seen]
    big = enlarge(dark, times)
    box = (0, 0, pixels.shape[0] - 1, pixels.shape[1] - 1) if rung.box is None else rung.box
    outline(big, _times(box, times), ORANGE, 2)
    if rung.effective > 0:
        y, x, half = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2, (rung.effective - 1) / 2
        square = int(np.ceil(y - half)), int(np.ceil(x - half)), int(y + half), int(x + half)
        outline(big, _times(square, times), TEAL, 1)
    return big


def _times(box: tuple[int, int, int, int], times: int) -> tuple[int, int, int, int]:
    return box[0] * times, box[1] * times, (box[2] + 1) * times - 1, (box[3] + 1) * times - 1


def _caption(rung: Rung, ladder: Ladder) -> Text:
    channels, height, width = len(rung.maps), *rung.maps.shape[1:]
    small = min(ladder.pixels.shape[:2])
    past = rung.field is not None and max(rung.field.size) > small
    sees = (f"{_size(rung)} px" if rung.field is not None else "everything") + (", more than the face" if past else "")
    sees_zh = (f"{_size(rung)} 像素" if rung.field is not None else "整张脸") + ("（超出人脸图像）" if past else "")
    really, really_zh = "", ""
    if rung.gradient is not None:
        really = f"; {SHARE:.0%} of the gradient lies within {rung.effective:.0f} px"
        really_zh = f"；{SHARE:.0%} 的梯度落在 {rung.effective:.0f} 像素以内"
    grown, grown_zh = _grown(rung)
    if rung.layer.depthwise:
        grown, grown_zh = f" Each map comes from one map alone.{grown}", f"每张图只来自一张图。{grown_zh}"
    return Text(
        f"{rung.shown}: {rung.layer.shape[0]} maps of {height} × {width}, {channels} shown. A unit could see "
        f"{sees}{really}.{grown}",
        f"{rung.shown}：{rung.layer.shape[0]} 张 {height} × {width} 的特征图，显示 {channels} 张。一个单元理论上可看到 "
        f"{sees_zh}{really_zh}。{grown_zh}",
    )


def _grown(rung: Rung) -> tuple[str, str]:
    """Why a map is larger than what the convolution put out: it was padded and added to a larger one."""
    own, shown = rung.layer.shape[1:], rung.maps.shape[1:]
    if own == shown:
        return "", ""
    sizes = "{} × {}".format(*own), "{} × {}".format(*shown)
    return (
        f" The convolution's {sizes[0]} is padded with zeros, below and to the right, to the skip's {sizes[1]}, and "
        "added to it.",
        f"卷积输出的 {sizes[0]} 在下边和右边补零到跳跃连接的 {sizes[1]}，再与之相加。",
    )


def _size(rung: Rung) -> str:
    return "–" if rung.field is None else "{} × {}".format(*rung.field.size)


def _table(ladder: Ladder) -> Table:
    rows, below = [], list[str]()
    for rung in ladder.rungs:
        layer = rung.layer
        effective = "–" if rung.gradient is None else f"{rung.effective:.0f}"
        weights = _weights(rung)
        ratio = rung.dense / weights
        below += [layer.name] if ratio < 1 else []
        costs = f"{weights:,}", f"{layer.multiply_adds:,}", f"{rung.dense:,}", _times_as_many(ratio)
        rows.append((layer.name, "{}×{}×{}".format(*layer.shape), _size(rung), effective, *costs))
    head = (
        ("convolution", "卷积"),
        ("output", "输出"),
        ("field, px", "感受野（像素）"),
        ("effective, px", "有效感受野（像素）"),
        ("weights", "权重"),
        ("multiply-adds", "乘加次数"),
        ("dense layer", "全连接所需权重"),
        ("ratio", "倍数"),
    )
    few = few_zh = ""
    if below:
        few = f" Below 1 ({', '.join(below)}) most of a kernel lies on padding."
        few_zh = f"倍数小于 1 处（{'、'.join(below)}），卷积核的大部分落在填充上。"
    faces = ladder.faces
    caption = Text(
        "Weights without biases. The dense layer would link each number of the input maps with each of the output. The "
        "fields "
        f"are those of the maps shown above; gradients are the mean over {faces} "
        f"{'face' if faces == 1 else 'faces'}.{few}",
        "权重不含偏置。全连接层会把输入特征图的每个数与输出的每个数相连。感受野对应上面显示的特征图；"
        f"梯度为 {faces} 张人脸的平均。{few_zh}",
    )
    return Table(caption, tuple(Text(*words) for words in head), tuple(rows))


def _weights(rung: Rung) -> int:
    """Without biases: one multiply-add each at every place."""
    return max(rung.layer.multiply_adds // math.prod(rung.layer.shape[1:]), 1)


def _times_as_many(ratio: float) -> str:
    return f"{ratio:,.0f}×" if ratio >= 10 else f"{ratio:.2g}×"


def _two_steps(apart: Apart) -> Text:
    return Text(
        f"{apart.depthwise} of the {apart.convolutions} convolutions are depthwise: each map is looked at by itself, "
        f"with one kernel. They hold {apart.weights:.1%} of the convolutions' weights and do {apart.multiply_adds:.1%} "
        "of their multiply-adds. The others add maps up; those of 1 × 1 do so at each place alone, so past them a unit "
        "sees no farther.",
        f"{apart.convolutions} 个卷积中有 {apart.depthwise} 个是逐通道卷积（depthwise）：每张图单独用一个卷积核处理。"
        f"它们只占卷积权重的 {apart.weights:.1%}、乘加次数的 {apart.multiply_adds:.1%}。其余卷积把各张图加起来；"
        "其中 1 × 1 的只在每个位置上相加，因此感受野不会因它们而变大。",
    )


def _cascade(networks: Sequence[Network], finder: str | None) -> Picture:
    tiles = [fill(network.pixels, (192, 192)) for network in networks]
    names = ", ".join("{} {} × {} px".format(n.name, *n.pixels.shape[:2]) for n in networks)
    who = Text("", "") if finder is None else found_by(finder)
    alt = Text("What the networks that find a face see of this one", "查找人脸的各网络看到的这张脸")
    caption = Text(
        f"Coarse to fine in the literal sense is how MTCNN finds a face: {names}. P-Net sees it shrunk to 12 px, "
        f"R-Net to 24, O-Net to 48. In the ladder above the picture is the same at every depth. {who.en}".rstrip(),
        f"字面意义上的“由粗到细”是 MTCNN 查找人脸的过程：{names}。"
        "P-Net 看的是缩小到 12 像素的脸，R-Net 24 像素，O-Net 48 像素。而上面的阶梯中，各层看到的是同一张图像。"
        f"{who.zh}",
    )
    return Picture("cascade", beside(tiles), alt, caption)


def _checks(ladder: Ladder) -> list[Check]:
    rungs = [rung for rung in ladder.rungs if rung.gradient is not None]
    if not rungs:
        return []
    inside = [rung for rung in rungs if rung.box is not None]
    bounded = [rung.effective - max(rung.field.size) for rung in rungs if rung.field is not None]
    return [
        Check(
            Text(
                f"{ladder.network}: outside the theoretical box the gradient is exactly 0 ({len(inside)} depths)",
                f"{ladder.network}：理论感受野之外梯度严格为 0（{len(inside)} 个深度）",
            ),
            max((rung.outside for rung in inside), default=0.0),
            0.0,
        ),
        Check(
            Text(
                f"{ladder.network}: no effective field is larger than the theoretical one (largest difference, px)",
                f"{ladder.network}：有效感受野都不大于理论感受野（最大差值，像素）",
            ),
            max(bounded, default=0.0),
            0.0,
        ),
    ]
