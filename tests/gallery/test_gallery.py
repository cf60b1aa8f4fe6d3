import subprocess
import sys
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from facepipe.errors import (
    GalleryError,
    GalleryMismatch,
    PersonExists,
    PersonNotFound,
    ReferenceNotFound,
    UsageError,
    VectorInvalid,
)
from facepipe.gallery import Gallery, NewReference, Tally, rows
from facepipe.records import Template

REPOSITORY = Path(__file__).parents[2]


def names(gallery: Gallery) -> list[tuple[str, int]]:
    return [(person.name, person.references) for person in gallery.people()]


# Enrolment


def test_what_was_enrolled_comes_back(gallery: Gallery, new) -> None:
    enrolled = gallery.add("Eve", [new(7)])[0]
    found = gallery.references("Eve")[0]
    assert found.template.vector.tobytes() == new(7).template.vector.tobytes()
    assert (found.template.norm, found.template.backbone) == (new(7).template.norm, "toy@1")
    assert (found.quality, found.source, found.image_sha256) == (new(7).quality, "photo7.jpg", f"{7:064x}")
    assert found.enrolled_at == enrolled.enrolled_at
    assert found.enrolled_at.utcoffset() == timedelta(0)
    assert (gallery.thumbnail(1), gallery.thumbnail(2)) == (b"\xff\xd8\xffchip", None)
    assert gallery.backbone == "toy@1"
    assert len(gallery) == 4


def test_the_same_image_twice_adds_nothing(gallery: Gallery, new) -> None:
    assert gallery.add("Ada", [new(1), new(5), new(5)])[::2] == [None, None]
    assert gallery.add("Ada", [new(5)]) == [None]
    assert names(gallery) == [("Ada", 3), ("Bob", 1)]
    assert set(gallery.holders(f"{5:064x}")) == {"Ada"}
    assert gallery.holders(f"{6:064x}") == {}
    assert gallery.add("Bob", [new(5)])[0].person == "Bob"  # the same picture may show both


def test_without_an_image_the_vector_decides(gallery: Gallery, new) -> None:
    added = gallery.add("Eve", [new(5, sha=""), new(6, sha=""), new(5, sha="")])
    assert [found and found.image_sha256 for found in added] == ["", "", None]


def test_a_file_name_with_half_characters_can_be_a_source(gallery: Gallery, new) -> None:
    assert gallery.add("Eve", [replace(new(5), source="caf\udce9.jpg")])[0].source == "caf\\udce9.jpg"


def test_all_or_none(gallery: Gallery, new, template) -> None:
    wrong = NewReference(template(9, dimension=8))
    with pytest.raises(VectorInvalid, match="expected vectors of 16 numbers, got 8"):
        gallery.add("Eve", [new(5), wrong])
    with pytest.raises(VectorInvalid):
        gallery.add_many([("Eve", new(5)), ("Eve", wrong)])
    assert names(gallery) == [("Ada", 2), ("Bob", 1)]
    assert gallery.add("Eve", []) == []
    assert names(gallery) == [("Ada", 2), ("Bob", 1)]


@pytest.mark.parametrize("value", [np.nan, np.inf, 0.0, 3.0])
def test_a_vector_spoilt_after_its_template_was_made_is_refused(gallery: Gallery, new, value: float) -> None:
    spoilt = new(5)
    spoilt.template.vector[:] = value
    with pytest.raises(VectorInvalid):
        gallery.add("Eve", [spoilt])
    with pytest.raises(VectorInvalid):
        gallery.search(spoilt.template)
    assert len(gallery) == 3


@pytest.mark.parametrize(
    "change", [{"image_sha256": "../x"}, {"thumbnail": b"<svg>"}, {"thumbnail": b"\xff\xd8\xff" * 400_000}]
)
def test_a_new_reference_checks_itself(new, change: dict) -> None:
    with pytest.raises(ValueError, match="expected"):
        replace(new(1), **change)


def test_bulk_enrolment(gallery: Gallery, new) -> None:
    assert gallery.add_many(
        (f"p{i % 7}", new(i, thumbnail=b"\x89PNG\r\n\x1a\n%d" % i)) for i in range(100, 200)
    ) == Tally(100, 0)
    assert gallery.add_many([("p2", new(100)), ("p0", new(101)), ("Ada", new(1))]) == Tally(1, 2)
    reference = gallery.references("p3")[0]
    assert gallery.thumbnail(reference.id) == b"\x89PNG\r\n\x1a\n%d" % int(reference.image_sha256, 16)
    assert gallery.info().thumbnails == 101
    assert gallery.check() == []


# Identification


def brute_force(gallery: Gallery, probe: Template, top: int) -> list[tuple[str, int, Any]]:
    """Person, nearest reference, and √(mean of the cosines × cosine to the mean)."""
    found = []
    for person in gallery.people():
        vectors = np.stack([reference.template.vector for reference in gallery.references(person.name)])
        cosines, mean = vectors @ probe.vector, vectors.mean(axis=0)
        nearest = gallery.references(person.name)[int(np.argmax(cosines))].id
        score = np.sign(cosines.mean()) * np.sqrt(cosines.mean() * (mean @ probe.vector) / np.linalg.norm(mean))
        found.append((person.name, nearest, pytest.approx(float(score), abs=1e-5)))
    return sorted(found, key=lambda row: -row[2].expected)[:top]


def test_each_person_once_however_many_references_they_have(gallery: Gallery, new, template) -> None:
    """Crowd has 600 references right beside the probe: the first k are all theirs."""
    probe = template(1000)
    for person, count, spread in (("Crowd", 600, 0.01), ("Second", 30, 0.1), ("Third", 5, 0.2)):
        near = [probe.vector + spread * template(i).vector for i in range(count)]
        gallery.add(person, [NewReference(Template.from_embedding(vector, "toy@1")) for vector in near])
    gallery.add_many((f"p{i % 9}", new(i)) for i in range(100, 150))
    probes = [probe, template(1001), template(1002)]
    for top in (1, 2, 5, 50):
        for one, found in zip(probes, gallery.search(probes, top), strict=True):
            if top in (1, 50):  # between them it is the nearest references that say who is looked at
                assert [(c.person, c.reference_id, c.score) for c in found] == brute_force(gallery, one, top)
            assert [c.rank for c in found] == list(range(1, len(found) + 1))
            assert all(-1 <= c.score <= 1 for c in found)
    assert [c.person for c in gallery.search(probe, 3)[0]] == ["Crowd", "Second", "Third"]


def test_one_or_many_probes(gallery: Gallery, template) -> None:
    one, two = template(1), template(3)
    assert [row[0].person for row in gallery.search([one, two])] == ["Ada", "Bob"]
    assert [c.reference_id for c in gallery.search(one)[0]] == [c.reference_id for c in gallery.search([one])[0]]
    assert gallery.search([]) == []


def test_many_probes_are_ranked_as_each_alone(gallery: Gallery, new, template) -> None:
    gallery.add_many((f"p{i % 9}", new(i)) for i in range(100, 150))
    probes = [template(seed) for seed in range(1000, 1300)]  # more than one block of them
    for probe, together in zip(probes, gallery.search(probes, 3), strict=True):
        (alone,) = gallery.search(probe, 3)
        assert [(c.person, c.reference_id, c.rank) for c in together] == [
            (c.person, c.reference_id, c.rank) for c in alone
        ]
        assert [c.score for c in together] == pytest.approx([c.score for c in alone], abs=1e-6)


def test_equal_scores_go_to_the_earlier_enrolment(gallery: Gallery, new) -> None:
    gallery.add("Zed", [new(3)])
    assert [c.person for c in gallery.search(new(3).template)[0]][:2] == ["Bob", "Zed"]


def test_an_empty_gallery_knows_nobody(path: Path, template) -> None:
    with Gallery.open(path) as gallery:
        assert gallery.search([template(1), template(2)]) == [(), ()]
        assert (len(gallery), gallery.people(), gallery.backbone) == (0, [], None)
        assert gallery.check() == []
        assert gallery.info().index == "valid"
    assert list(path.parent.glob("people*")) == []  # looking leaves nothing behind


@pytest.mark.parametrize("top", [0, -1, 2.5, "3"])
def test_top_is_a_number_from_one(gallery: Gallery, template, top) -> None:
    with pytest.raises(UsageError, match="top"):
        gallery.search(template(1), top)


# Another backbone


def test_templates_of_another_backbone_are_refused(gallery: Gallery, template) -> None:
    other = template(1, backbone="other@2")
    for call in (lambda: gallery.search(other), lambda: gallery.add("Eve", [NewReference(other)])):
        with pytest.raises(GalleryMismatch, match=r"toy@1.*other@2.*--backbone toy.*facepipe gallery upgrade"):
            call()
    with pytest.raises(VectorInvalid, match="16 numbers, got 8"):
        gallery.search(template(1, dimension=8))


def test_a_gallery_of_another_backbone_is_refused(closed: Path) -> None:
    for backbone in ("other@2", SimpleNamespace(id="other@2", card=SimpleNamespace(dimension=16))):
        with pytest.raises(GalleryMismatch, match=r"toy@1.*other@2"):
            Gallery.open(closed, backbone=backbone)
    with pytest.raises(GalleryMismatch, match=r"toy@1.*toy@2; leave out --weights"):
        Gallery.open(closed, backbone="toy@2")
    Gallery.open(closed, backbone="toy@1").close()


def test_the_backbone_named_at_opening_binds_the_first_enrolment(path: Path, new) -> None:
    with Gallery.open(path, backbone="other@2") as gallery, pytest.raises(GalleryMismatch):
        gallery.add("Ada", [new(1)])
    assert not path.exists()


# People


def test_rename(gallery: Gallery, new) -> None:
    gallery.rename("Ada", "Ada Lovelace")
    assert names(gallery) == [("Ada Lovelace", 2), ("Bob", 1)]
    assert gallery.search(new(1).template)[0][0].person == "Ada Lovelace"
    with pytest.raises(PersonExists, match="merge"):
        gallery.rename("Bob", "Ada Lovelace")
    gallery.rename("Bob", "Bob")
    with pytest.raises(PersonNotFound):
        gallery.rename("Ada", "Eve")


def test_merge_keeps_a_shared_image_once(gallery: Gallery, new) -> None:
    gallery.add("A. Lovelace", [new(1), new(6)])
    assert gallery.merge(["A. Lovelace", "Bob", "Ada", "Bob"], "Ada") == Tally(2, 1)
    assert names(gallery) == [("Ada", 4)]
    assert sorted(r.image_sha256 for r in gallery.references()) == [f"{i:064x}" for i in (1, 2, 3, 6)]
    assert gallery.search(new(3).template)[0][0].person == "Ada"
    with pytest.raises(PersonNotFound):
        gallery.merge(["Ada"], "Nobody")
    assert gallery.check() == []


def test_a_person_goes_with_their_last_reference(gallery: Gallery) -> None:
    assert gallery.remove_reference(3).person == "Bob"
    assert names(gallery) == [("Ada", 2)]
    assert gallery.remove("Ada") == 2
    assert (gallery.people(), len(gallery), gallery.check()) == ([], 0, [])
    for call in (gallery.reference, gallery.thumbnail, gallery.remove_reference):
        with pytest.raises(ReferenceNotFound):
            call(3)


def test_a_person_goes_by_number_too(gallery: Gallery, new) -> None:
    ada, bob = gallery.people()
    gallery.rename(bob.id, "Robert")
    assert gallery.person(bob.id) == gallery.person("Robert")
    assert [r.person for r in gallery.references(bob.id)] == ["Robert"]
    gallery.add("42", [new(7)])  # a name, however it looks
    assert gallery.person("42").id not in (ada.id, bob.id, 42)
    assert gallery.merge([bob.id], ada.id).added == 1
    assert gallery.remove(ada.id) == 3
    assert names(gallery) == [("42", 1)]
    for call in (gallery.person, gallery.references, gallery.remove, lambda id: gallery.merge(["42"], id)):
        with pytest.raises(PersonNotFound):
            call(bob.id)
    with pytest.raises(PersonNotFound):
        gallery.rename(ada.id, "Eve")
    assert (names(gallery), gallery.check()) == ([("42", 1)], [])


WAYS_TO_GO = {
    "removed": lambda gallery, person, reference: gallery.remove(person),
    "the last reference removed": lambda gallery, person, reference: gallery.remove_reference(reference),
    "merged": lambda gallery, person, reference: gallery.merge(person, "Ada"),
}


@pytest.mark.parametrize("way", WAYS_TO_GO)
def test_numbers_are_never_used_again(gallery: Gallery, new, way: str) -> None:
    """Whoever holds on to one finds nobody, and never somebody else."""
    gone = gallery.person("Bob")  # the last, whose number would be the next
    WAYS_TO_GO[way](gallery, gone.id, gone.first_reference)
    assert gallery.add("Bob", [new(4)])[0].id > gone.first_reference
    assert gallery.person("Bob").id > gone.id
    with pytest.raises(PersonNotFound):
        gallery.person(gone.id)


def test_order_is_that_of_enrolment_though_the_clock_goes_back(
    gallery: Gallery, new, monkeypatch: pytest.MonkeyPatch
) -> None:
    earlier = datetime.now(timezone.utc) - timedelta(days=365)
    monkeypatch.setattr(rows, "now", lambda: earlier)
    gallery.add("Ada", [new(5)])
    assert [reference.id for reference in gallery.references()] == [1, 2, 3, 4]
    ada = gallery.people()[0]
    assert (ada.name, ada.last_enrolled) == ("Ada", earlier)
    assert ada.first_enrolled > ada.last_enrolled


def test_removing_removes(gallery: Gallery, new) -> None:
    """Vector, thumbnail and name are in no file any more when the call returns; those of others still are."""

    def stored() -> bytes:
        return b"".join(file.read_bytes() for file in gallery.path.parent.glob("people*"))

    gallery.add_many((f"p{i % 20}", new(i, thumbnail=b"\xff\xd8\xff" + b"chip%05d" % i * 900)) for i in range(100, 300))
    gallery.rebuild()
    pieces = {
        r.id: (r.template.vector.tobytes(), b"chip%05d" % int(r.image_sha256, 16)) for r in gallery.references("p7")
    }
    assert all(piece in stored() for pair in pieces.values() for piece in pair)
    first, *others = pieces
    gallery.remove_reference(first)
    assert not any(piece in stored() for piece in pieces[first])
    assert all(piece in stored() for number in others for piece in pieces[number])
    gallery.rebuild()
    gallery.rename("p7", "Very Special Name")
    gallery.remove("Very Special Name")
    assert not any(piece in stored() for pair in pieces.values() for piece in pair)
    assert b"Very Special Name" not in stored()
    gallery.close()
    assert not any(pair[0] in stored() for pair in pieces.values())


def test_check_finds_damage_in_the_record(gallery: Gallery) -> None:
    assert gallery.check() == []
    with gallery._hold.writing() as (record, _):
        record.sql.execute("UPDATE reference SET vector = zeroblob(64) WHERE id = 1")
        record.sql.execute("UPDATE reference SET vector = x'00' WHERE id = 2")
        record.sql.execute("INSERT INTO person (name, created_at) VALUES ('Half', '')")
    found = gallery.check()
    for expected in ("reference 1: expected finite values and norm 1", "reference 2: expected a vector of 64 bytes"):
        assert any(expected in line for line in found), found
    assert "record: Half has no references" in found


# Life


def test_closing_twice_is_fine_and_using_it_then_is_not(gallery: Gallery) -> None:
    gallery.close()
    gallery.close()
    with pytest.raises(GalleryError, match="was closed"):
        gallery.people()


def test_info(closed: Path) -> None:
    with Gallery.open(closed) as gallery:
        info = gallery.info()
    assert (info.path, info.backbone, info.dimension) == (closed, "toy@1", 16)
    assert (info.people, info.references, info.thumbnails, info.index) == (2, 3, 1, "valid")
    assert info.record_bytes == closed.stat().st_size
    assert info.index_bytes == closed.with_name("people.db.faiss").stat().st_size
    assert len(info.uuid or "") == 32


def test_the_uuid_is_of_the_numbers(gallery: Gallery, new, tmp_path: Path) -> None:
    """It stays while they mean the same, whatever happens; a gallery with numbers of its own has its own."""
    uuid = gallery.uuid
    assert uuid == gallery.info().uuid
    gallery.rename("Bob", "Ben")
    gallery.rebuild()
    archive, copy = tmp_path / "people.zip", tmp_path / "copy.db"
    gallery.export(archive)
    gallery.import_(archive)
    for person in gallery.people():
        gallery.remove(person.id)
    gallery.add("Cat", [new(4)])
    assert gallery.uuid == uuid
    copy.touch()
    gallery.copy(copy)
    with Gallery.open(tmp_path / "new.db") as made, Gallery.open(copy) as copied:
        assert made.uuid is None
        made.import_(archive)
        assert len({uuid, made.uuid, copied.uuid}) == 3
    gallery.close()
    with Gallery.open(gallery.path) as again:
        assert again.uuid == uuid


def test_the_default_gallery(home: Path, new) -> None:
    with Gallery.open() as gallery:
        gallery.add("Ada", [new(1)])
    assert (home / "gallery.db").is_file()


def test_importing_the_gallery_loads_no_torch() -> None:
    script = "import sys, facepipe.gallery; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY).returncode == 0
