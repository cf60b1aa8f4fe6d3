"""What schemathesis cannot know from the OpenAPI: pictures, how many faces are in them, which layers a network has.

Named to it by SCHEMATHESIS_HOOKS. Nothing is left out of the checks, and what is meant to be wrong stays wrong.
"""

from __future__ import annotations

import base64
import io
import re
from typing import Any

import PIL.Image
import schemathesis
from hypothesis import strategies as st
from schemathesis.transport.serialization import Binary

from facepipe.folders import samples
from facepipe.serve.needs import HEADER, PARAMETER, UUID_FORM

SIDE = 112  # px of the pictures, as of the one in the examples: a face fills the middle of each
FACES = {"astronaut.png": (224, 120, 65)}  # x, y, reach, px; several people under one name would be refused
MIDDLE = {"pattern": "^5[0-9],5[0-9]$"}
LIKELY_NOBODY = 4711
DEFAULT, NONE = "sface", "no network"
FORM = "multipart/form-data"
OTHER_WAYS = ("at", "reference", "other_reference", "other_pick", "other_at")
THERE: dict[str, dict[str, Any]] = {
    "pick": {"maximum": 1},
    "other_pick": {"maximum": 1},
    "at": MIDDLE,
    "other_at": MIDDLE,
    "fmr": {"enum": ["1e-2", "1e-3", "1e-4"]},  # as the card has them
    "layers": {"enum": ["blocks.0.*", "blocks.1.*"]},
    "views": {"pattern": "^kernel$"},  # views: a second, not ten
}


def pictures() -> list[bytes]:
    """One face in the middle of each."""
    found = []
    for name, (x, y, reach) in FACES.items():
        photo = PIL.Image.open(samples() / name).convert("RGB")
        face = photo.crop((x - reach, y - reach, x + reach, y + reach)).resize((SIDE, SIDE))
        stream = io.BytesIO()
        face.save(stream, "JPEG")
        found.append(stream.getvalue())
    return found


PICTURES = pictures()
schemathesis.openapi.format("byte", st.sampled_from([base64.b64encode(picture).decode() for picture in PICTURES]))
schemathesis.openapi.format("binary", st.sampled_from([Binary(picture) for picture in PICTURES]))


@schemathesis.hook
def before_load_schema(context: schemathesis.HookContext, raw_schema: dict[str, Any]) -> None:
    """Of all that the schema allows, ask for what is there."""
    for operations in raw_schema["paths"].values():
        for operation in operations.values():
            content = operation.get("requestBody", {}).get("content", {})
            for body in content.values():
                for name, field in body["schema"].get("properties", {}).items():
                    field |= THERE.get(name, {})
            if FORM in content:
                _simplify(content[FORM])


@schemathesis.hook
def filter_case(context: schemathesis.HookContext, case: schemathesis.Case) -> bool:
    """A form has no empty list: such a field is not sent at all, and the server cannot object to what is not there."""
    body = case.body if case.media_type == FORM and isinstance(case.body, dict) else {}
    return not any(value == [] for value in body.values())


@schemathesis.hook
def before_call(context: schemathesis.HookContext, case: schemathesis.Case, kwargs: dict[str, Any]) -> None:
    """What no schema can say: nobody can be merged with themselves, so that another number is taken; a gallery is not
    changed to the network it has; and which is served, so that what might be one is not sent."""
    for place, name in ((case.headers, HEADER), (case.query, PARAMETER)):
        if re.fullmatch(UUID_FORM, str(place.get(name))):
            del place[name]
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    own, body = case.path_parameters.get("id"), case.body
    if case.path.endswith("/gallery/upgrade") and isinstance(body, dict):
        body["backbone"] = str(body["backbone"]).replace(DEFAULT, NONE)
    if not case.path.endswith("/merge"):
        return
    given = body.get("sources") if isinstance(body, dict) else None
    if isinstance(body, dict) and isinstance(given, list) and any(_same(number, own) for number in given):
        body["sources"] = [LIKELY_NOBODY if _same(number, own) else number for number in given]


def _same(number: object, other: object) -> bool:
    return isinstance(number, int | float) and str(int(number)) == str(other)


def _simplify(form: dict[str, Any]) -> None:
    """schemathesis cannot judge a form with files against conditions ("Unsupported type: 'Binary'"). They are tried in
    JSON, where the same fields are; and without media types it does not send pictures of its own, of one pixel."""
    form.pop("encoding")
    schema = form["schema"]
    conditions = [schema.pop(name) for name in ("not", "oneOf", "dependentRequired") if name in schema]
    for name in OTHER_WAYS if conditions else ():
        schema["properties"].pop(name, None)
    if "image" in schema["properties"]:
        schema["required"] = sorted({"image", *schema.get("required", [])})
