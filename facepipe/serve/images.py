"""Pictures in requests: files of a form, or base64 in JSON. Never a URL or a path: nothing is fetched or opened."""

from __future__ import annotations

import base64
import binascii
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
NOT_BASE64 = "expected the base64 of a picture's bytes; URLs, data URLs and paths are not read"
UNKNOWN = ("text", "an unknown format")


@dataclass(frozen=True, eq=False)
class Picture:
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
    def of_file(cls, upload: UploadFile) -> Picture:
        """A large one lies in a temporary file until it is its turn."""

        def read() -> bytes:
            upload.file.seek(0)
            return upload.file.read()

        name = "".join(c for c in upload.filename or "" if c.isprintable())[:LONGEST_NAME]
        return cls(read, name.strip() or None)

    @classmethod
    def of_part(cls, text: str) -> Picture:
        """A part of a form without a file name, which was taken for text, byte by byte as it is none. Raises ValueError
        where it is."""
        data = text.encode("latin-1", "ignore")
        if kind_of(data) in UNKNOWN:
            raise ValueError("expected a file; URLs and paths are not read")
        return cls(lambda: data)

    @classmethod
    def of_base64(cls, text: str) -> Picture:
        """Raises ValueError unless it is base64 and may be a picture: a path such as ``/etc/host`` is base64 too."""
        try:
            data = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            raise ValueError(NOT_BASE64) from None
        if data and kind_of(data) in UNKNOWN:
            raise ValueError(NOT_BASE64)
        return cls(lambda: data)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        parsed = core_schema.no_info_after_validator_function(cls.of_base64, core_schema.str_schema(strict=True))
        return core_schema.json_or_python_schema(parsed, core_schema.no_info_plain_validator_function(_a_file))

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"type": "string", "format": "byte", "contentEncoding": "base64", "contentMediaType": "image/*"}


def _a_file(given: object) -> Picture:
    return given if isinstance(given, Picture) else Picture.of_part(str(given))
