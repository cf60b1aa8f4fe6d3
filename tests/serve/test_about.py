"""What the server says of itself: its gallery's calibration, what its networks were measured to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from facepipe.gallery import Gallery
from facepipe.pipeline import Pipeline
from tests.serve.calibrating import calibrate


def test_the_gallery_says_whether_it_is_calibrated(
    start: Any, pipeline: Pipeline, gallery: Gallery, samples: Path
) -> None:
    with start().client() as client:
        assert client.get("/api/v1/gallery").json()["calibration"] is None  # nor is there a file yet
        pipeline.enroll("Joe", [samples / "biden.jpg"], gallery)
        made = calibrate(gallery, pipeline)
        found = client.get("/api/v1/gallery").json()
        assert found["people"] == 1
        assert found["calibration"] == {
            "made_at": "2026-11-23T09:30:00Z",
            "measured_on": "our photos: 500 faces of 250 people",  # and not where they lie
            "corrected": False,
            "people": 1,
            "fmr": made.fmr,
            "fpir": made.fpir,
        }
        told = found["threshold"]
        assert (told["threshold"], told["kind"], told["source"]) == (0.4, "fpir", "calibration")
        assert told["chance"] == {"value": 0.01, "low": None, "high": None, "by": "calibration"}
        gallery.calibrate(None)
        plain = client.get("/api/v1/gallery").json()["threshold"]
        assert plain["threshold"] == round(pipeline.threshold(gallery=gallery), 4)
        assert plain["reason"].startswith(
            "1 in 1,000 strangers would pass for one given person; 0.1 % would get a name among 1"
        )
        assert client.get("/api/v1/gallery").json()["calibration"] is None


def test_models_say_what_was_measured_of_them(start: Any, pipeline: Pipeline) -> None:
    card = pipeline.backbone.card
    with start().client() as client:
        models = {model["name"]: model for model in client.get("/api/v1/models").json()["models"]}
    found = models[card.name]
    assert (found["thresholds"], found["measured_on"]) == (card.thresholds, card.measured_on)
    assert found["probabilities"] == (card.evidence is not None)
    assert (found["role"], found["used"], found["source"], found["min_score"]) == ("backbone", True, card.source, None)


def test_models_say_which_detector_finds_faces(start: Any, pipeline: Pipeline) -> None:
    card = pipeline.detector.card
    with start().client() as client:
        detectors = [model for model in client.get("/api/v1/models").json()["models"] if model["role"] == "detector"]
    (used,) = (model for model in detectors if model["used"])
    assert (used["name"], used["source"], used["licence"]) == (card.name, card.source, card.licence)
    assert {model["name"]: model["min_score"] for model in detectors} == {"mtcnn": 0.9, "yunet": 0.75}
    assert [model["thresholds"] for model in detectors] == [{}, {}]
