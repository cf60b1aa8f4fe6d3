"""Live over a real WebSocket, with frames made of real faces."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from socket import SHUT_RDWR
from typing import Any

import numpy as np
import PIL.Image
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from facepipe.gallery import Gallery
from facepipe.pipeline import Pipeline
from facepipe.serve.keys import Keyring
from facepipe.serve.live import BURST
from facepipe.serve.settings import Settings
from tests.serve.calibrating import calibrate
from tests.serve.serving import Served

FAST: dict[str, Any] = {"max_fps": 1000.0}  # tests send as quickly as they are answered


def jpeg(picture: PIL.Image.Image, quality: int = 90) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=quality)
    return stream.getvalue()


def camera(photo: Path, moved: float = 0) -> bytes:
    """A frame of 640×480 that shows the face of ``photo``, ``moved`` px to the right."""
    picture = PIL.Image.open(photo).convert("RGB")
    width = picture.width
    frame = picture.transform((640, 480), PIL.Image.Transform.AFFINE, (width / 640, 0, -moved, 0, width / 640, 0))
    return jpeg(frame)


class Talk:
    """A client that asks and waits for the answer."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.hello = self.hear()

    def hear(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self.socket.recv(timeout=30))
        return told

    def show(self, frame: bytes) -> dict[str, Any]:
        self.socket.send(frame)
        return self.hear()

    def say(self, **message: Any) -> dict[str, Any]:
        self.socket.send(json.dumps(message))
        return self.hear()


def talking(served: Served, key: str | None = None) -> ClientConnection:
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    url = served.url.replace("http", "ws") + "/api/v1/live"
    return connect(url, additional_headers=headers, proxy=None, max_size=None)


@pytest.fixture
def talk(start: Any) -> Iterator[Talk]:
    with talking(start(**FAST)) as socket:
        yield Talk(socket)


def closed(socket: ClientConnection) -> tuple[int, list[dict[str, Any]]]:
    """With which code the server closes, and what it said before."""
    told = []
    while True:
        try:
            told.append(json.loads(socket.recv(timeout=30)))
        except ConnectionClosed as ended:
            return (0 if ended.rcvd is None else ended.rcvd.code), told


def test_hello_tells_the_limits(start: Any, pipeline: Pipeline) -> None:
    with talking(start()) as socket:
        hello = Talk(socket).hello
    limits = {"max_bytes": Settings.max_frame, "max_fps": Settings.max_fps, "max_side": Settings.max_side}
    threshold = pytest.approx(pipeline.threshold(), abs=1e-4)
    assert hello == {"type": "hello", "mode": "recognise", "threshold": threshold, **limits}


def test_a_face_is_tracked_and_named(talk: Talk, pipeline: Pipeline, gallery: Gallery, samples: Path) -> None:
    pipeline.enroll("Barack", [samples / "obama2.jpg"], gallery)
    answers = []
    for number in range(60):
        answers.append(talk.show(camera(samples / "obama.jpg", moved=number % 5)))
        assert answers[-1]["type"] == "frame"
        if answers[-1]["faces"] and answers[-1]["faces"][0]["decided"]:
            break
    assert [answer["frame"] for answer in answers] == list(range(1, len(answers) + 1))
    assert all(answer["size"] == [640, 480] and answer["dropped"] == 0 and answer["ms"] > 0 for answer in answers)
    (face,) = answers[-1]["faces"]
    assert face["name"] == "Barack"
    assert face["match"] >= face["threshold"] == talk.hello["threshold"]
    assert face["candidates"][0]["person"] == "Barack"
    assert len({face["track"] for answer in answers for face in answer["faces"]}) == 1
    x0, y0, x1, y1 = face["box"]
    (expected,) = pipeline.detect(camera(samples / "obama.jpg", moved=(len(answers) - 1) % 5))
    assert np.abs(np.array([x0, y0, x1, y1]) - expected.box).max() < 0.25 * expected.size


@pytest.mark.usefixtures("unmeasured")
def test_a_calibration_made_meanwhile_counts(talk: Talk, pipeline: Pipeline, gallery: Gallery, samples: Path) -> None:
    pipeline.enroll("Barack", [samples / "obama2.jpg"], gallery)

    def show_until(done: Any) -> dict[str, Any]:
        for number in range(2000):  # the gallery is asked anew twice a second
            faces = talk.show(camera(samples / "obama.jpg", moved=number % 5))["faces"]
            if faces and faces[0]["decided"] and done(faces[0]):
                return faces[0]
        return pytest.fail("it does not count")

    before = show_until(lambda face: face["candidates"])
    assert before["threshold"] == talk.hello["threshold"]
    assert before["candidates"][0]["probability"] is None
    calibrate(gallery, pipeline, fmr={"1e-3": 0.9999})
    after = show_until(lambda face: face["threshold"] != before["threshold"])
    assert (after["track"], after["name"], after["threshold"]) == (before["track"], None, 0.9999)
    assert after["candidates"][0]["probability"] > 0.9  # however strict the threshold
    assert talk.say(type="mode", mode="recognise")["threshold"] == 0.9999


def test_a_stranger_is_nobody(talk: Talk, pipeline: Pipeline, gallery: Gallery, samples: Path) -> None:
    pipeline.enroll("Barack", [samples / "obama2.jpg"], gallery)
    for number in range(60):
        faces = talk.show(camera(samples / "astronaut.png", moved=number % 5))["faces"]
        if faces and faces[0]["decided"]:
            break
    assert faces[0]["decided"] is True
    assert faces[0]["name"] is None
    assert faces[0]["match"] < faces[0]["threshold"]


def test_an_empty_picture_has_no_faces(talk: Talk) -> None:
    assert talk.show(jpeg(PIL.Image.new("RGB", (320, 240), "grey")))["faces"] == []


def test_the_newest_frame_wins(talk: Talk, samples: Path) -> None:
    frame = camera(samples / "obama.jpg")
    for _ in range(12):
        talk.socket.send(frame)
    answers = [talk.hear()]
    while answers[-1]["frame"] < 12:
        answers.append(talk.hear())
    assert answers[-1]["frame"] == 12  # the newest is always answered
    assert answers[-1]["dropped"] == 12 - len(answers)
    assert len(answers) < 12


def test_a_person_is_enrolled_and_recognised_then(talk: Talk, gallery: Gallery, samples: Path) -> None:
    photo = samples / "obama.jpg"
    assert talk.say(type="mode", mode="enroll", shots=1)["mode"] == "enroll"
    early = talk.say(type="enroll", name="Barack")
    assert (early["type"], early["error"]["code"]) == ("error", "usage")
    for number in range(60):
        answer = talk.show(camera(photo, moved=number % 2))
        guidance = answer["guidance"]
        assert (guidance["wanted"], len(answer["faces"])) == (1, 1)
        if guidance["done"]:
            break
    assert (guidance["taken"], guidance["took"], guidance["hint"], guidance["problems"]) == (1, True, "done", [])
    told = talk.say(type="enroll", name="Barack", consent="At the door")
    assert told["type"] == "enrolled"
    assert told["person"] == {"id": 1, "name": "Barack", "references": 1}
    assert [one["id"] for one in told["references"]] == [1]
    stored = gallery.reference(1)
    assert stored.source == "camera"
    assert stored.consent is not None
    assert stored.consent.wording == "At the door"

    assert talk.say(type="mode", mode="enroll", shots=1)["type"] == "hello"
    while not talk.show(camera(photo, moved=1))["guidance"]["done"]:
        pass
    known = talk.say(type="enroll", name="Bary")
    assert (known["error"]["code"], known["error"]["person"]) == ("enrolled-already", "Barack")

    assert talk.say(type="mode", mode="recognise")["mode"] == "recognise"
    for number in range(60):
        faces = talk.show(camera(photo, moved=number % 5))["faces"]
        if faces and faces[0]["name"] == "Barack":
            break
    assert faces[0]["name"] == "Barack"


def test_messages_as_they_were_spelt_before_are_understood(talk: Talk) -> None:
    assert talk.say(type="mode", mode="enrol", shots=2)["mode"] == "enroll"
    told = talk.say(type="enrol", name="Barack")
    assert told["error"]["message"].startswith("0 of 2 shots were taken")


def test_guidance_says_what_is_wrong(talk: Talk, samples: Path) -> None:
    talk.say(type="mode", mode="enroll")
    nobody = talk.show(jpeg(PIL.Image.new("RGB", (320, 240), "grey")))
    assert nobody["faces"] == []
    assert nobody["guidance"]["problems"] == ["no-face"]
    assert nobody["guidance"]["message"].startswith("no face")
    assert nobody["guidance"]["wanted"] == 5
    small = PIL.Image.open(samples / "obama.jpg").convert("RGB").resize((160, 200))
    assert talk.show(jpeg(small))["guidance"]["problems"][0] == "too-far"


def test_who_cannot_turn_says_take_it_and_enough(talk: Talk, samples: Path) -> None:
    photo = camera(samples / "obama.jpg")
    talk.say(type="mode", mode="enroll")
    guidance = talk.show(photo)["guidance"]
    assert (guidance["stuck"], guidance["taken"]) == (False, 0)
    x0, y0, x1, y1 = guidance["oval"]
    assert 0 < x0 < x1 < 640
    assert 0 < y0 < y1 < 480
    assert talk.say(type="enough")["error"]["code"] == "usage"
    for taken in (1, 2):
        talk.socket.send('{"type": "take"}')
        assert talk.show(photo)["guidance"]["taken"] == taken
    talk.socket.send('{"type": "enough"}')
    guidance = talk.show(photo)["guidance"]
    assert (guidance["done"], guidance["wanted"]) == (True, 2)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not json",
        "[]",
        '{"type": "party"}',
        '{"type": "mode", "mode": "sleep"}',
        '{"type": "mode", "mode": "enroll", "shots": 99}',
        '{"type": "enroll", "name": "Ada"}',  # not in that mode
        '{"type": "take"}',
        '{"type": "mode", "mode": "recognise", "colour": "red"}',
        "[" * 10_000,
    ],
)
def test_a_message_that_means_nothing_is_told_and_survived(talk: Talk, text: str) -> None:
    talk.socket.send(text)
    told = talk.hear()
    assert (told["type"], told["error"]["code"]) == ("error", "usage")
    assert talk.say(type="mode", mode="recognise")["type"] == "hello"


def test_a_frame_that_is_no_picture_is_told_and_survived(talk: Talk, samples: Path) -> None:
    frame = camera(samples / "obama.jpg")
    for data, code in (
        (b"", "image-empty"),
        (b"#!/bin/sh", "image-format"),
        (frame[: len(frame) // 2], "image-truncated"),
        (jpeg(PIL.Image.new("RGB", (1281, 20))), "image-too-large"),
        (jpeg(PIL.Image.new("RGB", (1280, 1281)), 5), "image-too-large"),
    ):
        told = talk.show(data)
        assert (told["type"], told["error"]["code"]) == ("error", code)
    last = talk.show(frame)
    assert (last["frame"], len(last["faces"])) == (6, 1)


def test_silence_ends_it(start: Any) -> None:
    with talking(start(silence=0.05)) as socket:
        code, told = closed(socket)
    assert code == 4408
    assert [message["type"] for message in told] == ["hello"]


def test_too_fast_ends_it(start: Any) -> None:
    fps = 10.0
    with talking(start(max_fps=fps)) as socket:
        for _ in range(round(BURST * fps)):  # so many at once are let in
            socket.send(json.dumps({"type": "mode", "mode": "recognise"}))
            assert json.loads(socket.recv(timeout=30))["type"] == "hello"
        with suppress(ConnectionClosed):  # the server may close at any time from here on
            for _ in range(1000):
                socket.send(b"")
        assert closed(socket)[0] == 4429


def test_too_large_a_frame_ends_it(start: Any) -> None:
    with talking(start(max_frame=10_000)) as socket:
        socket.send(bytes(10_001))
        assert closed(socket)[0] == 1009


def test_only_so_many_at_once(start: Any) -> None:
    served: Served = start(max_live=1)
    with talking(served) as first:
        Talk(first)
        with talking(served) as second:
            code, told = closed(second)
        assert code == 1013
        assert [message["error"]["code"] for message in told] == ["server-busy"]
    for _ in range(200):  # the first has left; the server takes note of it in its own time
        with talking(served) as third:
            if json.loads(third.recv(timeout=30))["type"] == "hello":
                break
    else:
        pytest.fail("the place was not given back")


def test_a_backbone_without_a_threshold_cannot_recognise_live(
    start: Any, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = replace(pipeline.backbone.card, thresholds={})
    monkeypatch.setattr(pipeline.backbone, "card", card)
    with talking(start()) as socket:
        code, told = closed(socket)
    assert (code, told[-1]["error"]["code"]) == (1011, "usage")


def test_who_may_only_read_may_not_enroll(start: Any, tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    reader = Keyring(keys).add("reader", "read")
    served: Served = start(keys=keys, require_key=True)
    with talking(served, reader) as socket:
        talk = Talk(socket)
        told = talk.say(type="mode", mode="enroll")
        assert (told["type"], told["error"]["code"]) == ("error", "scope-missing")
        assert talk.say(type="enroll", name="Ada")["error"]["code"] == "scope-missing"
        assert talk.say(type="mode", mode="recognise")["type"] == "hello"
    with talking(served) as socket:
        code, told_last = closed(socket)
    assert (code, told_last[-1]["error"]["code"]) == (1008, "key-missing")


def test_a_client_that_vanishes_leaves_nothing(start: Any, samples: Path) -> None:
    served: Served = start(**FAST)
    for _ in range(3):
        with talking(served) as socket:
            Talk(socket)
            socket.send(camera(samples / "obama.jpg"))
            socket.socket.shutdown(SHUT_RDWR)  # no goodbye
    with talking(served) as socket:
        assert Talk(socket).show(camera(samples / "obama.jpg"))["type"] == "frame"
