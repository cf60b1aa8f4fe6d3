"""Curves of an evaluation, each drawn once with English and once with Chinese words."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter, PercentFormatter

from facepipe.evaluate.measures.identification import IdentificationRates
from facepipe.evaluate.measures.rates import Doubles
from facepipe.evaluate.measures.reliability import Reliability
from facepipe.evaluate.measures.verification import RocCurve, VerificationRates
from facepipe.evaluate.report.words import kind_of
from facepipe.evaluate.result import Measured
from facepipe.page.view import Chart, Text

SIZE = 4.6, 3.4  # inches: on a phone the words are still read
COLOURS = "#0f9d8a", "#d97706", "#1d4ed8", "#9333ea", "#6b7280", "#b91c1c"
Say = Callable[[str, str], str]


def chart(name: str, alt: Text, caption: Text, draw: Callable[[Axes, Say], None]) -> Chart:
    """``draw`` is called once for each language with what picks a word of it."""
    figures = []
    for language in (0, 1):
        figure = Figure(figsize=SIZE)
        axes = figure.add_subplot()

        def say(*words: str, language: int = language) -> str:
            return words[language]

        draw(axes, say)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(color="0.92", lw=0.8)
        axes.set_axisbelow(True)
        figures.append(figure)
    return Chart(name, figures[0], alt, caption, figures[1])


def roc(measured: Sequence[Measured]) -> Chart:
    """TMR over FMR, with bands."""

    def draw(axes: Axes, say: Say) -> None:
        for colour, one in zip(COLOURS, measured, strict=False):
            _band(axes, one.verification.curve, colour, _kind(one.verification, say))
        lowest = min(one.verification.curve.fmr[0] for one in measured)
        _rates(axes, lowest)
        floor = min(min(one.verification.curve.tmr) for one in measured)
        axes.set(
            ylim=(max(0, floor - 0.05), 1.005), xlabel=say("FMR", "误收率 FMR"), ylabel=say("TMR", "正确接受率 TMR")
        )
        axes.yaxis.set_major_formatter(PercentFormatter(1))
        _legend(axes, len(measured))

    return chart(
        "roc",
        Text("ROC: true match rate over false match rate", "ROC：正确接受率随误收率的变化"),
        Text(
            "ROC. Going left, strangers are accepted ever more rarely; the curve is how many pairs of one person still "
            "are. Higher is better; bands are 95 % intervals.",
            "ROC 曲线。越往左，陌生人被误收得越少；曲线为同一人配对仍被接受的比例。越高越好；色带为 95% 区间。",
        ),
        draw,
    )


def det(measured: Sequence[Measured]) -> Chart:
    """FNMR over FMR, both logarithmic."""

    def draw(axes: Axes, say: Say) -> None:
        floors = []
        for colour, one in zip(COLOURS, measured, strict=False):
            curve, fewest = one.verification.curve, 0.5 / one.verification.genuine
            floors.append(fewest)
            missed = [max(1 - tmr, fewest) for tmr in curve.tmr]
            axes.plot(curve.fmr, missed, color=colour, lw=1.6, label=_kind(one.verification, say))
            at, low, high = _bounds(curve)
            ends = np.maximum(1 - high, fewest), np.maximum(1 - low, fewest)
            axes.fill_between(at, *ends, color=colour, alpha=0.18, lw=0)
            eer = one.verification.eer.value
            if eer > 0:
                axes.plot([eer], [eer], "o", color=colour, ms=5)
        lowest = min(one.verification.curve.fmr[0] for one in measured)
        axes.plot([max(lowest, min(floors)), 1], [max(lowest, min(floors)), 1], ":", color="0.6", lw=1)
        _rates(axes, lowest)
        axes.set(
            yscale="log", ylim=(min(floors), 1), xlabel=say("FMR", "误收率 FMR"), ylabel=say("FNMR", "误拒率 FNMR")
        )
        axes.yaxis.set_major_formatter(FuncFormatter(_decimal))
        axes.yaxis.set_minor_formatter(NullFormatter())
        _legend(axes, len(measured))

    return chart(
        "det",
        Text("DET: false non-match rate over false match rate", "DET：误拒率随误收率的变化"),
        Text(
            "DET. The same errors on logarithmic axes; lower is better. The dots on the dotted line are the EER.",
            "DET 曲线。同样的错误率，双对数坐标；越低越好。虚线上的圆点为等错误率 EER。",
        ),
        draw,
    )


def histogram(verification: VerificationRates, name: str) -> Chart:
    """Where the scores lie, and the thresholds of the card."""

    def draw(axes: Axes, say: Say) -> None:
        found = verification.histogram
        for colour, shares, words in (
            (COLOURS[1], found.impostor, say("two people", "不同人")),
            (COLOURS[0], found.genuine, say("one person", "同一人")),
        ):
            axes.stairs(shares, found.edges, color=colour, fill=True, alpha=0.35)
            axes.stairs(shares, found.edges, color=colour, lw=1.2, label=words)
        for at in verification.stated:
            axes.axvline(at.threshold, color="0.35", lw=0.9, ls="--")
        axes.set(xlabel=say("score", "得分"), ylabel=say("share of pairs", "配对占比"))
        axes.yaxis.set_major_formatter(PercentFormatter(1))
        axes.legend(frameon=False, fontsize=9)

    lines = ", ".join(f"{at.threshold:.4f} ({at.stated_fmr:.0e})".replace("e-0", "e-") for at in verification.stated)
    return chart(
        name,
        Text("Histogram of the scores", "得分直方图"),
        Text(
            f"Scores ({kind_of(verification.score).en}) of pairs of one person and of two. Errors come from where they "
            f"overlap." + (f" Dashed: the card's thresholds by FMR, {lines}." if lines else ""),
            f"同一人与不同人配对的得分（{kind_of(verification.score).zh}）。错误来自重叠处。"
            + (f"虚线：卡片按 FMR 给出的阈值 {lines}。" if lines else ""),
        ),
        draw,
    )


def reliability(found: Reliability, name: str, caption: Text) -> Chart:
    """Observed over stated."""

    def draw(axes: Axes, say: Say) -> None:
        axes.plot([0, 1], [0, 1], ":", color="0.6", lw=1)
        for one in found.bins:
            low, high = one.observed.low, one.observed.high
            if low is not None and high is not None:
                axes.plot([one.stated, one.stated], [low, high], color=COLOURS[0], lw=1.2, alpha=0.6)
        most = max(one.pairs for one in found.bins)
        sizes = [12 + 90 * np.sqrt(one.pairs / most) for one in found.bins]
        axes.scatter(
            [b.stated for b in found.bins], [b.observed.value for b in found.bins], sizes, COLOURS[0], zorder=3
        )
        axes.set(xlim=(-0.04, 1.04), ylim=(-0.04, 1.04))
        axes.set(xlabel=say("stated", "给出的概率"), ylabel=say("observed", "实际比例"))
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(PercentFormatter(1))

    return chart(name, Text("Observed share over stated probability", "实际比例随给出概率的变化"), caption, draw)


def open_set(found: IdentificationRates) -> Chart:
    """FNIR over FPIR, a curve for each size of gallery."""
    sizes, kind = found.sizes, kind_of(found.score)

    def draw(axes: Axes, say: Say) -> None:
        for colour, size in zip(COLOURS, sizes[::-1], strict=False):
            missed = [1 - found for found in size.curve.tmr]
            axes.plot(size.curve.fmr, missed, color=colour, lw=1.5, label=f"{size.people:,}")
        at, low, high = _bounds(sizes[-1].curve)
        axes.fill_between(at, 1 - high, 1 - low, color=COLOURS[0], alpha=0.18, lw=0)
        _rates(axes, min(size.curve.fmr[0] for size in sizes))
        axes.set(ylim=(0, None), xlabel=say("FPIR", "误认率 FPIR"), ylabel=say("FNIR", "漏认率 FNIR"))
        axes.yaxis.set_major_formatter(PercentFormatter(1))
        axes.legend(frameon=False, fontsize=9, title=say("people enrolled", "登记人数"))

    return chart(
        f"open-set-{found.score}",
        Text(
            "Open-set identification: FNIR over FPIR by size of the gallery", "开集识别：各库规模下 FNIR 随 FPIR 的变化"
        ),
        Text(
            "Going left, strangers get a name ever more rarely; the curve is how many photos of enrolled people are "
            "missed or misnamed then. Lower is better. Large galleries are harder. Band: 95 % interval of the largest. "
            f"Scores: {kind.en}.",
            "越往左，陌生人被误认得越少；曲线为此时已登记者照片漏认或认错的比例。越低越好；库越大越难。"
            f"色带：最大库的 95% 区间。得分：{kind.zh}。",
        ),
        draw,
    )


def by_size(found: IdentificationRates) -> Chart:
    """What a gallery's size does to the error rates."""
    sizes, kind = found.sizes, kind_of(found.score)

    def draw(axes: Axes, say: Say) -> None:
        people = [size.people for size in sizes]
        rows = [(COLOURS[0], [1 - s.rank1.value for s in sizes], say("not first", "未排第一"))]
        if all(size.fpir is not None for size in sizes):
            rows.append((COLOURS[1], [s.fpir.value for s in sizes if s.fpir], say("strangers named", "陌生人被误认")))
        for colour, values, words in rows:
            axes.plot(people, values, "o-", color=colour, ms=4, lw=1.5, label=words)
        axes.set(xscale="log", ylim=(0, None), xlabel=say("people enrolled", "登记人数"), ylabel=say("share", "比例"))
        axes.set_xticks(people, [f"{number:,}" for number in people])
        axes.minorticks_off()
        axes.yaxis.set_major_formatter(PercentFormatter(1))
        axes.legend(frameon=False, fontsize=9)

    usual = sizes[-1].limit is not None
    at, at_zh = (" at the threshold that is usual for so many", "（该规模的常用阈值处）") if usual else ("", "")
    return chart(
        f"sizes-{found.score}",
        Text("Errors by size of the gallery", "错误率随库规模的变化"),
        Text(
            "A larger gallery has more people to be taken for: photos of enrolled people whose right person does not "
            f"come first, and photos of strangers that get a name{at}. Scores: {kind.en}.",
            f"库越大，可被错认的人越多：已登记者的照片中本人未排第一的比例，以及陌生人照片被误认的比例{at_zh}。"
            f"得分：{kind.zh}。",
        ),
        draw,
    )


def _kind(verification: VerificationRates, say: Say) -> str:
    words = kind_of(verification.score)
    return say(words.en, words.zh)


def _bounds(curve: RocCurve) -> Doubles:
    """(3, n): rates and the lower and upper ends of the band; the curve itself where the draws all agree."""
    low = [value if end is None else end for value, end in zip(curve.tmr, curve.low, strict=True)]
    high = [value if end is None else end for value, end in zip(curve.tmr, curve.high, strict=True)]
    return np.array([curve.fmr, low, high])


def _band(axes: Axes, curve: RocCurve, colour: str, label: str) -> None:
    axes.plot(curve.fmr, curve.tmr, color=colour, lw=1.6, label=label)
    at, low, high = _bounds(curve)
    axes.fill_between(at, low, high, color=colour, alpha=0.18, lw=0)


def _rates(axes: Axes, lowest: float) -> None:
    """A logarithmic axis of rates, as 1e-3."""
    axes.set(xscale="log", xlim=(min(lowest, 0.1), 1))
    axes.xaxis.set_major_formatter(FuncFormatter(_decimal))
    axes.xaxis.set_minor_formatter(NullFormatter())


def _decimal(value: float, _: object = None) -> str:
    return f"{value:g}" if value >= 0.01 else f"{value:.0e}".replace("e-0", "e-")


def _legend(axes: Axes, lines: int) -> None:
    if lines > 1:
        axes.legend(frameon=False, fontsize=9)
