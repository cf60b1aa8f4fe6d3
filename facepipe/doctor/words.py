"""Findings in words, in English and Chinese."""

from __future__ import annotations

from collections.abc import Callable

from facepipe import words
from facepipe.doctor.examine import Diagnosis
from facepipe.doctor.finding import Finding, Kind
from facepipe.page.view import Text

TITLES = {
    Kind.LYING: Text("On their side or head", "照片横放或倒置"),
    Kind.MISLABELLED: Text("Under the wrong name?", "姓名可能标错"),
    Kind.SAME_PICTURE: Text("The same picture under two names", "同一张照片登记在两个姓名下"),
    Kind.TWO_NAMES: Text("One person under two names?", "可能是同一人的两个姓名"),
    Kind.STRAY: Text("Unlike the rest of their person", "与本人其他照片不像"),
    Kind.WEAK: Text("Poor pictures", "照片质量差"),
    Kind.FEW: Text("Only one reference", "只有一张参考照片"),
    Kind.SAME_SHOT: Text("Nearly the same shot", "几乎相同的照片"),
}
ADVICE = {
    Kind.LYING: Text(
        "Enrolled from pictures that lie on their side or stand on their head, by an older version that did not turn "
        "them. What is stored is no face, and may be like anybody's; take it out and enrol the picture again.",
        "由不会自动转正照片的旧版本登记，照片横放或倒置。保存下来的不是正常的人脸，可能与任何人相似；请移除该参考，并重新登记照片。",
    ),
    Kind.MISLABELLED: Text(
        "More like somebody else than like the rest of their person. Look at the pictures first; if it is so, take the "
        "reference out and enrol its photo under the right name.",
        "与另一个人更像，而不像本人的其他照片。请先看图；如果确实标错，请移除该参考，并以正确的姓名重新登记照片。",
    ),
    Kind.SAME_PICTURE: Text(
        "One face of one image was enrolled under two names. Keep it under the right one, or merge the two.",
        "同一张图像中的同一张脸登记在两个姓名下。请只保留正确的那个，或合并两人。",
    ),
    Kind.TWO_NAMES: Text(
        "Two people whose faces are so alike that they may be one. If they are, merge them; twins and some strangers "
        "are this alike too.",
        "两个姓名下的脸非常相似，可能是同一人。如果是，请合并；双胞胎和少数陌生人也可能如此相似。",
    ),
    Kind.STRAY: Text(
        "Unlike the other references of the same person, and like nobody else: somebody who is not enrolled, or a "
        "picture that shows little. Where a person has two, a third picture tells which is the wrong one.",
        "与同一人的其他参考不像，也不像别人：可能是未登记的其他人，或照片看不清。"
        "一个人只有两张时，再登记一张就能看出哪张是错的。",
    ),
    Kind.WEAK: Text(
        "Pictures in which too little of the face is to be seen. They are recognised less well; take a new one, then "
        "remove the old.",
        "照片中的脸看不清，识别效果较差。请重新拍摄，然后移除旧的。",
    ),
    Kind.FEW: Text(
        "With one reference 98 % of a person's photos were recognised, with five 99 % (default network; one stranger "
        "in 1,000 taken for the person; LFW). Take a few more, in other light, with the head turned a little, or "
        "enrol photos: facepipe enroll NAME PHOTO.",
        "每人一张参考时，本人照片的识别率为 98 %，五张 99 %（默认网络；每 1,000 个陌生人有 1 个被认成此人；LFW）。"
        "请再拍几张：换个光线，头稍微转动；或登记已有照片：facepipe enroll NAME PHOTO。",
    ),
    Kind.SAME_SHOT: Text(
        "References so alike that they are one picture saved twice, or two of one moment: they add nothing. Take one "
        "that differs.",
        "这些参考几乎是同一张照片的两份拷贝，或同一时刻的两张：没有增加信息。请另拍不同的照片。",
    ),
}
REASONS = {
    "small": Text("small", "太小"),
    "blurred": Text("blurred", "模糊"),
}


def sentence(finding: Finding) -> Text:
    """What was found, without what to do; names as they are."""
    which = ", ".join(str(reference.id) for reference in finding.references)
    several = len(finding.references) > 1
    who = Text(
        f"{finding.person}, {'references' if several else 'reference'} {which}", f"{finding.person}，参考 {which}"
    )
    said = _SAY[finding.kind](finding, who)
    reasons = [REASONS[reason] for reason in finding.reasons]
    if not reasons:
        return said
    return Text(f"{said.en}; {', '.join(r.en for r in reasons)}", f"{said.zh}；{'、'.join(r.zh for r in reasons)}")


def _mislabelled(finding: Finding, who: Text) -> Text:
    person, other, sure = finding.person, finding.other, _sure(finding.sure)
    score, own = _score(finding.score), _score(finding.own)
    return Text(
        f"{who.en}: {sure} sure; like {other} {score}, like the rest of {person} {own}",
        f"{who.zh}：把握 {sure}；与 {other} 的相似度 {score}，与 {person} 其余参考的相似度 {own}",
    )


def _same_picture(finding: Finding, who: Text) -> Text:
    also = Text(f"{who.en}: also under {finding.other}", f"{who.zh}：同时登记在 {finding.other} 名下")
    if finding.score is None:
        return also
    rest = _score(finding.score)
    return Text(f"{also.en}; without it they are {rest} alike", f"{also.zh}；不计此照片，两人的相似度为 {rest}")


def _two_names(finding: Finding, _: Text) -> Text:
    person, other, score, sure = finding.person, finding.other, _score(finding.score), _sure(finding.sure)
    return Text(
        f"{person} and {other}: {sure} sure; {score} alike", f"{person} 与 {other}：把握 {sure}；相似度 {score}"
    )


def _stray(finding: Finding, who: Text) -> Text:
    own = _score(finding.own)
    if len(finding.references) == 1:
        return Text(f"{who.en}: like the rest {own}", f"{who.zh}：与其余参考的相似度 {own}")
    return Text(f"{who.en}: like each other {own}", f"{who.zh}：彼此的相似度 {own}")


def _same_shot(finding: Finding, who: Text) -> Text:
    earlier = ", ".join(str(reference.id) for reference in finding.beside)
    return Text(f"{who.en}: nearly {earlier} again", f"{who.zh}：与 {earlier} 几乎相同")


_SAY: dict[Kind, Callable[[Finding, Text], Text]] = {
    Kind.LYING: lambda _, who: who,
    Kind.MISLABELLED: _mislabelled,
    Kind.SAME_PICTURE: _same_picture,
    Kind.TWO_NAMES: _two_names,
    Kind.STRAY: _stray,
    Kind.WEAK: lambda _, who: who,
    Kind.FEW: lambda _, who: who,
    Kind.SAME_SHOT: _same_shot,
}


def summary(found: Diagnosis) -> Text:
    """The first line: what was looked at, and by what it was judged."""
    people, references = _count(found.people, "person", "people"), _count(found.references, "reference", "references")
    held = Text(f"{people} with {references}", f"{found.people:,} 人，{found.references:,} 张参考")
    if found.judged_by is None:
        return Text(
            f"{held.en}; likeness was not judged, as nothing says what a score means here: facepipe calibrate does",
            f"{held.zh}；没有判断相似度，因为不知道分数的含义：请先运行 facepipe calibrate",
        )
    counts = "" if found.threshold is None else f"; the threshold is {found.threshold:.3f}"
    zh = "" if found.threshold is None else f"；分数达到 {found.threshold:.3f} 算同一人"
    return Text(held.en + counts, held.zh + zh)


def _count(number: int, one: str, several: str) -> str:
    return f"{number:,} {one if number == 1 else several}"


def _score(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _sure(probability: float | None) -> str:
    return "–" if probability is None else words.percent(probability)
