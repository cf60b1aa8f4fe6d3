"""The data that flows through the pipeline: Image → Detection → Chip → Template → Candidate → Identification.

pictures.py  Image, Frame, Chip, StoredChip         people.py    Consent, Reference, Candidate
faces.py     Detection, Template, Quality, Face     answers.py   Identification, Verification, Activation
record.py    what every record can do: str(record) says it, record.to_dict() is its JSON
arrays.py    what is expected of an array, and how many digits of a number are told

Records are frozen and check themselves when made. Frames: *image px* are pixels of the upright image, x to the right, y
down, (0, 0) the **centre** of the top left pixel; *chip px* likewise in the aligned crop. Words follow ISO/IEC 2382-37.
"""

from facepipe.records.answers import Activation, Identification, Verification
from facepipe.records.arrays import Floats, Pixels
from facepipe.records.faces import Detection, Face, Quality, Template
from facepipe.records.people import MOST_WORDING, Candidate, Consent, Reference
from facepipe.records.pictures import Chip, Frame, Image, StoredChip
from facepipe.records.record import BaseRecord

__all__ = [
    "MOST_WORDING",
    "Activation",
    "BaseRecord",
    "Candidate",
    "Chip",
    "Consent",
    "Detection",
    "Face",
    "Floats",
    "Frame",
    "Identification",
    "Image",
    "Pixels",
    "Quality",
    "Reference",
    "StoredChip",
    "Template",
    "Verification",
]
