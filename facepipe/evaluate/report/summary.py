"""The figures of an evaluation as lines for people who have never heard of an FMR, in English and Chinese.

Each section is of one set of pairs or photos, and says which.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from facepipe.evaluate.measures.bootstrap import Estimate
from facepipe.evaluate.measures.folds import Accuracy
from facepipe.evaluate.measures.identification import GallerySize, IdentificationRates
from facepipe.evaluate.measures.verification import AtFmr, AtThreshold
from facepipe.evaluate.measuring import COSINE, CROSS_FITTED
from facepipe.evaluate.report.words import exponent, interval, kind_of, of_both, one_in, percent, several, unsteady
from facepipe.evaluate.result import Evaluation, Images, Measured
from facepipe.page.view import Text

LISTED = Text("the listed pairs", "列出的配对")
ALL = Text("all photos against all", "全部照片两两比对")
DRAWN = Text("a list drawn of all pairs", "从全部配对中抽取的列表")
SPLITS = Text("random splits of the people", "按人随机划分")


@dataclass(frozen=True)
class Line:
    """One figure: its ``name``, ``value``, 95 % ``interval`` ("" without one), and what it means."""

    name: Text
    value: str
    interval: str
    meaning: Text


@dataclass(frozen=True)
class Section:
    """``about``: images, verification, accuracy, identification or reliability; ``score``: the kind that is measured;
    ``title``: with what it is measured on."""

    about: str
    score: str
    title: Text
    lines: tuple[Line, ...]


def summarise(evaluation: Evaluation) -> list[Section]:
    """All sections, in the order they are read."""
    listed = evaluation.images.listed_pairs is not None
    compared, tried = (LISTED, LISTED) if listed else (ALL, DRAWN)
    sections = [Section("images", COSINE, Text("Images", "图像"), tuple(_images(evaluation.images)))]
    for measured in evaluation.measured:
        score = measured.verification.score
        for about, name, of, lines in (
            ("verification", Text("One person or two", "是不是同一个人"), compared, _verification(measured, compared)),
            ("accuracy", Text("Decided rightly", "判断正确"), tried, _accuracy(measured.accuracy, tried)),
            ("identification", Text("Who is it", "这是谁"), SPLITS, _identification(measured.identification)),
            (
                "reliability",
                Text("Stated probabilities", "给出的概率"),
                tried,
                _reliability(measured, tried),
            ),
        ):
            if rows := tuple(lines):
                title = Text(f"{name.en}: {of.en}", f"{name.zh}：{of.zh}")
                sections.append(Section(about, score, title if score == COSINE else _with(title, kind_of(score)), rows))
    return sections


def _with(title: Text, kind: Text) -> Text:
    return Text(f"{title.en} ({kind.en})", f"{title.zh}（{kind.zh}）")


def _images(images: Images) -> Iterator[Line]:
    by_pairs = Text("", "") if images.named else Text(" as far as the pairs say", "（按配对推断）")
    people = Text(f"of {images.people:,} people{by_pairs.en}", f"共 {images.people:,} 人{by_pairs.zh}")
    yield Line(Text("images", "图像"), f"{images.images:,}", "", people)
    missed = len(images.no_face)
    yield Line(
        Text("no face found", "未找到人脸"),
        f"{missed:,} ({percent(missed / images.images)})",
        "",
        Text("failure to acquire: in none of the figures below", "采集失败：不计入以下任何数字"),
    )
    if images.failures:
        unused = Text("in none of the figures below", "不计入以下任何数字")
        yield Line(Text("could not be read", "无法读取"), f"{len(images.failures):,}", "", unused)
    if images.several_faces:
        taken = Text("the most central one was taken", "取最靠近中央的一张")
        yield Line(Text("several faces", "多张人脸"), f"{images.several_faces:,}", "", taken)
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


def _verification(measured: Measured, compared: Text) -> Iterator[Line]:
    v = measured.verification
    pairs = of_both(v.genuine, v.impostor)
    drawn = Text("", "")
    if v.impostor_pairs > v.impostor:
        drawn = Text(f", drawn of {v.impostor_pairs:,}", f"（从 {v.impostor_pairs:,} 对中抽取）")
    yield Line(
        Text("comparisons", "比对"),
        f"{v.genuine + v.impostor:,}",
        "",
        Text(f"{compared.en}: {pairs.en}{drawn.en}", f"{compared.zh}：{pairs.zh}{drawn.zh}"),
    )
    yield Line(
        Text("EER", "等错误率 EER"),
        percent(v.eer.value),
        interval(v.eer),
        Text(
            f"errors of both kinds where they are as frequent, at threshold {v.eer_threshold:.4f}",
            f"两类错误率相等处的错误率，阈值 {v.eer_threshold:.4f}",
        ),
    )
    yield from (_at_fmr(at, v.genuine) for at in v.at)
    yield from (_stated(at) for at in v.stated)


def _at_fmr(at: AtFmr, genuine: int) -> Line:
    name = Text(f"TMR at FMR {exponent(at.fmr)}", f"FMR {exponent(at.fmr)} 时的 TMR")
    if at.tmr is None:
        few = f"{round(1 / at.fmr):,}"
        return Line(name, "–", "", Text(f"needs {few} pairs of two people", f"需要 {few} 对不同人的配对"))
    thin, limit = unsteady(min(at.rests_on, genuine), "pair", "对"), f"{at.threshold:.4f}"
    return Line(
        name,
        percent(at.tmr.value),
        interval(at.tmr),
        Text(
            f"of pairs of one person accepted when {one_in(at.fmr)} of two is, at threshold {limit}{thin.en}",
            f"每 {round(1 / at.fmr):,} 对不同人误收 1 对时，同一人配对的接受率，阈值 {limit}{thin.zh}",
        ),
    )


def _stated(at: AtThreshold) -> Line:
    rate = exponent(at.stated_fmr)
    return Line(
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


def _accuracy(accuracy: Accuracy | None, tried: Text) -> Iterator[Line]:
    if accuracy is None:
        return
    pairs = of_both(accuracy.genuine, accuracy.pairs - accuracy.genuine)
    yield Line(
        Text("pairs", "配对"),
        f"{accuracy.pairs:,}",
        "",
        Text(f"{tried.en}: {pairs.en}", f"{tried.zh}：{pairs.zh}"),
    )
    if accuracy.mean is not None:
        error = "" if accuracy.standard_error is None else f" ± {accuracy.standard_error:.2%}"
        count = len(accuracy.folds)
        made = " of different people" if accuracy.made else ""
        yield Line(
            Text("accuracy by folds", "分折准确率"),
            f"{accuracy.mean:.2%}{error}",
            "",
            Text(
                f"of these pairs decided rightly, each of {count} folds{made} at the threshold chosen on the others; "
                "mean ± standard error",
                f"这些配对中判断正确的比例：{count} 折，每折用其余各折选出的阈值；均值 ± 标准误",
            ),
        )
    yield Line(
        Text("at the best threshold", "最佳阈值处"),
        f"{accuracy.best:.2%}",
        "",
        Text(
            f"the same with {accuracy.best_threshold:.4f}, chosen on the very pairs it decides: a little too good",
            f"阈值 {accuracy.best_threshold:.4f} 就在这些配对上选出：略偏乐观",
        ),
    )


def _identification(found: IdentificationRates | None) -> Iterator[Line]:
    if found is None:
        return
    yield Line(
        Text("splits", "划分"),
        f"{found.splits}",
        "",
        Text(
            f"{found.left_out:.0%} of the people are strangers; of the others half of the photos are references "
            f"({found.references:.1f} on average), and the rest is looked up",
            f"每次 {found.left_out:.0%} 的人不登记；其余的人一半照片作参考（平均 {found.references:.1f} 张），"
            "另一半用来识别",
        ),
    )
    for size in _shown(found):
        yield Line(
            Text(f"{_people(size.people)}: rank-1", f"{size.people:,} 人库：首位命中"),
            percent(size.rank1.value),
            interval(size.rank1),
            Text("of photos of enrolled people, the right person comes first", "已登记者的照片，本人排第一的比例"),
        )
        if size.fpir is not None and size.found is not None:
            yield Line(
                Text("… FPIR at the usual threshold", "……常用阈值处的 FPIR"),
                percent(size.fpir.value),
                interval(size.fpir),
                Text(
                    f"of photos of strangers get a name at {size.limit:.4f}; of enrolled people "
                    f"{percent(size.found.value)} get theirs",
                    f"阈值 {size.limit:.4f} 时被误认的陌生人照片；已登记者 {percent(size.found.value)} 得到正确姓名",
                ),
            )
        for at in size.at:
            thin, limit = unsteady(at.rests_on, "photo", "张"), f"{at.threshold:.4f}"
            yield Line(
                Text(f"… FNIR at FPIR {at.fpir:g}", f"……FPIR {at.fpir:g} 时的 FNIR"),
                percent(1 - at.found.value),
                interval(_complement(at.found)),
                Text(
                    f"of enrolled people missed when {one_in(at.fpir)} strangers gets a name, at {limit}{thin.en}",
                    f"每 {round(1 / at.fpir):,} 张陌生人照片误认 1 张时，已登记者的漏认率，阈值 {limit}{thin.zh}",
                ),
            )


def _people(number: int) -> str:
    return "1 person" if number == 1 else f"{number:,} people"


def _shown(found: IdentificationRates) -> list[GallerySize]:
    """The largest gallery, and one of a hundred or so before it."""
    smaller = [size for size in found.sizes[:-1] if size.people <= 100]
    return [*smaller[-1:], found.sizes[-1]]


def _complement(rate: Estimate) -> Estimate:
    if rate.low is None or rate.high is None:
        return Estimate(1 - rate.value)
    return Estimate(1 - rate.value, 1 - rate.high, 1 - rate.low)


def _reliability(measured: Measured, tried: Text) -> Iterator[Line]:
    for one in measured.reliability:
        en, zh = ("refitted", "重新拟合") if one.source == CROSS_FITTED else ("the card's", "卡片给出")
        low, high = one.brier.low, one.brier.high
        yield Line(
            Text(f"Brier score, {en}", f"Brier 分数，{zh}"),
            f"{one.brier.value:.4f}",
            "" if low is None or high is None else f"{low:.4f}–{high:.4f}",
            Text(
                f"{tried.en}, {several(one.pairs, 'pair')}: mean squared error of the probability that both are one "
                "person; 0.25 is always saying one half",
                f"{tried.zh}，{one.pairs:,} 对：“是同一人”的概率的均方误差；总说一半为 0.25",
            ),
        )
        yield Line(
            Text("… off by", "……偏差"),
            percent(one.expected_error.value),
            interval(one.expected_error),
            Text("between stated and observed, on average", "给出与实际之间的平均差距"),
        )
