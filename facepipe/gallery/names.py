"""Which names a person may have."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Collection

from facepipe.errors import NameInvalid, PersonNotFound

LONGEST = 200  # characters
# Embeddings, overrides and isolates let one name be displayed as another and spill into the text around it. Names in
# right-to-left scripts need none of them. The joiners (ZWJ, ZWNJ), which emoji and Persian do need, are welcome.
_BIDI = set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_FORBIDDEN = {"Cc": "a control character", "Cs": "half a character", "Zl": "a line break", "Zp": "a line break"}


def clean_name(name: str) -> str:
    """``name`` in Unicode's composed form (NFC) without outer spaces: the form in which it is stored and looked up.

    Raises NameInvalid when it is empty, over 200 characters, or has control or direction-override characters. Anything
    else goes ("../", quotes, emoji): a name is never used as a path.
    """
    if not isinstance(name, str):
        raise NameInvalid(f"name: expected text, got {type(name).__name__}")
    clean = unicodedata.normalize("NFC", name).strip() if len(name) <= 10 * LONGEST else name
    if not clean:
        raise NameInvalid("name: expected at least one character, got none")
    if len(clean) > LONGEST:
        raise NameInvalid(f"name {clean[:20]!a}...: expected at most {LONGEST} characters, got {len(clean)}")
    for character in () if clean.isprintable() else clean:  # what is printable holds none of these
        if "\udc80" <= character <= "\udcff":  # how Python keeps what it cannot read of a file's name
            byte = f"the byte 0x{ord(character) & 255:02X} is not UTF-8"
            raise NameInvalid(
                f"name {ascii(clean)[:60]}: {byte}; rename the folder, or type the name: enroll NAME FOLDER"
            )
        what = "a text direction control" if character in _BIDI else _FORBIDDEN.get(unicodedata.category(character))
        if what:
            raise NameInvalid(f"name {ascii(clean)[:60]}: {what}, U+{ord(character):04X}, is not allowed in a name")
    return clean


def spelt(name: str) -> str:
    """``name`` as ``clean_name`` has it, to tell who is meant; as it is where nobody can be enrolled under it."""
    try:
        return clean_name(name)
    except NameInvalid:
        return name


def not_found(name: str, known: Collection[str]) -> PersonNotFound:
    """The error for an unknown ``name``, with the nearest known ones."""
    by_folded = {other.casefold(): other for other in known}
    near = [by_folded[f] for f in difflib.get_close_matches(name.casefold(), by_folded, n=3)]
    hint = f"did you mean {' or '.join(near)}?" if near else "`facepipe people list` shows who is"
    return PersonNotFound(f"{name}: nobody of this name is enrolled; {hint}")
