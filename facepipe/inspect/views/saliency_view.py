"""Which pixels carry the match, as a view: squares over two faces, the curves that test them, and what was measured."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from facepipe.inspect.views.deletion import FILLS
from facepipe.inspect.views.paint import peak
from facepipe.inspect.views.saliency import Saliency
from facepipe.inspect.views.squares import COLOURS, side_by_side
from facepipe.page.view import Block, Chart, Check, Picture, Table, Text, View

_STABLE = 0.9  # rank correlation of two halves that may be called stable
_DESTROYED = 0.5  # rank correlation with an unlearnt network's map that is still none of the learnt one's doing
_LINES = (("#d97706", "-"), ("#777777", "--"), ("#2563be", ":"))  # map, random, centred

# python scripts/measure_saliency.py lfw-dev --pairs 50
_MEASURED = Text(
    "Does it hold beyond this pair? Measured with sface on 50 genuine pairs of LFW, 256 masks each: the mean deletion "
    "area is 0.102 by the map, 0.148 from the centre, 0.290 at random (mean colour), and 0.110, 0.159, 0.302 "
    "(blurred). The map is better than either order with p < 1e-11 (paired Wilcoxon test).",
    "换一对脸还成立吗？用 sface 在 50 对 LFW 同一人照片上测量，每对 256 个遮挡：遮住曲线的平均面积，"
    "按图为 0.102，从中心向外 0.148，随机 0.290（平均颜色）；模糊时分别为 0.110、0.159、0.302。"
    "按图的排序优于另外两种，p < 1e-11（配对 Wilcoxon 检验）。",
)
_FILL_NAMES = (Text("mean colour", "平均颜色"), Text("blurred", "模糊"))


def show_saliency(result: Saliency, threshold: float | None = None) -> View:
    """The view of ``result``; ``threshold``, a cosine, is drawn in the curves when given."""
    grid, masks = len(result.maps[0].values), result.maps[0].masks
    intro = Text(
        f"Each face is shown {masks} times with half of its {grid} × {grid} squares hidden under its mean colour, and "
        "scored with the other face, whole. How closely the score follows a square being visible (Pearson's "
        "correlation) is the square's number: above zero it supports the match, below zero it opposes it.",
        f"每张脸展示 {masks} 次，每次把 {grid} × {grid} 个方格中的一半用该脸的平均颜色盖住，再与完整的另一张脸比较。"
        "一个方格是否露出与余弦之间的皮尔逊相关系数，就是它的数值：大于零表示支持匹配，小于零表示反对。",
    )
    blocks: tuple[Block, ...] = (
        _maps(result),
        _halves(result),
        _chart(result, threshold),
        _areas(result),
        _MEASURED,
    )
    return View(
        "saliency", Text("Which pixels carry the match", "哪些像素支撑匹配"), intro, blocks, tuple(_checks(result))
    )


def _maps(result: Saliency) -> Picture:
    a, b = (found.values for found in result.maps)
    full = max(peak(a), peak(b))
    caption = Text(
        f"{COLOURS.en}; the fullest colour is a correlation of ±{full:.2f}. Left the first face, right the second. A "
        f"square is {result.pixels[0].shape[0] / len(a):.0f} px of the chip wide; nothing finer was measured.",
        f"{COLOURS.zh}；最深的颜色为相关系数 ±{full:.2f}。左为第一张脸，右为第二张。"
        f"一个方格宽 {result.pixels[0].shape[0] / len(a):.0f} 像素；更细的没有测量。",
    )
    alt = Text("Both faces under the squares that support or oppose the match", "两张脸，上面叠着支持或反对匹配的方格")
    return Picture("map", side_by_side(result.pixels, (a, b), result.pixels[0].shape[0] / len(a), full), alt, caption)


def _halves(result: Saliency) -> Text:
    a, b = (found.halves for found in result.maps)
    en = f"Half of the masks against the other half: rank correlation {a:.2f} (first face), {b:.2f} (second). "
    zh = f"用一半遮挡与另一半遮挡分别排序，两者的等级相关系数：第一张脸 {a:.2f}，第二张脸 {b:.2f}。"
    if min(a, b) < _STABLE:
        en += f"Below {_STABLE}, so do not read much into squares of similar colour."
        zh += f"低于 {_STABLE}，颜色相近的方格之间的差别不必当真。"
    return Text(en.strip(), zh)


def _chart(result: Saliency, threshold: float | None) -> Chart:
    figure = Figure(figsize=(7, 5.4), layout="constrained")
    axes = figure.subplots(2, 2, sharex=True, sharey=True)
    drawn = [np.mean([getattr(each, kind) for each in result.curves], axis=0) for kind in ("deletion", "insertion")]
    for column, label in enumerate(("squares hidden / %", "squares shown / %")):
        for row in range(len(FILLS)):
            ax = axes[row, column]
            for values, (colour, style) in zip(drawn[column][row], _LINES, strict=True):
                ax.plot(np.linspace(0, 100, len(values)), values, style, color=colour, linewidth=1.8)
            if threshold is not None:
                ax.axhline(threshold, color="#999999", linewidth=0.8)
            ax.spines[["top", "right"]].set_visible(False)
            ax.set_xlabel(label if row == 1 else "")
            ax.set_ylabel("cosine" if column == 0 else "")
    limit = ("; the thin line is the threshold", "；细线为阈值") if threshold is not None else ("", "")
    caption = Text(
        "The test: squares are hidden (left) or shown (right) one after another, mean of both faces. Solid orange: the "
        "most supporting first, as the map says; dashed grey: one random "
        "order; dotted blue: from the centre outwards, as a "
        "centred Gaussian ranks them. The better the order, the faster the fall on the left and the rise on the right. "
        f"Above, what is hidden takes the mean colour, below it is blurred{limit[0]}.",
        "检验：逐个遮住（左）或露出（右）方格，取两张脸的平均。橙色实线：按上图从最支持的开始；灰色虚线：一个随机顺序；"
        "蓝色点线：从中心向外，"
        "即以中心高斯排序。排序越好，左边下降越快，右边上升越快。上排用平均颜色遮挡，下排用模糊遮挡"
        f"{limit[1]}。",
    )
    alt = Text("Score against the share of hidden or shown squares", "余弦随遮住或露出的方格比例的变化")
    return Chart("curves", figure, alt, caption)


def _areas(result: Saliency) -> Table:
    caption = Text(
        "Area under the curves, mean of both faces: deletion should be low, insertion high.",
        "曲线下面积，两张脸的平均：遮住应低，露出应高。",
    )
    head = (
        Text("test", "检验"),
        Text("map", "本图"),
        Text("one random order", "一个随机顺序"),
        Text("centred Gaussian", "中心高斯"),
    )
    rows = []
    for sign, kind in (("−", "deletion_area"), ("+", "insertion_area")):
        areas = np.mean([getattr(each, kind) for each in result.curves], axis=0)
        rows += [(f"{sign} {fill}", *(f"{v:.4f}" for v in row)) for fill, row in zip(FILLS, areas, strict=True)]
    return Table(caption, head, tuple(rows))


def _checks(result: Saliency) -> list[Check]:
    least = min(found.halves for found in result.maps)
    halves = Text(
        f"Both halves of the masks rank the squares alike (1 − rank correlation, the lesser face; aim {_STABLE})",
        f"两半遮挡对方格的排序一致（1 − 等级相关系数，取较差的一张脸；目标 {_STABLE}）",
    )
    checks = [Check(halves, 1 - least, 1 - _STABLE)]
    areas = np.mean([each.deletion_area for each in result.curves], axis=0)
    for order, name in ((1, Text("in one random order", "一个随机顺序")), (2, Text("from the centre", "从中心向外"))):
        for fill, row in zip(_FILL_NAMES, areas, strict=True):
            what = Text(
                f"Hiding by the map lowers the score faster than {name.en} ({fill.en}; difference of areas)",
                f"按图遮住比{name.zh}更快降低余弦（{fill.zh}；面积之差）",
            )
            checks.append(Check(what, float(row[0] - row[order]), 0.0))
    if result.shuffled is not None:
        what = Text(
            "With the network's weights shuffled, another map comes out (size of the rank correlation, first face)",
            "打乱网络权重后得到的是另一张图（等级相关系数的绝对值，第一张脸）",
        )
        checks.append(Check(what, abs(result.shuffled), _DESTROYED))
    return checks
