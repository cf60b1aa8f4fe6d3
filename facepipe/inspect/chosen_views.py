"""The views, filled from the faces that are looked into."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from facepipe.embed.torch_backbone import TorchBackbone
from facepipe.errors import UsageError
from facepipe.inspect.finding import finder_of, search
from facepipe.inspect.networks_of import in_torch
from facepipe.inspect.subject import References, Subject
from facepipe.inspect.views import (
    coarse,
    identity,
    kernel,
    ladder,
    match_map,
    patches,
    saliency,
    separation,
    translation,
)
from facepipe.inspect.views.coarse_view import show_coarse
from facepipe.inspect.views.identity_view import show_identity
from facepipe.inspect.views.kernel_view import show_kernels
from facepipe.inspect.views.ladder_view import show_ladder
from facepipe.inspect.views.match_map_view import show_match_map
from facepipe.inspect.views.patches_view import show_exciters
from facepipe.inspect.views.saliency_view import show_saliency
from facepipe.inspect.views.story import show_pair, show_story
from facepipe.inspect.views.translation_view import show_translation
from facepipe.page.view import Text, View
from facepipe.records import Floats, Pixels

MIN_PEOPLE = 20  # with several labelled photos each: fewer make intervals of no worth


def choose_views(views: Sequence[str] | None, images: int) -> list[str]:
    """Which of ``VIEWS``, in their order; None: those that so many ``images`` have, but not saliency. Raises
    UsageError for names that there are not, or when all need two images."""
    if views is None:
        return [name for name in VIEWS if name != "saliency" and (images > 1 or name not in PAIR_VIEWS)]
    if unknown := sorted(set(views) - set(VIEWS)):
        raise UsageError(f"{', '.join(unknown)}: no such view; there are {', '.join(VIEWS)}")
    if images == 1 and set(views) <= PAIR_VIEWS:
        raise UsageError(f"{', '.join(views)}: needs two images")
    return [name for name in VIEWS if name in views]


def show(subjects: Sequence[Subject], wanted: Sequence[str]) -> tuple[tuple[View, ...], dict[str, Text]]:
    """The views of ``wanted`` that can be shown, and why the others cannot."""
    found: list[View] = []
    left_out: dict[str, Text] = {}
    for number, name in enumerate(wanted):
        subjects[0].report(name, number, len(wanted))
        try:
            found.append(VIEWS[name](subjects))
        except NotShown as error:
            left_out[name] = error.why
    return tuple(found), left_out


def tell(subjects: Sequence[Subject]) -> View:
    """The decision, in words and pictures."""
    first = subjects[0]
    template, finder = first.face.template, finder_of(first.pipe.detector)
    if len(subjects) == 1:
        return show_story(first.image, first.face.detection, first.backbone, template.vector, first.decision, finder)
    photos = [(each.image, each.face.detection) for each in subjects]
    score = template.cosine(subjects[1].face.template)
    return show_pair(photos, [each.backbone for each in subjects], score, first.threshold)


class NotShown(Exception):
    """A view that cannot be shown of these images, and ``why``."""

    def __init__(self, why: Text) -> None:
        super().__init__(why.en)
        self.why = why


NEEDS_FACES = Text("needs a gallery with chips of other photos", "需要存有其他照片的人脸库")
NEEDS_NAME = Text(
    "needs a face that the gallery knows by name, and other people in it", "需要人脸库认得这张脸，并且库中还有其他人"
)
NEEDS_PAIR = Text("needs two images", "需要两张照片")


def _kernel(subjects: Sequence[Subject]) -> View:
    network, layers = subjects[0].shown
    try:
        return show_kernels(kernel.see_kernels(network, layers))
    except UsageError as error:  # an ONNX convolution that torch has no equal of
        raise NotShown(Text(str(error), str(error))) from None


def _ladder(subjects: Sequence[Subject]) -> View:
    first = subjects[0]
    network, layers = first.shown
    climbed = ladder.climb(network, layers)
    cascade = [each for each in first.networks.values() if each is not first.backbone]
    finder = finder_of(first.pipe.detector)
    if len(subjects) == 1:
        return show_ladder(climbed, cascade=cascade, finder=finder)
    names = [rung.layer.name for rung in climbed.rungs]
    channels = {rung.layer.name: rung.channels for rung in climbed.rungs}
    return show_ladder(climbed, ladder.climb(subjects[1].shown[0], names, channels=channels), cascade, finder)


def _patches(subjects: Sequence[Subject]) -> View:
    first = subjects[0]
    held = first.labelled or first.references
    if held is None:
        raise NotShown(NEEDS_FACES)
    return show_exciters(patches.find_exciters(first.backbone, held.chips, first.normalise))


def _translation(subjects: Sequence[Subject]) -> View:
    first = subjects[0]
    crops = translation.compare_crops(first.networks["pnet"]) if "pnet" in first.networks else None
    layers = translation.measure_equivariance(first.backbone)

    def embed(pixels: Pixels) -> Floats:
        return first.summarise(pixels[None])[0]

    embedding = translation.measure_invariance(first.face.chip.pixels, embed, first.threshold)
    return show_translation(crops, layers, embedding, translation.left_out(first.backbone, layers))


def _identity(subjects: Sequence[Subject]) -> View:
    ranks = []
    for subject in subjects:
        if subject.person is None or subject.references is None:
            continue
        held = subject.references
        ranks.append(identity.rank_by_depth(subject.backbone, subject.features, held.people, subject.person))
    measured = None if subjects[0].labelled is None else _measured(subjects[0], subjects[0].labelled)
    if not ranks and measured is None:
        raise NotShown(NEEDS_NAME)
    return show_identity(ranks, measured)


def _measured(subject: Subject, held: References) -> identity.Identity:
    """Each depth judged on half of the people who have several photos, after fitting on all the others."""
    several = sum(held.people.count(name) > 1 for name in set(held.people))
    if several < MIN_PEOPLE:
        raise UsageError(
            f"labelled photos: {several} people have several; expected {MIN_PEOPLE}, to tell how sure it is"
        )
    fit, judged = separation.split_people(held.people)
    people = [held.people[i] for i in judged]
    pairs = separation.all_pairs(people)
    return identity.measure_identity(
        subject.backbone, held.chips[judged], people, pairs, held.chips[fit], subject.normalise
    )


def _match(subjects: Sequence[Subject]) -> View:
    if len(subjects) < 2:
        raise NotShown(NEEDS_PAIR)
    a, b = subjects
    try:
        found = match_map.match_map(a.backbone, b.backbone, a.pipe.backbone.card.mirror)
    except UsageError as error:
        raise NotShown(Text(str(error), str(error))) from None
    return show_match_map(found, a.threshold)


def _saliency(subjects: Sequence[Subject]) -> View:
    if len(subjects) < 2:
        raise NotShown(NEEDS_PAIR)
    a, b = subjects
    backbone = a.pipe.backbone
    shuffled, learnt = None, in_torch(backbone)
    if learnt is not None:
        module = saliency.shuffled_weights(learnt.module)
        shuffled = TorchBackbone(learnt.card, module, learnt.id, str(learnt.device)).embed
    found = saliency.saliency(
        a.backbone,
        b.backbone,
        backbone.embed,
        backbone.card.mirror,
        shuffled,
        progress=lambda done, total: a.report("saliency", done, total),
    )
    return show_saliency(found, a.threshold)


def _coarse(subjects: Sequence[Subject]) -> View:
    first = subjects[0]
    blurred = coarse.blur_by_depth(first.backbone, first.normalise, first.features or None)
    matched = None
    name = first.decision.name if first.decision is not None else None
    if name is not None and first.gallery is not None:
        matched = coarse.match_blurred(blurred.chips, first.find_everybody, name)
    found = search(first.pipe, first.image, first.face.detection, first.stages)
    return show_coarse(blurred, first.threshold, matched, found, first.candidates)


VIEWS: dict[str, Callable[[Sequence[Subject]], View]] = {
    "kernel": _kernel,
    "ladder": _ladder,
    "patches": _patches,
    "translation": _translation,
    "identity": _identity,
    "match": _match,
    "saliency": _saliency,
    "coarse": _coarse,
}
PAIR_VIEWS = {"match", "saliency"}
