"""From a face to a person's reference.

enrolment.py   one enrolment for all who ask, in what they differ (Policy), which face is meant, what is stored
gate.py        is the shot good enough, and what is wrong with it
identity.py    are the faces of one person, whom no other name has
guide.py       the shots of somebody in front of a camera, taken as they turn their head
"""
