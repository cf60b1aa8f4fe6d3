"""What a change of network is said to change, counted by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from itertools import combinations

import numpy as np
import pytest

from facepipe.gallery.change import Renewed
from facepipe.networks.cards import Card, find_card
from facepipe.records import Floats, Reference, Template
from facepipe.upgrade import Comparison, PersonErrors
from facepipe.upgrade.comparison import compare

NOW = datetime(2026, 1, 2, tzinfo=timezone.utc)
D = 24


def unit(seed: list[int], around: Floats | None = None, spread: float = 0.0) -> Floats:
    vector = np.random.default_rng(seed).normal(size=D)
    vector /= np.linalg.norm(vector)
    if around is not None:
        vector = around + spread * vector
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def drawn(people: int, shots: int, spread: float, seed: int) -> list[Floats]:
    """Vectors of ``people``, so many ``shots`` of each, which scatter about the person's own."""
    middles = [unit([seed, person]) for person in range(people)]
    return [unit([seed, p, s], middles[p], spread) for p in range(people) for s in range(shots)]


def compared(
    old: list[Floats], new: list[Floats], shots: int, unmade: tuple[int, ...] = (), cards: tuple = (None, None)
) -> Comparison:
    references = [
        Reference(n + 1, f"p{n // shots}", Template(vector, 1.0, "old@1"), None, "", "", NOW)
        for n, vector in enumerate(old)
    ]
    rows = enumerate(new, 1)
    landmarks = np.zeros((5, 2), np.float32)
    made = {id: Renewed(Template(row, 1.0, "new@1"), landmarks) for id, row in rows if id not in unmade}
    card = find_card("dlib_resnet")
    return compare(references, made, (cards[0], cards[1] or replace(card, thresholds={})), "new@1")


def test_errors_at_one_false_match_rate_counted_by_hand() -> None:
    people, shots = 40, 3
    old, new = drawn(people, shots, 1.2, 1), drawn(people, shots, 0.6, 2)
    found = compared(old, new, shots)
    owners = np.repeat(np.arange(people), shots)
    pairs = np.array(list(combinations(range(len(old)), 2)))
    same = owners[pairs[:, 0]] == owners[pairs[:, 1]]
    expected = []
    wrong = []
    for vectors in (np.stack(old), np.stack(new)):
        scores = np.einsum("pd,pd->p", vectors[pairs[:, 0]], vectors[pairs[:, 1]])
        allowed = int((~same).sum() * 0.01)
        limit = np.sort(scores[~same])[-allowed - 1]  # so many lie above it
        expected.append(float((scores[same] <= limit).mean()))
        bad = (same & (scores <= limit)) | (~same & (scores > limit))
        wrong.append([int(sum(person in set(owners[pair]) for pair in pairs[bad])) for person in range(people)])
    assert (found.pairs, found.judged_by, found.fmr) == (120, "gallery", "1e-2")
    assert [(one.fmr, one.before, one.after) for one in found.errors] == [("1e-2", *map(pytest.approx, expected))]
    assert expected[0] > expected[1]
    everybody = {f"p{p}": (wrong[0][p], wrong[1][p]) for p in range(people)}
    assert {one.person: (one.before, one.after) for one in (*found.gains, *found.loses)} == {
        name: counts for name, counts in everybody.items() if counts[0] != counts[1]
    }
    assert [one.before - one.after for one in found.gains] == sorted(
        (one.before - one.after for one in found.gains), reverse=True
    )


def test_whose_references_cannot_be_made_is_said_and_the_rest_compared() -> None:
    found = compared(drawn(40, 3, 1.2, 1), drawn(40, 3, 0.6, 2), 3, unmade=(2, 4, 5, 6))
    assert (found.people, found.references, found.made) == (40, 120, 116)
    assert [(one.person, one.references) for one in found.unmade] == [("p0", (2,)), ("p1", (4, 5, 6))]
    assert found.pairs == 38 * 3 + 1


def _with(limit: float) -> Card:
    return replace(find_card("dlib_resnet"), thresholds={"1e-3": limit})


def test_among_few_people_the_cards_say_where_the_rate_lies() -> None:
    a, b = unit([1]), unit([2])
    near, far = unit([3], a, 0.2), unit([4], a, 3.0)
    found = compared([a, far, b, b], [a, near, b, b], 2, cards=(_with(0.9), _with(0.8)))
    assert (found.judged_by, found.fmr, found.pairs) == ("cards", "1e-3", 2)
    assert [(one.before, one.after) for one in found.errors] == [(0.5, 0.0)]
    assert (found.gains, found.loses) == ((PersonErrors("p0", 1, 0),), ())


def test_where_nothing_says_it_nothing_is_claimed() -> None:
    a, b = unit([1]), unit([2])
    for cards in ((None, _with(0.8)), (_with(0.9), None)):
        found = compared([a, a, b, b], [a, a, b, b], 2, cards=cards)
        assert (found.judged_by, found.errors, found.gains, found.loses, found.pairs) == (None, (), (), (), 2)
    single = compared([a, b], [a, b], 1, cards=(_with(0.9), _with(0.8)))  # nobody has two references
    assert (single.judged_by, single.pairs) == (None, 0)
    assert compared([a, a], [a, a], 2).pairs == 0  # one person alone
