"""One face that is looked into, and what the gallery holds beside it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from facepipe.align.kept import recut
from facepipe.batches import Done
from facepipe.embed.base import normalise, templates
from facepipe.errors import ModelError, NoFace, UsageError
from facepipe.gallery import Gallery
from facepipe.image import ImageLike
from facepipe.inspect.graphs.network import Network
from facepipe.inspect.networks_of import choose_layers, networks_of
from facepipe.inspect.survey import Stages
from facepipe.inspect.views.features import collect, depths
from facepipe.inspect.views.story import Decision, Made
from facepipe.machine.lazy import cached_property
from facepipe.networks.cards import Input
from facepipe.pipeline import Pipeline
from facepipe.progress import Progress
from facepipe.records import Candidate, Chip, Face, Floats, Image, Pixels, Template

TOP = 5  # candidates shown
CHIPS = 1000  # of the gallery, at most, that views look at


@dataclass(frozen=True, eq=False)
class References:
    """Chips (N, h, w, 3) of other photos and whose they are."""

    chips: Pixels
    people: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Subject:
    """One face that is looked into, with all that the views ask for; ``stages``: of ``pipe``'s detector, on its way to
    the face, where that can be looked into."""

    pipe: Pipeline
    image: Image
    face: Face
    stages: Stages
    threshold: float
    gallery: Gallery | None
    report: Progress
    network: str | None = None
    layers: str = "*"
    labelled: References | None = None

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
        if self.gallery is None:
            return ()
        return self.gallery.search(self.face.template, TOP, evidence=self.pipe.backbone.card.evidence)[0]

    @cached_property
    def decision(self) -> Decision | None:
        if self.gallery is None:
            return None
        counts = len(self.gallery.people()), len(self.gallery)
        if not self.candidates:
            return Decision((), self.threshold, *counts)
        best, made = self.candidates[0], self.gallery.calibration
        nearest = self.gallery.reference(best.reference_id).template.cosine(self.face.template)
        references, corrected = self.gallery.person(best.person).references, made is not None and made.corrected
        return Decision(self.candidates, self.threshold, *counts, Made(nearest, references, corrected))

    @cached_property
    def references(self) -> References | None:
        """None without a gallery, or when it holds no chips."""
        return None if self.gallery is None else read_references(self.gallery, self.image, self.pipe.backbone.card.chip)

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
        return np.stack([template.vector for template in self._templates(pixels)])

    def find_everybody(self, pixels: Pixels) -> list[tuple[Candidate, ...]]:
        """Everybody in the gallery as candidates for each of the chips (N, h, w, 3)."""
        assert self.gallery is not None
        return self.gallery.search(self._templates(pixels), len(self.gallery.people()))

    def _templates(self, pixels: Pixels) -> list[Template]:
        return templates(self.pipe.backbone, [Chip(each, self.face.chip.to_chip) for each in pixels])


def read_references(gallery: Gallery, image: Image, spec: Input) -> References | None:
    """Chips as ``spec`` has them of the first ``CHIPS`` references that have a picture and are not of ``image``."""
    rows: list[tuple[Pixels, str]] = []
    for reference in gallery.references():
        stored = gallery.chip(reference.id)
        if stored is None or reference.image_sha256 == image.sha256 or len(rows) == CHIPS:
            continue
        chip = recut(stored, spec, spec)
        if chip is not None:
            rows.append((chip.pixels, reference.person))
    if not rows:
        return None
    chips, people = zip(*rows, strict=True)
    return References(np.stack(chips), people)


def read_labelled(pipe: Pipeline, photos: Iterable[tuple[str, ImageLike]]) -> References:
    """The chip of the largest face of each (person, photo); photos that cannot be used are left out.

    Raises NoFace when none can be used.
    """
    people, images = zip(*photos, strict=True)
    rows = [
        (outcome.value[0].chip.pixels, person)
        for person, outcome in zip(people, pipe.faces_each(images), strict=True)
        if isinstance(outcome, Done) and outcome.value
    ]
    if not rows:
        raise NoFace("no face found in any of the labelled photos")
    chips, names = zip(*rows, strict=True)
    return References(np.stack(chips), names)
