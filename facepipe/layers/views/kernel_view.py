"""The view of kernel and sum: pictures and words for ``Kernels``."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from facepipe.layers.view import Block, Chart, Check, Picture, Table, Text, View
from facepipe.layers.views.edges_view import edges_picture, edges_table
from facepipe.layers.views.kernel import Kernels, KernelSum, Sliding
from facepipe.layers.views.paint import (
    BLUE,
    GAP,
    ORANGE,
    TEAL,
    beside,
    enlarge,
    fill,
    grey,
    mosaic,
    outline,
    peak,
    signed,
)
from facepipe.records import Floats, Pixels

WIDE = 900  # px, what a page holds
SHOWN = 64  # input channels at most
EMPTY = np.full((1, 1, 3), GAP, np.uint8)  # in place of a map without any position


def show_kernels(kernels: Kernels) -> View:
    """The view of what ``see_kernels`` found."""
    blocks: list[Block] = []
    checks: list[Check] = []
    for number, one in enumerate(kernels.sums):
        blocks += [*_layer(one, kernels.network), _sliding(one, number), _sliding_table(one)]
        blocks += [_rows(one, number)] if len(one.kernel) <= 4 else [_kernels(one, number), _partials(one, number)]
        blocks += [_steps(one, number), _nearing(one, number)] if len(one.kernel) > 4 else []
        checks += _checks(one)
    blocks += [edges_picture(kernels.edges), edges_table(kernels.edges)] if kernels.edges else []
    blocks.append(_torch(kernels))
    intro = Text(
        "A kernel is a small square of weights. It slides over the map; at each position its weights are multiplied "
        "with what lies below and summed up to one number. Every input channel has a kernel of its own: the partial "
        "maps are added up, a bias is added, and that is one channel of the output. Orange is above 0, blue below, "
        "white is 0.",
        "卷积核是一小块权重。它在特征图上滑动，在每个位置把权重与所覆盖的数值相乘再求和，得到一个数。"
        "每个输入通道都有自己的卷积核："
        "各通道得到的部分图逐一相加，再加上偏置，就是输出的一个通道。橙色表示大于 0，蓝色表示小于 0，白色为 0。",
    )
    return View("kernel", Text("Kernel and sum", "卷积核与求和"), intro, tuple(blocks), tuple(checks))


def _layer(one: KernelSum, network: str) -> list[Block]:
    layer, (o, i, kh, kw) = one.layer, one.all_kernels.shape
    weights = one.all_kernels.size
    ratio = one.dense / weights
    times = f"{ratio:,.0f}" if ratio >= 10 else f"{ratio:.2g}"
    groups = f", in {one.groups} groups" if one.groups > 1 else ""
    groups_zh = f"，分 {one.groups} 组" if one.groups > 1 else ""
    return [
        Text(
            f"{network}, {layer.name}: {o} output channels, each with {i} kernels of {kh} × {kw}{groups}. That makes "
            f"{weights:,} weights. A dense layer between the same maps would need {one.dense:,}, "
            f"{times} "
            "times as many: here each output number sees only what its kernel covers (sparse), and every position "
            "uses the "
            f"same kernel (shared). Below: output channel {one.output}, the one that answers most to this face.",
            f"{network} 的 {layer.name}：{o} 个输出通道，每个通道有 {i} 个 {kh} × {kw} 的卷积核{groups_zh}，共 "
            f"{weights:,} 个权重。"
            f"同样大小的特征图之间若用全连接层，需要 {one.dense:,} 个权重，是它的 {times} 倍："
            "卷积中每个输出只看卷积核覆盖的那一小块（稀疏连接），而所有位置共用同一个卷积核（权值共享）。"
            f"下面是输出通道 {one.output}，它对这张脸的响应最强。",
        )
    ]


def _sliding(one: KernelSum, number: int) -> Picture:
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
    return Picture(f"sliding-{number}", beside(panels, 12), alt, _sliding_words(one))


def _sliding_words(one: KernelSum) -> Text:
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
    own = grey(_convolved(one, how), *_range(one.own))
    for y in range(how.output[0]):
        for x in range(how.output[1]):
            found[y, x] = own[y, x]
            if _touches(one, how, 0, y) or _touches(one, how, 1, x):
                found[y, x] = (found[y, x] * 0.45 + np.array(ORANGE) * 0.55).astype(np.uint8)
    return found


def _range(values: Floats) -> tuple[float, float]:
    return float(values.min()), float(values.max())


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


def _sliding_table(one: KernelSum) -> Table:
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


def _rows(one: KernelSum, number: int) -> Picture:
    """One row per input channel: the map, its kernel, the partial map, the sum so far; all cells of one size."""
    scale = max(peak(one.partial), peak(one.running))
    size = (160, 160 * one.inputs.shape[2] // one.inputs.shape[1])
    tiles = []
    for x, kernel, partial, running in zip(one.inputs, one.kernel, one.partial, one.running, strict=True):
        cells = grey(x, *_range(x)), signed(kernel, peak(one.kernel)), signed(partial, scale), signed(running, scale)
        tiles += [fill(cell, size) for cell in cells]
    alt = Text("Input channels, kernels, partial maps and running sums", "输入通道、卷积核、部分图与累加和")
    caption = Text(
        "One row per input channel (red, green, blue when the input is the picture). From left to right: the "
        "channel; its "
        f"kernel (full colour at ±{peak(one.kernel):.3g}); the partial map; the sum so far with the bias "
        f"{one.bias:.3g} (both: "
        f"full colour at ±{scale:.3g}). The last one is the layer's output.",
        f"每行一个输入通道（输入为图像时依次是红、绿、蓝）。从左到右：该通道；它的卷积核（±{peak(one.kernel):.3g} "
        "处颜色最深）；"
        f"部分图；加上偏置 {one.bias:.3g} 后到目前为止的和（后两者在 ±{scale:.3g} 处颜色最深）。"
        "最后一格就是本层的输出。",
    )
    return Picture(f"sum-{number}", mosaic(tiles, 4, 6), alt, caption)


def _kernels(one: KernelSum, number: int) -> Picture:
    tiles = [enlarge(signed(kernel, peak(one.kernel)), 14) for kernel in one.kernel[:SHOWN]]
    alt = Text("The kernels of one output channel", "一个输出通道的全部卷积核")
    caption = Text(
        f"The kernels of output channel {one.output}, one per input channel (the first {len(tiles)} of "
        f"{len(one.kernel)}); "
        f"full colour at ±{peak(one.kernel):.3g}.",
        f"输出通道 {one.output} 的卷积核，每个输入通道一个（共 {len(one.kernel)} 个，显示前 {len(tiles)} 个）；"
        f"±{peak(one.kernel):.3g} 处颜色最深。",
    )
    return Picture(f"kernels-{number}", mosaic(tiles, 16, 3), alt, caption)


def _partials(one: KernelSum, number: int) -> Picture:
    scale = peak(one.partial)
    tiles = [signed(partial, scale) for partial in one.partial[:SHOWN]]
    sheet = mosaic(tiles, 8)
    alt = Text("The partial map of every input channel", "每个输入通道的部分图")
    caption = Text(
        "The partial map of each input channel, in the same order: what that channel contributes (full colour at "
        f"±{scale:.3g}).",
        f"每个输入通道的部分图，顺序同上：即该通道的贡献（±{scale:.3g} 处颜色最深）。",
    )
    return Picture(f"partial-{number}", sheet, alt, caption, zoom=max(1, min(8, 640 // sheet.shape[1])))


def _steps(one: KernelSum, number: int) -> Picture:
    count = len(one.partial)
    after = sorted({min(2**i, count) for i in range(count.bit_length() + 1)})
    scale = peak(one.running)
    sheet = mosaic([*(signed(one.running[n - 1], scale) for n in after), signed(one.own, scale)], len(after) + 1, 2)
    named = ", ".join(map(str, after))
    alt = Text("The sum growing to the layer's output", "累加和逐步变成本层输出")
    caption = Text(
        f"Their sum with the bias {one.bias:.3g} after {named} channels; last, what the layer itself puts out "
        f"(full colour at ±{scale:.3g}).",
        f"加上偏置 {one.bias:.3g} 后，累加 {named.replace(', ', '、')} 个通道的和；"
        f"最后一格是本层自己的输出（±{scale:.3g} 处颜色最深）。",
    )
    return Picture(f"steps-{number}", sheet, alt, caption, zoom=max(1, WIDE // sheet.shape[1]))


def _nearing(one: KernelSum, number: int) -> Chart:
    missing = np.linalg.norm((one.running - one.own).reshape(len(one.partial), -1), axis=1) / (
        np.linalg.norm(one.own) or 1
    )
    figure = Figure(figsize=(5.2, 2.4))
    axes = figure.add_subplot()
    axes.plot(np.arange(1, len(missing) + 1), 100 * missing, color=np.array(TEAL) / 255, marker=".", markersize=4)
    axes.set_xlabel("channels")
    axes.set_ylabel("%")
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.25)
    alt = Text("How far the running sum is from the output", "累加和与输出的差距")
    caption = Text(
        "How far the sum is from the layer's output, % of the output's norm, against how many channels are added up. "
        "It may "
        "rise on the way, for channels also cancel each other; with the last it is 0.",
        "累加和与本层输出之差（占输出范数的百分比）随已加通道数的变化。通道之间会互相抵消，所以中途可能上升；"
        "加完最后一个通道后为 0。",
    )
    return Chart(f"nearing-{number}", figure, alt, caption)


def _checks(one: KernelSum) -> list[Check]:
    name, outputs = one.layer.name, len(one.all_kernels)
    return [
        Check(
            Text(
                f"{name}: the partial maps and the bias add up to the layer's output, all {outputs} channels ({bits})",
                f"{name}：部分图之和加偏置等于本层输出，全部 {outputs} 个通道（{bits}）",
            ),
            error,
            bound,
        )
        for bits, error, bound in (("float32", one.error32, 1e-5), ("float64", one.error64, 1e-10))
    ]


def _torch(kernels: Kernels) -> Table:
    rows = (
        ("padding='same', stride=2", kernels.same_with_stride),
        ("padding='same', kernel 2 × 2", kernels.same_with_even_kernel),
    )
    caption = Text("What torch itself says, word for word.", "torch 自己的原话。")
    return Table(caption, (Text("asked for", "要求"), Text("torch's words", "torch 的回答")), rows)
