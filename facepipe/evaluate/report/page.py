"""An evaluation as a page: the figures in words first, then what they come from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from facepipe.evaluate.report import charts
from facepipe.evaluate.report.summary import Section, summarise
from facepipe.evaluate.report.verdict import verdict
from facepipe.evaluate.report.words import kind_of, percent
from facepipe.evaluate.result import Evaluation, Measured, Mistake
from facepipe.page.page import render
from facepipe.page.view import Block, Chart, Picture, Row, Table, Text, View
from facepipe.records import Pixels

FACE = 120  # px, of a face on the page
LISTED = 30  # images named at most

HEAD = (Text("figure", "指标"), Text("value", "数值"), Text("95 % interval", "95% 区间"), Text("what it means", "含义"))


def page(evaluation: Evaluation) -> str:
    """The whole page as HTML. It loads nothing from anywhere."""
    views = [_verification(evaluation), *_identification(evaluation), *_reliability(evaluation)]
    views += [view for view in (_alike(evaluation), _unlike(evaluation)) if view.blocks]
    views.append(_method(evaluation))
    story = _story(evaluation)
    return render(story.title, story, views, command="evaluate")


def _story(evaluation: Evaluation) -> View:
    name = Path(evaluation.source).name or evaluation.source
    blocks = (*_tables(evaluation, "images"), *_tables(evaluation, "verification")[:1])
    title = Text(f"How well people are told apart: {name}", f"区分人的能力：{name}")
    return View("story", title, verdict(evaluation), blocks)


def _tables(evaluation: Evaluation, about: str) -> list[Table]:
    """The figures of ``about``, by kind of score."""
    return [_table(section) for section in summarise(evaluation) if section.about == about]


def _table(section: Section) -> Table:
    rows = tuple((line.name, _solid(line.value), _solid(line.interval), line.meaning) for line in section.lines)
    return Table(section.title, HEAD, rows)


def _solid(text: str) -> str:
    """Not broken into lines."""
    return text.replace(" ", "\N{NO-BREAK SPACE}").replace("–", "\N{WORD JOINER}–\N{WORD JOINER}")


def _verification(evaluation: Evaluation) -> View:
    measured = evaluation.measured
    histograms = [charts.histogram(one.verification, f"scores-{one.verification.score}") for one in measured]
    blocks: list[Block] = [Row((charts.roc(measured), charts.det(measured), *histograms))]
    blocks += _tables(evaluation, "verification")[1:] + _tables(evaluation, "accuracy")
    blocks += [_folds(one) for one in measured if one.accuracy is not None and one.accuracy.folds]
    intro = Text(
        "One comparison, one question: is it the same person? A threshold decides. Raise it, and fewer strangers are "
        "accepted (FMR), but fewer pairs of one person too (TMR).",
        "一次比对，一个问题：是不是同一个人？由阈值决定。阈值越高，误收的陌生人越少（FMR），同一人被接受的也越少（TMR）。",
    )
    return View("verification", Text("One person or two", "是不是同一个人"), intro, tuple(blocks))


def _folds(measured: Measured) -> Table:
    accuracy, kind = measured.accuracy, kind_of(measured.verification.score)
    assert accuracy is not None
    rows = tuple((f.name, f"{f.pairs:,}", f"{f.threshold:.4f}", f"{f.accuracy:.2%}") for f in accuracy.folds)
    left = f" {accuracy.left_out:,} pairs lie across two folds and are in none." if accuracy.left_out else ""
    left_zh = f"{accuracy.left_out:,} 对跨两折，不计入。" if accuracy.left_out else ""
    head = Text("fold", "折"), Text("pairs", "配对"), Text("threshold", "阈值"), Text("decided rightly", "判断正确")
    caption = Text(
        f"Accuracy by folds ({kind.en}): each at the threshold that decides most pairs of the others rightly.{left}",
        f"分折准确率（{kind.zh}）：每折使用在其余各折上正确最多的阈值。{left_zh}",
    )
    return Table(caption, head, rows)


def _identification(evaluation: Evaluation) -> Iterator[View]:
    found = [one.identification for one in evaluation.measured if one.identification is not None]
    if not found:
        return
    drawn: list[Chart] = []
    for one in found:
        drawn += [charts.open_set(one), charts.by_size(one)]
    head: tuple[Text, ...] = (
        Text("people", "人数"),
        Text("score", "得分"),
        Text("rank-1", "首位命中"),
        *(Text(f"FNIR at FPIR {at.fpir:g}", f"FPIR {at.fpir:g} 时的 FNIR") for at in found[0].sizes[-1].at),
    )
    rows: list[tuple[str | Text, ...]] = []
    for one in found:
        for size in one.sizes:
            missed = (percent(1 - at.found.value) for at in size.at)
            rows.append((f"{size.people:,}", kind_of(one.score), percent(size.rank1.value), *missed))
    first = found[0]
    intro = Text(
        f"A photo, and a gallery of people: who is it, if anybody? In each of {first.splits} random splits "
        f"{first.left_out:.0%} of the people are strangers to the gallery. Of everybody else, half of the photos are "
        f"references ({first.references:.1f} on average), the others are to be named.",
        f"一张照片，一个人脸库：这是谁，还是不在库中？做 {first.splits} 次随机划分，每次 {first.left_out:.0%} "
        f"的人不登记；其余的人一半照片作参考（平均 {first.references:.1f} 张），另一半用来识别。",
    )
    table = Table(Text("By size of the gallery.", "按库的规模。"), head, tuple(rows))
    blocks: list[Block] = [Row(tuple(drawn)), *_tables(evaluation, "identification"), table]
    yield View("identification", Text("Who is it", "这是谁"), intro, tuple(blocks))


def _reliability(evaluation: Evaluation) -> Iterator[View]:
    drawn: list[Chart] = []
    for one in evaluation.measured:
        for found in one.reliability:
            kind = kind_of(one.verification.score)
            caption = Text(
                f"Probabilities {found.source} ({kind.en}): Brier score {found.brier.value:.4f}, off by "
                f"{percent(found.expected_error.value)}. The larger a dot, the more pairs; bars are 95 % intervals.",
                f"{_SOURCES.get(found.source, found.source)}的概率（{kind.zh}）：Brier 分数 {found.brier.value:.4f}，"
                f"偏差 {percent(found.expected_error.value)}。点越大，配对越多；竖线为 95% 区间。",
            )
            drawn.append(charts.reliability(found, f"reliability-{one.verification.score}-{len(drawn)}", caption))
    if drawn:
        intro = Text(
            "Of all pairs that are given 70 %, seven in ten should be of one person: then the dots lie on the dotted "
            "line. Pairs of one person and of two count as much as each other.",
            "所有得到 70% 的配对中，应有七成是同一个人：此时圆点落在虚线上。同一人与不同人的配对总权重相等。",
        )
        yield View(
            "reliability",
            Text("Are the probabilities honest", "概率是否可信"),
            intro,
            (Row(tuple(drawn)), *_tables(evaluation, "reliability")),
        )


_SOURCES = {"fitted to the scores of the other folds": "由其余各折拟合", "stated by the model's card": "模型卡片给出"}


def _alike(evaluation: Evaluation) -> View:
    return View(
        "alike",
        Text("Two people, most alike", "最相似的不同人"),
        Text(
            "The pairs of two people that the network finds most alike, each image once. If they are one person after "
            "all, a label is wrong.",
            "网络认为最相似的不同人配对，每张图像只出现一次。如果其实是同一个人，说明标签有误。",
        ),
        _pictures(evaluation.alike, "alike"),
    )


def _unlike(evaluation: Evaluation) -> View:
    return View(
        "unlike",
        Text("One person, least alike", "最不相似的同一人"),
        Text(
            "The pairs of one person that the network finds least alike, each image once. Look for a wrong label, a "
            "second person in the picture, a face turned away.",
            "网络认为最不相似的同一人配对，每张图像只出现一次。看看是否标签有误、图中有别人，或脸转向一侧。",
        ),
        _pictures(evaluation.unlike, "unlike"),
    )


def _pictures(mistakes: Sequence[Mistake], name: str) -> tuple[Block, ...]:
    if not mistakes:
        return ()
    pictures = []
    for number, mistake in enumerate(mistakes, 1):
        a, b = ("/".join(Path(path).parts[-2:]) for path in (mistake.a, mistake.b))  # the folder is the person's name
        words = f"{mistake.score:.3f}: {a} · {b}"
        alt = Text(f"Two faces, score {mistake.score:.3f}", f"两张脸，得分 {mistake.score:.3f}")
        pixels = _beside(mistake.faces)
        pictures.append(Picture(f"{name}-{number:02}", pixels, alt, Text(words, words), photo=True))
    return (Row(tuple(pictures)),)


def _beside(faces: Pixels) -> Pixels:
    import cv2

    small = [cv2.resize(face, (FACE, FACE), interpolation=cv2.INTER_AREA) for face in faces]
    return np.hstack([small[0], np.full((FACE, 4, 3), 255, np.uint8), small[1]])


def _method(evaluation: Evaluation) -> View:
    rows: list[tuple[str | Text, ...]] = [
        (Text("images", "图像"), evaluation.source),
        (Text("network", "网络"), evaluation.backbone),
        (Text("detector", "检测器"), evaluation.detector),
        (Text("cohort", "对照人群"), evaluation.cohort),
        (Text("seed", "随机种子"), str(evaluation.seed)),
        ("facepipe", evaluation.facepipe),
    ]
    head = Text("setting", "设置"), Text("value", "值")
    blocks: list[Block] = [Table(Text("What was measured, and with what.", "测量对象与设置。"), head, tuple(rows))]
    blocks += [Text(remark, remark) for remark in evaluation.remarks]
    images = evaluation.images
    for words, names in (
        (Text("No face found", "未找到人脸"), images.no_face),
        (Text("Could not be read", "无法读取"), tuple(failure.error for failure in images.failures)),
    ):
        if names:
            more = f", and {len(names) - LISTED} more" if len(names) > LISTED else ""
            listed = ", ".join(names[:LISTED]) + more
            blocks.append(Text(f"{words.en}: {listed}", f"{words.zh}：{listed}"))
    intro = Text(
        "The intervals come from drawing people again, with replacement (bootstrap, 200 draws), not pairs: pairs that "
        "share a person are not independent. Thresholds are chosen anew in each draw. "
        + (
            ""
            if images.named
            else "Who is who is taken from the pairs of one person; other images count as a person each."
        ),
        "区间由按人（而非按配对）有放回重抽样得到（自助法，200 次），因为含同一人的配对并不独立；每次抽样都重新选阈值。"
        + ("" if images.named else "谁是谁由同一人配对推断；其余图像各算一人。"),
    )
    return View("method", Text("How it was measured", "测量方法"), intro, tuple(blocks))
