"""The kernel's way over the map: its positions, both outputs, and what padding and stride leave out."""

from __future__ import annotations

import numpy as np

from facepipe.inspect.views.kernel import KernelSum, Sliding
from facepipe.inspect.views.paint import BLUE, GAP, ORANGE, TEAL, beside, enlarge, grey, outline
from facepipe.page.view import Picture, Table, Text
from facepipe.records import Floats, Pixels

WIDE = 900  # px, what a page holds
EMPTY = np.full((1, 1, 3), GAP, np.uint8)  # in place of a map without any position


def sliding_picture(one: KernelSum, number: int) -> Picture:
    """The input in a frame of padding with the kernel at its first positions and the last; the two outputs."""
    (py, px), (sy, sx) = one.same.padding, one.window.stride
    reach = [d * (k - 1) for d, k in zip(one.window.dilation, one.window.kernel, strict=True)]
    strongest = one.inputs[int(np.abs(one.partial).mean(axis=(1, 2)).argmax())]
    height, width = strongest.shape
    ground = grey(strongest, float(strongest.min()), float(strongest.max()))
    framed = np.full((height + 2 * py, width + 2 * px, 3), (197, 214, 235), np.uint8)
    framed[py : py + height, px : px + width] = ground
    valid, same = (_output(one, sliding) if min(sliding.output) else EMPTY for sliding in (one.valid, one.same))
    zoom = max(1, min(16, WIDE // (framed.shape[1] + valid.shape[1] + same.shape[1] + 4)))
    big = enlarge(framed, zoom)
    ends = [i * s for i, s in zip((n - 1 for n in one.same.output), (sy, sx), strict=True)]
    for (y, x), colour in (((0, sx), BLUE), ((0, 0), ORANGE), (ends, TEAL)):
        box = y * zoom, x * zoom, (y + reach[0] + 1) * zoom - 1, (x + reach[1] + 1) * zoom - 1
        outline(big, box, colour, width=max(1, min(3, zoom // 2)))
    panels = [big, enlarge(valid, zoom), enlarge(same, zoom)]
    alt = Text("The kernel's positions on the map, and both outputs", "卷积核在特征图上的位置，以及两种输出")
    return Picture(f"sliding-{number}", beside(panels, 12), alt, _words(one))


def _words(one: KernelSum) -> Text:
    (kh, kw), (_, sx), (py, px) = one.window.kernel, one.window.stride, one.same.padding
    if (py, px) == (0, 0):
        return Text(
            f"Left: an input map ({one.inputs.shape[1]} × {one.inputs.shape[2]}). A kernel of {kh} × {kw} covers one "
            "place "
            "at a time: nothing touches the border, valid and same are one.",
            f"左：一张输入特征图（{one.inputs.shape[1]} × {one.inputs.shape[2]}）。{kh} × {kw} "
            "的卷积核每次只覆盖一个位置，"
            "不会越过边界，因此 valid 与 same 没有区别。",
        )
    valid = ("the output without padding (valid)", "不填充时的输出（valid）")
    if not min(one.valid.output):
        valid = ("nothing (valid: the kernel does not fit)", "空（valid：卷积核放不下，没有输出）")
    return Text(
        f"Left: an input map ({one.inputs.shape[1]} × {one.inputs.shape[2]}) in a frame of {py} and {px} zeros "
        "(light blue), "
        f"with the kernel of {kh} × {kw} at its first position (orange), the next (blue; stride {sx}) and the last "
        f"(green). Middle: {valid[0]}. Right: the output with padding (same); the tinted edge is where the "
        "kernel "
        "touches padding. All on one scale of pixels.",
        f"左：一张输入特征图（{one.inputs.shape[1]} × {one.inputs.shape[2]}），四周补 {py} 行、{px} 列零（浅蓝色）；"
        f"{kh} × {kw} 的卷积核在"
        f"第一个位置（橙）、下一个位置（蓝，步幅 {sx}）和最后一个位置（绿）。中：{valid[1]}。右："
        "填充后的输出（same），"
        "带色的边缘是卷积核碰到填充的位置。三幅图的像素比例相同。",
    )


def _output(one: KernelSum, how: Sliding) -> Pixels:
    """The channel as it would be with this padding: cut from, or framed around, what all have in common."""
    found = np.full((*how.output, 3), 250, np.uint8)
    own = grey(_convolved(one, how), float(one.own.min()), float(one.own.max()))
    for y in range(how.output[0]):
        for x in range(how.output[1]):
            found[y, x] = own[y, x]
            if _touches(one, how, 0, y) or _touches(one, how, 1, x):
                found[y, x] = (found[y, x] * 0.45 + np.array(ORANGE) * 0.55).astype(np.uint8)
    return found


def _touches(one: KernelSum, how: Sliding, axis: int, position: int) -> bool:
    start = position * one.window.stride[axis] - how.padding[axis]
    reach = one.window.dilation[axis] * (one.window.kernel[axis] - 1)
    return start < 0 or start + reach >= one.inputs.shape[1 + axis]


def _convolved(one: KernelSum, how: Sliding) -> Floats:
    import torch
    from torch.nn import functional

    x, weight = torch.from_numpy(one.inputs)[None], torch.from_numpy(one.kernel)[None]
    found = functional.conv2d(x, weight, None, one.window.stride, how.padding, one.window.dilation)
    return np.asarray(found[0, 0].numpy() + np.float32(one.bias), np.float32)


def sliding_table(one: KernelSum) -> Table:
    rows = []
    for name, how in (("valid", one.valid), ("same", one.same), (one.layer.name, one.actual)):
        count = how.output[0] * how.output[1]
        share = f"{how.touching:,} / {count:,} ({how.touching / max(count, 1):.0%})"
        rows.append(
            (name, "{} × {}".format(*how.padding), "{} × {}".format(*how.output), share, "{}, {}".format(*how.unread))
        )
    head = ("", ""), ("padding, y × x", "填充（高 × 宽）"), ("output, y × x", "输出（高 × 宽）")
    more = (
        ("positions that touch padding", "碰到填充的位置"),
        ("never read (padding included)", "读不到的行数、列数（含填充）"),
    )
    caption = Text(
        "Output = ⌊(input + 2 · padding − kernel) / stride⌋ + 1 along each axis. The last row is what this layer "
        "does. With a "
        "stride of 2, “same” halves the map: it keeps the size only with stride 1.",
        "每个方向上：输出 = ⌊(输入 + 2 × 填充 − 卷积核) / 步幅⌋ + 1。最后一行是本层的实际做法。步幅为 2 时 same "
        "会使尺寸减半，"
        "只有步幅为 1 时才保持尺寸。",
    )
    return Table(caption, tuple(Text(*words) for words in (*head, *more)), tuple(rows))
