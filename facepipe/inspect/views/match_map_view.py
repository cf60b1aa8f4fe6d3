"""The exact match map as a view: squares over two faces, the numbers in tables, and the sums that prove it."""

from __future__ import annotations

import numpy as np

from facepipe.inspect.views.match_map import DepthMap, MatchMap
from facepipe.inspect.views.paint import peak, signed
from facepipe.inspect.views.squares import COLOURS, side_by_side
from facepipe.page.view import Block, Check, Picture, Table, Text, View
from facepipe.records import Floats
from facepipe.scoring.decide import reaches

_MATRIX = 6  # places, up to which every place, and every pair of places, is a row of its own

_SIDES = Text("first face", "第一张脸"), Text("second face", "第二张脸"), Text("sets apart", "对差异的贡献")
_SUM = Text(
    "So the cosine of two faces is a sum: every place of one face with every place of the other adds its share, "
    "exactly. A square has the width of the map's stride; what its numbers know comes from a larger part of the face, "
    "up to all of it.",
    "因此两张脸的余弦是一个和：一张脸的每个位置与另一张脸的每个位置各贡献一份，分毫不差。方格的边长是特征图的步幅；"
    "方格里的数值所依据的范围比方格大，甚至是整张脸。",
)
_MEAN = Text(
    "After its last map this network only averages the places and applies one linear layer.",
    "在最后一张特征图之后，这个网络只对各位置取平均，再做一次线性变换。",
)
_FLATTENED = Text(
    "After its last map this network applies one linear layer, with weights of its own for each place.",
    "在最后一张特征图之后，这个网络只做一次线性变换，每个位置都有自己的权重。",
)


def show_match_map(result: MatchMap, threshold: float | None = None) -> View:
    """The view of ``result``; ``threshold`` is the cosine that decides, named beside the score when given."""
    return View(
        "match-map",
        Text("Exact match map", "精确的匹配图"),
        _intro(result),
        (_score(result, threshold), *_last_map(result), *_finer(result)),
        tuple(_checks(result)),
    )


def _intro(result: MatchMap) -> Text:
    head = _FLATTENED if result.flattened else _MEAN
    return Text(f"{head.en} {_SUM.en}", f"{head.zh}{_SUM.zh}")


def _score(result: MatchMap, threshold: float | None) -> Text:
    en, zh = f"The two faces score {result.score:.4f}.", f"这两张脸的余弦为 {result.score:.4f}。"
    if threshold is not None:
        met = reaches(result.score, threshold)
        en = f"The two faces score {result.score:.4f}, the threshold is {threshold:.4f}: {'a' if met else 'no'} match."
        zh = f"这两张脸的余弦为 {result.score:.4f}，阈值为 {threshold:.4f}：{'匹配' if met else '不匹配'}。"
    return Text(en, zh)


def _last_map(result: MatchMap) -> list[Block]:
    full = max(peak(result.of_a), peak(result.of_b))
    height, width = result.grid
    caption = Text(
        f"What each of the {height} × {width} places adds to the score. {COLOURS.en}; the fullest colour is "
        f"±{full:.4f}. Left the first face, right the second.",
        f"{height} × {width} 个位置各自对余弦的贡献。{COLOURS.zh}；最深的颜色为 ±{full:.4f}。"
        "左为第一张脸，右为第二张。",
    )
    alt = Text("Both faces under the squares of the last map", "两张脸，上面叠着最后一张特征图的方格")
    picture = side_by_side(result.pixels, (result.of_a, result.of_b), result.square, full)
    few = result.shares.shape[0] - 1 <= _MATRIX
    blocks: list[Block] = [Picture("last-map", picture, alt, caption)]
    blocks += [_places(result)] if few else [_totals(result), *_grids(result)]
    blocks += [_bias(result)] if any(result.bias) else []
    blocks += [_reach(result), _pairs(result) if few else _squares_of_pairs(result)]
    if result.images.size > 1:
        blocks.append(_mirrored(result.images))
    return blocks


def _places(result: MatchMap) -> Table:
    rows = [
        (name, f"{a:+.4f}", f"{b:+.4f}", f"{apart:.4f}")
        for name, a, b, apart in zip(
            _names(result), result.shares.sum(axis=1), result.shares.sum(axis=0), result.apart, strict=True
        )
    ]
    total = f"{result.shares.sum():+.4f}"
    caption = Text(
        "The same as numbers (row, column; 0 is the head's bias, Σ the sum). The last column splits the squared "
        "distance of the unit embeddings, 2 − 2 × score: large where the two faces differ.",
        "同样的内容写成数字（行, 列；0 为末端的偏置，Σ 为总和）。最后一列拆分的是单位长度的模板之间的距离平方，"
        "即 2 − 2 × 余弦：数值大的地方，两张脸差别大。",
    )
    return Table(caption, (Text("place", "位置"), *_SIDES), (*rows, ("Σ", total, total, f"{result.apart.sum():.4f}")))


def _pairs(result: MatchMap) -> Table:
    names = _names(result)
    caption = Text(
        "Every pair of places: rows are the first face, columns the second. All of them add up to the score.",
        "每一对位置：各行对应第一张脸，各列对应第二张脸。全部相加就是余弦。",
    )
    rows = tuple((name, *(f"{v:+.4f}" for v in row)) for name, row in zip(names, result.shares, strict=True))
    return Table(caption, (Text("place", "位置"), *(Text(name, name) for name in names)), rows)


def _totals(result: MatchMap) -> Table:
    """The supporting and the opposing places, the bias, and all together."""
    rows: list[tuple[str | Text, ...]] = []
    sides = result.shares.sum(axis=1), result.shares.sum(axis=0), result.apart
    kinds = (("places above 0", "大于 0 的位置"), 1), (("places below 0", "小于 0 的位置"), -1)
    for words, sign in kinds:
        rows.append((Text(*words), *(f"{values[:-1][values[:-1] * sign > 0].sum():+.4f}" for values in sides)))
    rows.append((Text("the head's bias, at no place", "末端的偏置，不属于任何位置"), *(f"{v[-1]:+.4f}" for v in sides)))
    rows.append((Text("sum", "总和"), *(f"{values.sum():+.4f}" for values in sides)))
    caption = Text(
        "What the squares add up to. The last column splits the squared distance of the unit embeddings, "
        "2 − 2 × score.",
        "方格加起来是多少。最后一列拆分的是单位长度的模板之间的距离平方，即 2 − 2 × 余弦。",
    )
    return Table(caption, (Text("", ""), *_SIDES), tuple(rows))


def _grids(result: MatchMap) -> list[Table]:
    """The same as numbers, one table for each side, laid out as the squares are."""
    every = result.of_a, result.of_b, result.apart[:-1].reshape(result.grid)
    head = tuple(Text(name, name) for name in ("", *(str(column + 1) for column in range(result.grid[1]))))
    return [
        Table(
            Text(f"Each place in numbers, row by row: {side.en}.", f"各位置的数值，逐行：{side.zh}。"),
            head,
            tuple((str(i + 1), *(f"{v:+.4f}" for v in row)) for i, row in enumerate(values)),
        )
        for side, values in zip(_SIDES, every, strict=True)
    ]


def _bias(result: MatchMap) -> Text:
    a, b = result.bias
    own = float(result.shares[-1, -1])
    return Text(
        f"The linear layer also adds a bias, the same for every face. It belongs to no place: as part of the first "
        f"face's embedding it adds {a:+.4f} to the score, of the second's {b:+.4f}; {own:+.4f} of both is bias with "
        "bias.",
        f"线性层还加上一个偏置，对每张脸都相同，不属于任何位置：作为第一张脸模板的一部分，它对余弦贡献 {a:+.4f}，"
        f"作为第二张脸的一部分贡献 {b:+.4f}；两者之中 {own:+.4f} 是偏置与偏置相乘。",
    )


def _squares_of_pairs(result: MatchMap) -> Picture:
    """Every pair of places as a square: rows are the first face's places, columns the second's."""
    pairs = result.shares[:-1, :-1]
    full, count = peak(pairs), len(pairs)
    same = float(np.trace(pairs))
    alt = Text("Every pair of places as a coloured square", "每一对位置一个彩色方格")
    caption = Text(
        f"Every pair of places: rows are the {count} places of the first face, row by row, columns those of the "
        f"second. Orange is above 0, blue below; full colour at ±{full:.4f}. The diagonal, each place with the same "
        f"place of the other face, adds {same:+.4f} to the score, all other pairs {pairs.sum() - same:+.4f}.",
        f"每一对位置：各行为第一张脸的 {count} 个位置（逐行），各列为第二张脸的。橙色大于 0，蓝色小于 0，±{full:.4f} "
        f"处颜色最深。对角线（两张脸的同一位置）对余弦贡献 {same:+.4f}，其余各对共 {pairs.sum() - same:+.4f}。",
    )
    return Picture("pairs", signed(pairs, full), alt, caption, zoom=max(1, 400 // count))


def _names(result: MatchMap) -> list[str]:
    return [f"{i + 1}, {j + 1}" for i, j in np.ndindex(*result.grid)] + ["0"]


def _mirrored(images: Floats) -> Table:
    caption = Text(
        "An embedding is the mean over the chip and its mirror image, so the score has four parts. Above, places of "
        "the mirrored chip are turned back on to the face.",
        "模板是人脸小图与其镜像的平均，因此余弦有四个部分。上面的图表中，镜像里的位置已翻回到脸上。",
    )
    head = (
        Text("first \\ second", "第一 \\ 第二"),
        Text("as is", "原图"),
        Text("mirrored", "镜像"),
    )
    return Table(caption, head, tuple((n, *(f"{v:+.4f}" for v in row)) for n, row in zip("↦⇋", images, strict=True)))


def _reach(result: MatchMap) -> Text:
    """Which convolutions only some of the places see."""
    partial = {name: reached for name, reached in result.reached.items() if not reached.all()}
    places = result.grid[0] * result.grid[1]
    if not partial:
        last = next(iter(result.reached), "")
        return Text(f"Every place sees the last convolution, {last}.", f"每个位置都看得到最后一个卷积 {last}。")
    seen = np.any(list(partial.values()), axis=0)
    cells = "; ".join(f"{i + 1}, {j + 1}" for i, j in np.argwhere(seen))
    names = ", ".join(partial)
    return Text(
        f"Not all places are computed alike: raising or lowering the output of {names} changes only {seen.sum()} of "
        f"the {places} places ({cells}). The others never see these convolutions: adding a smaller map, padded with "
        "zeros, to a larger one does that.",
        f"各位置的算法并不相同：把 {'、'.join(partial)} 的输出调高或调低，"
        f"{places} 个位置中只有 {seen.sum()} 个（{cells}）会变。"
        f"其余 {places - seen.sum()} 个位置从未见过这些卷积：把较小的特征图用零补齐后加到较大的图上，就会如此。",
    )


def _finer(result: MatchMap) -> list[Block]:
    if not result.depths:
        return []
    intro = Text(
        "Earlier maps have finer grids. With the other face's embedding held fixed, feature times gradient, summed "
        "over channels, says what each place adds; the biases of later layers add the rest, at no place. Both together "
        "are the score, exactly, while the network is linear piece by piece. Mind the size of the bias: where it "
        "carries most of the score, the squares say how this face bends a constant, not where the score comes from.",
        "较早的特征图网格更细。固定另一张脸的模板，特征乘以梯度再对通道求和，就是每个位置的贡献；其余来自后面各层的偏置，"
        "不属于任何位置。只要网络是分段线性的，两者之和恰好等于余弦。请留意偏置的大小：如果余弦主要来自偏置，"
        "方格说明的是这张脸如何改变一个常数，而不是余弦从哪里来。",
    )
    return [intro, *(_depth_picture(result, depth) for depth in result.depths), _accounts(result)]


def _depth_picture(result: MatchMap, depth: DepthMap) -> Picture:
    full = max(peak(depth.a), peak(depth.b))
    height, width = depth.a.shape
    caption = Text(
        f"{depth.layer}, {height} × {width}. {COLOURS.en}; the fullest colour is ±{full:.4f}. Left the first face, "
        "right the second.",
        f"{depth.layer}，{height} × {width}。{COLOURS.zh}；最深的颜色为 ±{full:.4f}。左为第一张脸，右为第二张。",
    )
    alt = Text(f"Both faces under {height} × {width} squares", f"两张脸，上面叠着 {height} × {width} 个方格")
    picture = side_by_side(result.pixels, (depth.a, depth.b), depth.square, full)
    return Picture(f"depth-{height}x{width}", picture, alt, caption)


def _accounts(result: MatchMap) -> Table:
    rows = []
    for depth in result.depths:
        for face, values, bias in (("1", depth.a, depth.bias_a), ("2", depth.b, depth.bias_b)):
            supports, opposes = values[values > 0].sum(), values[values < 0].sum()
            total = values.sum() + bias
            numbers = (f"{number:+.4f}" for number in (supports, opposes, bias, total))
            rows.append((depth.layer, face, *numbers))
    head = (
        Text("layer", "层"),
        Text("face", "脸"),
        Text("supporting squares", "支持的方格"),
        Text("opposing squares", "反对的方格"),
        Text("later biases", "后面的偏置"),
        Text("sum", "总和"),
    )
    return Table(Text("What the finer maps add up to.", "较细的特征图加起来是多少。"), head, tuple(rows))


def _checks(result: MatchMap) -> list[Check]:
    split = abs(float(result.shares.sum()) - result.score)
    apart = abs(float(result.apart.sum()) - (2 - 2 * result.score))
    checks = [
        Check(Text("The shares of all places add up to the score", "所有位置的贡献之和等于余弦"), split, 1e-5),
        Check(Text("The split distance adds up to 2 − 2 × score", "拆分的距离平方之和等于 2 − 2 × 余弦"), apart, 1e-5),
    ]
    for depth in result.depths:
        sums = (depth.a.sum() + depth.bias_a, depth.b.sum() + depth.bias_b)
        error = max(abs(float(each) - result.score) for each in sums) / abs(result.score)
        what = Text(
            f"{depth.layer}: squares and later biases add up to the score (relative error, both faces)",
            f"{depth.layer}：方格与后面的偏置之和等于余弦（相对误差，两张脸）",
        )
        checks.append(Check(what, error, 1e-4))
    return checks
