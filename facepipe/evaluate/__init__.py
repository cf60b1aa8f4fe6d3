"""How well faces are told apart, measured on labelled images of one's own.

evaluation.py      evaluate_pairs, evaluate_folders, evaluate_people: the verbs      result.py  the record they return
listing.py         PAIRS.csv: what is compared         faces.py, embedded.py, cache.py   images → faces, kept
measuring.py       all measures of one set of faces, each from measures/             mistakes.py  the worst pairs
calibrate.py       what scores mean in a gallery       strangers.py  whom scores are corrected by
measures/          rates, intervals, folds, open set: numbers from scores           report/  words and the page
"""

from facepipe.evaluate.evaluation import evaluate_folders, evaluate_pairs, evaluate_people
from facepipe.evaluate.measures.rates import best_accuracy, match_rate, threshold_at_fmr
from facepipe.evaluate.result import Evaluation

__all__ = [
    "Evaluation",
    "best_accuracy",
    "evaluate_folders",
    "evaluate_pairs",
    "evaluate_people",
    "match_rate",
    "threshold_at_fmr",
]
