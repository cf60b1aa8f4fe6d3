"""Calibrations that say what a test wants to hear: measured on nobody."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from facepipe.gallery import Gallery
from facepipe.pipeline import Pipeline
from facepipe.scoring.calibration import Calibration
from facepipe.scoring.evidence import ByReferences, Evidence

# Even odds at a cosine of 0.33, as the default network's card has it for FMR 1e-3; 1 in 20,000 at most
EVIDENCE = ByReferences((1,), (Evidence(slope=50.0, offset=-16.5, lapse=1e-4, most=9.9),))


def calibrate(gallery: Gallery, pipeline: Pipeline, **changes: Any) -> Calibration:
    """Keep a calibration in ``gallery``; ``changes`` are its fields."""
    usual: dict[str, Any] = {
        "backbone": pipeline.backbone.id,
        "made_at": datetime(2026, 11, 23, 9, 30, tzinfo=timezone.utc),
        "measured_on": "/home/ada/our photos: 500 faces of 250 people",
        "corrected": False,
        "evidence": EVIDENCE,
        "people": len(gallery.people()),
        "fmr": {"1e-2": 0.26, "1e-3": 0.33},
        "fpir": {"1e-1": 0.34, "1e-2": 0.4},
    }
    made = Calibration(**usual | changes)
    gallery.calibrate(made)
    return made
