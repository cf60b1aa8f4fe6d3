"""Faces from one frame to the next, by geometry alone.

tracker.py   keeps faces apart and together     flow.py     how parts of a picture moved
matching.py  which boxes belong together        cuts.py, strobe.py     where a shot ends; lamps that flash
"""
