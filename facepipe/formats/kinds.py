"""Which kind of file it is, by its first bytes and never by its name."""

from __future__ import annotations

import re

from facepipe.formats.tiff import DNG_VERSION, PHOTOMETRIC, REDUCED, SUB_DIRECTORIES, tags

HEAD = 4096  # bytes by which a file is told
ACCEPTED = "a JPEG, PNG, WEBP, BMP, GIF, TIFF, HEIC, AVIF or JPEG 2000 picture"
RAW = "raw picture"
TEXT, UNKNOWN = "text", "an unknown format"

_SIGNATURES = [  # how a file of each kind begins: those accepted, then those worth naming when refused
    (kind, re.compile(pattern, re.DOTALL))
    for kind, pattern in {
        "JPEG": rb"\xff\xd8\xff",
        "PNG": rb"\x89PNG\r\n\x1a\n",
        "WEBP": rb"RIFF.{4}WEBP",
        "BMP": rb"BM.{12}[\x0c\x10\x28\x34\x38\x40\x6c\x7c]\0\0\0",
        "GIF": rb"GIF8[79]a",
        "JPEG 2000": rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51",
        RAW: rb"II\*\0.{4}CR|II(R[OS]\x08|U)\0|MMOR\0|II\x1a\0\0\0HEAPCCDR|FUJIFILMCCD-RAW|FOVb|\0MRM",
        "TIFF": rb"II[*+]\0|MM\0[*+]",
        "EPS or PostScript picture": rb"%!PS|\xc5\xd0\xd3\xc6",
        "PDF": rb"%PDF",
        "PSD picture": rb"8BPS",
        "JPEG XL picture": rb"\0\0\0\x0cJXL |\xff\x0a",
        "JPEG XR picture": rb"II\xbc\x01",
        "XCF picture": rb"gimp xcf",
        "OpenEXR picture": rb"\x76\x2f\x31\x01",
        "Radiance picture": rb"#\?(RADIANCE|RGBE)\n",
        "PNM picture": rb"P[1-6]\s+(#[^\n]*\n\s*)*\d+\s+\d+\s|P7\nWIDTH |P[Ff]\n\d+ \d+\s",
        "X11 picture": rb"\s*(/\*[^*]*\*/\s*)?#define\s+\w+_width\s+\d|/\* XPM \*/",
        "QOI picture": rb"qoif",
        "DDS picture": rb"DDS \x7c\0\0\0",
        "PCX picture": rb"\x0a[\0-\5]\x01[\1\2\4\x08]",
        "SGI picture": rb"\x01\xda[\0\1][\1\2]",
        "Windows metafile": rb"\xd7\xcd\xc6\x9a|\x01\0\0\0.{36} EMF",
        "DICOM picture": rb".{128}DICM",
        "icon": rb"\0\0[\1\2]\0[^\0]\0|icns",
        "SVG picture": rb"(\xef\xbb\xbf)?\s*((<\?xml|<!--|<!DOCTYPE svg)[^>]*>\s*)*<svg[\s/>]",
        "audio": rb"ID3|\xff[\xe2\xe3\xf1-\xf3\xf9-\xfb]|RIFF.{4}WAVE|fLaC|#!AMR|.{4}ftypM4[AB]",
        "video": rb".{4}(ftyp|moov|mdat)|\0.{3}(wide|free|skip|pnot)|RIFF.{4}AVI |\x1a\x45\xdf\xa3|\0\0\x01[\xba\xb3]"
        rb"|FLV\x01|OggS\0|\x30\x26\xb2\x75\x8e\x66\xcf\x11|(\x47.{187}){3}\x47|.{4}(\x47.{191}){3}\x47",
        "ZIP archive": rb"PK(\x03\x04|\x05\x06)",
        "archive": rb"7z\xbc\xaf\x27\x1c|Rar!|\x1f\x8b|BZh|\xfd7zXZ|.{257}ustar",
        "database": rb"SQLite format 3\0|bplist00",
        "Office document": rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        "program": rb"\x7fELF|MZ[\x90\0-\x1f]|\xca\xfe\xba\xbe|\xcf\xfa\xed\xfe",
        TEXT: rb"\xef\xbb\xbf|\xff\xfe|\xfe\xff",
    }.items()
]
SHORTEST_TEXT = 16  # bytes, of text that is not UTF-8: a few bytes may look like anything
_NO_TEXT = re.compile(rb"[\0-\x08\x0e-\x1a\x1c-\x1f\x7f]")  # in no 8-bit encoding of text, UTF-8 being one

_BRANDS: list[tuple[str, set[bytes]]] = [  # what a file of boxes says that it may be read as
    ("AVIF", {b"avif", b"avis"}),
    ("HEIC", {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"}),
    ("HEIC", {b"mif1", b"mif2", b"msf1"}),
    (RAW, {b"crx "}),
]
_FILES = {TEXT: "text {}", UNKNOWN: "{} of an unknown format", "audio": "audio {}"}  # kinds that are no nouns


def kind_of(data: bytes) -> str:
    """Name the kind of file that begins with ``data``, HEAD bytes or all: a key of ``OPENERS``, or one not accepted."""
    head = data[:HEAD]
    kind = _by_brands(head) or next((name for name, pattern in _SIGNATURES if pattern.match(head)), None)
    if kind == "TIFF" and _is_raw(data):
        return RAW
    if kind is not None:
        return kind
    return TEXT if _is_text(head) else UNKNOWN


def counted(number: int, kind: str) -> str:
    """``number`` files of one kind in words: "2 videos", "1 text file"."""
    ending = "" if number == 1 else "s"
    return f"{number} {_FILES[kind].format(f'file{ending}') if kind in _FILES else kind + ending}"


def _by_brands(head: bytes) -> str | None:
    if head[4:8] != b"ftyp":
        return None
    end = min(int.from_bytes(head[:4], "big"), len(head))
    brands = [head[8:12], *(head[at : at + 4] for at in range(16, end, 4))]
    return next((kind for kind, names in _BRANDS if names.intersection(brands)), None)


def _is_text(head: bytes) -> bool:
    if not head or _NO_TEXT.search(head):
        return False
    try:
        return len(head) >= SHORTEST_TEXT or bool(head.decode())
    except UnicodeDecodeError:
        return False


def _is_raw(tiff: bytes) -> bool:
    """Whether a TIFF holds what a sensor saw: its first picture is that, or a small preview of another within it."""
    found = tags(tiff)
    sensor = found.get(PHOTOMETRIC) in (32803, 34892)  # colour filter array, linear raw
    preview = bool(found.get(REDUCED, 0) & 1) and SUB_DIRECTORIES in found
    return sensor or preview or DNG_VERSION in found
