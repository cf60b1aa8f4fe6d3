"""An evaluation in a sentence or two, for the first line of the table and of the page."""

from __future__ import annotations

from facepipe.defaults import FMR
from facepipe.evaluate.measures.verification import AtFmr, VerificationRates
from facepipe.evaluate.report.words import STEADY, exponent, of_both, one_in, percent, unsteady
from facepipe.evaluate.result import Evaluation
from facepipe.networks.cards import network_name
from facepipe.page.view import Text


def verdict(evaluation: Evaluation) -> Text:
    """How many of one person are accepted at the least rate that the pairs tell well, and how many pairs these are."""
    first = evaluation.measured[0].verification
    known = [at for at in first.at if at.tmr is not None]
    steady = [at for at in known if at.rests_on >= STEADY] or known[:1]
    said = _accepted(steady[-1], first.genuine) if steady else _counted(first)
    network, pairs = network_name(evaluation.backbone), of_both(first.genuine, first.impostor)
    images = evaluation.images.images
    return Text(
        f"{said.en} Measured with {network} on {images:,} images, compared in pairs: {pairs.en}.",
        f"{said.zh}所用网络 {network}，图像 {images:,} 张，配对：{pairs.zh}。",
    )


def _accepted(at: AtFmr, genuine: int) -> Text:
    assert at.tmr is not None
    share, thin = percent(at.tmr.value), unsteady(min(at.rests_on, genuine), "pair", "对")
    return Text(
        f"Where {one_in(at.fmr)} pairs of two people is wrongly accepted, {share} of the pairs of one person are "
        f"rightly accepted{thin.en}.",
        f"每 {round(1 / at.fmr):,} 对不同人误收 1 对时，同一人的配对有 {share} 被正确接受{thin.zh}。",
    )


def _counted(first: VerificationRates) -> Text:
    """Of so few pairs no rate can be told: what became of them at the usual threshold."""
    few = Text("Too few pairs to say much.", "配对太少，说明不了什么。")
    usual = next((at for at in first.stated if exponent(at.stated_fmr) == FMR), None)
    if usual is None:
        return few
    wrong, right = round(usual.fmr.value * first.impostor), round(usual.tmr.value * first.genuine)
    return Text(
        f"{few.en} At the usual threshold {usual.threshold:.4f}, {right:,} of {first.genuine:,} pairs of one person "
        f"are accepted, and {wrong:,} of {first.impostor:,} of two people.",
        f"{few.zh}在常用阈值 {usual.threshold:.4f} 处，同一人的 {first.genuine:,} 对接受 {right:,} 对，"
        f"不同人的 {first.impostor:,} 对接受 {wrong:,} 对。",
    )
