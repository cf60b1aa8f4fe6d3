"""How a face is found, as pictures of the photo with boxes, and in words."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle

import cv2
import numpy as np

from facepipe.inspect.views.search import OtherFinder, Search
from facepipe.page.view import Block, Check, Picture, Text
from facepipe.records import Floats, Image, Pixels

PHOTO = 200  # px, the photo's longer side
COLOURS = (59, 130, 246), (217, 119, 6), (15, 157, 138)  # of the stages' boxes
PROPOSED = (147, 51, 234)
STAGES_ZH = {
    "proposed": "P-Net 提出 {0} 个",
    "refined": "R-Net 留下 {0} 个",
    "decided": "O-Net 最后确定 {0} 个",
}
NETWORKS = {"proposed": "P-Net", "refined": "R-Net", "decided": "O-Net"}


def found_by(finder: str) -> Text:
    """Said wherever MTCNN's networks are shown of a face that another detector found."""
    return Text(
        f"The face was found by {finder}; how one is found from coarse to fine is shown with MTCNN's three networks, "
        "on the same face.",
        f"这张脸由 {finder} 找到；“由粗到细”的查找过程用 MTCNN 的三个网络在同一张脸上演示。",
    )


def show_search(search: Search) -> list[Block]:
    """The boxes of each stage; before them, where another detector found the face, what that one proposed."""
    blocks: list[Block] = []
    if search.finder is not None:
        blocks.append(found_by(search.finder.name))
        if search.finder.boxes is not None:
            blocks.append(_proposed(search.photo, search.finder, search.finder.boxes))
    return [*blocks, _stages(search)]


def check_search(search: Search) -> list[Check]:
    if len(search.stages) < 2:
        return []
    counts = [len(boxes) for _, boxes in search.stages]
    listed = " ≥ ".join(str(count) for count in counts)
    what = Text(f"no stage adds candidates: {listed} (largest growth)", f"候选数逐级不增：{listed}（最大增量）")
    return [Check(what, float(max(np.diff(counts))), 0)]


def _proposed(photo: Image, finder: OtherFinder, boxes: Floats) -> Picture:
    sizes = ["{} × {}".format(*size) for size in finder.sizes]
    count = f"{len(boxes)} {'face' if len(boxes) == 1 else 'faces'}"
    caption = Text(
        f"{finder.name} looked at the photo at {' and '.join(sizes)} px, at faces of every size at once, and proposed "
        f"{count}; a second network, O-Net, decides on each.",
        f"{finder.name} 以 {'、'.join(sizes)} 像素的尺寸看这张照片，一次看遍大大小小的脸，提出 {len(boxes)} 个候选；"
        "再由第二个网络 O-Net 逐个判定。",
    )
    alt = Text(f"The photo with the boxes that {finder.name} proposed", f"照片及 {finder.name} 提出的框")
    return Picture("proposed", _panels(photo, [(PROPOSED, boxes)]), alt, caption)


def _stages(search: Search) -> Picture:
    counts = ", ".join(f"{name} {len(boxes)}" for name, boxes in search.stages)
    counts_zh = "，".join(STAGES_ZH.get(name, "{1}：{0} 个").format(len(boxes), name) for name, boxes in search.stages)
    lost = _lost(search)
    caption = Text(
        f"Candidates left after each stage of {search.name}: {counts}.{lost.en}",
        f"{search.name} 各级留下的候选：{counts_zh}。{lost.zh}",
    )
    alt = Text("The photo with the boxes left after each stage", "照片及每一级之后剩下的框")
    panels = _panels(search.photo, list(zip(cycle(COLOURS), (boxes for _, boxes in search.stages), strict=False)))
    return Picture("stages", panels, alt, caption)


def _lost(search: Search) -> Text:
    """Which stage let this face go, if one did."""
    gone = next((stage for (stage, _), kept in zip(search.stages, search.kept, strict=True) if not kept), None)
    if gone is None:
        return Text("", "")
    name = NETWORKS.get(gone, gone)
    return Text(
        f" In the photo as it is, {name} does not let this face through: {search.name} alone would have missed it.",
        f"照片不转动时，{name} 没有让这张脸通过：只用 {search.name} 会漏掉它。",
    )


def _panels(photo: Image, drawn: Sequence[tuple[tuple[int, int, int], Floats]]) -> Pixels:
    """A small copy of the photo in grey for each of ``drawn``, with its boxes in its colour, side by side."""
    scale = PHOTO / max(photo.height, photo.width)
    size = max(1, round(photo.width * scale)), max(1, round(photo.height * scale))
    grey = cv2.cvtColor(cv2.resize(photo.pixels, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
    panels: list[Pixels] = []
    for colour, boxes in drawn:
        panel = np.repeat((grey // 8 * 8)[..., None], 3, axis=2)  # few levels: a small file
        for x0, y0, x1, y1 in (boxes * scale).round().astype(int).tolist():
            cv2.rectangle(panel, (x0, y0), (x1, y1), colour, 1)
        panels += [panel, np.full((size[1], 4, 3), 128, np.uint8)]
    return np.concatenate(panels[:-1], axis=1)
