"""Table and page of an evaluation of people made of numbers: what they say, in both languages."""

import html
import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from facepipe.evaluate.embedded import Embedded
from facepipe.evaluate.faces import LabelledFaces
from facepipe.evaluate.measures.bootstrap import Estimate
from facepipe.evaluate.measures.comparisons import Comparisons, Scorer, all_against_all
from facepipe.evaluate.measures.folds import Trial, draw_list
from facepipe.evaluate.measures.identification import measure_identification
from facepipe.evaluate.measuring import Evaluated, measure
from facepipe.evaluate.report.page import page
from facepipe.evaluate.report.summary import summarise
from facepipe.evaluate.report.verdict import verdict
from facepipe.evaluate.report.words import interval, percent
from facepipe.evaluate.result import Evaluation, Failure, Images, Mistake
from facepipe.evaluate.strangers import Chosen
from facepipe.page.page import save_page

pytestmark = pytest.mark.slow

PEOPLE = 40


@pytest.fixture(scope="module")
def evaluation() -> Evaluation:
    rng = np.random.default_rng(0)
    people = np.repeat(np.arange(PEOPLE), 4)
    vectors = rng.normal(size=(PEOPLE, 16))[people] + 0.6 * rng.normal(size=(len(people), 16))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    names = tuple(Path(f"{number}.jpg") for number in range(len(people)))
    embedded = Embedded(np.arange(len(people)), vectors, np.zeros((len(people), 5, 2), np.float32), (), (), (), {})
    faces = LabelledFaces(names, embedded, names, people, tuple(map(str, range(PEOPLE))), None)
    card = SimpleNamespace(thresholds={"1e-2": 0.7, "1e-3": 0.8}, evidence=None, chip=None, name="toy")
    pipe: Any = SimpleNamespace(backbone=SimpleNamespace(card=card, id="toy@0"), detector=SimpleNamespace(card=card))

    def compare(scorer: Scorer) -> tuple[Comparisons, Trial]:
        compared = all_against_all(scorer, people)
        pairs, same, folds = draw_list(compared, people)
        whose = people[pairs]
        return compared, Trial(scorer.pairs(*pairs.T), same, whose, folds[whose], tuple("0123456789"), True)

    images = Images(len(people), PEOPLE, True, ("dark.jpg",), (), 2, None, 0, 0)
    subject = Evaluated(pipe, "people <of> mine", faces, Chosen(None, "none"), 0, lambda *step: None)
    made = measure(
        subject,
        images,
        compare,
        lambda score: measure_identification(vectors, people, left_out=0.5, limit=lambda people: 0.8),
        ("row 3 repeats another row",),
    )
    pictures = rng.integers(0, 255, (2, 150, 150, 3)).astype(np.uint8)
    return replace(made, alike=(Mistake(0.91, "a/<1>.jpg", "b/2.jpg", pictures),))


@pytest.mark.parametrize(
    ("share", "said"),
    [
        (0, "0%"), (1, "100%"), (0.976, "97.6%"), (0.9951, "99.51%"), (0.0999, "9.99%"), (0.001, "0.10%"),
        (0.00044, "0.044%"), (0.0000123, "0.0012%"), (0.99999, "100.00%"),
    ],
)  # fmt: skip
def test_shares_have_the_digits_that_matter(share: float, said: str) -> None:
    assert percent(share) == said


def test_intervals() -> None:
    assert interval(Estimate(0.5, 0.4, 0.6)) == "40.0–60.0%"
    assert interval(Estimate(0.5)) == interval(None) == ""


def test_every_figure_has_a_meaning_in_both_languages(evaluation: Evaluation) -> None:
    sections = summarise(evaluation)
    about = ["images", "verification", "accuracy", "identification", "reliability"]
    assert [section.about for section in sections] == about
    for line in (line for section in sections for line in section.lines):
        assert line.value
        for text in (line.name, line.meaning):
            assert text.en
            assert text.zh
        assert re.search("[\u4e00-\u9fff]", line.meaning.zh)
        assert not re.search("[\u4e00-\u9fff]", line.name.en + line.meaning.en)


def test_the_lines_are_the_records_figures(evaluation: Evaluation) -> None:
    lines = {line.name.en: line for section in summarise(evaluation) for line in section.lines}
    v = evaluation.measured[0].verification
    assert lines["EER"].value == percent(v.eer.value)
    assert lines["TMR at FMR 1e-2"].interval == interval(v.at[0].tmr)
    assert lines["no face found"].value == "1 (0.62%)"
    assert "unsteady, it rests on 12 pairs" in lines["TMR at FMR 1e-3"].meaning.en
    assert lines["TMR at FMR 1e-5"].value == "–"
    assert lines["TMR at FMR 1e-5"].meaning.en == "needs 100,000 pairs of two people"
    assert lines["20 people: rank-1"].value
    accuracy = evaluation.measured[0].accuracy
    assert accuracy is not None
    assert lines["accuracy by folds"].value == f"{accuracy.mean:.2%} ± {accuracy.standard_error:.2%}"


def test_each_table_says_what_it_is_of_and_is_of_one_thing(evaluation: Evaluation) -> None:
    titles = [section.title.en for section in summarise(evaluation)]
    assert titles == [
        "Images",
        "One person or two: all photos against all",
        "Decided rightly: a list drawn of all pairs",
        "Who is it: random splits of the people",
        "Stated probabilities: a list drawn of all pairs",
    ]
    of = {section.about: section.lines[0].meaning.en for section in summarise(evaluation)}
    assert of["verification"] == "all photos against all: 240 of one person, 12,480 of two"
    assert of["accuracy"] == "a list drawn of all pairs: 240 of one person, 240 of two"
    assert of["identification"].startswith("50% of the people are strangers")
    assert of["reliability"].startswith("a list drawn of all pairs, 480 pairs: ")
    listed = replace(evaluation, images=replace(evaluation.images, listed_pairs=12_720))
    titles = [section.title.en for section in summarise(listed)]
    assert titles[1:3] == ["One person or two: the listed pairs", "Decided rightly: the listed pairs"]


def test_a_list_without_both_kinds_of_pairs_has_no_accuracy(evaluation: Evaluation) -> None:
    bare = replace(evaluation, measured=(replace(evaluation.measured[0], accuracy=None, reliability=()),))
    assert [section.about for section in summarise(bare)] == ["images", "verification", "identification"]


def test_the_verdict_rests_on_enough_pairs_or_says_so(evaluation: Evaluation) -> None:
    first = evaluation.measured[0].verification

    def judged(**changes: Any) -> str:
        measured = replace(evaluation.measured[0], verification=replace(first, **changes))
        return verdict(replace(evaluation, measured=(measured,))).en

    share = percent(first.at[0].tmr.value)
    assert judged() == (
        f"Where 1 in 100 pairs of two people is wrongly accepted, {share} of the pairs of one person are rightly "
        "accepted. Measured with toy on 160 images, compared in pairs: 240 of one person, 12,480 of two."
    )
    assert "rightly accepted; unsteady, it rests on 4 pairs. Measured" in judged(genuine=4)
    thin = replace(first.at[0], rests_on=2)
    assert "rightly accepted; unsteady, it rests on 2 pairs. Measured" in judged(at=(thin,))
    stated = replace(first.stated[1], stated_fmr=1e-3, threshold=0.8, fmr=Estimate(0.25), tmr=Estimate(0.5))
    assert judged(at=(), genuine=2, impostor=4, stated=(stated,)).startswith(
        "Too few pairs to say much. At the usual threshold 0.8000, 1 of 2 pairs of one person are accepted, and 1 of 4 "
        "of two people. Measured with toy"
    )
    assert judged(at=(), stated=()).startswith("Too few pairs to say much. Measured with toy")


def test_failures_and_listed_pairs_have_their_lines(evaluation: Evaluation) -> None:
    failure = Failure("gone.jpg", 7, "gone.jpg: no such file")
    images = replace(evaluation.images, named=False, failures=(failure,), listed_pairs=50, pairs_failed=3)
    lines = {line.name.en: line for line in summarise(replace(evaluation, images=images))[0].lines}
    assert lines["could not be read"].value == "1"
    assert lines["listed pairs"].value == "50"
    assert "3 an image that can be read" in lines["listed pairs"].meaning.en
    assert lines["images"].meaning.en == "of 40 people as far as the pairs say"
    assert "gone.jpg: no such file" in page(replace(evaluation, images=images))


@pytest.fixture(scope="module")
def made(evaluation: Evaluation) -> str:
    return page(evaluation)


def test_the_page_is_whole_and_loads_nothing(made: str) -> None:
    assert html.escape("people <of> mine") in made
    assert "<of>" not in made
    assert "&lt;1&gt;.jpg" in made
    for id in ("verification", "identification", "reliability", "alike", "method"):
        assert f'<section id="{id}"' in made
    assert '<section id="unlike"' not in made  # no pictures could be cut
    assert "row 3 repeats another row" in made
    addresses = re.findall(r'(?:src|href)="([^"]*)"', made)
    assert [a for a in addresses if not a.startswith(("data:", "#"))] == []
    assert made.count('class="chart" lang="en"') == made.count('class="chart" lang="zh"') == 6


def test_the_same_evaluation_gives_the_same_page(evaluation: Evaluation, made: str) -> None:
    assert page(evaluation) == made


@pytest.mark.parametrize("locale", ["en-GB", "zh-CN"])
def test_a_browser_shows_it_on_a_phone_in_either_language(
    chromium: Any, made: str, locale: str, tmp_path: Path
) -> None:
    save_page(made, tmp_path / "page.html")
    tab = chromium.new_page(viewport={"width": 390, "height": 800}, locale=locale)
    said: list[str] = []
    tab.on("console", lambda message: said.append(message.text))
    tab.on("pageerror", lambda error: said.append(str(error)))
    tab.goto(f"file://{tmp_path / 'page.html'}")
    assert said == []
    assert tab.evaluate("document.documentElement.scrollWidth") == 390
    assert tab.evaluate("[...document.images].every(i => i.complete && i.naturalWidth)")
    shown = tab.evaluate("[...document.querySelectorAll('img.chart')].filter(i => i.offsetWidth).map(i => i.lang)")
    assert set(shown) == {locale[:2]}
    assert len(shown) == 6
    widest = tab.evaluate("Math.max(...[...document.querySelectorAll('.wordy')].map(t => t.scrollWidth))")
    assert widest <= 390
