"""A face, or two, looked into. What makes the views takes seconds to load: it is loaded when the faces are counted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from facepipe.errors import UsageError
from facepipe.gallery import Gallery
from facepipe.image import ImageLike, read_image
from facepipe.inspect.survey import Stages, Which, find, number_of
from facepipe.page.view import Text, View
from facepipe.pipeline import Pipeline, pick_face
from facepipe.progress import Progress, quiet
from facepipe.records import Detection, Image


@dataclass(frozen=True, eq=False)
class Explanation:
    """The page's parts: ``story`` first, then ``views``; ``left_out`` says of each view that is not there why."""

    story: View
    views: tuple[View, ...]
    left_out: dict[str, Text]

    @property
    def reasons(self) -> list[Text]:
        """``left_out`` as sentences."""
        return [Text(f"{name}: {why.en}", f"{name}：{why.zh}") for name, why in self.left_out.items()]

    def page(self) -> str:
        """All of it as one HTML file."""
        from facepipe.page.page import render

        return render(self.story.title, self.story, self.views, self.reasons)


def explain(
    pipe: Pipeline,
    images: Sequence[ImageLike],
    gallery: Gallery | None = None,
    *,
    pick: Which | Sequence[Which] = None,
    threshold: float | None = None,
    fmr: str | None = None,
    views: Sequence[str] | None = None,
    network: str | None = None,
    layers: str = "*",
    labelled: Iterable[tuple[str, ImageLike]] | None = None,
    progress: Progress | None = None,
) -> Explanation:
    """Look into the face of one image, or of two to see why they match or not.

    ``views``: names out of ``facepipe.inspect.chosen_views.VIEWS``; None: those that the images have, but not saliency,
    which takes half a minute. ``pick``: which face, as ``Which`` says; where it is a sequence, of each image.
    ``threshold``: a cosine; None takes that for ``fmr``, or without it the usual one. Kernels and depths are shown of
    ``network`` (pnet, rnet, onet; None: the backbone) and of those of its convolutions that match the glob ``layers``.
    ``labelled`` photos, (person, image) with several of each person, serve to measure how well each depth tells people
    apart, and instead of the gallery to find what excites a channel.
    Raises UsageError, ImageError, NoFace, SeveralFaces, ModelError.
    """
    if not 1 <= len(images) <= 2:
        raise UsageError(f"{len(images)} images: expected one, or two to compare")
    picks = pick if isinstance(pick, Sequence) else [pick] * len(images)
    chosen = [_choose(pipe, given, which) for given, which in zip(images, picks, strict=True)]
    from facepipe.inspect.chosen_views import choose_views, show, tell
    from facepipe.inspect.subject import Subject, read_labelled

    wanted = choose_views(views, len(images))
    limit = pipe.threshold(threshold, fmr, gallery=gallery if len(images) == 1 else None)
    report = progress or quiet
    held = None if labelled is None else read_labelled(pipe, labelled)
    subjects = [
        Subject(pipe, image, pipe.describe(image, [face])[0], stages, limit, gallery, report, network, layers, held)
        for image, face, stages in chosen
    ]
    subjects[0].shown  # noqa: B018  an unknown network or layer is told before the long part
    found, left_out = show(subjects, wanted)
    return Explanation(tell(subjects), found, left_out)


def _choose(pipe: Pipeline, given: ImageLike, pick: Which) -> tuple[Image, Detection, Stages]:
    """The image, which face of it, and how that was found."""
    image = read_image(given)
    faces, stages = find(pipe.detector, image)
    return image, pick_face(image, faces, number_of(pick, image, faces)), stages
