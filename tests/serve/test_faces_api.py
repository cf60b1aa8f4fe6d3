"""detect, identify and verify over HTTP, on real faces."""

from __future__ import annotations

import base64
import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import PIL.Image
import pytest

from facepipe.enroll.enrolment import agreed
from facepipe.gallery import Gallery
from facepipe.image import read_image
from facepipe.pipeline import Pipeline
from facepipe.scoring.evidence import probability, shares
from tests.serve.calibrating import EVIDENCE, calibrate
from tests.serve.serving import Served


@pytest.fixture
def client(start: Any) -> Any:
    with start().client() as client:
        yield client


def encoded(pixels: np.ndarray, kind: str = "PNG") -> bytes:
    stream = io.BytesIO()
    PIL.Image.fromarray(pixels).save(stream, kind)
    return stream.getvalue()


@pytest.fixture
def pair(samples: Path) -> bytes:
    """Obama on the left, Biden, smaller, on the right."""
    left, right = (PIL.Image.open(samples / name) for name in ("obama.jpg", "biden.jpg"))
    both = PIL.Image.new("RGB", (800, 500), "grey")
    both.paste(left.resize((400, 500)))
    both.paste(right.resize((320, 400)), (449, 24))
    return encoded(np.asarray(both))


def post(client: httpx.Client, verb: str, files: dict[str, bytes], **fields: str) -> Any:
    return client.post(f"/api/v1/{verb}", files=files, data=fields)


def test_detect_says_what_the_pipeline_says(client: httpx.Client, pipeline: Pipeline, samples: Path) -> None:
    path = samples / "obama.jpg"
    found = client.post("/api/v1/detect", files={"image": ("ada.jpg", path.read_bytes())}).json()
    (expected,) = pipeline.detect(path)
    assert found["source"] == "ada.jpg"
    assert found["size"] == [910, 1137]
    (face,) = found["faces"]
    assert face["box"] == pytest.approx(expected.box.tolist(), abs=0.01)
    assert face["score"] == pytest.approx(expected.score, abs=1e-4)
    assert np.array(face["landmarks"]) == pytest.approx(expected.landmarks, abs=0.01)


def test_other_formats_are_read_and_can_be_shown(client: httpx.Client, samples: Path) -> None:
    picture = np.asarray(PIL.Image.open(samples / "obama.jpg").convert("RGB"))
    for kind in ("TIFF", "AVIF", "JPEG2000"):
        data = encoded(picture, kind)
        assert len(post(client, "detect", {"image": data}).json()["faces"]) == 1
        seen = post(client, "preview", {"image": data})
        assert seen.headers["content-type"] == "image/jpeg"
        shown = PIL.Image.open(io.BytesIO(seen.content))
        assert (shown.format, shown.size) == ("JPEG", (910, 1137))
    heic = (Path(__file__).parents[1] / "heic" / "turned-6.heic").read_bytes()
    assert PIL.Image.open(io.BytesIO(post(client, "preview", {"image": heic}).content)).size == (96, 64)


def test_a_large_picture_is_shown_smaller(client: httpx.Client) -> None:
    seen = post(client, "preview", {"image": encoded(np.zeros((2000, 500, 3), np.uint8))})
    assert PIL.Image.open(io.BytesIO(seen.content)).size == (400, 1600)
    assert seen.headers["picture-size"] == "500x2000"


def test_what_is_no_picture_is_not_shown(client: httpx.Client) -> None:
    answer = post(client, "preview", {"image": b"%PDF-1.7" + bytes(40)})
    assert (answer.status_code, answer.json()["error"]["code"]) == (415, "image-format")


def test_base64_gives_what_a_file_gives(client: httpx.Client, samples: Path) -> None:
    data = (samples / "astronaut.png").read_bytes()
    by_file = post(client, "detect", {"image": data}).json()
    by_text = client.post("/api/v1/detect", json={"image": base64.b64encode(data).decode()}).json()
    assert by_text["source"] is None
    assert by_text["faces"] == by_file["faces"] != []


def as_it_comes(data: bytes) -> dict[str, str]:
    """Base64 as many a program writes it."""
    plain = base64.b64encode(data).decode()
    return {
        "lines": base64.encodebytes(data).decode(),
        "Windows's lines": "\r\n".join(plain[at : at + 64] for at in range(0, len(plain), 64)),
        "spaces": f"  {plain[:100]} \t{plain[100:]}\n",
        "letters for URLs": base64.urlsafe_b64encode(data).decode(),
        "no padding": plain.rstrip("="),
        "letters for URLs, no padding": base64.urlsafe_b64encode(data).decode().rstrip("="),
        "a data URL": f"data:image/png;base64,{plain}",
        "a data URL of another type": f" DATA:application/octet-stream;charset=x;BASE64,{plain}",
        "a data URL in lines": f"data:image/png;base64,\n{base64.encodebytes(data).decode()}",
    }


@pytest.mark.parametrize("kind", as_it_comes(b""))
@pytest.mark.parametrize("more", [0, 1, 2])  # bytes: with padding and without
def test_base64_as_programs_write_it(client: httpx.Client, kind: str, more: int) -> None:
    data = encoded(np.full((64, 80, 3), 128, np.uint8)) + b"\xff" * (3 + more)
    answer = client.post("/api/v1/detect", json={"image": as_it_comes(data)[kind]})
    assert (answer.status_code, answer.json()["size"]) == (200, [80, 64])


PNG = base64.b64encode(encoded(np.zeros((64, 64, 3), np.uint8))).decode()
NOT_BASE64 = {
    "data:,": "':' in it",  # what a canvas without a size gives
    "data:image/svg+xml;utf8,<svg/>": "':' in it",
    "data:text/plain;base64,SGVsbG8gV29ybGQ=": "that of something else",
    "SGVsbG8gV29ybGQ=": "that of something else",
    "/etc/host": "it cut off",
    "/etc/shadow": "that of something else",
    "/etc/passwd.png": "'.' in it",
    "https://example.org/face.png": "':' in it",
    "file:///etc/passwd": "':' in it",
    "C:\\faces\\ada.png": "':' in it",
    f"b'{PNG}'": '"\'" in it',  # str() of Python's bytes
    f"{PNG[:40]}\\n{PNG[40:]}": "'\\\\' in it",
    f"data%3Aimage/png;base64,{PNG}": "'%' in it",
    PNG[: len(PNG) // 4 * 4 - 3]: "it cut off",
    f"{PNG[:40]}={PNG[40:]}": "'=' in it",
    "é": "'\\xe9' in it",
}


@pytest.mark.parametrize("text", NOT_BASE64)
def test_what_is_no_base64_is_told_with_what_is_in_it(client: httpx.Client, text: str) -> None:
    answer = client.post("/api/v1/detect", json={"image": text})
    assert answer.status_code == 422
    assert answer.json()["error"] == {
        "code": "usage",
        "message": f"image: expected the base64 of a picture's bytes, got {NOT_BASE64[text]};"
        " URLs and paths are not read",
    }


@pytest.mark.parametrize("text", ["", "data:image/png;base64,"])
def test_base64_of_nothing_is_an_empty_picture(client: httpx.Client, text: str) -> None:
    answer = client.post("/api/v1/detect", json={"image": text})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "image-empty")


def test_in_a_form_a_picture_is_a_file(client: httpx.Client) -> None:
    for text in (f"data:image/png;base64,{PNG}", "data:image/png;base64," + "A" * 70_000):
        answer = client.post("/api/v1/detect", files={"image": (None, text)})
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "usage")
        assert "file" in answer.json()["error"]["message"]


def test_a_picture_without_faces_has_none(client: httpx.Client) -> None:
    answer = post(client, "detect", {"image": encoded(np.full((64, 80, 3), 128, np.uint8))})
    assert answer.status_code == 200
    assert answer.json()["faces"] == []


def test_identify_names_who_is_enrolled_and_nobody_else(
    client: httpx.Client, pipeline: Pipeline, gallery: Gallery, samples: Path, pair: bytes
) -> None:
    pipeline.enroll("Barack", [samples / "obama2.jpg"], gallery)
    pipeline.enroll("Joe", [samples / "biden.jpg"], gallery)
    found = post(client, "identify", {"image": pair}, top="2").json()
    names = {face["name"]: face["candidates"] for face in sorted(found["faces"], key=lambda face: face["box"][0])}
    assert list(names) == ["Barack", "Joe"]
    assert [(c["person"], c["rank"]) for c in names["Joe"]] == [("Joe", 1), ("Barack", 2)]
    assert names["Joe"][0]["score"] >= found["threshold"] > names["Joe"][1]["score"]
    assert names["Joe"][0]["reference"] == gallery.references("Joe")[0].id
    stranger = post(client, "identify", {"image": (samples / "astronaut.png").read_bytes()}).json()
    assert [face["name"] for face in stranger["faces"]] == [None]


def test_what_is_answered_is_what_the_records_tell_of_themselves(
    client: httpx.Client, pipeline: Pipeline, gallery: Gallery, samples: Path
) -> None:
    pipeline.enroll("Joe", [samples / "biden.jpg"], gallery, consent=agreed("At the door"))
    data = (samples / "biden.jpg").read_bytes()
    image, sent = read_image(data, "biden.jpg"), ("biden.jpg", data)

    def told(verb: str, **files: tuple[str, bytes]) -> Any:
        return client.post(f"/api/v1/{verb}", files=files).json()

    known = pipeline.identify(image, gallery).to_dict()
    assert told("detect", image=sent) == pipeline.detect(image).to_dict()
    assert told("identify", image=sent) == known | {"threshold": known["faces"][0]["threshold"]}
    assert told("verify", a=sent, b=sent) == pipeline.verify(image, image).to_dict()
    assert client.get("/api/v1/people/1").json() == gallery.person(1).to_dict()
    assert client.get("/api/v1/references/1").json() == gallery.reference(1).to_dict()


def test_a_threshold_of_ones_own_decides(
    client: httpx.Client, pipeline: Pipeline, gallery: Gallery, samples: Path
) -> None:
    pipeline.enroll("Joe", [samples / "biden.jpg"], gallery)
    data = (samples / "astronaut.png").read_bytes()
    low = post(client, "identify", {"image": data}, threshold="-1").json()
    assert low["threshold"] == -1
    assert low["faces"][0]["name"] == "Joe"
    strict = post(client, "identify", {"image": data}, fmr="1e-4").json()
    assert strict["threshold"] == pytest.approx(pipeline.threshold(fmr="1e-4"), abs=1e-4)


@pytest.mark.usefixtures("unmeasured")
def test_how_likely_a_candidate_is_where_that_was_measured(
    client: httpx.Client, pipeline: Pipeline, gallery: Gallery, samples: Path
) -> None:
    pipeline.enroll("Barack", [samples / "obama2.jpg"], gallery)
    pipeline.enroll("Joe", [samples / "biden.jpg"], gallery)
    files = {"image": (samples / "obama.jpg").read_bytes()}

    def candidates() -> Any:
        return post(client, "identify", files, top="2").json()["faces"][0]["candidates"]

    assert [one["probability"] for one in candidates()] == [None, None]
    calibrate(gallery, pipeline)  # while the server runs
    found = candidates()
    scores = np.array([one["score"] for one in found], np.float32)
    expected = shares(EVIDENCE.single.log_ratio(scores), 2)
    assert [one["probability"] for one in found] == pytest.approx(expected.tolist(), rel=0.05, abs=1e-6)
    assert found[0]["probability"] > 0.9 > 0.1 > found[1]["probability"]
    gallery.calibrate(None)
    assert [one["probability"] for one in candidates()] == [None, None]


def test_the_gallerys_own_thresholds_by_either_rate(
    client: httpx.Client, pipeline: Pipeline, gallery: Gallery, samples: Path
) -> None:
    pipeline.enroll("Joe", [samples / "biden.jpg"], gallery)
    files = {"image": (samples / "biden.jpg").read_bytes()}

    def threshold(**fields: str) -> Any:
        return post(client, "identify", files, **fields).json().get("threshold")

    assert threshold(fpir="1e-2") == pytest.approx(pipeline.threshold(fmr="1e-2"), abs=1e-3)  # of one person the same
    assert threshold() == pytest.approx(pipeline.threshold(fmr="1e-3"), abs=1e-4)
    calibrate(gallery, pipeline)
    assert threshold() == 0.4
    assert threshold(fmr="1e-2") == 0.26
    assert threshold(fpir="1e-2") == threshold(fpir="1e-2", fmr="1e-2") == 0.4
    assert threshold(fpir="1e-2", threshold="0.5") == 0.5
    assert threshold(fpir="1e-3") == pytest.approx(0.33, abs=1e-3)  # not calibrated: of one person that is FMR 1e-3
    assert post(client, "identify", files, fpir="0.5").status_code == 422
    assert post(client, "verify", {"a": files["image"], "b": files["image"]}, fpir="1e-2").status_code == 422


def test_verify(client: httpx.Client, samples: Path) -> None:
    obama, again, biden = ((samples / name).read_bytes() for name in ("obama.jpg", "obama3.jpg", "biden.jpg"))
    same = post(client, "verify", {"a": obama, "b": again}).json()
    other = post(client, "verify", {"a": obama, "b": biden}).json()
    assert same["match"] is True
    assert same["score"] >= same["threshold"]
    assert other["match"] is False
    assert same["a"] == other["a"]
    assert len(other["b"]["landmarks"]) == 5


def test_verify_says_how_likely_by_the_networks_card(
    client: httpx.Client, pipeline: Pipeline, samples: Path, unmeasured: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = {"a": (samples / "obama.jpg").read_bytes(), "b": (samples / "obama3.jpg").read_bytes()}
    assert post(client, "verify", pair).json()["probability"] is None
    monkeypatch.setattr(pipeline.backbone, "card", replace(pipeline.backbone.card, evidence=EVIDENCE))
    found = post(client, "verify", pair).json()
    expected = float(probability(EVIDENCE.single.log_ratio(found["score"])))
    assert found["probability"] == pytest.approx(expected, abs=0.001)


def test_verify_asks_which_face_where_there_are_several(client: httpx.Client, samples: Path, pair: bytes) -> None:
    obama = (samples / "obama3.jpg").read_bytes()
    refused = post(client, "verify", {"a": pair, "b": obama})
    assert refused.status_code == 422
    assert refused.json()["error"]["code"] == "several-faces"
    picked = post(client, "verify", {"a": pair, "b": obama}, pick="1").json()
    assert picked["match"] is True  # the larger face of the pair is his
    assert post(client, "verify", {"a": pair, "b": obama}, pick="2").json()["error"]["code"] == "no-face"


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (b"", 400, "image-empty"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), 422, "image-damaged"),
        (b"II*\0" + bytes(100), 422, "image-truncated"),
        (b"#!/bin/sh\necho", 415, "image-format"),
        (encoded(np.zeros((4, 4, 3), np.uint8)), 422, "image-too-small"),
    ],
)
def test_what_is_no_usable_picture_is_named(client: httpx.Client, data: bytes, status: int, code: str) -> None:
    answer = post(client, "identify", {"image": data})
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


def test_half_a_jpeg_is_truncated(client: httpx.Client, samples: Path) -> None:
    data = (samples / "obama.jpg").read_bytes()
    answer = post(client, "detect", {"image": data[: len(data) // 2]})
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "image-truncated")


def test_too_many_pixels_are_told_from_the_header(start: Any) -> None:
    served: Served = start(max_pixels=10_000)
    with served.client() as client:
        bomb = encoded(np.zeros((101, 100, 3), np.uint8))[:60]  # the header alone, and no pixel of it
        answer = post(client, "detect", {"image": bomb})
        assert (answer.status_code, answer.json()["error"]["code"]) == (413, "image-too-large")
        assert post(client, "detect", {"image": encoded(np.zeros((100, 100, 3), np.uint8))}).status_code == 200
