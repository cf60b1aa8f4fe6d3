"""Hand-made and learnt edge kernels on the page."""

from __future__ import annotations

from facepipe.inspect.views.edges import Edge
from facepipe.inspect.views.paint import fill, mosaic, signed
from facepipe.page.view import Picture, Table, Text

WIDE = 900  # px, what a page holds
NEAR = 0.8  # size of the correlation from which two kernels are called alike


def edges_picture(edges: tuple[Edge, ...]) -> Picture:
    size = edges[0].made_map.shape
    rows = [[fill(signed(edge.made), (size[0], size[1])) for edge in edges], [signed(edge.made_map) for edge in edges]]
    rows += [
        [fill(signed(edge.learnt), (size[0], size[1])) for edge in edges],
        [signed(edge.learnt_map) for edge in edges],
    ]
    sheet = mosaic([tile for row in rows for tile in row], len(edges), 2)
    alt = Text("Hand-made edge kernels and the learnt ones most like them", "手工边缘卷积核与最相近的学得卷积核")
    names = ", ".join(edge.name for edge in edges)
    how = (
        ("averaged over its input channels: what it does to a grey picture", "对输入通道取平均，即它对灰度图的作用")
        if edges[0].input is None
        else ("one by one for each input channel", "对每个输入通道逐一比较")
    )
    stretched = stretched_zh = ""
    if edges[0].made.shape != (3, 3):
        stretched = " The hand-made ones are of 3 × 3, stretched to the learnt ones' size."
        stretched_zh = "3 × 3 的手工核被拉伸到学得卷积核的大小。"
    caption = Text(
        f"Nobody told the network to look for edges. Columns: {names}. Rows: the hand-made kernel and its map; the "
        f"learnt kernel most like it ({how[0]}) and its map. Each picture has its own scale.{stretched}",
        f"没有人告诉网络要找边缘。各列：{'、'.join(edge.name for edge in edges)}。"
        f"各行：手工卷积核及其输出；与它最相近的学得卷积核（{how[1]}）及其输出。每幅图单独缩放。{stretched_zh}",
    )
    return Picture("edges", sheet, alt, caption, zoom=max(1, min(6, WIDE // sheet.shape[1])))


def edges_table(edges: tuple[Edge, ...]) -> Table:
    head = [Text("hand-made", "手工卷积核"), Text("output channel", "输出通道"), Text("correlation", "相关系数")]
    rows = [[edge.name, str(edge.output), f"{edge.correlation:+.3f}"] for edge in edges]
    if any(edge.input is not None for edge in edges):
        head.insert(2, Text("input channel", "输入通道"))
        for row, edge in zip(rows, edges, strict=True):
            row.insert(2, "–" if edge.input is None else str(edge.input))
    far = [edge.name for edge in edges if abs(edge.correlation) < NEAR]
    far_en = f" Below {NEAR} in magnitude the nearest is not near: {', '.join(far)}." if far else ""
    far_zh = f"绝对值低于 {NEAR} 时，最相近的也并不相近：{'、'.join(far)}。" if far else ""
    caption = Text(
        "Correlation: the cosine between the weights, −1 to 1; of all learnt kernels the one where it is largest in "
        f"magnitude (negative: dark and light are exchanged).{far_en}",
        f"相关系数：权重之间的余弦，−1 到 1；取所有学得卷积核中绝对值最大的一个（负值表示明暗相反）。{far_zh}",
    )
    return Table(caption, tuple(head), tuple(tuple(row) for row in rows))
