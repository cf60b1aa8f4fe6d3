"""What picture files look like from outside: which kind by the first bytes, which class opens it, which way is up."""

from facepipe.formats.kinds import ACCEPTED, HEAD, counted, kind_of
from facepipe.formats.openers import OPENERS, READ_WHOLE, is_cut
from facepipe.formats.tiff import orientation

__all__ = ["ACCEPTED", "HEAD", "OPENERS", "READ_WHOLE", "counted", "is_cut", "kind_of", "orientation"]
