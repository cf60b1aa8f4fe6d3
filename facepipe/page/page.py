"""Views as one HTML file that works offline, in English and Chinese, and as PNG files."""

from __future__ import annotations

import base64
import io
import warnings
from collections.abc import Iterator, Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2
import numpy as np
import PIL.Image

from facepipe.files import replacing
from facepipe.page.view import Block, Chart, Check, Picture, Row, Text, View
from facepipe.records import Pixels

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_WORDS = {
    "skip": Text("Skip to the story", "跳到正文"),
    "contents": Text("What is shown here", "本页内容"),
    "left_out": Text("Not shown here, and why", "未显示的内容及原因"),
    "footer": Text(
        "Made by facepipe on this machine. The page loads nothing from anywhere and holds pictures of a face: "
        "treat it as you would the photo.",
        "由 facepipe 在本机生成。本页不加载任何外部内容；页中有人脸图像，请像对待照片一样保管。",
    ),
}
_VERDICTS = {True: Text("holds:", "成立："), False: Text("does not hold:", "不成立：")}
_INK: Any = {"svg.fonttype": "none", "svg.hashsalt": "facepipe"}  # text stays text; the same figure gives the same file


def render(
    title: Text, story: View, views: Sequence[View], left_out: Sequence[Text] = (), command: str = "inspect"
) -> str:
    """The page: ``story`` on the first screen, a table of contents and what is ``left_out`` (why), the views with their
    checks, one footer. ``command``: which one made it."""
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(
            lambda name: files("facepipe.page").joinpath("templates").joinpath(name).read_text("utf-8")
        ),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.globals |= {"kind": _kind, "source": _source, "chinese": _chinese, "number": _number}
    return environment.get_template("page.html").render(
        title=title, story=story, views=views, left_out=left_out, words=_WORDS, verdicts=_VERDICTS, command=command
    )


def save_page(html: str, path: Path) -> None:
    """Write the page whole or not at all, readable by its owner only: it shows faces. Raises WriteFailed."""
    with replacing(path) as stream:
        stream.write(html.encode("utf-8", "backslashreplace"))  # file names may hold half characters


def save_pngs(views: Sequence[View], folder: Path) -> Iterator[Path]:
    """Each picture and chart as ``folder``/view/name.png, enlarged as on the page; yields the paths."""
    for view in views:
        for block in _drawn(view.blocks):
            path = folder / view.id / f"{block.name}.png"
            with replacing(path) as stream:
                stream.write(_png(_zoomed(block)) if isinstance(block, Picture) else _draw(block.figure, "png"))
            yield path


def _drawn(blocks: Sequence[Block]) -> Iterator[Picture | Chart]:
    for block in blocks:
        if isinstance(block, Row):
            yield from block.blocks
        elif isinstance(block, (Picture, Chart)):
            yield block


def _kind(block: object) -> str:
    return type(block).__name__


def _source(block: Picture | Chart) -> str:
    """The image as a data URI: pictures as PNG at their own size, charts as SVG."""
    if isinstance(block, Chart):
        return _uri("svg+xml", _draw(block.figure, "svg"))
    return _uri("jpeg", _jpeg(block.pixels)) if block.photo else _uri("png", _png(block.pixels))


def _chinese(block: Chart) -> str:
    assert block.zh is not None
    return _uri("svg+xml", _draw(block.zh, "svg"))


def _uri(kind: str, data: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


def _jpeg(pixels: Pixels) -> bytes:
    stream = io.BytesIO()
    PIL.Image.fromarray(pixels).save(stream, "JPEG", quality=88)
    return stream.getvalue()


def _png(pixels: Pixels) -> bytes:
    image = PIL.Image.fromarray(pixels)
    if len(image.getcolors(256) or range(257)) <= 256:
        image = image.quantize(256)  # no colour is lost, two thirds of the bytes are
    stream = io.BytesIO()
    image.save(stream, "PNG", optimize=True)
    return stream.getvalue()


def _zoomed(picture: Picture) -> Pixels:
    return np.kron(picture.pixels, np.ones((picture.zoom, picture.zoom, 1), np.uint8))


def _draw(figure: Figure, kind: str) -> bytes:
    import matplotlib

    stream = io.BytesIO()
    with matplotlib.rc_context(_INK), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # the browser has fonts for the Chinese words
        metadata = {"Date": None} if kind == "svg" else None
        figure.savefig(stream, format=kind, bbox_inches="tight", metadata=metadata, dpi=150)
    return stream.getvalue()


def _number(value: float) -> str:
    """Three digits that matter: 0.0312, 1.2e-07, 0."""
    return "0" if value == 0 else f"{value:.3g}"


def failed(views: Sequence[View]) -> list[Check]:
    """The checks that did not pass."""
    return [check for view in views for check in view.checks if not check.passed]
