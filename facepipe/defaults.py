"""What holds when nothing is said, for Python and the shell alike; light, so that ``--help`` can show it at once."""

BACKBONE = "sface"
DETECTOR = "yunet"
MIN_FACE = 32  # px; smaller faces carry too little to be recognised
FMR = "1e-3"  # of two faces, and at most in a gallery
FPIR = "1e-2"  # of a stranger looked up in a gallery
FULL, HALF = "full", "half"  # precisions of a backbone; full where nothing is said
EVERY = 5  # frames of a video from one search of the whole picture to the next
