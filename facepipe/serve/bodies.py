"""Bodies of requests: JSON, or a form where there are files; both told by one model and described in the OpenAPI."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Collection
from typing import Any, TypeVar, get_args, get_origin

from anyio import to_thread
from fastapi import Depends
from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request

from facepipe.errors import BodyFormat, UsageError
from facepipe.serve.uploads import MEDIA_TYPES, Upload

M = TypeVar("M", bound=BaseModel)
# For JSON 1.0 is a whole number. Goes after the limits in an Annotated
WHOLE = BeforeValidator(lambda number: int(number) if isinstance(number, float) and number.is_integer() else number)

FORM, JSON = "multipart/form-data", "application/json"
MOST_FIELDS = 20  # of a form, beside its files
LONGEST_FIELD = 64 * 2**10  # bytes of one of them
LARGE = 256 * 2**10  # bytes of JSON that are parsed off the event loop
FAULTS_TOLD = 3
SCALARS = ("integer", "number", "boolean")


class Ask(BaseModel):
    """What a request's body may hold. Nothing else, so that a misspelt field is told."""

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)


def body(model: type[M]) -> Any:
    """A dependency: the request's body as a ``model``. Raises UsageError, BodyFormat."""
    pictures, scalars = _pictures(model), _scalars(model)

    async def read(request: Request) -> AsyncIterator[M]:
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind == FORM and pictures:
            form = await _form(request, model)
            try:
                yield checked(lambda: model.model_validate(_fields(form, model, scalars), strict=True))
            finally:
                await form.close()
        elif kind == JSON:
            yield await _from_json(model, await request.body())
        else:
            raise BodyFormat(f"content type {kind[:80]!a}: expected {f'{FORM} or ' if pictures else ''}{JSON}")

    return Depends(read)


def checked(make: Callable[[], M]) -> M:
    """What ``make`` validates. Raises UsageError, in one line, with the fields that are wrong."""
    try:
        return make()
    except ValidationError as error:
        raise UsageError(told(error.errors(include_url=False, include_input=False))) from None


def told(faults: Any) -> str:
    """Which fields are wrong, and how: ``pick: Input should be greater than or equal to 1``."""
    lines = []
    for fault in list(faults)[:FAULTS_TOLD]:
        place = ".".join(str(part)[:80] for part in fault["loc"] if part not in ("body", "query", "path"))
        what = "expected true or false" if fault["type"] == "bool_type" else fault["msg"].removeprefix("Value error, ")
        lines.append(f"{place or 'body'}: {what}")
    return "; ".join(line.encode("unicode_escape").decode() if not line.isprintable() else line for line in lines)


async def _from_json(model: type[M], data: bytes) -> M:
    def parse() -> M:
        found = checked(lambda: model.model_validate_json(data, strict=True))
        if empty := sorted(name for name in found.model_fields_set if getattr(found, name) is None):
            raise UsageError(f"{', '.join(empty)}: expected a value, got null; leave it out")
        return found

    return parse() if len(data) < LARGE else await to_thread.run_sync(parse)


async def _form(request: Request, model: type[BaseModel]) -> FormData:
    try:
        return await request.form(
            max_files=sum(most_of(model, name) for name in _pictures(model)),
            max_fields=MOST_FIELDS,
            max_part_size=LONGEST_FIELD,
        )
    except HTTPException as error:  # what Starlette makes of a form that is damaged or too large
        hint = "; pictures are sent as files" if error.detail.startswith("Part exceeded") else ""
        raise UsageError(f"body: {error.detail.rstrip('.')}{hint}") from None


def _fields(form: FormData, model: type[BaseModel], scalars: Collection[str]) -> dict[str, Any]:
    """The form's values by name; a field that may be given several times as a list."""
    found: dict[str, Any] = {}
    for name, value in form.multi_items():
        item: Any = Upload.of_file(value) if isinstance(value, UploadFile) else value
        if name in scalars and isinstance(item, str):
            item = _scalar(item)
        if _is_list(model, name):
            found.setdefault(name, []).append(item)
        elif name in found:
            raise UsageError(f"{name[:80]}: expected once, given several times")
        else:
            found[name] = item
    return found


def _scalars(model: type[BaseModel]) -> set[str]:
    """The fields that are numbers or true and false."""
    fields = model.model_json_schema()["properties"]
    return {name for name, about in fields.items() if _without_null(about).get("type") in SCALARS}


def _scalar(text: str) -> object:
    """A number, true or false, written as JSON has them: 1e-2, but not 0x1, 1_000 or yes. Else the text itself."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return found if isinstance(found, int | float) else text


# OpenAPI --------------------------------------------------------------------------------------------------------------


def documented(model: type[BaseModel], example: dict[str, Any]) -> dict[str, Any]:
    """What an operation's ``openapi_extra`` says of its body: JSON, and a form where it has pictures."""
    schema = model.model_json_schema()
    schema.pop("title", None)
    schema["properties"] = {name: _without_null(value) for name, value in schema["properties"].items()}
    pictures = _pictures(model)
    content: dict[str, Any] = {JSON: {"schema": schema, "examples": {"request": {"value": example}}}}
    if pictures:
        files = {name: _file(schema["properties"][name]) for name in pictures}
        as_form = {**schema, "properties": {**schema["properties"], **files}}
        encoding = {name: {"contentType": MEDIA_TYPES} for name in sorted(pictures)}
        content = {FORM: {"schema": as_form, "encoding": encoding}, **content}
    return {"requestBody": {"required": True, "content": content}}


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """What is not wanted is left out: there is no null."""
    options = [option for option in schema.get("anyOf", []) if option.get("type") != "null"]
    if len(options) == 1:
        schema = {**{key: value for key, value in schema.items() if key != "anyOf"}, **options[0]}
    return {key: value for key, value in schema.items() if not (key == "default" and value is None)}


def _file(schema: dict[str, Any]) -> dict[str, Any]:
    """A picture's schema, as a form has it."""
    if schema.get("type") == "array":
        return {**schema, "items": _file(schema["items"])}
    return {"type": "string", "format": "binary", **{k: v for k, v in schema.items() if k in ("title", "description")}}


def _pictures(model: type[BaseModel]) -> list[str]:
    kinds = {name: field.annotation for name, field in model.model_fields.items()}
    return [name for name, kind in kinds.items() if Upload in (kind, *get_args(kind))]


def _is_list(model: type[BaseModel], name: str) -> bool:
    field = model.model_fields.get(name)
    return field is not None and get_origin(field.annotation) is list


def most_of(model: type[BaseModel], name: str) -> int:
    """How often a field may be given."""
    if not _is_list(model, name):
        return 1
    return max((getattr(m, "max_length", 1) for m in model.model_fields[name].metadata), default=1)
