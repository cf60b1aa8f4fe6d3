"""View 5: when identity appears, as curves over depth and the rank of the right person."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from facepipe.inspect.views.identity import Identity, Ranks
from facepipe.inspect.views.separation import Interval, Separation
from facepipe.page.view import Block, Chart, Check, Table, Text, View

FACES = "#0f9d8a", "#d97706"
TRAINED, RANDOM, LAYOUT, PIXELS, EIGENFACES = "#0f9d8a", "#9333ea", "#1d4ed8", "#6b7280", "#d97706"
ROWS = 10  # of a table, about

TITLE = Text("When identity appears", "身份在哪一层出现")
INTRO = Text(
    "At every depth a face is summed up by the mean of each channel over its places, less the mean face; two faces are "
    "compared by the cosine. Where two photos of one person are more alike than photos of two people, identity has "
    "appeared. Expect a trend with depth, not strict growth.",
    "在每个深度，用各通道在所有位置上的均值（减去平均脸）概括一张脸，再用余弦比较两张脸。"
    "同一人的两张照片比不同人的更相似时，"
    "身份就出现了。预期的是随深度上升的趋势，而不是逐层递增。",
)
NOTHING = Text(
    "Nothing to show: this needs a gallery with the right person and somebody else, or labelled photos.",
    "没有可显示的内容：需要包含本人和其他人的人脸库，或带姓名的照片。",
)
UNLABELLED = Text(
    "How well each depth tells people apart in general was not measured here: that needs a folder of labelled photos "
    "with several of each person.",
    "这里没有测量各深度区分人的总体能力：需要一个带姓名、每人有多张照片的文件夹。",
)


def show_identity(ranks: Sequence[Ranks] = (), identity: Identity | None = None) -> View:
    """``ranks``: of one face or of two, over the same layers; ``identity``: as measured on labelled photos."""
    blocks: list[Block] = []
    if ranks:
        blocks += [*(_told(rank) for rank in ranks), _rank_chart(ranks), *(_rank_table(rank) for rank in ranks)]
    if identity is not None:
        blocks += [_separation_chart(identity), _separation_table(identity)]
    elif ranks:
        blocks.append(UNLABELLED)
    return View("identity", TITLE, INTRO, tuple(blocks) or (NOTHING,), (_check(identity),) if identity else ())


def _told(ranks: Ranks) -> Text:
    """The ranks in one sentence, as measured."""
    count, worst = len(ranks.ranks), int(np.argmax(ranks.ranks))
    places = sorted({0, worst, count - 1})
    told = worst if ranks.ranks[worst] > min(ranks.ranks) else None
    en = ", ".join(f"{ranks.ranks[i]} at depth {i + 1}" + " (its worst)" * (i == told) for i in places)
    zh = "，".join(f"深度 {i + 1} 处第 {ranks.ranks[i]}" + "（最差）" * (i == told) for i in places)
    settled = next((i for i in range(count) if all(rank == 1 for rank in ranks.ranks[i:])), None)
    if settled is None:
        end, end_zh = "It is not first at the last depth.", "在最后一个深度仍不是第一。"
    else:
        end, end_zh = f"From depth {settled + 1} on it is always 1.", f"从深度 {settled + 1} 起始终第一。"
    return Text(
        f"{ranks.person} among {ranks.people} people: rank {en}. {end}",
        f"{ranks.person} 在 {ranks.people} 人中的名次：{zh}。{end_zh}",
    )


def _rank_chart(ranks: Sequence[Ranks]) -> Chart:
    figure = Figure(figsize=(6.4, 4.2))
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    for colour, rank in zip(FACES, ranks, strict=False):
        depth = np.arange(1, len(rank.ranks) + 1)
        top.plot(depth, rank.ranks, "o-", color=colour, ms=3.5)
        bottom.plot(depth, np.subtract(rank.scores, rank.others), "o-", color=colour, ms=3.5)
    most = max(rank.people for rank in ranks)
    ticks = [tick for tick in (1, 2, 3, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000) if tick < most] + [most]
    top.set(yscale="log" if most > 10 else "linear", ylabel="rank", ylim=(most * 1.1, 0.9))
    top.set_yticks(ticks, [str(tick) for tick in ticks])
    top.minorticks_off()
    bottom.axhline(0, color="0.6", lw=0.8)
    bottom.set(xlabel="l", ylabel="Δ cos")
    _tidy(top, bottom)
    colours = "" if len(ranks) < 2 else " Green is the first face, orange the second."
    colours_zh = "" if len(ranks) < 2 else "绿色为第一张脸，橙色为第二张。"
    caption = Text(
        f"Above: the rank of the right person by depth l, 1 to {most}. Below: how much more alike the right person's "
        f"most similar photo is than anybody else's; above 0 the right person is first. The mean face is taken "
        f"off, so these are not the gallery's scores.{colours}",
        f"上：各深度 l 上本人的名次（1 至 {most}）。下：本人最相似的照片比其他人最相似的照片，余弦高出多少；"
        "大于 0 表示本人第一。已减去平均脸，因此这不是人脸库的得分。"
        f"{colours_zh}",
    )
    return Chart("ranks", figure, Text("Rank of the right person by depth", "本人名次随深度的变化"), caption)


def _rank_table(ranks: Ranks) -> Table:
    head = (
        Text("depth l: layer", "深度 l：层"),
        Text("rank", "名次"),
        Text(f"cosine with {ranks.person}", f"与 {ranks.person} 的余弦"),
        Text("nearest other person", "最接近的其他人"),
        Text("cosine", "余弦"),
    )
    rows = tuple(
        (
            f"{i + 1}: {ranks.layers[i]}",
            str(ranks.ranks[i]),
            f"{ranks.scores[i]:.3f}",
            ranks.nearest[i],
            f"{ranks.others[i]:.3f}",
        )
        for i in _some(len(ranks.layers))
    )
    return Table(Text(f"{ranks.person} at some depths.", f"{ranks.person} 在若干深度上的情况。"), head, rows)


def _separation_chart(identity: Identity) -> Chart:
    figure = Figure(figsize=(6.4, 5.2))
    for axes, kind in zip(figure.subplots(2, 1, sharex=True), ("auc", "eer"), strict=True):
        depth = np.arange(1, len(identity.layers) + 1)
        _level(axes, getattr(identity.pixels, kind), len(depth), PIXELS, ":")
        _level(axes, getattr(identity.eigenfaces, kind), len(depth), EIGENFACES, "--")
        _line(axes, depth, [getattr(s, kind) for s in identity.untrained], RANDOM)
        _line(axes, depth, [getattr(s, kind) for s in identity.pooled], TRAINED)
        for layer, separation in identity.flattened.items():
            rate = getattr(separation, kind)
            errors = [[rate.value - rate.low], [rate.high - rate.value]]
            axes.errorbar(identity.layers.index(layer) + 1, rate.value, errors, fmt="s", ms=4, color=LAYOUT, lw=1)
        axes.set_ylabel(kind.upper())
        _tidy(axes)
    axes.set_xlabel("l")
    caption = Text(
        f"{identity.same} pairs of one person and {identity.different} of two, {identity.people} people; bands and "
        "bars "
        "are 95 % intervals over people (bootstrap). Green: pooled features by depth l. Purple: the same network with "
        "random weights. Blue squares: maps with their layout, by PCA, since pooling forgets where. Dotted: raw "
        "pixels; "
        "dashed: pixels by PCA (eigenfaces). 0.5 is chance. Spearman's "
        f"correlation of the AUC with depth: {identity.trend:.2f}.",
        f"{identity.same} 对同一人、{identity.different} 对不同人，共 {identity.people} 人；"
        "色带和误差线是按人自助抽样的 95% "
        "区间。绿：各深度 l 的池化特征。紫：同一网络换成随机权重。蓝色方块：保留布局的特征图经 PCA，"
        "因为池化丢掉了“在哪里”。"
        "点线：原始像素；虚线：像素经 PCA（特征脸）。0.5 为随机水平。"
        f"AUC 与深度的斯皮尔曼相关系数：{identity.trend:.2f}。",
    )
    alt = Text("AUC and EER of same or different person by depth", "各深度判别是否同一人的 AUC 与 EER")
    return Chart("separation", figure, alt, caption)


def _level(axes: Axes, rate: Interval, count: int, colour: str, style: str) -> None:
    axes.axhspan(rate.low, rate.high, color=colour, alpha=0.12, lw=0)
    axes.plot([1, count], [rate.value] * 2, style, color=colour, lw=1.4)


def _line(axes: Axes, depth: np.ndarray, rates: Sequence[Interval], colour: str) -> None:
    if rates:
        axes.fill_between(depth, [r.low for r in rates], [r.high for r in rates], color=colour, alpha=0.18, lw=0)
        axes.plot(depth, [r.value for r in rates], "o-", color=colour, ms=3, lw=1.4)


def _tidy(*several: Axes) -> None:
    for axes in several:
        axes.spines[["top", "right"]].set_visible(False)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlim(0.5, None)


def _separation_table(identity: Identity) -> Table:
    def row(name: str, separation: Separation) -> tuple[str, str, str]:
        return name, str(separation.auc), str(separation.eer)

    rows = [row("px", identity.pixels), row("px, PCA", identity.eigenfaces)]
    rows += [row(f"{i + 1}: {identity.layers[i]}", identity.pooled[i]) for i in _some(len(identity.layers))]
    if identity.untrained:
        rows.append(row(f"{len(identity.layers)}: {identity.layers[-1]}, random", identity.untrained[-1]))
    head = (Text("depth l: layer", "深度 l：层"), Text("AUC (95 %)", "AUC（95%）"), Text("EER (95 %)", "EER（95%）"))
    caption = Text(
        "At some depths; px: raw pixels; random: random weights.", "若干深度上的情况；px：原始像素；random：随机权重。"
    )
    return Table(caption, head, tuple(rows))


def _some(count: int) -> list[int]:
    """At most ROWS of ``count``, evenly, the first and the last among them."""
    return sorted(set(np.linspace(0, count - 1, min(count, ROWS)).round().astype(int).tolist()))


def _check(identity: Identity) -> Check:
    rivals = [identity.pixels, identity.pooled[0], *identity.untrained[-1:]]
    return Check(
        Text(
            "the last depth's AUC lies above those of pixels, first layer and random weights, intervals and all "
            "(highest end of theirs, lowest of its own)",
            "最后一个深度的 AUC 高于像素、第一层和随机权重，且区间不重叠（对方区间的最高端，自身区间的最低端）",
        ),
        max(rival.auc.high for rival in rivals),
        identity.pooled[-1].auc.low,
    )
