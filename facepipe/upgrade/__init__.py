"""A gallery gets another network: every reference is made anew from the face that is kept of it, without the photos.

renewal.py    references made anew, batch by batch     comparison.py   what that changes, on the gallery's own people
change.py     showing it, doing it, keeping it, taking it back
"""

from facepipe.upgrade.change import Upgrade, commit, expect_free, go_back
from facepipe.upgrade.comparison import Comparison, Errors, PersonErrors, Unmade

__all__ = ["Comparison", "Errors", "PersonErrors", "Unmade", "Upgrade", "commit", "expect_free", "go_back"]
