"""The findings as one HTML file that works offline, in English and Chinese, with the pictures side by side."""

from __future__ import annotations

import base64
from collections.abc import Callable
from importlib.resources import files
from itertools import groupby
from pathlib import Path

import jinja2

from facepipe.doctor.examine import Diagnosis
from facepipe.doctor.finding import Finding, Kind, Pictured
from facepipe.doctor.remedy import command
from facepipe.doctor.words import ADVICE, TITLES, sentence, summary
from facepipe.gallery import Gallery
from facepipe.page.view import Text

MOST = {Kind.FEW: 12, Kind.SAME_SHOT: 24}  # findings of a kind that are shown
MOST_OF_A_KIND = 60
MOST_PICTURES = 8  # of one finding's references
PNG = b"\x89PNG"

_WORDS = {
    "title": Text("Gallery doctor", "人脸库体检"),
    "skip": Text("Skip to the findings", "跳到结果"),
    "contents": Text("What was found", "发现的问题"),
    "nothing": Text("Nothing looks wrong.", "没有发现问题。"),
    "rest": Text("the rest", "其余参考"),
    "no_picture": Text("no picture kept", "未保存图像"),
    "mend": Text("To mend it", "处理命令"),
    "more": Text("more, not shown here; --json has all", "项未在此显示；--json 会列出全部"),
    "footer": Text(
        "Made by facepipe on this machine; nothing in the gallery was changed. The page loads nothing from anywhere "
        "and holds pictures of faces and names: treat it as you would the photos.",
        "由 facepipe 在本机生成，人脸库没有任何改动。本页不加载任何外部内容；页中有人脸图像和姓名，"
        "请像对待照片一样保管。",
    ),
}


def render(found: Diagnosis, gallery: Gallery, given: Path | None = None) -> str:
    """The page. ``given``: the gallery's file for the commands, where it is not the usual one. Raises GalleryError."""
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_load),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.globals |= {
        "sentence": sentence,
        "source": _source(gallery),
        "command": _command(given),
        "sides": _sides,
    }
    kinds = {kind: list(rows) for kind, rows in groupby(found.findings, lambda finding: finding.kind)}
    shown = {kind: rows[: MOST.get(kind, MOST_OF_A_KIND)] for kind, rows in kinds.items()}
    return environment.get_template("doctor.html").render(
        kinds=kinds, shown=shown, summary=summary(found), titles=TITLES, advice=ADVICE, words=_WORDS, most=MOST_PICTURES
    )


def _load(name: str) -> str:
    """The page's own templates, and the look and the language switch of the pages that explain networks."""
    part = "facepipe.page" if name in ("page.css", "page.js") else "facepipe.doctor"
    return files(part).joinpath("templates").joinpath(name).read_text("utf-8")


def _source(gallery: Gallery) -> Callable[[int], str | None]:
    def source(reference: int) -> str | None:
        """The kept picture as a data URI."""
        picture = gallery.thumbnail(reference)
        if picture is None:
            return None
        kind = "png" if picture.startswith(PNG) else "jpeg"
        return f"data:image/{kind};base64,{base64.b64encode(picture).decode()}"

    return source


def _sides(finding: Finding) -> list[tuple[str, list[Pictured]]]:
    """What stands beside the references in question, person by person."""
    return [(person, list(rows)) for person, rows in groupby(finding.beside, lambda reference: reference.person)]


def _command(given: Path | None) -> Callable[[Finding], str]:
    return lambda finding: command(finding.remedy, given)
