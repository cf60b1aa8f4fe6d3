"""enroll over HTTP: all or none, with the reason for each picture."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import httpx
import PIL.Image
import PIL.ImageFilter
import pytest

from facepipe.gallery import Gallery


@pytest.fixture
def client(start: Any) -> Any:
    with start().client() as client:
        yield client


def png(picture: PIL.Image.Image) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    return stream.getvalue()


def test_each_picture_may_have_a_point_of_its_own(
    client: httpx.Client, gallery: Gallery, samples: Path, pair: bytes
) -> None:
    alone = (samples / "obama.jpg").read_bytes()
    x0, y0, x1, y1 = client.post("/api/v1/detect", files={"image": alone}).json()["faces"][0]["box"]
    answer = enroll(
        client, "Barack", [pair, alone], gate="false", at=f"215,110;{(x0 + x1) / 2:.1f},{(y0 + y1) / 2:.1f}"
    )
    assert answer.json()["person"]["references"] == 2
    missed = enroll(client, "Joe", [pair, alone], gate="false", at="645,120;3,3")
    assert missed.json()["error"]["details"][0]["image"] == 1
    wrong = enroll(client, "Joe", [pair, alone, alone], at="1,1;2,2")
    assert wrong.json()["error"]["code"] == "usage"
    assert "one point for all images, or one for each" in wrong.json()["error"]["message"]


@pytest.fixture
def blurred(samples: Path) -> bytes:
    return png(PIL.Image.open(samples / "obama.jpg").filter(PIL.ImageFilter.GaussianBlur(8)))


@pytest.fixture
def pair(samples: Path) -> bytes:
    """Obama on the left, Biden, smaller, on the right, his nose at (645, 120); 800×500 px."""
    left, right = (PIL.Image.open(samples / name) for name in ("obama.jpg", "biden.jpg"))
    both = PIL.Image.new("RGB", (800, 500), "grey")
    both.paste(left.resize((400, 500)))
    both.paste(right.resize((320, 400)), (449, 24))
    return png(both)


def enroll(client: httpx.Client, name: str, images: list[Any], **fields: str) -> httpx.Response:
    files = [("images", image) for image in images]
    return client.post("/api/v1/enroll", data={"name": name, **fields}, files=files)


@pytest.mark.parametrize("given", ["0", "on", "True", ""])
def test_a_form_says_true_or_false_as_json_does(client: httpx.Client, samples: Path, given: str) -> None:
    image = (samples / "obama.jpg").read_bytes()
    answer = client.post("/api/v1/enroll", files={"images": image}, data={"name": "Ada", "anyway": given})
    assert (answer.status_code, answer.json()["error"]["message"]) == (422, "anyway: expected true or false")


def test_pictures_are_enrolled_in_their_order(client: httpx.Client, gallery: Gallery, samples: Path) -> None:
    images = [(name, (samples / name).read_bytes()) for name in ("obama.jpg", "obama2.jpg", "obama3.jpg")]
    answer = enroll(client, " Barack ", images, consent="At the door")
    assert answer.status_code == 200
    assert answer.json()["person"] == {"id": 1, "name": "Barack", "references": 3}
    rows = [(row["id"], row["before"], row["source"], row["problems"]) for row in answer.json()["references"]]
    assert rows == [(1, None, "obama.jpg", []), (2, None, "obama2.jpg", []), (3, None, "obama3.jpg", [])]
    stored = gallery.references("Barack")
    assert [reference.source for reference in stored] == ["obama.jpg", "obama2.jpg", "obama3.jpg"]
    assert {reference.consent and reference.consent.wording for reference in stored} == {"At the door"}
    assert gallery.thumbnail(1) is not None


def test_a_picture_that_was_enrolled_before_adds_nothing(
    client: httpx.Client, gallery: Gallery, samples: Path, blurred: bytes
) -> None:
    obama = (samples / "obama.jpg").read_bytes()
    assert enroll(client, "Barack", [blurred], gate="false").status_code == 200
    again = enroll(client, "Barack", [blurred, obama, obama]).json()  # the gate does not judge it a second time
    assert [(row["id"], row["before"]) for row in again["references"]] == [(None, 1), (2, None), (None, 2)]
    assert again["person"]["references"] == len(gallery) == 2


def test_one_bad_picture_and_none_is_enrolled(
    client: httpx.Client, gallery: Gallery, samples: Path, blurred: bytes
) -> None:
    good = (samples / "obama.jpg").read_bytes()
    images = [
        good,
        ("half.jpg", good[:9999]),
        ("blurred.png", blurred),
        ("none.png", png(PIL.Image.new("L", (99, 99)))),
    ]
    answer = enroll(client, "Barack", images)
    assert answer.status_code == 422
    error = answer.json()["error"]
    assert error["code"] == "image-truncated"  # of the first that is wrong
    told = [(row["image"], row["source"], row["code"]) for row in error["details"]]
    assert told == [
        (1, "half.jpg", "image-truncated"),
        (2, "blurred.png", "poor-shot"),
        (3, "none.png", "no-face"),
    ]
    assert [problem["code"] for problem in error["details"][1]["problems"]] == ["blurred"]
    assert len(gallery) == 0


def test_partial_keeps_the_good_ones(client: httpx.Client, gallery: Gallery, samples: Path, blurred: bytes) -> None:
    good = (samples / "obama.jpg").read_bytes()
    answer = enroll(client, "Barack", [blurred, good], partial="true")
    assert answer.status_code == 200
    bad, fine = answer.json()["references"]
    assert bad["id"] is None
    assert bad["before"] is None
    assert [problem["code"] for problem in bad["problems"]] == ["blurred"]
    assert bad["problems"][0]["message"].startswith("blurred:")
    assert (fine["id"], len(gallery)) == (1, 1)
    assert enroll(client, "Ada", [blurred], partial="true").json()["error"]["code"] == "poor-shot"  # none was good


def test_a_poor_shot_names_its_problems(client: httpx.Client, blurred: bytes) -> None:
    error = enroll(client, "Barack", [blurred]).json()["error"]
    assert (error["code"], error["problems"]) == ("poor-shot", ["blurred"])


def test_which_face_is_picked_by_size_or_place(
    client: httpx.Client, gallery: Gallery, samples: Path, pair: bytes
) -> None:
    several = enroll(client, "Joe", [pair], gate="false")
    assert (several.status_code, several.json()["error"]["code"]) == (422, "several-faces")
    assert enroll(client, "Joe", [pair], gate="false", at="645,120").status_code == 200
    image = {"image": (samples / "biden.jpg").read_bytes()}
    assert [f["name"] for f in client.post("/api/v1/identify", files=image).json()["faces"]] == ["Joe"]
    assert enroll(client, "X", [pair], gate="false", at="5,5").json()["error"]["code"] == "no-face"
    assert enroll(client, "X", [pair], gate="false", at="5,5", pick="1").json()["error"]["code"] == "usage"
    assert enroll(client, "X", [pair], at="north").json()["error"]["code"] == "usage"
    assert enroll(client, "Barack", [pair], gate="false", pick="1").status_code == 200
    assert [person.name for person in gallery.people()] == ["Joe", "Barack"]


def test_who_is_enrolled_under_another_name_is_refused_unless_meant(
    client: httpx.Client, gallery: Gallery, samples: Path
) -> None:
    assert enroll(client, "Barack", [(samples / "obama.jpg").read_bytes()]).status_code == 200
    again = (samples / "obama3.jpg").read_bytes()
    refused = enroll(client, "Bary", [again])
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "enrolled-already")
    assert refused.json()["error"]["person"] == "Barack"
    assert [(row["image"], row["code"]) for row in refused.json()["error"]["details"]] == [(0, "enrolled-already")]
    assert enroll(client, "Bary", [again], anyway="true").status_code == 200
    assert [person.name for person in gallery.people()] == ["Barack", "Bary"]


def test_several_people_are_refused_as_a_whole_unless_meant(
    client: httpx.Client, gallery: Gallery, samples: Path, blurred: bytes
) -> None:
    names = ("obama.jpg", "biden.jpg", "obama2.jpg")
    images: list[Any] = [("blurred.png", blurred), *((name, (samples / name).read_bytes()) for name in names)]
    refused = enroll(client, "Barack", images, partial="true")
    error = refused.json()["error"]
    assert (refused.status_code, error["code"], len(gallery)) == (422, "several-people", 0)
    (about,) = error["details"]
    assert (about["image"], about["source"], about["code"]) == (2, "biden.jpg", "several-people")
    assert about["problems"] == [{"code": "several-people", "message": error["message"]}]
    assert enroll(client, "Barack", images[1:2]).status_code == 200
    later = enroll(client, "Barack", images[2:3])
    assert (later.status_code, later.json()["error"]["code"]) == (422, "several-people")
    assert enroll(client, "Barack", images[2:3], anyway="true").status_code == 200


@pytest.mark.parametrize("name", ["", "   ", "a\nb", "x" * 201, "a\u202eb"])
def test_a_name_that_cannot_be(client: httpx.Client, gallery: Gallery, samples: Path, name: str) -> None:
    answer = enroll(client, name, [(samples / "obama.jpg").read_bytes()])
    assert answer.status_code == 422
    assert answer.json()["error"]["code"] in ("usage", "name-invalid")
    assert len(gallery) == 0


def test_a_consent_of_nothing_is_refused(client: httpx.Client, samples: Path) -> None:
    for wording in ("", "  ", "x" * 10_001):
        answer = enroll(client, "Ada", [(samples / "obama.jpg").read_bytes()], consent=wording)
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "usage")
