from dataclasses import replace
from datetime import datetime, timezone

import pytest

from facepipe.errors import UsageError
from facepipe.scoring.calibration import Calibration, at_rate
from facepipe.scoring.evidence import ByReferences, Evidence

MADE = Calibration(
    backbone="toy@1",
    made_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc),
    measured_on="photos: 60 faces of 20 people",
    corrected=False,
    evidence=ByReferences((1, 3), (Evidence(20.0, -15.0, 0.01, 7.0), Evidence(30.0, -20.0, 0.01, 7.0))),
    people=5,
    fmr={"1e-2": 0.8},
    fpir={"1e-1": 0.7},
)
CARD = {"1e-2": 0.75, "1e-3": 0.9, "1e-4": 0.77}


def test_it_survives_being_written() -> None:
    assert Calibration.from_json(MADE.to_json()) == MADE


@pytest.mark.parametrize("text", ["", "null", "[]", "{}", '{"made_at": 1}', MADE.to_json().replace("corrected", "x")])
def test_what_it_did_not_write_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"calibration|Expecting|Invalid"):
        Calibration.from_json(text)


@pytest.mark.parametrize("limit", [float("nan"), float("inf")])
def test_thresholds_are_numbers(limit: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        replace(MADE, fmr={"1e-2": limit})


@pytest.mark.parametrize("rate", ["1e-2", "0.01", 0.01])
def test_a_rate_by_any_spelling(rate: str | float) -> None:
    assert at_rate(MADE.fmr, rate) == MADE.threshold(rate) == 0.8


def test_a_rate_that_was_not_measured_is_refused() -> None:
    with pytest.raises(UsageError, match="fmr 1e-3: not in the gallery's calibration; it has 1e-2"):
        MADE.threshold("1e-3")
    with pytest.raises(UsageError, match="too few strangers"):
        replace(MADE, fmr={}).threshold("1e-2")
    with pytest.raises(UsageError, match="fmr often"):
        MADE.threshold("often", card=CARD)


def test_the_card_helps_out_where_one_has_too_few_images() -> None:
    assert MADE.threshold("1e-3", card=CARD) == 0.9
    assert MADE.threshold("1e-4", card=CARD) == 0.8  # never less than what a higher rate needed here
    with pytest.raises(UsageError, match="fmr 1e-3"):
        MADE.threshold("1e-3")
    with pytest.raises(UsageError, match="fmr 1e-3"):  # of corrected scores the card knows nothing
        replace(MADE, corrected=True).threshold("1e-3", card=CARD)
