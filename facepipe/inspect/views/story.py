"""The first screen of the page: what became of this face, from the photo to the decision, with its own numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from facepipe.inspect.graphs.network import Network
from facepipe.inspect.views.search_view import found_by
from facepipe.page.view import Block, Picture, Text, View
from facepipe.records import Candidate, Detection, Floats, Image, Pixels
from facepipe.scoring.decide import decide, reaches

PHOTO = 240  # px, the side of the photo on the page
AROUND = 3.0  # times the face's longer side are shown of it
DEPTHS = 4
TILES = 3  # the strongest 3 × 3 channels of each depth
TILE = 56  # px, of one at most
NOTHING = Text("", "")
GREEN, AMBER, WHITE = (15, 157, 138), (217, 119, 6), (255, 255, 255)


@dataclass(frozen=True)
class Made:
    """What the best candidate's score is made of: the cosine to their ``nearest`` reference, how many ``references``
    they have, whether it is ``corrected`` for how near strangers come."""

    nearest: float
    references: int
    corrected: bool


@dataclass(frozen=True, eq=False)
class Decision:
    """The candidates, best first, and the threshold; ``people`` and ``references`` count the gallery. ``made``: how the
    best candidate's score came about; None: it is the cosine to their only reference."""

    candidates: Sequence[Candidate]
    threshold: float
    people: int
    references: int
    made: Made | None = None

    @property
    def name(self) -> str | None:
        return decide(self.candidates, self.threshold)


def show_story(
    image: Image,
    detection: Detection,
    network: Network,
    vector: Floats,
    decision: Decision | None = None,
    finder: str | None = None,
) -> View:
    """``network`` is the backbone with this face's chip, ``vector`` (D,) its template, ``decision`` None without a
    gallery; ``finder`` is the detector that found the face, where another one's networks are shown."""
    numbers = sum(int(np.prod(network.layers[name].shape)) for name in network.convolutions)
    blocks: list[Block] = [
        _photo(image, detection, bool(decision and decision.name)),
        _chip(network),
        *_depths(network),
        _vector(vector),
    ]
    steps, who = _steps(network, numbers, len(vector)), None if finder is None else found_by(finder)
    blocks.append(steps if who is None else Text(f"{steps.en} {who.en}", f"{steps.zh}{who.zh}"))
    return View("story", _title(decision), _verdict(decision), tuple(blocks))


def show_pair(
    photos: Sequence[tuple[Image, Detection]], networks: Sequence[Network], score: float, threshold: float
) -> View:
    """Two faces and their cosine ``score`` against the ``threshold``; the backbone as it saw each of them."""
    match = reaches(score, threshold)
    title = (
        Text("Why these two faces match", "这两张脸为什么匹配")
        if match
        else Text("Why these two faces do not match", "这两张脸为什么不匹配")
    )
    verdict = Text(
        f"Their cosine is {score:.3f}, {'at or above' if match else 'below'} the threshold {threshold:.3f}.",
        f"两者的余弦为 {score:.3f}，{'不低于' if match else '低于'}阈值 {threshold:.3f}。",
    )
    blocks: list[Block] = []
    channels = _strongest(networks[0])  # of both, so that like stands beside like
    for number, ((image, detection), network) in enumerate(zip(photos, networks, strict=True), 1):
        for picture in (_photo(image, detection, match), _chip(network), *_depths(network, channels)[:2]):
            blocks.append(replace(picture, name=f"{number}-{picture.name}"))
    return View("story", title, verdict, tuple(blocks))


def _title(decision: Decision | None) -> Text:
    if decision is None:
        return Text("What the network saw in this face", "网络在这张脸上看到了什么")
    if decision.name is None:
        return Text("Why this face is unknown", "为什么这张脸是“未知”")
    return Text(f"How this face became {decision.name}", f"这张脸是怎样被认作 {decision.name} 的")


def _verdict(decision: Decision | None) -> Text:
    """The decision in one sentence, with the score and the threshold."""
    if decision is None:
        return Text(
            "No gallery was given, so the face is not matched with anybody: enrol people to see that.",
            "没有指定人脸库，因此不与任何人比对；登记人员并指定人脸库后即可看到比对。",
        )
    if not decision.candidates:
        return Text("The gallery is empty: there is nobody to match with.", "人脸库是空的，没有可比对的人。")
    best = decision.candidates[0]
    among = f"{decision.people} people ({decision.references} references)"
    among_zh = f"{decision.people} 人（{decision.references} 条参考）"
    how, odds = _made(decision.made), _odds(best)
    kind, kind_zh = ("cosine", "余弦") if how == NOTHING else ("score", "得分")
    if decision.name is not None:
        return Text(
            f"Of {among}, {best.person} is nearest: {kind} {best.score:.3f}, at or above the threshold "
            f"{decision.threshold:.3f}.{how.en}{odds.en}",
            f"在 {among_zh}中，{best.person} 最接近：{kind_zh} {best.score:.3f}，不低于阈值 "
            f"{decision.threshold:.3f}。{how.zh}{odds.zh}",
        )
    return Text(
        f"Of {among}, {best.person} is nearest, but the {kind} {best.score:.3f} is below the threshold "
        f"{decision.threshold:.3f}: too little to give a name.{how.en}{odds.en}",
        f"在 {among_zh}中，{best.person} 最接近，但{kind_zh} {best.score:.3f} 低于阈值 "
        f"{decision.threshold:.3f}，不足以给出姓名。{how.zh}{odds.zh}",
    )


def _made(made: Made | None) -> Text:
    """What a score is that is not just a cosine, beside the cosine to the nearest reference."""
    if made is None or (made.references == 1 and not made.corrected):
        return NOTHING
    corrected, corrected_zh = (
        (", corrected for how near strangers come to both", "，并按陌生人与两者有多接近作了修正")
        if made.corrected
        else ("", "")
    )
    if made.references == 1:
        return Text(
            f" The score is the cosine {made.nearest:.3f} to the reference{corrected}.",
            f"得分是与参考的余弦 {made.nearest:.3f}{corrected_zh}。",
        )
    return Text(
        f" The score is the cosine to their {made.references} references as one{corrected}; the nearest reference "
        f"alone has the cosine {made.nearest:.3f}.",
        f"得分是与其 {made.references} 条参考合为一体后的余弦{corrected_zh}；单看最接近的一条参考，余弦为 "
        f"{made.nearest:.3f}。",
    )


def _odds(best: Candidate) -> Text:
    if (probability := best.probability) is None:
        return NOTHING
    figure = f"{min(max(100 * probability, 0.1), 99.9):.1f}"
    sign = "more than " if probability > 0.999 else "less than " if probability < 0.001 else ""
    sign_zh = {"more than ": "超过 ", "less than ": "不到 "}.get(sign, "")
    return Text(
        f" The probability that it is {best.person} is {sign}{figure} %, if half of the faces asked about belong to "
        "nobody enrolled.",
        f"如果所问的人脸有一半不属于任何已登记的人，是 {best.person} 的概率为{sign_zh}{figure}%。",
    )


def _steps(network: Network, numbers: int, dimension: int) -> Text:
    first, last = network.layers[network.convolutions[0]], network.layers[network.convolutions[-1]]
    count, side = len(network.convolutions), network.pixels.shape[0]
    return Text(
        f"In order: the photo; the aligned face of {side} × {side} px; the channels that answer most at {DEPTHS} "
        f"depths, each scaled by itself, large maps shrunk; the {dimension} numbers that stand for the face. The "
        f"{count} convolutions of {network.name} go from {first.shape[0]} maps of {first.shape[1]} × {first.shape[2]} "
        f"to {last.shape[0]} of {last.shape[1]} × {last.shape[2]}, {numbers:,} numbers in all: simple → complex, "
        "local → whole.",
        f"依次为：照片；{side} × {side} 像素的对齐人脸；{DEPTHS} 个深度上响应最强的通道（各自缩放，大图已缩小）；"
        f"代表这张脸的 {dimension} 个数。{network.name} 的 {count} 个卷积从 {first.shape[0]} 张 {first.shape[1]} × "
        f"{first.shape[2]} 的特征图到 {last.shape[0]} 张 {last.shape[1]} × {last.shape[2]} 的特征图，"
        f"共 {numbers:,} 个数：由简单到复杂，由局部到整体。",
    )


def _photo(image: Image, detection: Detection, known: bool) -> Picture:
    """The square of the photo around the face, as much of it as there is."""
    centre = detection.box.reshape(2, 2).mean(axis=0)
    side = min(AROUND * float(np.ptp(detection.box.reshape(2, 2), axis=0).max()), image.height, image.width)
    corner = np.clip(centre - side / 2, 0, np.array([image.width, image.height]) - side).astype(int)
    window = image.pixels[corner[1] : corner[1] + max(1, int(side)), corner[0] : corner[0] + max(1, int(side))]
    small = cv2.resize(window, (PHOTO, PHOTO), interpolation=cv2.INTER_AREA)
    scale = PHOTO / side
    x0, y0, x1, y1 = (int(v) for v in np.round((detection.box - np.tile(corner, 2)) * scale))
    cv2.rectangle(small, (x0, y0), (x1, y1), GREEN if known else AMBER, 2)
    for x, y in np.round((detection.landmarks - corner) * scale).astype(int):
        cv2.circle(small, (int(x), int(y)), 2, WHITE, -1)
    alt = Text("The face in the photo with its box and five landmarks", "照片中的人脸，标出人脸框和五个关键点")
    caption = Text(
        f"From the photo of {image.width} × {image.height} px; detection score {detection.score:.3f}.",
        f"取自 {image.width} × {image.height} 像素的照片；检测得分 {detection.score:.3f}。",
    )
    return Picture("photo", small, alt, caption, photo=True)


def _chip(network: Network) -> Picture:
    alt = Text("The aligned face", "对齐后的人脸")
    return Picture(
        "chip", network.pixels, alt, Text("The chip: all that the backbone sees.", "对齐人脸：骨干网络看到的全部。")
    )


def _depths(network: Network, channels: Mapping[str, Sequence[int]] | None = None) -> list[Picture]:
    """The strongest channels at ``DEPTHS`` depths, or at each depth the given ``channels``."""
    if channels is None:
        channels = _strongest(network)
    maps = network.outputs(channels)
    return [_mosaic(name, maps[name][0].relu().cpu().numpy(), chosen) for name, chosen in channels.items()]


def _strongest(network: Network) -> dict[str, list[int]]:
    names = [name for name in network.convolutions if not network.layers[name].depthwise] or network.convolutions
    picked = dict.fromkeys(names[i] for i in np.linspace(0, len(names) - 1, DEPTHS + 1).round().astype(int)[:DEPTHS])
    means = {name: maps[0].relu().mean(dim=(1, 2)) for name, maps in network.outputs(picked).items()}
    return {name: means[name].argsort(descending=True, stable=True)[: TILES * TILES].tolist() for name in picked}


def _mosaic(name: str, maps: Floats, channels: Sequence[int]) -> Picture:
    """The ``channels`` of (C, H, W) ``maps``, each scaled to its own maximum."""
    tiles = [_grey(maps[channel]) for channel in channels]
    side = tiles[0].shape[0] + 1
    sheet = np.full((TILES * side - 1, TILES * (tiles[0].shape[1] + 1) - 1), 128, np.uint8)
    for position, tile in enumerate(tiles):
        y, x = position // TILES * side, position % TILES * (tile.shape[1] + 1)
        sheet[y : y + tile.shape[0], x : x + tile.shape[1]] = tile
    alt = Text(f"The strongest channels of {name}", f"{name} 中响应最强的通道")
    height, width = maps.shape[1:]
    caption = Text(
        f"{name}: {len(maps)} maps of {height} × {width}", f"{name}：{len(maps)} 张 {height} × {width} 的特征图"
    )
    pixels = np.repeat(sheet[..., None], 3, axis=2)
    return Picture(name.replace("/", "_"), pixels, alt, caption, zoom=max(1, round(160 / sheet.shape[0])))


def _grey(values: Floats) -> Pixels:
    times = TILE / max(values.shape)
    if times < 1:
        values = np.asarray(cv2.resize(values, None, fx=times, fy=times, interpolation=cv2.INTER_AREA), np.float32)
    peak = float(values.max())
    return (values / peak * 255).astype(np.uint8) if peak > 0 else np.zeros(values.shape, np.uint8)


def _vector(vector: Floats) -> Picture:
    """The template as squares, blue below nought, orange above, on a scale to its largest magnitude."""
    columns = 16
    padded = np.zeros(-(-len(vector) // columns) * columns, np.float32)
    padded[: len(vector)] = vector / np.abs(vector).max()
    share = np.abs(padded.reshape(-1, columns, 1))
    ends = np.where(padded.reshape(-1, columns, 1) > 0, np.array([217, 119, 6]), np.array([37, 99, 190]))
    pixels = (255 - share * (255 - ends)).astype(np.uint8)
    alt = Text("The template as coloured squares", "模板（彩色方格）")
    caption = Text(
        f"The template: {len(vector)} numbers, a vector of length 1; orange above 0, blue below.",
        f"模板：{len(vector)} 个数，合成一个长度为 1 的向量；橙色为正，蓝色为负。",
    )
    return Picture("template", pixels, alt, caption, zoom=max(3, 160 // pixels.shape[1]))
