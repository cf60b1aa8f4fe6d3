"""A face, or two, looked into: the views of ``facepipe.layers`` filled from a pipeline and a gallery."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import PIL.Image
import torch
from torch import Tensor

from facepipe.detect.base import OpenDetector
from facepipe.embed._torch import TorchBackbone
from facepipe.embed.base import normalise, templates
from facepipe.errors import ModelError, UsageError
from facepipe.gallery import Gallery
from facepipe.image import ImageLike, read_image
from facepipe.inspect.networks import choose_layers, networks_of
from facepipe.layers.networks import Network
from facepipe.layers.view import View
from facepipe.layers.views import coarse, identity, kernel, ladder, match_map, patches, saliency, translation
from facepipe.layers.views.coarse_view import show_coarse
from facepipe.layers.views.features import collect, depths
from facepipe.layers.views.identity_view import show_identity
from facepipe.layers.views.kernel_view import show_kernels
from facepipe.layers.views.ladder_view import show_ladder
from facepipe.layers.views.match_map_view import show_match_map
from facepipe.layers.views.patches_view import show_exciters
from facepipe.layers.views.saliency_view import show_saliency
from facepipe.layers.views.story import Decision, show_pair, show_story
from facepipe.layers.views.translation_view import show_translation
from facepipe.pipeline import Pipeline, pick_face
from facepipe.records import Candidate, Chip, Face, Floats, Image, Pixels

TOP = 5  # candidates shown
CHIPS = 1000  # of the gallery, at most, that views look at

Progress = Callable[[str, int, int], None]
"""Called with a view's name, the steps done and the steps in all."""


@dataclass(frozen=True, eq=False)
class Explanation:
    """The page's parts: ``story`` first, then ``views``; ``left_out`` says of each view that is not there why."""

    story: View
    views: tuple[View, ...]
    left_out: dict[str, str]


@dataclass(frozen=True, eq=False)
class References:
    """The gallery's chips (N, h, w, 3) and whose they are; those of the photo looked at left out."""

    chips: Pixels
    people: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Subject:
    """One face that is looked into, with all that the views ask for."""

    pipe: Pipeline
    image: Image
    face: Face
    threshold: float
    gallery: Gallery | None
    report: Progress
    network: str | None = None
    layers: str = "*"

    @cached_property
    def networks(self) -> dict[str, Network]:
        return networks_of(self.pipe, self.image, self.face)

    @property
    def shown(self) -> tuple[Network, list[str] | None]:
        """The network whose kernels and depths are shown, and which convolutions (None: the view's own choice)."""
        name = self.network or self.pipe.backbone.card.name
        if name not in self.networks:
            raise UsageError(f"{name}: no such network; there are {', '.join(self.networks)}")
        network = self.networks[name]
        if self.layers == "*":
            return network, None
        chosen = [layer for layer in choose_layers(network, self.layers) if layer in network.convolutions]
        if not chosen:
            raise UsageError(f"{self.layers}: no convolution of {name}; facepipe inspect --list names the layers")
        return network, chosen

    @property
    def backbone(self) -> Network:
        """Raises ModelError for a backbone whose layers cannot be captured."""
        name = self.pipe.backbone.card.name
        if name not in self.networks:
            raise ModelError(f"{name}: its layers cannot be looked into")
        return self.networks[name]

    @cached_property
    def candidates(self) -> tuple[Candidate, ...]:
        return () if self.gallery is None else self.gallery.search(self.face.template, TOP)[0]

    @property
    def decision(self) -> Decision | None:
        if self.gallery is None:
            return None
        return Decision(self.candidates, self.threshold, len(self.gallery.people()), len(self.gallery))

    @cached_property
    def references(self) -> References | None:
        """None without a gallery, or when it holds no chips."""
        return None if self.gallery is None else read_references(self.gallery, self.image, self.face.chip)

    @cached_property
    def features(self) -> dict[str, Floats]:
        """Depth → the references' pooled features (N, C); empty without references."""
        if self.references is None:
            return {}
        return collect(self.backbone, depths(self.backbone), self.references.chips, self.normalise)

    @property
    def person(self) -> str | None:
        """The name given to the face, when the references that are left can say something of it."""
        decision, held = self.decision, self.references
        if decision is None or held is None or decision.name not in held.people or len(set(held.people)) < 2:
            return None
        return decision.name

    def normalise(self, pixels: Pixels) -> Tensor:
        return torch.from_numpy(normalise(pixels, self.pipe.backbone.card))

    def summarise(self, pixels: Pixels) -> Floats:
        """Chips (N, h, w, 3) → templates (N, D), as the pipeline makes them."""
        chips = [Chip(each, self.face.chip.to_chip) for each in pixels]
        return np.stack([template.vector for template in templates(self.pipe.backbone, chips)])


def read_references(gallery: Gallery, image: Image, chip: Chip) -> References | None:
    """The first ``CHIPS`` references that have a chip of the size of ``chip`` and are not of ``image`` itself."""
    rows: list[tuple[Pixels, str]] = []
    for reference in gallery.references():
        data = gallery.thumbnail(reference.id)
        if data is None or reference.image_sha256 == image.sha256 or len(rows) == CHIPS:
            continue
        pixels = np.array(PIL.Image.open(io.BytesIO(data)).convert("RGB"))
        if pixels.shape == chip.pixels.shape:
            rows.append((pixels, reference.person))
    if not rows:
        return None
    chips, people = zip(*rows, strict=True)
    return References(np.stack(chips), people)


def explain(
    pipe: Pipeline,
    images: Sequence[ImageLike],
    gallery: Gallery | None = None,
    *,
    pick: int | None = None,
    threshold: float | None = None,
    views: Sequence[str] | None = None,
    network: str | None = None,
    layers: str = "*",
    progress: Progress | None = None,
) -> Explanation:
    """Look into the face of one image, or of two to see why they match or not.

    ``views``: names out of ``VIEWS``; None: all but saliency, which takes half a minute. ``pick``: which face, 1 is the
    largest. Kernels and depths are shown of ``network`` (pnet, rnet, onet; None: the backbone) and of those of its
    convolutions that match the glob ``layers``. Raises UsageError, ImageError, NoFace, SeveralFaces, ModelError.
    """
    if not 1 <= len(images) <= 2:
        raise UsageError(f"{len(images)} images: expected one, or two to compare")
    wanted = list(DEFAULT_VIEWS if views is None else views)
    if unknown := sorted(set(wanted) - set(VIEWS)):
        raise UsageError(f"{', '.join(unknown)}: no such view; there are {', '.join(VIEWS)}")
    limit = pipe.threshold(threshold)
    report = progress or (lambda name, done, total: None)
    subjects = []
    for given in images:
        image = read_image(given)
        subjects.append(
            Subject(pipe, image, pick_face(image, pipe.faces(image), pick), limit, gallery, report, network, layers)
        )
    first = subjects[0]
    first.shown  # noqa: B018  an unknown network or layer is told before the long part
    found: list[View] = []
    left_out: dict[str, str] = {}
    for number, name in enumerate(name for name in VIEWS if name in wanted):
        report(name, number, len(wanted))
        try:
            made = VIEWS[name](subjects)
        except NotShown as error:
            left_out[name] = str(error)
        else:
            found.append(made)
    return Explanation(_story(subjects), tuple(found), left_out)


def _story(subjects: Sequence[Subject]) -> View:
    first = subjects[0]
    vector = first.face.template.vector
    if len(subjects) == 1:
        return show_story(first.image, first.face.detection, first.backbone, vector, first.decision)
    photos = [(each.image, each.face.detection) for each in subjects]
    score = float(vector @ subjects[1].face.template.vector)
    return show_pair(photos, [each.backbone for each in subjects], score, first.threshold)


class NotShown(Exception):
    """A view that cannot be shown of these images, and why."""


NEEDS_GALLERY = "needs a gallery with chips of other photos"
NEEDS_NAME = "needs a face that the gallery knows by name, and other people in it"
NEEDS_PAIR = "needs two images"


def _kernel(subjects: Sequence[Subject]) -> View:
    network, layers = subjects[0].shown
    if not network.differentiable:
        raise NotShown(f"the kernels of {network.name} cannot be read from its ONNX file")
    return show_kernels(kernel.see_kernels(network, layers))


def _ladder(subjects: Sequence[Subject]) -> View:
    first = subjects[0]
    network, layers = first.shown
    climbed = ladder.climb(network, layers)
    cascade = [each for each in first.networks.values() if each is not first.backbone]
    if len(subjects) == 1:
        return show_ladder(climbed, cascade=cascade)
    names = [rung.layer.name for rung in climbed.rungs]
    channels = {rung.layer.name: rung.channels for rung in climbed.rungs}
    return show_ladder(climbed, ladder.climb(subjects[1].shown[0], names, channels=channels), cascade)


def _patches(subjects: Sequence[Subject]) -> View:
    first = subjects[0]
    if first.references is None:
        raise NotShown(NEEDS_GALLERY)
    return show_exciters(patches.find_exciters(first.backbone, first.references.chips, first.normalise))


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
    if not ranks:
        raise NotShown(NEEDS_NAME)
    return show_identity(ranks)


def _match(subjects: Sequence[Subject]) -> View:
    if len(subjects) < 2:
        raise NotShown(NEEDS_PAIR)
    a, b = subjects
    try:
        found = match_map.match_map(a.backbone, b.backbone, a.pipe.backbone.card.mirror)
    except UsageError as error:
        raise NotShown(str(error)) from None
    return show_match_map(found, a.threshold)


def _saliency(subjects: Sequence[Subject]) -> View:
    if len(subjects) < 2:
        raise NotShown(NEEDS_PAIR)
    a, b = subjects
    backbone = a.pipe.backbone
    shuffled = None
    if isinstance(backbone, TorchBackbone):
        module = saliency.shuffled_weights(backbone.module)
        shuffled = TorchBackbone(backbone.card, module, backbone.id, str(backbone.device)).embed
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
        enrolled = first.gallery.references()  # all, so that the unblurred score is the gallery's
        vectors, people = np.stack([r.template.vector for r in enrolled]), [r.person for r in enrolled]
        matched = coarse.match_blurred(blurred.chips, first.summarise, vectors, people, name)
    detector = first.pipe.detector
    stages = detector.stages(first.image) if isinstance(detector, OpenDetector) else ()
    drawn = [(stage.stage, stage.boxes) for stage in stages]
    return show_coarse(blurred, first.threshold, matched, first.image, drawn, first.candidates)


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
DEFAULT_VIEWS = tuple(name for name in VIEWS if name != "saliency")
