"""Letters of any script, where there is a font for it."""

from __future__ import annotations

from bisect import bisect_right
from functools import cache
from typing import TypeAlias

from PIL import ImageFont

Font: TypeAlias = ImageFont.FreeTypeFont | ImageFont.ImageFont
_BEYOND_LATIN = ("NotoSansCJK-Regular.ttc", "NotoSansSC-Regular.otf", "wqy-microhei.ttc", "msyh.ttc", "PingFang.ttc")


@cache
def font(size: int, latin: bool) -> Font:
    """Pillow's own font; for other scripts a system font that has them, where there is one."""
    for name in () if latin else _BEYOND_LATIN:
        try:
            return ImageFont.truetype(name, size)
        except OSError:
            continue
    return ImageFont.load_default(size)


@cache
def upright(size: int, latin: bool) -> tuple[float, float]:
    """The top of high letters and the bottom of deep ones, px below where text is put: plates are of one height."""
    _, top, _, bottom = font(size, latin).getbbox("Åg|")
    return top, bottom


def shortened(label: str, letters: Font, width: float) -> str:
    """``label``, or as much of it as fits into ``width`` px."""
    if letters.getlength(label) <= width:
        return label
    lengths = range(1, len(label))
    return f"{label[: bisect_right(lengths, width, key=lambda count: letters.getlength(f'{label[:count]}…'))]}…"
