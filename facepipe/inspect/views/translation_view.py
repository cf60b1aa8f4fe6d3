"""The view of translation: charts, one picture and words for what ``translation`` measures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from facepipe.inspect.views.paint import BLUE, ORANGE, TEAL, grey, mosaic, peak, signed
from facepipe.inspect.views.translation import CANVAS, Crops, Equivariance, Invariance
from facepipe.page.view import Block, Chart, Check, Picture, Text, View
from facepipe.records import Floats

BOUND = 1e-5
FULL = 8  # the fullest colour of a difference: the map's largest value by this
INKS = tuple(np.array(colour) / 255 for colour in (TEAL, ORANGE, BLUE, (120, 81, 169)))
STYLES = ("o-", "s--", "^-.", "d:")


def show_translation(
    crops: Crops | None, layers: Sequence[Equivariance], embedding: Invariance | None, left: Sequence[str] = ()
) -> View:
    """The view of what was measured; each part may be missing. ``left`` names the layers left out of ``layers``."""
    blocks: list[Block] = []
    checks: list[Check] = []
    if crops is not None:
        blocks.append(_crops(crops))
        checks.append(_crops_check(crops))
    if layers:
        blocks += [_layers(layers), _errors(layers), _maps(layers[0]), _left(layers, left)]
        checks += [_layer_check(layer) for layer in layers]
    if embedding is not None:
        blocks.append(_embedding(embedding))
    intro = Text(
        "The same kernel slides over the whole picture, so a face that moves makes maps that move: convolution is "
        "equivariant to translation. With a stride of s that is exact only for shifts by multiples of s; between them "
        "the kernel samples other places (aliasing). The final embedding should not move at all, and is only roughly "
        "invariant.",
        "同一个卷积核滑过整幅图像，因此人脸移动时特征图也随之移动：卷积对平移是等变的。步幅为 s 时，只有平移 s "
        "的整数倍才严格成立；"
        "介于其间时卷积核采到的是别的位置（混叠）。最后的模板理应不变，但实际上只是近似不变。",
    )
    title = Text("Translation", "平移")
    return View("translation", title, intro, tuple(blocks), tuple(checks))


def _crops(c: Crops) -> Text:
    cut = cut_zh = ""
    if c.cut:
        cut = (
            f" Of these, {c.cut} at the lower or right border see less than {c.window} px: the pool rounds up "
            "(ceil_mode), so its last window is cut, and they equal the crop that is left."
        )
        cut_zh = (
            f"其中 {c.cut} 个位于下边或右边，看到的不足 {c.window} 像素："
            "池化向上取整（ceil_mode），最后一个窗口被截断，它们等于剩余部分的结果。"
        )
    return Text(
        f"P-Net slides a window of {c.window} px with a stride of {c.stride} px without ever cutting windows out: on a "
        f"picture of {c.picture[0]} × {c.picture[1]} px its map {c.layer} has {c.shape[0]} × {c.shape[1]} units. "
        "Unit [i, j] "
        f"says what the network says to the crop at ({c.stride}i, {c.stride}j) alone: {c.compared} units were "
        "compared, and "
        f"the largest difference is {c.error:.1e} of the largest value.{cut}",
        f"P-Net 用 {c.window} 像素的窗口、{c.stride} 像素的步幅扫过图像，却无需真的裁出窗口：对 {c.picture[0]} × "
        f"{c.picture[1]} 像素的图像，"
        f"{c.layer} 得到 {c.shape[0]} × {c.shape[1]} 个单元。单元 [i, j] 与只输入 ({c.stride}i, {c.stride}j) "
        "处的裁剪所得结果相同："
        f"比较了 {c.compared} 个单元，最大差异为最大值的 {c.error:.1e}。{cut_zh}",
    )


def _crops_check(c: Crops) -> Check:
    what = Text(
        f"P-Net on crops equals its map of the whole picture ({c.compared} units)",
        f"P-Net 对裁剪的输出等于整幅图像特征图上的对应值（{c.compared} 个单元）",
    )
    return Check(what, c.error, BOUND)


def _layer_check(e: Equivariance) -> Check:
    what = Text(
        f"{e.layer}: shifting the picture by multiples of {e.stride} px shifts the map (interior)",
        f"{e.layer}：图像平移 {e.stride} 像素的整数倍时，特征图随之平移（内部区域）",
    )
    return Check(what, e.whole, BOUND)


def _layers(layers: Sequence[Equivariance]) -> Text:
    return Text(
        f"Measured on a canvas of {layers[0].canvas} px filled with the face, mirrored over and over, so that "
        "nothing has "
        "to be made up where the picture moves in. Only units whose whole field lies inside count: near the border "
        "padding with zeros breaks equivariance.",
        f"测量用 {layers[0].canvas} 像素的画布，以反复镜像的人脸填满，移入的部分因此不必凭空编造。"
        "只统计感受野完全位于画布内的单元："
        "靠近边界处，零填充会破坏等变性。",
    )


def _errors(layers: Sequence[Equivariance]) -> Chart:
    figure = Figure(figsize=(6.4, 3.0))
    axes = figure.add_subplot()
    for layer, ink, style in zip(layers, INKS, STYLES, strict=False):
        percent = 100 * np.array(layer.errors)
        axes.plot(layer.shifts, percent, style, color=ink, markersize=4, linewidth=1.2, label=layer.layer)
    axes.set_xlabel("δ (px)")
    axes.set_ylabel("E(δ) (%)")
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.25)
    axes.legend(fontsize=8, frameon=False, ncols=2, loc="lower center", bbox_to_anchor=(0.5, 1.0))
    strides = ", ".join(f"{layer.layer} {layer.stride} px" for layer in layers)
    strides_zh = "、".join(f"{layer.layer} {layer.stride} 像素" for layer in layers)
    alt = Text("The error of shifting, by layer and shift", "各层的平移误差随位移的变化")
    largest = [f"{layer.layer} {max(layer.errors):.0%}" for layer in layers]
    caption = Text(
        "E(δ): how far the map of the shifted picture is from the shifted map, % of the map's norm. It is 0 at "
        "multiples "
        f"of the stride ({strides}); between them the map can be shifted only by interpolating, and the largest errors "
        f"are: {', '.join(largest)}.",
        f"E(δ)：平移后图像的特征图与平移后的特征图之差，占特征图范数的百分比。在步幅的整数倍处为 0（{strides_zh}）；"
        "其间只能靠插值平移特征图，"
        f"最大误差为：{'、'.join(largest)}。",
    )
    return Chart("errors", figure, alt, caption)


def _maps(layer: Equivariance) -> Picture:
    """Shifted map, map of the shifted picture, their difference: a row for a whole stride, a row for half of one."""
    rows = []
    for shift in sorted(layer.maps, reverse=True):
        expected, found = (_middle(values) for values in layer.maps[shift])
        low, high = float(expected.min()), float(expected.max())
        pair = grey(expected, low, high), grey(found, low, high)
        rows += [*pair, signed(found - expected, peak(expected) / FULL)]
    sheet = mosaic(rows, 3, 2)
    zoom = max(1, min(8, 800 // sheet.shape[1]))
    alt = Text(
        "A map shifted, the map of the shifted picture, and the difference", "平移后的特征图、平移图像的特征图及其差"
    )
    named = ", ".join(str(shift) for shift in sorted(layer.maps, reverse=True))
    caption = Text(
        f"{layer.layer}, the strongest channel, shifts of {named} px (rows). From left to right: the map, shifted; "
        "the map of "
        "the shifted picture; the second less the first (orange and blue, full colour at "
        f"1/{FULL} of the map's largest value).",
        f"{layer.layer} 中最强的通道，各行分别平移 {named.replace(', ', '、')} 像素。"
        "从左到右：平移后的特征图；平移图像的特征图；后者减前者"
        f"（橙、蓝，达到特征图最大值的 1/{FULL} 时颜色最深）。",
    )
    return Picture("shifted", sheet, alt, caption, zoom=zoom)


def _middle(values: Floats) -> Floats:
    """The middle of a map, as much as shows one face."""
    y, x = (max(0, (extent - 80) // 2) for extent in values.shape)
    return values[y : y + 80, x : x + 80]


def _left(layers: Sequence[Equivariance], left: Sequence[str]) -> Text:
    if not left:
        return Text("No layer of this network was left out.", "该网络没有未测的层。")
    return Text(
        f"One layer per stride was measured, the deepest that fits. {len(left)} layers, from {left[0]} on, were not: "
        f"their field and the shifts need a canvas wider than {CANVAS} px, or each unit sees everything, so that there "
        "is no interior. On the face itself every unit whose field is larger than the face sees padding.",
        f"每种步幅只测了能容纳的最深一层。从 {left[0]} 起的 {len(left)} 层没有测：它们的感受野加上位移需要超过 "
        f"{CANVAS} 像素的画布，或者每个单元都看到全部，没有内部区域可言。"
        "而在人脸图像上，凡是感受野大于人脸图像的单元都会看到填充。",
    )


def _embedding(e: Invariance) -> Chart:
    figure = Figure(figsize=(6.4, 2.8))
    axes = figure.add_subplot()
    axes.plot(e.shifts, e.right, STYLES[0], color=INKS[0], markersize=4, label="→ x")
    axes.plot(e.shifts, e.down, STYLES[1], color=INKS[2], markersize=4, label="↓ y")
    axes.axhline(e.threshold, color=INKS[1], linestyle=":", linewidth=1.5)
    axes.set_xlabel("δ (px)")
    axes.set_ylabel("cos")
    axes.grid(alpha=0.25)
    axes.legend(fontsize=8, frameon=False)
    alt = Text("The embedding's similarity against shift", "模板的余弦随位移的变化")
    values = np.array([e.right, e.down])
    held = _held(e)
    caption = Text(
        "The cosine between the embedding of the face and of the face shifted by δ px, right (x) and down (y); the "
        "dotted line "
        f"is the threshold {e.threshold:.3f}. Smallest: {values.min():.3f}. {held.en} "
        "The shifted face repeats its outermost pixels.",
        f"人脸与平移 δ 像素后的人脸的模板之间的余弦，向右（x）和向下（y）；虚线为阈值 {e.threshold:.3f}。最小值 "
        f"{values.min():.3f}。"
        f"{held.zh}移入处重复最外侧的像素。",
    )
    return Chart("embedding", figure, alt, caption)


def _held(e: Invariance) -> Text:
    """How far the face may move and stay a match, and the nearest shift at which it does not."""
    moved = [
        (shift, cos, ("right", "右") if shift > 0 else ("left", "左"))
        for shift, cos in zip(e.shifts, e.right, strict=True)
    ]
    moved += [
        (shift, cos, ("down", "下") if shift > 0 else ("up", "上")) for shift, cos in zip(e.shifts, e.down, strict=True)
    ]
    lost = [each for each in moved if each[1] < e.threshold]
    if not lost:
        most = max((abs(shift) for shift in e.shifts), default=0)
        return Text(
            f"It stays a match at every shift measured, up to {most} px.", f"所测的位移（最多 {most} 像素）都仍匹配。"
        )
    shift, cos, (way, way_zh) = min(lost, key=lambda each: (abs(each[0]), each[1]))
    held = max((abs(other) for other in e.shifts if abs(other) < abs(shift)), default=0)
    return Text(
        f"It stays a match up to {held} px in every direction; at {abs(shift)} px {way} it does not ({cos:.3f}).",
        f"各方向平移 {held} 像素以内仍匹配；向{way_zh}平移 {abs(shift)} 像素时不再匹配（{cos:.3f}）。",
    )
