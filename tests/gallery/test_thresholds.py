"""What decides, why, and how often a stranger then gets a name: in galleries of toy vectors."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
import pytest

from facepipe.errors import UsageError
from facepipe.gallery import Gallery, NewReference
from facepipe.gallery.thresholds import Thresholds, in_force
from facepipe.networks.cards import Card, find_card
from facepipe.records import Template
from facepipe.scoring.calibration import Calibration
from facepipe.scoring.evidence import ByReferences, Evidence
from facepipe.scoring.tail import Tail

TAIL = Tail(0.5, 1e-3, 0.03, 0.0, {"1e-3": (9e-4, 1.1e-3), "1e-6": (1e-7, 5e-6)})
CARD = replace(
    find_card("sface"),
    thresholds={"1e-2": 0.4, "1e-3": 0.5, "1e-4": 0.57},
    tail=TAIL,
    evidence=ByReferences((1,), (Evidence(50.0, -40.0, 0.01, 12.0),)),
)
EMPTY = replace(CARD, name="plain", thresholds={}, tail=None, evidence=None)


@pytest.fixture
def enrolled(tmp_path: Path) -> Iterator[Callable[[int], Gallery]]:
    with Gallery.open(tmp_path / "people.db") as gallery:

        def enroll(people: int) -> Gallery:
            made = np.random.default_rng(0).normal(size=(people, 64))
            made /= np.linalg.norm(made, axis=1, keepdims=True)
            backbone = f"sface@{'0' * 16}"
            rows = ((f"p{n}", NewReference(Template(v.astype(np.float32), 1.0, backbone))) for n, v in enumerate(made))
            gallery.add_many(rows)
            return gallery

        yield enroll


def calibration(people: int, **rates: dict[str, float]) -> Calibration:
    made = Calibration(
        backbone=f"sface@{'0' * 16}",
        made_at=datetime(2026, 1, 2, tzinfo=timezone.utc),
        measured_on="photos: 900 faces of 300 people",
        corrected=False,
        evidence=CARD.evidence,  # type: ignore[arg-type]
        people=people,
        fmr={"1e-2": 0.42, "1e-3": 0.52},
    )
    return replace(made, **rates)  # type: ignore[arg-type]


def test_a_rate_beyond_what_the_own_people_show_is_an_extrapolation_with_an_interval(
    enrolled: Callable[[int], Gallery],
) -> None:
    limits = Thresholds(CARD, enrolled(60))
    seldom = limits.explained(limits.find(fpir="1e-4"))
    assert "1 in 10,000 strangers would get a name among 60 people, as these are strangers to" in seldom.reason
    assert ", an extrapolation: truly between 1 in " in seldom.reason
    assert "extrapolation" not in limits.explained(limits.find(fpir="1e-2")).reason
    with pytest.raises(UsageError, match="fpir 1e-9: among 60 people that is a false match rate of 2e-11; no lower"):
        limits.find(fpir="1e-9")


def test_a_rate_near_one_is_said_as_a_share(enrolled: Callable[[int], Gallery]) -> None:
    limits = Thresholds(CARD, enrolled(60))
    assert limits.explained(limits.find(fpir="0.9")).reason.startswith("90 % of strangers would get a name among 60")


def test_two_faces_go_by_the_false_match_rate() -> None:
    found = Thresholds(CARD).find()
    assert (found.threshold, found.kind, found.rate, found.source) == (0.5, "fmr", 1e-3, "card")
    assert found.said == "threshold 0.5000: 1 in 1,000 strangers would pass for one given person"
    with pytest.raises(UsageError, match="fpir 1e-2: a share of strangers looked up in a gallery"):
        Thresholds(CARD).find(fpir="1e-2")


def test_a_rate_below_those_measured_is_called_an_extrapolation() -> None:
    found = Thresholds(CARD).find(fmr="1e-6")
    assert found.threshold == pytest.approx(0.5 + 0.03 * math.log(1000))
    assert found.between == pytest.approx((1e-7, 5e-6))
    assert "1 in 1,000,000 strangers" in found.said
    assert "an extrapolation: truly between 1 in 200,000 and 1 in 10,000,000" in found.said
    assert Thresholds(CARD).find(fmr="1e-4").between is None


@pytest.mark.parametrize("people", [1, 5, 10])
def test_with_few_people_nobody_is_let_in_more_easily_than_between_two_faces(
    enrolled: Callable[[int], Gallery], people: int
) -> None:
    limits = Thresholds(CARD, enrolled(people))
    found = limits.explained(limits.find())
    assert (found.threshold, found.kind, found.people) == (0.5, "fmr", people)
    assert found.chance is not None
    assert found.chance.value == pytest.approx(1 - 0.999**people)
    assert (found.chance_by, found.source) == ("card", "card")
    assert f"would get a name among {people} p" in found.said


def test_with_more_people_it_rises_so_that_as_many_strangers_get_a_name(enrolled: Callable[[int], Gallery]) -> None:
    limits = Thresholds(CARD, enrolled(40))
    found = limits.explained(limits.find())
    assert (found.kind, found.rate, found.source) == ("fpir", 1e-2, "card")
    assert found.threshold == pytest.approx(TAIL.score(1 - 0.99 ** (1 / 40)))
    assert found.chance is not None
    assert found.chance.value == pytest.approx(1e-2)
    assert "1 in 100 strangers would get a name among 40 people, going by photos of other people (" in found.said


def test_from_fifty_on_the_gallery_itself_says_it(enrolled: Callable[[int], Gallery]) -> None:
    gallery = enrolled(200)
    limits = Thresholds(CARD, gallery)
    usual, tenth = limits.find(), limits.explained(limits.find(fpir="1e-1"))
    own = gallery.own_strangers(CARD.evidence)
    assert own is not None
    assert (tenth.source, tenth.kind, tenth.rate) == ("gallery", "fpir", 0.1)
    assert tenth.threshold == own.threshold(0.1, CARD.curve)
    assert usual.threshold == max(own.threshold(0.01, CARD.curve) or 0, 0.5)
    assert "as these are strangers to each other (" in tenth.said
    told = tenth.as_dict()
    assert told["chance"]["by"] == "gallery"
    assert told["chance"]["low"] < told["chance"]["value"] < told["chance"]["high"]


def test_what_is_asked_for_goes_before_the_usual(enrolled: Callable[[int], Gallery]) -> None:
    limits = Thresholds(CARD, enrolled(40))
    assert limits.find(0.3).threshold == 0.3
    assert limits.find(0.3).source == "given"
    assert limits.find(fmr="1e-2").threshold == 0.4
    assert limits.find(fmr="1e-2", fpir="0.1").kind == "fpir"
    said = limits.explained(limits.find(0.4)).said
    assert said.startswith("threshold 0.4000: as given; 33 % would get a name among 40 people")
    with pytest.raises(UsageError, match="threshold 2: expected a cosine"):
        limits.find(2)


@pytest.mark.parametrize("rate", ["often", "0", "1", "nan", -1])
def test_what_is_no_rate_is_refused(enrolled: Callable[[int], Gallery], rate: str | float) -> None:
    with pytest.raises(UsageError, match=f"fpir {rate}: expected a rate between 0 and 1"):
        Thresholds(CARD, enrolled(3)).find(fpir=rate)


def test_a_rate_that_nothing_says_is_refused_with_what_would(enrolled: Callable[[int], Gallery]) -> None:
    with pytest.raises(UsageError, match="nobody is enrolled whom a stranger could be taken for"):
        Thresholds(CARD, enrolled(0)).find(fpir="1e-2")
    gallery = enrolled(40)
    with pytest.raises(UsageError, match=r"fpir 1e-5: among 40 people that is a false match rate of 3e-07; no lower"):
        Thresholds(CARD, gallery).find(fpir="1e-5")
    with pytest.raises(UsageError, match=r"plain's card has no rates, and 40 people are too few; enrol 100 for 1e-1"):
        Thresholds(EMPTY, gallery).find(fpir="1e-1")
    with pytest.raises(UsageError, match="no measured thresholds; pass a threshold of your own"):
        Thresholds(EMPTY, gallery).find()


def test_many_people_decide_where_the_card_says_nothing(enrolled: Callable[[int], Gallery]) -> None:
    gallery = enrolled(1000)
    limits = Thresholds(EMPTY, gallery)
    found = limits.explained(limits.find())
    own = gallery.own_strangers()
    assert own is not None
    assert (found.kind, found.source, found.threshold) == ("fpir", "gallery", own.threshold(0.01, None))
    assert float((own.scores >= found.threshold).mean()) == pytest.approx(0.01)


def test_an_own_calibration_goes_before(enrolled: Callable[[int], Gallery], caplog: pytest.LogCaptureFixture) -> None:
    gallery = enrolled(60)
    gallery.calibrate(calibration(60, fpir={"1e-2": 0.7}))
    limits = Thresholds(CARD, gallery)
    found = limits.explained(limits.find())
    assert (found.threshold, found.source, found.chance_by) == (0.7, "calibration", "calibration")
    assert found.chance is not None
    assert found.chance.value == 0.01
    assert limits.find(fmr="1e-3").threshold == 0.52
    assert limits.find(fmr="1e-6").threshold == pytest.approx(TAIL.score(1e-6))
    assert limits.find(fpir="1e-1").source == "gallery"  # what was not calibrated, the people say
    gallery.calibrate(calibration(40, fpir={"1e-2": 0.7}))  # many have come since
    later = Thresholds(CARD, gallery)
    assert (later.find().threshold, later.find().kind) == (0.52, "fmr")
    assert not caplog.records
    assert later.find(fpir="1e-2").threshold == 0.7
    assert "measured with 40 enrolled; now there are 60" in caplog.text


def test_where_few_are_enrolled_the_calibrations_rates_say_it(enrolled: Callable[[int], Gallery]) -> None:
    gallery = enrolled(30)
    gallery.calibrate(calibration(30))
    found = Thresholds(CARD, gallery).find()
    assert (found.source, found.kind) == ("calibration", "fpir")
    assert found.threshold == pytest.approx(TAIL.score(1 - 0.99 ** (1 / 30)) + 0.02)  # the curve, moved to meet them


def test_a_gallery_tells_what_is_in_force(enrolled: Callable[[int], Gallery]) -> None:
    assert in_force(enrolled(0)) is None
    found = in_force(enrolled(3))
    assert found is not None
    card = find_card("sface")
    assert found.threshold == card.threshold()
    assert found.chance is not None
    assert isinstance(card, Card)
