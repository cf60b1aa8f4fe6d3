"""From scores to decisions: several references fused, faces that resemble many corrected for, odds from scores.

fusion.py       one score from all references of a person
cohort.py       a score corrected by how near strangers come to the two faces
evidence.py     a score's likelihood ratio, and probabilities from it
calibration.py  thresholds and evidence measured on people of one's own, as a gallery keeps them
"""
