"""inspect: look into the networks on a face of your own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from facepipe.cli import options as opt
from facepipe.cli import output as out
from facepipe.cli import unread
from facepipe.errors import GalleryMismatch, GalleryNotFound, ModelError, UsageError, WriteFailed

if TYPE_CHECKING:
    from facepipe.gallery import Gallery
    from facepipe.inspect.explain import Explanation
    from facepipe.inspect.networks_of import LayerRow
    from facepipe.pipeline import Pipeline

HEAD = ("network", "layer", "kind", "shape", "weights", "multiply-adds", "sees, px", "stride")
STAND_IN = "astronaut.png"  # the sample whose shapes are listed when no image is given


Images = Annotated[
    list[str] | None, typer.Argument(metavar="[IMAGE]...", help="One image, or two to see why they match or not.")
]
Page = Annotated[
    Path | None,
    typer.Option("--out", "-o", metavar="FILE", help="The page to write. Default: IMAGE's name with -inspect.html."),
]
Views = Annotated[
    str | None,
    typer.Option(
        "--views", metavar="NAMES", help="Which views to show, separated by commas. Default: all but saliency."
    ),
]
Png = Annotated[
    Path | None, typer.Option("--png", metavar="FOLDER", help="Also save the pictures of the views in this folder.")
]
DumpFile = Annotated[
    Path | None,
    typer.Option(
        "--dump", metavar="FILE", help="Instead of a page, write what each layer puts out: .safetensors or .npz."
    ),
]
Layers = Annotated[str, typer.Option("--layers", help="Which layers to show, list or dump: a name or a glob.")]
List = Annotated[bool, typer.Option("--list", help="Only list the layers of the networks.")]
LabelledFolder = Annotated[
    Path | None,
    typer.Option("--people", metavar="FOLDER", help="Also judge each depth on photos in one sub-folder per person."),
]
NetworkName = Annotated[
    str | None,
    typer.Option("--network", help="Whose kernels and depths to show: pnet, rnet, onet. Default: the backbone's."),
]


def inspect(
    images: Images = None,
    page: Page = None,
    views: Views = None,
    png: Png = None,
    dump: DumpFile = None,
    layers: Layers = "*",
    list_layers: List = False,
    network: NetworkName = None,
    people: LabelledFolder = None,
    pick: opt.Pick = None,
    gallery: opt.GalleryPath = None,
    threshold: opt.Threshold = None,
    fmr: opt.Fmr = None,
    as_json: opt.Json = False,
    backbone: opt.GalleryBackbone = None,
    weights: opt.Weights = None,
    device: opt.Device = "cpu",
    min_face: opt.MinFace = opt.MIN_FACE,
    min_score: opt.MinScore = None,
    detector: opt.DetectorName = opt.DETECTOR,
) -> None:
    """Show what each layer of the network makes of a face.

    Writes a page that explains one face or compares two; --dump writes the raw numbers, --list names the layers.
    """
    given = images or []
    if not given and not list_layers:
        raise UsageError("expected an image: facepipe inspect IMAGE [IMAGE]")
    with _gallery(gallery, backbone, weights) as (enrolled, name):
        pipe = opt.open_pipeline(name, weights, device, min_face, min_score, detector)
        if list_layers:
            _list(pipe, given, network, layers, pick, as_json)
            return
        if dump is not None:
            _dump(pipe, given, dump, layers, pick, as_json)
            return
        target = _ready(page or Path(f"{Path(given[0]).stem}-inspect.html"))
        from facepipe.inspect.explain import explain  # brings in the views
        from facepipe.sources import find_people

        photos = None if people is None else find_people(people)
        with out.steps() as step:
            found = explain(
                pipe,
                given,
                enrolled,
                pick=pick,
                threshold=threshold,
                fmr=fmr,
                views=None if views is None else [name.strip() for name in views.split(",")],
                network=network,
                layers=layers,
                labelled=None if photos is None else photos.labelled,
                progress=step,
            )
    _save(found, target, png, asked=views is not None)
    unread.finish([] if photos is None else [file for _, file in photos.left_out])


def _ready(page: Path) -> Path:
    """Raises WriteFailed before the long part."""
    out.ready(page.parent)
    if page.is_dir():
        raise WriteFailed(f"{page}: cannot be written: it is a folder; name a file")
    return page


def _list(pipe: Pipeline, images: list[str], only: str | None, pattern: str, pick: int | None, as_json: bool) -> None:
    """Every layer of every network, with what it costs and sees."""
    from facepipe import folders
    from facepipe.image import read_image
    from facepipe.inspect.networks_of import choose_layers, list_layers, networks_of
    from facepipe.pipeline import pick_face

    image = read_image(images[0] if images else folders.samples() / STAND_IN)
    networks = networks_of(pipe, image, pipe.describe(image, [pick_face(image, pipe.detect(image), pick)])[0])
    if only is not None and only not in networks:
        raise UsageError(f"{only}: no such network; there are {', '.join(networks)}")
    shown = list(networks) if only is None else [only]
    if not any(fnmatchcase(layer, pattern) for name in shown for layer in networks[name].layers):
        choose_layers(networks[shown[-1]], pattern)  # says which names are near
    if not images and "pnet" in shown:
        out.say(f"no image given: the sizes of P-Net's maps are those for the sample {STAND_IN}")
    for name in shown:
        rows = [row for row in list_layers(networks[name]) if row.name == "total" or fnmatchcase(row.name, pattern)]
        if as_json:
            for row in rows:
                out.line({"network": name, **asdict(row)})
        elif len(rows) > 1:
            out.table(name, HEAD, [(name, *_cells(row)) for row in rows])


def _cells(row: LayerRow) -> tuple[str, ...]:
    field, stride = ("×".join(map(str, pair)) if pair else "all" for pair in (row.receptive_field, row.stride))
    shape = "×".join(map(str, row.shape))
    if row.name == "total":
        shape = field = stride = ""
    return row.name, row.kind, shape, f"{row.weights:,}", f"{row.multiply_adds:,}", field, stride


def _dump(pipe: Pipeline, images: list[str], path: Path, pattern: str, pick: int | None, as_json: bool) -> None:
    from facepipe.inspect.dump import dump

    given = opt.image_files(images)
    done = dump(pipe, given.files, path, pattern, pick)
    for _, error in done.skipped:
        out.complain(str(error))
    if as_json:
        written = {"file": str(path), "faces": done.faces, "layers": list(done.layers), "bytes": done.bytes}
        out.line(written | {"left_out": unread.as_json(given.left_out)})
    else:
        what = f"{out.count(done.faces, 'face')}, {out.count(len(done.layers), 'layer')}, {done.bytes:,} bytes"
        typer.echo(f"{path}: {what}")
    if done.skipped:
        raise typer.Exit(out.SOME_FAILED)
    unread.finish(given.left_out)


@contextmanager
def _gallery(path: Path | None, backbone: str | None, weights: Path | None) -> Iterator[tuple[Gallery | None, str]]:
    """The gallery named, or the default one where there is one that can be used, and the name of the network: a face
    can be looked into without a gallery."""
    found: tuple[Gallery | None, str] = None, backbone or opt.BACKBONE
    with ExitStack() as stack:
        try:
            found = stack.enter_context(opt.gallery_with_network(path, backbone, weights))
        except (GalleryNotFound, GalleryMismatch, ModelError) as error:
            if path is not None or (backbone is not None and isinstance(error, ModelError)):
                raise
            if not isinstance(error, GalleryNotFound):
                out.say(f"without a gallery: {error}")
        yield found


def _save(found: Explanation, target: Path, png: Path | None, asked: bool) -> None:
    """Write the page and the pictures; say what was ``asked`` for and left out, and which checks do not hold."""
    from facepipe.page.page import failed, save_page, save_pngs

    save_page(found.page(), target)
    for reason in found.reasons if asked else ():
        out.say(f"left out: {reason.en}")
    for check in failed(found.views):
        out.say(f"warning: a check does not hold: {check.what.en}: {check.value:.3g} > {check.bound:.3g}")
    typer.echo(target)
    for path in () if png is None else save_pngs([found.story, *found.views], png):
        typer.echo(path)
