"""Faces from one frame to the next, by geometry alone: optical flow, a second look, association. See ``tracker``."""
