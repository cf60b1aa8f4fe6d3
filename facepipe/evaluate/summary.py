"""The figures of an evaluation as lines for people who have never heard of an FMR, in English and Chinese."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from facepipe.evaluate.bootstrap import Rate
from facepipe.evaluate.folds import Accuracy
from facepipe.evaluate.identification import GallerySize, Identification
from facepipe.evaluate.measuring import COSINE, CROSS_FITTED
from facepipe.evaluate.reliability import Reliability
from facepipe.evaluate.result import Evaluation, Measured
from facepipe.evaluate.verification import AtFmr, Verification
from facepipe.layers.view import Text

STEADY = 30  # errors: fewer make a figure that another sample would change a lot (Doddington's rule)


@dataclass(frozen=True)
class Line:
    """One figure: its ``name``, ``value``, 95 % ``interval`` ("" without one), and what it means."""

    name: Text
    value: str
    interval: str
    meaning: Text


@dataclass(frozen=True)
class Section:
    """``about``: images, verification, identification or reliability; ``score``: the kind that is measured."""

    about: str
    score: str
    title: Text
    lines: tuple[Line, ...]


def summarise(evaluation: Evaluation) -> list[Section]:
    """All sections, in the order they are read."""
    sections = [Section("images", COSINE, Text("Images", "图像"), tuple(_images(evaluation)))]
    for measured in evaluation.measured:
        score = measured.verification.score
        for about, title, lines in (
            (
                "verification",
                Text("Verification: one person or two?", "验证：是不是同一个人？"),
                _verification(measured),
            ),
            (
                "identification",
                Text("Identification: who is it?", "识别：这是谁？"),
                _identification(measured.identification),
            ),
            ("reliability", Text("Stated probabilities", "给出的概率"), _reliability(measured.reliability)),
        ):
            if rows := tuple(lines):
                sections.append(Section(about, score, title if score == COSINE else _with(title, kind_of(score)), rows))
    return sections


def kind_of(score: str) -> Text:
    """What a kind of score is called."""
    return Text("cosine", "余弦") if score == COSINE else Text("corrected", "校正后")


def _with(title: Text, kind: Text) -> Text:
    return Text(f"{title.en} ({kind.en})", f"{title.zh}（{kind.zh}）")


def percent(share: float) -> str:
    """Three digits that matter, about: 97.6%, 99.50%, 0.10%, 0.0012%."""
    if share in (0, 1):
        return f"{share:.0%}"
    if 0.1 <= share < 0.995:
        return f"{share:.1%}"
    digits = 2 if share >= 0.0005 else 1 - math.floor(math.log10(100 * share))
    return f"{100 * share:.{digits}f}%"


def _several(number: int, thing: str) -> str:
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


def interval(rate: Rate | None) -> str:
    if rate is None or rate.low is None or rate.high is None:
        return ""
    return f"{percent(rate.low).rstrip('%')}–{percent(rate.high)}"


def _images(evaluation: Evaluation) -> Iterator[Line]:
    images = evaluation.images
    by_pairs = "", "" if images.named else " as far as the pairs say", "（按配对推断）"
    yield Line(
        Text("images", "图像"),
        f"{images.images:,}",
        "",
        Text(
            f"of {images.people:,} people{by_pairs[1]}", f"共 {images.people:,} 人{'' if images.named else by_pairs[2]}"
        ),
    )
    missed = len(images.no_face)
    yield Line(
        Text("no face found", "未找到人脸"),
        f"{missed:,} ({percent(missed / images.images)})",
        "",
        Text("failure to acquire: in none of the figures below", "采集失败：不计入以下任何数字"),
    )
    if images.failures:
        yield Line(
            Text("could not be read", "无法读取"),
            f"{len(images.failures):,}",
            "",
            Text("in none of the figures below", "不计入以下任何数字"),
        )
    if images.several_faces:
        yield Line(
            Text("several faces", "多张人脸"),
            f"{images.several_faces:,}",
            "",
            Text("the most central one was taken", "取最靠近中央的一张"),
        )
    if images.listed_pairs is not None:
        lost, failed = images.pairs_without_face, images.pairs_failed
        yield Line(
            Text("listed pairs", "列出的配对"),
            f"{images.listed_pairs:,}",
            "",
            Text(
                f"{lost:,} of them lack a face, {failed:,} an image that can be read",
                f"其中 {lost:,} 对缺少人脸，{failed:,} 对图像无法读取",
            ),
        )


def _verification(measured: Measured) -> Iterator[Line]:
    v = measured.verification
    drawn = f", drawn of {v.impostor_pairs:,}" if v.impostor_pairs > v.impostor else ""
    drawn_zh = f"（从 {v.impostor_pairs:,} 对中抽取）" if drawn else ""
    yield Line(
        Text("comparisons", "比对"),
        f"{v.genuine + v.impostor:,}",
        "",
        Text(
            f"{v.genuine:,} of one person, {v.impostor:,} of two{drawn}",
            f"同一人 {v.genuine:,} 对，不同人 {v.impostor:,} 对{drawn_zh}",
        ),
    )
    if measured.accuracy is not None:
        yield from _accuracy(measured.accuracy)
    yield Line(
        Text("EER", "等错误率 EER"),
        percent(v.eer.value),
        interval(v.eer),
        Text(
            f"errors of both kinds where they are as frequent, at threshold {v.eer_threshold:.4f}",
            f"两类错误率相等处的错误率，阈值 {v.eer_threshold:.4f}",
        ),
    )
    yield from (_at_fmr(at) for at in v.at)
    yield from _stated(v)


def _accuracy(accuracy: Accuracy) -> Iterator[Line]:
    if accuracy.mean is not None:
        error = "" if accuracy.standard_error is None else f" ± {accuracy.standard_error:.2%}"
        count = len(accuracy.folds)
        made = " of different people" if accuracy.made else ""
        yield Line(
            Text("accuracy by folds", "分折准确率"),
            f"{accuracy.mean:.2%}{error}",
            "",
            Text(
                f"of {accuracy.pairs:,} pairs decided rightly, each of {count} folds{made} at the threshold chosen on "
                "the others; mean ± standard error",
                f"{accuracy.pairs:,} 对中判断正确的比例：{count} 折，每折用其余各折选出的阈值；均值 ± 标准误",
            ),
        )
    yield Line(
        Text("… best threshold", "……最佳阈值"),
        f"{accuracy.best:.2%}",
        "",
        Text(
            f"the same with {accuracy.best_threshold:.4f}, chosen on the very pairs it decides: a little too good",
            f"阈值 {accuracy.best_threshold:.4f} 就在这些配对上选出：略偏乐观",
        ),
    )


def one_in(rate: float) -> str:
    return f"1 in {round(1 / rate):,}"


def _at_fmr(at: AtFmr) -> Line:
    name = Text(f"TMR at FMR {at.fmr:.0e}".replace("e-0", "e-"), f"FMR {at.fmr:.0e} 时的 TMR".replace("e-0", "e-"))
    if at.tmr is None:
        few = f"{round(1 / at.fmr):,}"
        return Line(name, "–", "", Text(f"needs {few} pairs of two people", f"需要 {few} 对不同人的配对"))
    thin = f"; unsteady, it rests on {_several(at.rests_on, 'pair')}" if at.rests_on < STEADY else ""
    thin_zh = f"；仅依据 {at.rests_on} 对，不稳定" if thin else ""
    return Line(
        name,
        percent(at.tmr.value),
        interval(at.tmr),
        Text(
            f"of pairs of one person accepted when {one_in(at.fmr)} of two is, at threshold {at.threshold:.4f}{thin}",
            f"每 {round(1 / at.fmr):,} 对不同人误收 1 对时，同一人配对的接受率，阈值 {at.threshold:.4f}{thin_zh}",
        ),
    )


def _stated(v: Verification) -> Iterator[Line]:
    for at in v.stated:
        rate = f"{at.stated_fmr:.0e}".replace("e-0", "e-")
        yield Line(
            Text(f"FMR at the card's {rate}", f"卡片 {rate} 阈值处的 FMR"),
            percent(at.fmr.value),
            interval(at.fmr),
            Text(
                f"of pairs of two people accepted here at its threshold {at.threshold:.4f}, which promises "
                f"{one_in(at.stated_fmr)}; of one person {percent(at.tmr.value)}",
                f"阈值 {at.threshold:.4f} 在此误收不同人配对的比例（卡片标称 1/{round(1 / at.stated_fmr):,}）；"
                f"同一人接受 {percent(at.tmr.value)}",
            ),
        )


def _identification(found: Identification | None) -> Iterator[Line]:
    if found is None:
        return
    for size in _shown(found):
        gallery = f"{size.people:,} people", f"{size.people:,} 人库"
        yield Line(
            Text(f"{gallery[0]}: rank-1", f"{gallery[1]}：首位命中"),
            percent(size.rank1.value),
            interval(size.rank1),
            Text("of photos of enrolled people, the right person comes first", "已登记者的照片，本人排第一的比例"),
        )
        if size.fpir is not None and size.found is not None:
            yield Line(
                Text("… FPIR at the card's 1e-3", "……卡片 1e-3 阈值处的 FPIR"),
                percent(size.fpir.value),
                interval(size.fpir),
                Text(
                    f"of photos of strangers get a name at {size.limit:.4f}; of enrolled people "
                    f"{percent(size.found.value)} get theirs",
                    f"阈值 {size.limit:.4f} 时被误认的陌生人照片；已登记者 {percent(size.found.value)} 得到正确姓名",
                ),
            )
        for at in size.at:
            thin = f"; unsteady, it rests on {_several(at.rests_on, 'photo')}" if at.rests_on < STEADY else ""
            thin_zh = f"；仅依据 {at.rests_on} 张，不稳定" if thin else ""
            limit = f"{at.threshold:.4f}"
            yield Line(
                Text(f"… FNIR at FPIR {at.fpir:g}", f"……FPIR {at.fpir:g} 时的 FNIR"),
                percent(1 - at.found.value),
                interval(_complement(at.found)),
                Text(
                    f"of enrolled people missed when {one_in(at.fpir)} strangers gets a name, at {limit}{thin}",
                    f"每 {round(1 / at.fpir):,} 张陌生人照片误认 1 张时，已登记者的漏认率，阈值 {limit}{thin_zh}",
                ),
            )


def _shown(found: Identification) -> list[GallerySize]:
    """The largest gallery, and one of a hundred or so before it."""
    smaller = [size for size in found.sizes[:-1] if size.people <= 100]
    return [*smaller[-1:], found.sizes[-1]]


def _complement(rate: Rate) -> Rate:
    if rate.low is None or rate.high is None:
        return Rate(1 - rate.value)
    return Rate(1 - rate.value, 1 - rate.high, 1 - rate.low)


def _reliability(found: tuple[Reliability, ...]) -> Iterator[Line]:
    for one in found:
        en, zh = ("refitted", "重新拟合") if one.source == CROSS_FITTED else ("the card's", "卡片给出")
        low, high = one.brier.low, one.brier.high
        yield Line(
            Text(f"Brier score, {en}", f"Brier 分数，{zh}"),
            f"{one.brier.value:.4f}",
            "" if low is None or high is None else f"{low:.4f}–{high:.4f}",
            Text(
                "mean squared error of the probability that both are one person; 0.25 is always saying one half",
                "“是同一人”的概率的均方误差；总说一半为 0.25",
            ),
        )
        yield Line(
            Text("… off by", "……偏差"),
            percent(one.expected_error.value),
            interval(one.expected_error),
            Text("between stated and observed, on average", "给出与实际之间的平均差距"),
        )
