"""What people agreed to is kept with each reference, moves with it, and goes with it."""

import json
import zipfile
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from facepipe.errors import ArchiveInvalid, PersonNotFound
from facepipe.gallery import Gallery, Tally
from facepipe.records import Consent

YES = Consent("I agree to be recognised at the door. 我同意。", datetime(2026, 1, 2, 3, 4, 5, 678901, timezone.utc))


@pytest.fixture
def agreed(gallery: Gallery, new) -> Gallery:
    """Besides Ada (1, 2) and Bob (3), Eve, who agreed, with references 4 and 5."""
    gallery.add("Eve", [replace(new(7), consent=YES), replace(new(8), consent=YES)])
    return gallery


def consents(gallery: Gallery) -> list[Consent | None]:
    return [reference.consent for reference in gallery.references()]


def test_it_comes_back_with_the_reference(agreed: Gallery) -> None:
    assert consents(agreed) == [None, None, None, YES, YES]
    assert agreed.reference(4).consent == YES
    assert agreed.check() == []


def test_its_time_is_kept_in_utc(gallery: Gallery, new) -> None:
    there = Consent("yes", datetime(2026, 1, 2, 8, tzinfo=timezone(timedelta(hours=5))))
    added = gallery.add("Eve", [replace(new(7), consent=there)])[0]
    assert added.consent == there
    assert added.consent.given_at.utcoffset() == timedelta(0)


def test_an_image_that_is_there_already_changes_nothing(agreed: Gallery, new) -> None:
    other = Consent("something else", YES.given_at)
    assert agreed.add("Eve", [replace(new(7), consent=other)]) == [None]
    assert agreed.add("Ada", [replace(new(1), consent=other)]) == [None]
    assert consents(agreed) == [None, None, None, YES, YES]


def test_it_goes_with_the_reference_and_is_overwritten(agreed: Gallery, path: Path) -> None:
    wording = YES.wording.encode()
    assert wording in path.read_bytes()
    agreed.remove_reference(4)
    assert consents(agreed) == [None, None, None, YES]
    agreed.remove("Eve")
    agreed.close()
    assert wording not in path.read_bytes()


def test_it_follows_a_merge_and_a_rename(agreed: Gallery) -> None:
    agreed.rename("Eve", "Eva")
    assert agreed.merge(["Eva"], "Bob") == Tally(2, 0)
    assert [reference.consent for reference in agreed.references("Bob")] == [None, YES, YES]


def test_a_merge_keeps_it_of_an_image_that_both_have(agreed: Gallery, new) -> None:
    agreed.add("Bob", [new(7)])
    assert agreed.merge(["Eve"], "Bob") == Tally(1, 1)
    assert [reference.consent for reference in agreed.references("Bob")] == [None, YES, YES]


def test_an_export_carries_it(agreed: Gallery, tmp_path: Path) -> None:
    agreed.export(tmp_path / "people.zip")
    with Gallery.open(tmp_path / "other.db") as other:
        assert other.import_(tmp_path / "people.zip") == Tally(5, 0)
        assert consents(other) == consents(agreed)


@pytest.mark.parametrize("consent", [False, True])
def test_an_export_has_version_2_only_where_an_older_facepipe_would_lose_something(
    new, tmp_path: Path, consent: bool
) -> None:
    with Gallery.open(tmp_path / "eve.db") as gallery:
        gallery.add("Eve", [replace(new(7), quality=None, consent=YES if consent else None)])
        gallery.export(tmp_path / "people.zip")
    with zipfile.ZipFile(tmp_path / "people.zip") as file:
        assert json.loads(file.read("manifest.json"))["version"] == (2 if consent else 1)


@pytest.mark.parametrize("bad", [5, {}, {"wording": "yes", "given_at": "2026-01-02T03:04:05"}, {"wording": "yes"}])
def test_a_malformed_one_is_refused(agreed: Gallery, tmp_path: Path, bad: object) -> None:
    good, spoilt = tmp_path / "people.zip", tmp_path / "spoilt.zip"
    agreed.export(good)
    with zipfile.ZipFile(good) as old, zipfile.ZipFile(spoilt, "w") as out:
        for name in old.namelist():
            rows = json.loads(old.read(name)) if name == "references.json" else None
            if rows is not None:
                rows[3]["consent"] = bad
            out.writestr(name, old.read(name) if rows is None else json.dumps(rows))
    with Gallery.open(tmp_path / "other.db") as other, pytest.raises(ArchiveInvalid, match="reference 3"):
        other.import_(spoilt)


@pytest.mark.parametrize("wording", ["", "  \n", "x" * 10_001, "half \udce9"])
def test_it_needs_a_wording(wording: str) -> None:
    with pytest.raises(ValueError, match="wording"):
        Consent(wording, YES.given_at)


def test_it_needs_to_know_when() -> None:
    with pytest.raises(ValueError, match="given_at"):
        Consent("yes", datetime(2026, 1, 2))


# People have numbers


def test_a_person_can_be_had_by_number(agreed: Gallery) -> None:
    people = agreed.people()
    assert [agreed.person(person.id) for person in people] == people
    ada = people[0]
    agreed.rename("Ada", "Ada Lovelace")
    assert agreed.person(ada.id) == replace(ada, name="Ada Lovelace")


def test_a_number_is_never_used_again(agreed: Gallery, new) -> None:
    gone = agreed.people()[-1].id
    agreed.remove("Eve")
    agreed.add("Eve", [new(7)])
    assert agreed.people()[-1].id > gone
    with pytest.raises(PersonNotFound, match=f"^{gone}: nobody"):
        agreed.person(gone)
