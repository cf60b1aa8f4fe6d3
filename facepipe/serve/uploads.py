"""Pictures in requests: files of a form, or base64 in JSON. Never a URL or a path: nothing is fetched or opened."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema
from starlette.datastructures import UploadFile

from facepipe.formats import kind_of
from facepipe.image import read_image
from facepipe.records import Image

UNNAMED = "upload"  # the source of a picture that came without a name
LONGEST_NAME = 200  # characters of it are kept
MEDIA_TYPES = (
    "image/jpeg, image/png, image/webp, image/bmp, image/gif, image/tiff, image/heic, image/heif, image/avif, image/jp2"
)
UNKNOWN = ("text", "an unknown format")
_DATA_URL = re.compile(r"\s*data:[^,]{0,200};base64,", re.IGNORECASE)
_FOREIGN = re.compile(r"[^A-Za-z0-9+/]")
_URL_SAFE = str.maketrans("-_", "+/")


@dataclass(frozen=True, eq=False)
class Upload:
    """An encoded picture as it came in: ``read`` gives its bytes, ``name`` is what the client calls it, or None."""

    read: Callable[[], bytes]
    name: str | None = None

    @property
    def source(self) -> str:
        return self.name or UNNAMED

    def decode(self, max_pixels: int) -> Image:
        """Raises ImageError; too many pixels are told from the header."""
        return read_image(self.read(), self.source, max_pixels=max_pixels)

    @classmethod
    def of_file(cls, upload: UploadFile) -> Upload:
        """A large one lies in a temporary file until it is its turn."""

        def read() -> bytes:
            upload.file.seek(0)
            return upload.file.read()

        name = "".join(c for c in upload.filename or "" if c.isprintable())[:LONGEST_NAME]
        return cls(read, name.strip() or None)

    @classmethod
    def of_part(cls, text: str) -> Upload:
        """A part of a form without a file name, which was taken for text, byte by byte as it is none. Raises ValueError
        where it is."""
        data = text.encode("latin-1", "ignore")
        if kind_of(data) in UNKNOWN:
            raise ValueError("expected a file, or JSON with its base64; URLs and paths are not read")
        return cls(lambda: data)

    @classmethod
    def of_base64(cls, text: str) -> Upload:
        """Base64 or a data URL of it. Raises ValueError unless it may be a picture: a path such as ``/etc/host`` is
        base64 too."""
        try:
            data = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            data = _decoded(text)
        if data and kind_of(data) in UNKNOWN:
            raise _not_base64("that of something else")
        return cls(lambda: data)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        parsed = core_schema.no_info_after_validator_function(cls.of_base64, core_schema.str_schema(strict=True))
        return core_schema.json_or_python_schema(parsed, core_schema.no_info_plain_validator_function(_a_file))

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        about = "Base64 of the file, or a data URL of that."
        return {
            "type": "string",
            "format": "byte",
            "contentEncoding": "base64",
            "contentMediaType": "image/*",
            "description": about,
        }


def _a_file(given: object) -> Upload:
    return given if isinstance(given, Upload) else Upload.of_part(str(given))


def _decoded(text: str) -> bytes:
    """``text`` as many a program writes it: a data URL, in lines, with the letters that URLs have, without the padding.
    Raises ValueError."""
    start = 0 if (url := _DATA_URL.match(text)) is None else url.end()
    letters = "".join(text[start:].split()).translate(_URL_SAFE).rstrip("=")
    if (other := _FOREIGN.search(letters)) is not None:
        raise _not_base64(f"{other[0]!a} in it")
    if len(letters) % 4 == 1:
        raise _not_base64("it cut off")
    return base64.b64decode(letters + "=" * (-len(letters) % 4), validate=True)


def _not_base64(got: str) -> ValueError:
    return ValueError(f"expected the base64 of a picture's bytes, got {got}; URLs and paths are not read")
