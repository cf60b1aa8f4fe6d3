"""From cosines to decisions, over plain numbers: it knows no faces, no cards and no gallery.

decide.py       the decision: match or not, a name or unknown
fusion.py       one score from all references of a person
cohort.py       a score corrected by how near strangers come to the two faces
evidence.py     a score's likelihood ratio, and probabilities from it
tail.py         how often strangers reach a score with one person, beyond what was measured too
strangers.py    how often they get a name among many: what a gallery's own people say of it
calibration.py  thresholds and evidence measured on people of one's own, as a gallery keeps them
"""
