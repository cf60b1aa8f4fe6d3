"""What picture files look like from outside.

kinds.py   which kind, by the first bytes     openers.py   which class opens it     shrinking.py   at a part of its size
jpeg.py    is its end missing                 tiff.py      its directory, and which way is up
"""

from facepipe.formats.jpeg import ends_in_nothing, with_end_mark
from facepipe.formats.kinds import ACCEPTED, HEAD, counted, kind_of
from facepipe.formats.openers import OPENERS, READ_WHOLE, is_cut
from facepipe.formats.shrinking import shrink
from facepipe.formats.tiff import orientation

__all__ = [
    "ACCEPTED",
    "HEAD",
    "OPENERS",
    "READ_WHOLE",
    "counted",
    "ends_in_nothing",
    "is_cut",
    "kind_of",
    "orientation",
    "shrink",
    "with_end_mark",
]
