import unicodedata

import pytest

from facepipe.errors import NameInvalid, PersonNotFound
from facepipe.gallery import Gallery
from facepipe.gallery.names import clean_name

ODD_BUT_FINE = [
    "../../etc/passwd",
    "O'Brien; DROP TABLE person",
    "👩‍👩‍👧",
    "عائشة",
    "می‌خواهم",
    "<b>x</b>",
    "x" * 200,
    "a\u200eb",
]


@pytest.mark.parametrize("name", ODD_BUT_FINE)
def test_odd_names_are_kept_as_they_are(gallery: Gallery, new, name: str) -> None:
    gallery.add(name, [new(9)])
    assert gallery.references(name)[0].person == name
    assert gallery.people()[-1].name == name
    assert gallery.search(new(9).template, top=1)[0][0].person == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "   ",
        "a\0b",
        "a\nb",
        "\x1b[31mred",
        "half\ud800",
        "evil\u202egpj",
        "\u2066x\u2069",
        "a\u2028b",
        "x" * 201,
        "x" * 10240,
    ],
)
def test_bad_names_are_refused_before_anything_is_written(gallery: Gallery, new, name: str) -> None:
    before = gallery.path.read_bytes()
    with pytest.raises(NameInvalid) as caught:
        gallery.add(name, [new(9)])
    assert len(str(caught.value)) < 200
    assert str(caught.value).isascii()  # it can be printed anywhere
    assert gallery.path.read_bytes() == before


def test_a_name_is_text() -> None:
    with pytest.raises(NameInvalid, match="expected text, got bytes"):
        clean_name(b"Ada")  # type: ignore[arg-type]


def test_names_are_compared_in_composed_form_without_outer_spaces(gallery: Gallery, new) -> None:
    decomposed = unicodedata.normalize("NFD", "Zoë")
    gallery.add(f"  {decomposed} ", [new(8)])
    assert gallery.add("Zoë", [new(8)]) == [None]
    assert gallery.people()[-1].name == "Zoë"


def test_an_unknown_person_gets_the_nearest_names(gallery: Gallery) -> None:
    for call in (gallery.remove, gallery.references, lambda name: gallery.rename(name, "x")):
        with pytest.raises(PersonNotFound, match="did you mean Ada"):
            call("ada")
    with pytest.raises(PersonNotFound, match="people list"):
        gallery.remove("Xerxes")


def test_every_control_character_is_refused_and_nothing_else() -> None:
    forbidden = {"Cc", "Cs", "Zl", "Zp"}
    for code in [*range(0x3000), *range(0xD700, 0xE100), *range(0x1F300, 0x1F700), *range(0xE0000, 0xE0100)]:
        character = chr(code)
        bidi = 0x202A <= code <= 0x202E or 0x2066 <= code <= 0x2069
        refused = bidi or unicodedata.category(character) in forbidden
        try:
            clean_name(f"a{character}b")
        except NameInvalid:
            assert refused, hex(code)
        else:
            assert not refused, hex(code)
