"""View 8: do coarse features suffice? The blurred face by depth, its match, and the detector's stages."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from matplotlib.figure import Figure

from facepipe.inspect.views.coarse import Blurred, Matched
from facepipe.inspect.views.search import Search
from facepipe.inspect.views.search_view import check_search, show_search
from facepipe.page.view import Block, Chart, Check, Picture, Table, Text, View
from facepipe.records import Candidate

TILE = 72  # px, of a blurred chip
ACCENT, LIMIT, OTHER = "#0f9d8a", "#b3400e", "#9ca3af"

TITLE = Text("Do coarse features suffice?", "粗略的特征够用吗？")
INTRO = Text(
    "The face is blurred step by step. Where a depth hardly changes, it lives on coarse features; where it soon "
    "becomes another, on fine ones. What counts in the end is whether the blurred face is still matched. What truly "
    "goes from coarse to fine is how MTCNN finds a face: P-Net sees it shrunk to 12 px, R-Net to 24, O-Net to 48, each "
    "fewer candidates.",
    "把人脸一步步模糊。某个深度几乎不变，说明它依靠粗略的特征；很快变样，说明它依靠细节。"
    "最终要看的是模糊后的脸是否仍能匹配。"
    "真正由粗到细的是 MTCNN 查找人脸的过程：P-Net 看的是缩小到 12 像素的脸，R-Net 24 像素，O-Net 48 像素，"
    "候选一级比一级少。",
)
UNMATCHED = Text(
    "Whether the blurred face is still matched is not shown: that needs a gallery with this person.",
    "没有显示模糊后是否仍能匹配：需要登记了此人的人脸库。",
)


def show_coarse(
    blurred: Blurred,
    threshold: float,
    matched: Matched | None = None,
    search: Search | None = None,
    candidates: Sequence[Candidate] = (),
) -> View:
    """``search``: how the face is found in its photo; ``candidates``: the gallery's for this face, best first;
    ``threshold`` the cosine that decides."""
    blocks: list[Block] = [_strip(blurred), _heat(blurred)]
    blocks.append(UNMATCHED if matched is None else _match_chart(blurred, matched, threshold))
    if search is not None:
        blocks += show_search(search)
    if candidates:
        blocks += [_bars(candidates, threshold), _names(candidates, threshold)]
    return View("coarse", TITLE, INTRO, tuple(blocks), _checks(blurred, matched, search, candidates))


def _strip(blurred: Blurred) -> Picture:
    tiles = [cv2.resize(chip, (TILE, TILE), interpolation=cv2.INTER_AREA) for chip in blurred.chips]
    sigmas = ", ".join(f"{sigma:g}" for sigma in blurred.sigmas)
    caption = Text(
        f"The face under a Gaussian of σ = {sigmas} px of the aligned face of {blurred.chips.shape[2]} px.",
        f"用高斯模糊后的人脸，σ = {sigmas.replace(', ', '、')} 像素（对齐人脸宽 {blurred.chips.shape[2]} 像素）。",
    )
    alt = Text("The aligned face, more and more blurred", "越来越模糊的对齐人脸")
    return Picture("blurred", np.concatenate(tiles, axis=1), alt, caption, photo=True)


def _heat(blurred: Blurred) -> Chart:
    """ρ as squares: a column per σ, a row per depth."""
    figure = Figure(figsize=(6.4, 4.6))
    axes = figure.subplots()
    low = min(0.0, float(blurred.similarity.min()))
    squares = axes.imshow(blurred.similarity, cmap="viridis", vmin=low, vmax=1, aspect="auto", interpolation="nearest")
    axes.set_xticks(np.arange(len(blurred.sigmas)), [f"{sigma:g}" for sigma in blurred.sigmas])
    rows = np.unique(np.linspace(0, len(blurred.layers) - 1, min(8, len(blurred.layers))).round().astype(int))
    axes.set_yticks(rows, [str(row + 1) for row in rows])
    axes.set(xlabel="σ (px)", ylabel="l")
    axes.spines[:].set_visible(False)
    figure.colorbar(squares, ax=axes, label="ρ")
    about = ("less the mean of the gallery's", "减去人脸库的平均") if blurred.centred else ("as they are", "未减去均值")
    caption = Text(
        f"ρ: the cosine between this face and the blurred one at depth l, from 1 ({blurred.layers[0]}) to "
        f"{len(blurred.layers)} ({blurred.layers[-1]}); channel means over places, {about[0]}. 1 is unchanged.",
        f"ρ：在深度 l 上原脸与模糊脸的余弦，l 从 1（{blurred.layers[0]}）到 "
        f"{len(blurred.layers)}（{blurred.layers[-1]}）；"
        f"取各通道在所有位置的均值，{about[1]}。1 表示没有变化。",
    )
    return Chart("similarity", figure, Text("Cosine by depth and blur", "余弦随深度与模糊的变化"), caption)


def _match_chart(blurred: Blurred, matched: Matched, threshold: float) -> Chart:
    figure = Figure(figsize=(6.4, 4))
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    top.axhline(threshold, color=LIMIT, ls="--", lw=1.2)
    top.plot(blurred.sigmas, matched.scores, "o-", color=ACCENT, ms=4)
    top.set(ylabel="score")
    bottom.plot(blurred.sigmas, matched.ranks, "o-", color=ACCENT, ms=4)
    bottom.set(xlabel="σ (px)", ylabel="rank", ylim=(max(*matched.ranks, 2) + 0.5, 0.5))
    bottom.yaxis.get_major_locator().set_params(integer=True)
    for axes in (top, bottom):
        axes.spines[["top", "right"]].set_visible(False)
    kept = [sigma for sigma, score in zip(blurred.sigmas, matched.scores, strict=True) if score >= threshold]
    last = f"The last blur at or above it: σ = {max(kept):g} px." if kept else "No step reaches it."
    last_zh = f"不低于阈值的最大模糊：σ = {max(kept):g} 像素。" if kept else "没有一步达到阈值。"
    caption = Text(
        f"Above: the score with {matched.person}, as the gallery gives it; dashed: the threshold {threshold:.3f}. "
        f"{last} Below: the rank of {matched.person} among {matched.people} people.",
        f"上：人脸库给出的与 {matched.person} 的得分；虚线：阈值 {threshold:.3f}。{last_zh}"
        f"下：{matched.person} 在 {matched.people} 人中的名次。",
    )
    return Chart("match", figure, Text("Score and rank by blur", "得分与名次随模糊的变化"), caption)


def _bars(candidates: Sequence[Candidate], threshold: float) -> Chart:
    figure = Figure(figsize=(6.4, 0.6 + 0.34 * len(candidates)))
    axes = figure.subplots()
    scores = [candidate.score for candidate in candidates]
    colours = [ACCENT if score >= threshold else OTHER for score in scores]
    axes.barh([str(candidate.rank) for candidate in candidates], scores, color=colours, height=0.7)
    for place, score in enumerate(scores):
        axes.text(0.02, place, f"{score:.3f}", transform=axes.get_yaxis_transform(), va="center", fontsize=9)
    axes.axvline(threshold, color=LIMIT, ls="--", lw=1.2)
    axes.set(xlabel="score", ylabel="rank", xlim=(min(0.0, *scores), 1.12))
    axes.invert_yaxis()
    axes.spines[["top", "right"]].set_visible(False)
    caption = Text(
        f"The decision: the score of each candidate, best first, against the threshold {threshold:.3f} (dashed).",
        f"判定：各候选的得分（由高到低）与阈值 {threshold:.3f}（虚线）。",
    )
    return Chart("decision", figure, Text("Scores of the candidates", "各候选的得分"), caption)


def _names(candidates: Sequence[Candidate], threshold: float) -> Table:
    head = (
        Text("rank", "名次"),
        Text("person", "人"),
        Text("score", "得分"),
        Text("difference to the threshold", "与阈值之差"),
    )
    rows = tuple((str(c.rank), c.person, f"{c.score:.4f}", f"{c.score - threshold:+.4f}") for c in candidates)
    return Table(Text("The candidates by name.", "候选者姓名。"), head, rows)


def _checks(
    blurred: Blurred, matched: Matched | None, search: Search | None, candidates: Sequence[Candidate]
) -> tuple[Check, ...]:
    checks = []
    if 0 in blurred.sigmas:
        same = blurred.similarity[:, blurred.sigmas.index(0)]
        what = Text("without blur every depth is unchanged: |ρ(0) − 1|", "不模糊时每个深度都不变：|ρ(0) − 1|")
        checks.append(Check(what, float(np.abs(same - 1).max()), 1e-6))
    checks += [] if search is None else check_search(search)
    score = next((c.score for c in candidates if matched is not None and c.person == matched.person), None)
    if matched is not None and score is not None and 0 in blurred.sigmas:
        own = matched.scores[blurred.sigmas.index(0)]
        what = Text("the score without blur is the gallery's score", "不模糊时的得分等于人脸库给出的得分")
        checks.append(Check(what, abs(own - score), 1e-6))
    return tuple(checks)
