"""All measures of one set of faces, by cosines and by scores that a cohort corrects."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from facepipe import __version__
from facepipe.evaluate.faces import LabelledFaces
from facepipe.evaluate.measures.bootstrap import draw_people
from facepipe.evaluate.measures.cohort_scores import Corrected
from facepipe.evaluate.measures.comparisons import Comparisons, Cosine, Scorer
from facepipe.evaluate.measures.folds import Trial, measure_accuracy
from facepipe.evaluate.measures.identification import IdentificationRates
from facepipe.evaluate.measures.reliability import measure_reliability, state_by_folds
from facepipe.evaluate.measures.verification import measure_verification
from facepipe.evaluate.mistakes import least_alike, most_alike
from facepipe.evaluate.result import Evaluation, Images, Measured, Mistake
from facepipe.evaluate.strangers import Chosen
from facepipe.machine.lazy import cached_property
from facepipe.pipeline import Pipeline
from facepipe.progress import Progress
from facepipe.scoring.cohort import Cohort
from facepipe.scoring.evidence import probability

COSINE, CORRECTED = "cosine", "corrected"
CROSS_FITTED, BY_CARD = "fitted to the scores of the other folds", "stated by the model's card"

Compare = Callable[[Scorer], tuple[Comparisons, Trial]]
Identify = Callable[[str], IdentificationRates | None]


@dataclass(frozen=True, eq=False)
class Evaluated:
    """What is evaluated: the ``faces`` that ``pipe`` found in ``source``, and the strangers they are seen against."""

    pipe: Pipeline
    source: str
    faces: LabelledFaces
    chosen: Chosen
    seed: int
    report: Progress

    @cached_property
    def cohort(self) -> Cohort | None:
        return self.chosen.cohort

    def scorers(self) -> Iterator[tuple[str, Scorer]]:
        """Cosines, then what the cohort makes of them."""
        yield COSINE, Cosine(self.faces.vectors)
        if self.cohort is not None:
            yield CORRECTED, Corrected(self.faces.vectors, self.faces.names, self.cohort)


def measure(
    evaluated: Evaluated, images: Images, compare: Compare, identify: Identify, remarks: Sequence[str]
) -> Evaluation:
    """``compare`` scores the pairs, ``identify`` measures identification by the kind of score, or gives None."""
    measured: list[Measured] = []
    alike: tuple[Mistake, ...] = ()
    unlike: tuple[Mistake, ...] = ()
    for score, scorer in evaluated.scorers():
        evaluated.report(f"measuring ({score})", len(measured), 1 + (evaluated.cohort is not None))
        comparisons, trial = compare(scorer)
        if not measured:
            faces = evaluated.faces
            alike = most_alike(evaluated.pipe, comparisons, faces.image, faces.landmarks)
            unlike = least_alike(evaluated.pipe, comparisons, faces.image, faces.landmarks)
        measured.append(_measured(evaluated, score, comparisons, trial, identify(score)))
    pipe = evaluated.pipe
    return Evaluation(
        source=evaluated.source,
        backbone=pipe.backbone.id,
        detector=pipe.detector.card.name,
        facepipe=__version__,
        seed=evaluated.seed,
        images=images,
        cohort=evaluated.chosen.said,
        measured=tuple(measured),
        alike=alike,
        unlike=unlike,
        remarks=tuple(remarks),
        kept=evaluated.faces.kept or evaluated.chosen.kept,
    )


def _measured(
    evaluated: Evaluated, score: str, comparisons: Comparisons, trial: Trial, identification: IdentificationRates | None
) -> Measured:
    people = evaluated.faces.people
    stated = dict(evaluated.pipe.backbone.card.thresholds)
    verification = measure_verification(score, comparisons, people, stated, evaluated.seed)
    drawn = draw_people(int(people.max()) + 1, seed=evaluated.seed)
    stated_by = {CROSS_FITTED: state_by_folds(trial)}
    evidence = evaluated.pipe.backbone.card.evidence
    if evidence is not None and score == COSINE:
        stated_by = {BY_CARD: probability(evidence.single.log_ratio(trial.scores)), **stated_by}
    honest = [measure_reliability(p, trial.same, trial.people, drawn, source) for source, p in stated_by.items()]
    reliability = tuple(one for one in honest if one is not None)
    return Measured(verification, measure_accuracy(trial), reliability, identification)
