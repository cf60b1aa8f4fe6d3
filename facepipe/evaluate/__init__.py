"""How well faces are told apart, measured on labelled images of one's own.

evaluation.py      evaluate_pairs, evaluate_folders, evaluate_people: the verbs      result.py  the record they return
listing.py         PAIRS.csv            faces.py, embedded.py, cache.py   images → faces, found once and kept
comparisons.py     scores of pairs, of all against all; cohort_scores.py  the same corrected by a cohort
calibrate.py       what scores mean; strangers.py  whom they are corrected for; fused_trials.py  by several references
rates.py           FMR, TMR, EER        verification.py, bootstrap.py     … with intervals over people
folds.py           accuracy by folds    identification.py  open set       reliability.py  stated probabilities
mistakes.py        the worst pairs      summary.py, verdict.py, words.py  the figures in words; report/  the page
"""

from facepipe.evaluate.evaluation import evaluate_folders, evaluate_pairs, evaluate_people
from facepipe.evaluate.rates import best_accuracy, match_rate, threshold_at_fmr
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
