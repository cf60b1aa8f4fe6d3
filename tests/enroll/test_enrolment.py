"""What is stored of a face when it is enrolled, and in what enrolments differ. The rest is in test_pipeline.py."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from facepipe.batches import Done, Failed, Outcome
from facepipe.enroll.enrolment import Enroller, Enrolment, Held, Policy, Taken
from facepipe.errors import NoFace, PoorShot, SeveralPeople
from facepipe.gallery import Gallery, NewReference
from facepipe.networks.cards import find_card
from facepipe.pipeline import Pipeline
from facepipe.records import Consent, Template

YES = Consent("At the door only.", datetime(2026, 1, 2, tzinfo=timezone.utc))


def test_the_consent_is_stored_with_every_reference(pipeline: Pipeline, samples: Path, tmp_path: Path) -> None:
    images = [samples / name for name in ("obama.jpg", "obama2.jpg", "biden.jpg")]
    with Gallery.open(tmp_path / "people.db", backbone=pipeline.backbone) as gallery:
        pipeline.enroll("Obama", images[:1], gallery, consent=YES)
        items = [("Obama", images[0]), ("Obama", images[1])]
        for outcome in pipeline.enroll_each(items, gallery, consent=Consent("Everywhere.", YES.given_at)):
            outcome.unwrap()
        pipeline.enroll("Biden", images[2], gallery)
        kept = [reference.consent and reference.consent.wording for reference in gallery.references()]
    assert kept == ["At the door only.", "Everywhere.", None]


# What becomes of images that cannot be used, by the policy ----------------------------------------------------------


CARD = find_card("sface")


@pytest.fixture
def gallery(tmp_path: Path) -> Iterator[Gallery]:
    with Gallery.open(tmp_path / "people.db") as opened:
        yield opened


def picture(number: int) -> NewReference:
    vector = np.eye(8, dtype=np.float32)[number]
    return NewReference(Template(vector, 1.0, "toy@1"), source=f"{number}.jpg", image_sha256=f"{number:064x}")


POOR = Failed("poor.jpg", PoorShot("poor.jpg: no", problems=["blurred", "flat"]))
NOBODY = Failed("nobody.jpg", NoFace("nobody.jpg: no face"))


def test_all_or_none_and_the_error_tells_of_each_that_cannot_be_used(gallery: Gallery) -> None:
    enroller = Enroller(gallery, CARD, Policy())
    with pytest.raises(PoorShot) as refused:
        enroller.store("Ada", [picture(0), POOR, picture(1), NOBODY])
    assert (str(refused.value), refused.value.problems) == ("poor.jpg: no", ("blurred", "flat"))
    told = [(one["image"], one["source"], one["code"]) for one in refused.value.details or ()]
    assert told == [(1, "poor.jpg", "poor-shot"), (3, "nobody.jpg", "no-face")]
    assert [p["code"] for p in (refused.value.details or ())[0]["problems"]] == ["blurred", "flat"]
    assert POOR.error.details is None
    assert not gallery.people()


def test_partial_leaves_out_what_cannot_be_used_while_something_can(gallery: Gallery) -> None:
    enroller = Enroller(gallery, CARD, Policy(partial=True))
    done, left_out = enroller.store("Ada", [picture(0), POOR])
    assert isinstance(done, Enrolment)
    assert (done.person, done.source, left_out) == ("Ada", "0.jpg", POOR)
    with pytest.raises(NoFace):
        enroller.store("Ada", [NOBODY, POOR])


@pytest.mark.parametrize("partial", [False, True])
def test_who_is_not_one_person_is_refused_by_the_numbers_of_the_images(gallery: Gallery, partial: bool) -> None:
    gallery.add("Ada", [picture(0)])
    taken: list[Taken] = [Held("0.jpg", f"{0:064x}"), picture(3)]
    taken = [POOR, *taken] if partial else taken
    policy = Policy(threshold=0.5, partial=partial)
    with pytest.raises(SeveralPeople) as refused:
        Enroller(gallery, CARD, policy).store("Ada", taken)
    (about,) = refused.value.details or ()
    assert (about["image"], about["source"], about["code"]) == (len(taken) - 1, "3.jpg", "several-people")
    anyway = Enroller(gallery, CARD, replace(policy, anyway=True)).store("Ada", taken)
    held, new = (one for one in anyway if isinstance(one, Enrolment))
    assert (held.reference, held.before) == (None, 1)
    assert new.reference is not None


def test_of_many_those_of_one_person_stop_nobody_else(gallery: Gallery) -> None:
    seen: list[tuple[str, Outcome[Any]]] = [
        ("Ada", Done("0.jpg", picture(0))),
        ("Ada", Done("1.jpg", picture(1))),
        ("Ben", Done("poor.jpg", POOR)),
        ("Ben", Done("2.jpg", picture(2))),
    ]

    def enrolled(policy: Policy) -> list[str | None]:
        outcomes = Enroller(gallery, CARD, policy).each(seen, lambda image: pytest.fail("was looked at"))
        return [outcome.error.code if isinstance(outcome, Failed) else None for outcome in outcomes]

    policy = Policy(threshold=0.5, partial=True, together=16)
    assert enrolled(policy) == ["several-people", "several-people", "poor-shot", None]
    assert [person.name for person in gallery.people()] == ["Ben"]
    assert enrolled(replace(policy, together=1)) == [None, "several-people", "poor-shot", None]  # apart, and then not
    for strict in (Policy(threshold=0.5), Policy(anyway=True)):
        with pytest.raises((SeveralPeople, PoorShot)):
            enrolled(strict)
