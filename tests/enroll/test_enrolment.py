"""What is stored of a face when it is enrolled. The rest of enrolment is in test_pipeline.py."""

from datetime import datetime, timezone
from pathlib import Path

from facepipe.gallery import Gallery
from facepipe.pipeline import Pipeline
from facepipe.records import Consent

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
