"""The view of kernel and sum: pictures and words for ``Kernels``."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from facepipe.inspect.views.edges_view import edges_picture, edges_table
from facepipe.inspect.views.kernel import Kernels, KernelSum
from facepipe.inspect.views.paint import TEAL, enlarge, fill, grey, mosaic, peak, signed
from facepipe.inspect.views.sliding_view import sliding_picture, sliding_table
from facepipe.page.view import Block, Chart, Check, Picture, Table, Text, View
from facepipe.records import Floats

WIDE = 900  # px, what a page holds
SHOWN = 64  # input channels at most
CELL = 160  # px, about, of a map beside its kernel


def show_kernels(kernels: Kernels) -> View:
    """The view of what ``see_kernels`` found."""
    blocks: list[Block] = []
    checks: list[Check] = []
    for number, one in enumerate(kernels.sums):
        blocks += [_layer(one, kernels.network), sliding_picture(one, number), sliding_table(one)]
        blocks += [_rows(one, number)] if len(one.kernel) <= 4 else [_kernels(one, number), _partials(one, number)]
        blocks += [_steps(one, number), _nearing(one, number)] if len(one.kernel) > 4 else []
        blocks += [_each_kernel(one, number)] if one.layer.depthwise else []
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


def _layer(one: KernelSum, network: str) -> Text:
    if one.layer.depthwise:
        return _depthwise(one, network)
    layer, (o, i, kh, kw) = one.layer, one.all_kernels.shape
    weights = one.all_kernels.size
    ratio = one.dense / weights
    times = f"{ratio:,.0f}" if ratio >= 10 else f"{ratio:.2g}"
    groups = f", in {one.groups} groups" if one.groups > 1 else ""
    groups_zh = f"，分 {one.groups} 组" if one.groups > 1 else ""
    point = point_zh = ""
    if (kh, kw) == (1, 1):
        point = " A kernel of 1 × 1 is a single weight: at each place by itself the maps are added up by these weights."
        point_zh = "1 × 1 的卷积核只是一个权重：在每个位置上，各张图按这些权重相加。"
    return Text(
        f"{network}, {layer.name}: {o} output channels, each with {i} {'kernel' if i == 1 else 'kernels'} of "
        f"{kh} × {kw}{groups}.{point} That makes {weights:,} weights. A dense layer between the same maps would need "
        f"{one.dense:,}, {times} times as many: here each output number sees only what its kernel covers (sparse), and "
        f"every position uses the same kernel (shared). Below: output channel {one.output}, the one that answers most "
        "to this face.",
        f"{network} 的 {layer.name}：{o} 个输出通道，每个通道有 {i} 个 {kh} × {kw} 的卷积核{groups_zh}。{point_zh}共 "
        f"{weights:,} 个权重。"
        f"同样大小的特征图之间若用全连接层，需要 {one.dense:,} 个权重，是它的 {times} 倍："
        "卷积中每个输出只看卷积核覆盖的那一小块（稀疏连接），而所有位置共用同一个卷积核（权值共享）。"
        f"下面是输出通道 {one.output}，它对这张脸的响应最强。",
    )


def _depthwise(one: KernelSum, network: str) -> Text:
    """A convolution without anything to add up: said, rather than shown as a sum of one."""
    layer, (o, _, kh, kw) = one.layer, one.all_kernels.shape
    weights = one.all_kernels.size
    return Text(
        f"{network}, {layer.name}: a depthwise convolution. Each of the {o} output channels sees one map alone, with "
        f"one kernel of {kh} × {kw}: {weights:,} weights, where a kernel for every pair of maps would make "
        f"{weights * one.groups:,} and a dense layer {one.dense:,}. No maps are added up here: the one partial map and "
        "the bias are the output. Adding up is left to the convolution that follows. Below: output channel "
        f"{one.output}, the one that answers most to this face.",
        f"{network} 的 {layer.name}：逐通道卷积（depthwise）。{o} 个输出通道各自只看一张图，各用一个 {kh} × {kw} "
        f"的卷积核，共 {weights:,} 个权重；若每一对图之间都有卷积核，需要 {weights * one.groups:,} 个，全连接层则需要 "
        f"{one.dense:,} 个。这里没有图要相加：唯一的部分图加上偏置就是输出，相加留给后面的卷积。"
        f"下面是输出通道 {one.output}，它对这张脸的响应最强。",
    )


def _rows(one: KernelSum, number: int) -> Picture:
    """One row per input channel: the map, its kernel, the partial map, the sum so far; all cells of one size."""
    scale = max(peak(one.partial), peak(one.running))
    height, width = one.inputs.shape[1:]
    times = max(1, round(CELL / height))
    size = (height * times, width * times)
    tiles = []
    for x, kernel, partial, running in zip(one.inputs, one.kernel, one.partial, one.running, strict=True):
        cells = grey(x, *_range(x)), signed(kernel, peak(one.kernel)), signed(partial, scale), signed(running, scale)
        tiles += [fill(cell, size) for cell in cells]
    alt = Text("Input channels, kernels, partial maps and running sums", "输入通道、卷积核、部分图与累加和")
    rows, rows_zh = (
        ("The one input channel:", "唯一的输入通道，从左到右：该通道；")
        if len(one.partial) == 1
        else (
            "One row per input channel (red, green, blue when the input is the picture). From left to right: the "
            "channel;",
            "每行一个输入通道（输入为图像时依次是红、绿、蓝）。从左到右：该通道；",
        )
    )
    caption = Text(
        f"{rows} its kernel (full colour at ±{peak(one.kernel):.3g}); the partial map; the sum so far with the bias "
        f"{one.bias:.3g} (both: full colour at ±{scale:.3g}). The last one is the layer's output.",
        f"{rows_zh}它的卷积核（±{peak(one.kernel):.3g} 处颜色最深）；部分图；加上偏置 {one.bias:.3g} "
        f"后到目前为止的和（后两者在 ±{scale:.3g} 处颜色最深）。最后一格就是本层的输出。",
    )
    return Picture(f"sum-{number}", mosaic(tiles, 4, 6), alt, caption)


def _each_kernel(one: KernelSum, number: int) -> Picture:
    """The kernels of a depthwise convolution, one a map."""
    kernels = one.all_kernels[:SHOWN, 0]
    scale = peak(kernels)
    tiles = [enlarge(signed(kernel, scale), 14) for kernel in kernels]
    alt = Text("The kernel of every output channel", "每个输出通道的卷积核")
    some = _some(len(tiles), len(one.all_kernels))
    caption = Text(
        f"The kernels of this layer, one a map{some.en}; full colour at ±{scale:.3g}.",
        f"本层的卷积核，每张图一个{some.zh}；±{scale:.3g} 处颜色最深。",
    )
    return Picture(f"each-{number}", mosaic(tiles, 16, 3), alt, caption)


def _kernels(one: KernelSum, number: int) -> Picture:
    tiles = [enlarge(signed(kernel, peak(one.kernel)), 14) for kernel in one.kernel[:SHOWN]]
    alt = Text("The kernels of one output channel", "一个输出通道的全部卷积核")
    some = _some(len(tiles), len(one.kernel))
    caption = Text(
        f"The kernels of output channel {one.output}, one per input channel{some.en}; full colour at "
        f"±{peak(one.kernel):.3g}.",
        f"输出通道 {one.output} 的卷积核，每个输入通道一个{some.zh}；±{peak(one.kernel):.3g} 处颜色最深。",
    )
    return Picture(f"kernels-{number}", mosaic(tiles, 16, 3), alt, caption)


def _some(shown: int, every: int) -> Text:
    """What is said where not all are shown."""
    if shown == every:
        return Text("", "")
    return Text(f" (the first {shown} of {every})", f"（共 {every} 个，显示前 {shown} 个）")


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


def _range(values: Floats) -> tuple[float, float]:
    return float(values.min()), float(values.max())
