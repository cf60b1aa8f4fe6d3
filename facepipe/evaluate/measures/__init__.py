"""Plain numbers from scores whose answers are known, whatever they were made from.

comparisons.py      scores of the pairs of a list, of all against all; cohort_scores.py  the same corrected by a cohort
rates.py            FMR, TMR, thresholds, accuracy at one threshold     verification.py  ROC and EER, with intervals
folds.py            accuracy by folds, as LFW's protocol has it         identification.py  open set: FPIR, FNIR
fused_trials.py     photos against people with several references       reliability.py  is 70 % right 7 times of 10
bootstrap.py        intervals, by drawing people again                  tails.py  the rarest scores of strangers
"""
