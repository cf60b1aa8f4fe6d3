"""detect, enroll, identify, verify: what they print, store and exit with."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import onnx
import PIL.Image
import pytest

from facepipe import Pipeline
from facepipe.enroll.enrolment import TOGETHER
from facepipe.networks.cards import find_card
from facepipe.networks.weights import locate
from tests.cli.cli_shell import Run, command_line, environment, start

NUMBER = (int, float)
DETECTED = {"face", "box", "score", "landmarks"}
IDENTIFIED = DETECTED | {"name", "threshold", "candidates"}


@pytest.fixture
def group(here: Path) -> Path:
    """Two people in one picture: obama3 left, biden right."""
    left, right = PIL.Image.open("obama3.jpg"), PIL.Image.open("biden.jpg")
    wide = PIL.Image.new("RGB", (left.width + right.width, max(left.height, right.height)))
    wide.paste(left, (0, 0))
    wide.paste(right, (left.width, 0))
    wide.save(here / "group.png")
    return here / "group.png"


# detect ---------------------------------------------------------------------------------------------------------------


def test_detect_prints_each_image_and_its_faces(run: Run) -> None:
    done = run("detect", "obama.jpg", "biden.jpg")
    first, face, second, _ = done.out.splitlines()
    assert (done.code, first, second, done.err) == (0, "obama.jpg: 1 face", "biden.jpg: 1 face", "")
    assert re.fullmatch(r"  1  [01]\.\d{3}   \d+×\d+ px at \(\d+, \d+\)", face)


def test_detect_json_has_the_documented_shape(run: Run) -> None:
    done = run("detect", "--json", "obama.jpg", "missing.jpg")
    good, bad = done.json
    assert list(good) == list(bad) == ["source", "size", "faces", "error"]
    assert (good["source"], good["error"]) == ("obama.jpg", None)
    (face,) = good["faces"]
    assert set(face) == DETECTED
    assert len(face["box"]) == 4
    assert [len(point) for point in face["landmarks"]] == [2] * 5
    assert 0.9 <= face["score"] <= 1
    assert bad["faces"] == []
    assert bad["error"].startswith("missing.jpg: no such file")


def test_detect_finds_nothing_in_a_blank_picture_and_that_is_no_error(run: Run, here: Path) -> None:
    PIL.Image.new("RGB", (200, 200), "white").save(here / "blank.png")
    assert run("detect", "blank.png").out == "blank.png: 0 faces\n"
    assert run("detect", "blank.png").code == 0


def test_min_score_and_min_face_reach_the_detector(run: Run) -> None:
    assert run("detect", "--min-face", "300", "obama.jpg").out == "obama.jpg: 0 faces\n"
    assert "min-score 7" in run("detect", "--min-score", "7", "obama.jpg").complaint


# identify -------------------------------------------------------------------------------------------------------------


def test_identify_names_the_enrolled_and_leaves_a_stranger_unknown(enrolled: Run) -> None:
    done = enrolled("identify", "obama3.jpg", "stranger.jpg")
    assert done.code == 0
    where = r" +\d+×\d+ px at \(\d+, \d+\) +0\.\d{3}"
    assert re.search(rf"obama3.jpg: 1 face\n  1  Ada, 99\.9 %{where} ≥ 0\.\d{{3}}", done.out)
    assert re.search(rf"stranger.jpg: 1 face\n  1  unknown{where} < 0\.\d{{3}}", done.out)


def test_identify_json_has_the_documented_shape(enrolled: Run, group: Path) -> None:
    done = enrolled("identify", "--json", "--top", "2", group.name, "missing.jpg")
    good, bad = done.json
    assert list(good) == list(bad) == ["source", "size", "faces", "error"]
    assert sorted(face["name"] for face in good["faces"]) == ["Ada", "Ben"]
    assert [face["face"] for face in good["faces"]] == [1, 2]
    for face in good["faces"]:
        assert set(face) == IDENTIFIED
        assert isinstance(face["threshold"], float)
        assert [set(candidate) for candidate in face["candidates"]] == [
            {"person", "score", "rank", "reference", "probability"}
        ] * 2
        assert [candidate["rank"] for candidate in face["candidates"]] == [1, 2]
    assert bad["error"]
    assert done.code == 3


def test_the_name_of_a_stranger_is_null(enrolled: Run) -> None:
    (line,) = enrolled("identify", "--json", "stranger.jpg").json
    (face,) = line["faces"]
    assert face["name"] is None
    assert face["candidates"][0]["score"] < face["threshold"]


def test_top_lists_the_candidates_best_first(enrolled: Run) -> None:
    rows = enrolled("identify", "--top", "5", "obama3.jpg").out.splitlines()
    assert [row.split()[1] for row in rows[2:]] == ["Ada,", "Ben,"]
    assert "  1. Ada, 99.9 %  " in rows[2]
    assert "  2. Ben, under 0.1 %  " in rows[3]
    score, other = (float(row.split()[-1]) for row in rows[2:])
    assert score > other


def test_a_threshold_of_ones_own_overrides_the_cards(enrolled: Run) -> None:
    assert "  unknown" in enrolled("identify", "--threshold", "1", "obama3.jpg").out
    assert "  Ben" in enrolled("identify", "--threshold", "-1", "biden.jpg").out
    (line,) = enrolled("identify", "--threshold", "0", "--json", "stranger.jpg").json
    assert line["faces"][0]["threshold"] == 0  # 0.0 is a threshold, not a missing one
    assert line["faces"][0]["name"] is not None


def test_fmr_takes_another_of_the_cards_thresholds(enrolled: Run) -> None:
    taken = [
        enrolled("identify", "--json", *option, "obama3.jpg").json[0]["faces"][0]["threshold"]
        for option in (("--fmr", "1e-2"), (), ("--fmr", "1e-4"))
    ]
    assert taken == sorted(taken)
    assert len(set(taken)) == 3


def test_a_folder_is_searched(enrolled: Run, here: Path) -> None:
    (here / "album" / "deep").mkdir(parents=True)
    shutil.move("obama3.jpg", "album/deep/b.jpg")
    shutil.move("stranger.jpg", "album/a.jpg")
    assert [line["source"] for line in enrolled("identify", "--json", "album").json] == [
        "album/a.jpg",
        "album/deep/b.jpg",
    ]


def test_identify_without_a_gallery_says_how_to_begin(run: Run, home: Path) -> None:
    done = run("identify", "obama.jpg")
    assert done.code == 1
    assert f"{home}/gallery.db: no gallery there" in done.complaint
    assert "facepipe enroll" in done.complaint
    assert not home.exists()


def test_identify_with_nobody_enrolled_says_so(enrolled: Run) -> None:
    for name in ("Ada", "Ben"):
        enrolled("people", "remove", "--yes", name)
    done = enrolled("identify", "obama.jpg")
    assert done.code == 0
    assert "nobody is enrolled" in done.complaint
    assert "unknown" in done.out


def test_a_gallery_of_another_backbone_is_refused_with_a_hint(enrolled: Run, here: Path) -> None:
    (here / "other.dat").write_bytes(b"other weights")
    done = enrolled("identify", "--weights", "other.dat", "obama.jpg")
    assert done.code == 1
    assert "sface@" in done.complaint


def test_other_weights_than_those_that_were_measured_are_said(run: Run, here: Path) -> None:
    file = locate(find_card("sface"))[0]
    model = onnx.load_model(file)
    model.producer_version = "another file"
    onnx.save(model, "same.onnx")
    done = run("verify", "obama.jpg", "obama2.jpg", "--weights", "same.onnx")
    assert done.complaint == "same.onnx: not the weights that sface's thresholds and probabilities were measured with\n"
    done = run("verify", "obama.jpg", "obama2.jpg", "--weights", str(file))
    assert (done.code, done.err) == (0, "")


# Annotated pictures ---------------------------------------------------------------------------------------------------


def test_annotate_writes_a_picture_of_the_same_size_per_image(enrolled: Run, here: Path) -> None:
    (here / "album").mkdir()
    shutil.copy("stranger.jpg", "album/obama.jpg")
    assert enrolled("identify", "--annotate", "seen/new", "obama.jpg", "album/obama.jpg").code == 0
    assert sorted(path.name for path in here.glob("seen/new/*")) == ["obama-faces-2.jpg", "obama-faces.jpg"]
    done = enrolled("identify", "--json", "--annotate", "seen/new", "obama.jpg", "album/obama.jpg")
    assert [line["annotated"] for line in done.json] == [f"seen/new/obama-faces-{n}.jpg" for n in (3, 4)]
    assert enrolled("detect", "--annotate", "seen", "obama.jpg").out.endswith("  marked in seen/obama-faces.jpg\n")
    drawn = PIL.Image.open("seen/new/obama-faces.jpg")
    assert drawn.size == PIL.Image.open("obama.jpg").size
    assert drawn.tobytes() != PIL.Image.open("obama.jpg").tobytes()


def test_annotate_copes_with_the_longest_file_name(run: Run, here: Path) -> None:
    name = "é" * 120 + ".jpg"  # 244 of at most 255 bytes
    shutil.copy("obama.jpg", name)
    assert run("detect", "--annotate", "seen", name).code == 0
    assert len(list(here.glob("seen/*-faces.jpg"))) == 1


@pytest.mark.parametrize("folder", ["obama.jpg", "obama.jpg/sub", "/proc/nowhere"])
def test_a_folder_that_cannot_be_written_is_told_before_the_work(run: Run, folder: str) -> None:
    done = run("detect", "--annotate", folder, "obama.jpg")
    assert done.code in (1, 2)
    assert folder in done.complaint
    assert done.out == ""


# verify ---------------------------------------------------------------------------------------------------------------


def test_verify_says_match_and_no_match_and_exits_with_0(run: Run) -> None:
    same, other = run("verify", "obama.jpg", "obama3.jpg"), run("verify", "obama.jpg", "biden.jpg")
    assert re.fullmatch(r"match, 99\.9 % likely to be one person  \(0\.\d{3} ≥ 0\.\d{3}\)\n", same.out)
    assert re.fullmatch(r"no match, \d % likely to be one person  \(0\.\d{3} < 0\.\d{3}\)\n", other.out)
    assert same.code == other.code == 0


def test_verify_json_has_the_documented_shape(run: Run) -> None:
    (line,) = run("verify", "--json", "obama.jpg", "biden.jpg").json
    assert list(line) == ["a", "b", "score", "threshold", "match", "probability"]
    assert (line["a"]["source"], line["b"]["source"], line["match"]) == ("obama.jpg", "biden.jpg", False)
    assert set(line["a"]) == set(line["b"]) == {"source", "box", "score", "landmarks"}
    assert isinstance(line["score"], float)
    assert isinstance(line["threshold"], float)
    (line,) = run("verify", "--json", "--threshold", "-1", "obama.jpg", "biden.jpg").json
    assert (line["match"], line["threshold"]) == (True, -1)


def test_verify_needs_one_face_in_each(run: Run, here: Path, group: Path) -> None:
    PIL.Image.new("RGB", (200, 200)).save(here / "blank.png")
    for other, reason in (("blank.png", "no face"), (group.name, "2 faces"), (".", "directory")):
        done = run("verify", "--json", "obama.jpg", other)
        assert (done.code, done.out) == (1, "")
        assert reason in done.complaint


# enroll ---------------------------------------------------------------------------------------------------------------


def test_enroll_reports_each_image_and_where_it_is_stored(run: Run, home: Path) -> None:
    done = run("enroll", "Ada", "obama.jpg", "obama2.jpg")
    assert done.code == 0
    assert done.out == "Ada: obama.jpg: reference 1\nAda: obama2.jpg: reference 2\n"
    assert done.complaint == f"2 images enrolled; {home}/gallery.db holds 2 references\n"


def test_enrolling_again_adds_nothing_and_says_so(enrolled: Run) -> None:
    done = enrolled("enroll", "Ada", "obama.jpg")
    assert done.code == 0
    assert done.out == "Ada: obama.jpg: was enrolled before, as reference 1\n"
    assert "0 images enrolled, 1 enrolled before" in done.complaint


def test_an_image_of_two_names_and_names_that_differ_in_case_are_remarked_on(enrolled: Run) -> None:
    remark = "ada and Ada are two people; to make them one: facepipe people merge NAME INTO\n"
    refused = enrolled("enroll", "ada", "obama3.jpg")
    assert refused.code == 1
    assert "two people;" not in refused.complaint  # there is no ada
    assert remark in enrolled("enroll", "ada", "obama3.jpg", "--anyway").err
    assert enrolled("enroll", "Eve", "obama.jpg", "--anyway").err.splitlines()[0] == "obama.jpg: also enrolled as Ada"
    assert "two people" not in enrolled("enroll", "ada", "obama2.jpg", "--anyway").err


def test_enroll_json_names_the_person_of_a_failure_too(run: Run) -> None:
    done = run("enroll", "--json", "Ada", "obama.jpg", "obama.jpg", "missing.jpg")
    first, again, bad = done.json
    same: dict[str, Any] = {"source": "obama.jpg", "person": "Ada", "others": [], "error": None}
    assert first == same | {"reference": 1, "before": None}
    assert again == same | {"reference": None, "before": 1}
    assert (bad.pop("error")[:11], bad) == (
        "missing.jpg",
        {"source": "missing.jpg", "person": "Ada", "reference": None, "before": None, "others": []},
    )
    assert done.code == 3


def test_a_folder_with_3_bad_of_100(run: Run, here: Path, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """97 enrolled, 3 listed, exit code 3; a re-run adds nothing and looks at no face again."""
    names = ("obama.jpg", "obama2.jpg", "obama3.jpg", "biden.jpg")
    for name in names:
        (here / "people" / name[:-4]).mkdir(parents=True)
    for number in range(97):
        name = names[number % 4]
        picture = PIL.Image.open(name).point(lambda value, by=number: min(255, value + by // 4))
        picture.save(here / "people" / name[:-4] / f"{number:03}.png")
    bad = [here / "people" / "biden" / f"bad{number}.png" for number in range(3)]
    bad[0].write_bytes(b"")
    bad[1].write_text("no picture")
    PIL.Image.new("RGB", (160, 160)).save(bad[2])

    done = run("enroll", "--folders", "people", "--anyway")  # three of them are one man
    assert done.code == 3
    assert done.out.count(": reference ") == 97
    told = done.err.splitlines()
    remarks = [line for line in told if " looks like obama" in line]
    assert {line.split()[0] for line in remarks} == {"obama", "obama2", "obama3"}  # one man
    *listed, summary, total = [line for line in told if line not in remarks and not line.startswith("…")]
    assert [line.split(":")[1].strip() for line in listed] == [f"people/biden/{path.name}" for path in bad]
    assert "97 images enrolled; " in summary
    assert summary.endswith("holds 97 references")
    assert total == "facepipe: 3 of 100 inputs failed"

    looked_at, detect = set(), pipeline.detector.detect
    monkeypatch.setattr(pipeline.detector, "detect", lambda image: looked_at.add(image.source) or detect(image))
    again = run("enroll", "--folders", "people")
    assert again.code == 3
    assert again.out.count("was enrolled before") == 97
    assert "0 images enrolled, 97 enrolled before; " in again.err
    assert "holds 97 references" in again.err
    assert looked_at == {f"people/biden/{bad[2].name}"}  # the one in which no face was found
    assert sorted(line["references"] for line in run("people", "list", "--json").json) == [24, 24, 24, 25]


def test_several_people_are_not_enrolled_as_one(run: Run, here: Path) -> None:
    done = run("enroll", "Ada", "obama.jpg", "biden.jpg")
    assert done.code == 1
    assert done.err.splitlines() == [
        "facepipe: 2 images not enrolled: Ada: obama.jpg and biden.jpg do not show the same person (2 % likely); look"
        " which is wrong or, if they do, enrol both all the same: --anyway",
        "facepipe: 2 of 2 inputs failed",
    ]
    told = [line["error"] for line in run("enroll", "Ada", "obama.jpg", "biden.jpg", "--json").json]
    assert [error.partition(": not enrolled: Ada: obama.jpg and ")[0] for error in told] == ["obama.jpg", "biden.jpg"]
    assert run("people", "list", "--json").json == []
    for person, name in {"Ada": "obama.jpg", "knn": "obama2.jpg"}.items():
        (here / "people" / person).mkdir(parents=True)
        shutil.copy(name, here / "people" / person)
    shutil.copy("biden.jpg", here / "people" / "knn")
    done = run("enroll", "--folders", "people")
    assert done.code == 3
    assert done.err.splitlines()[0] == (
        "facepipe: 2 images not enrolled: knn: people/knn/obama2.jpg shows Ada, who is enrolled already (99.9 %"
        " likely); enrol it under that name or, if they are two people, all the same: --anyway"
    )
    assert [line["name"] for line in run("people", "list", "--json").json] == ["Ada"]
    assert run("enroll", "--folders", "people", "--anyway").code == 0


def test_who_looks_like_somebody_else_is_told(enrolled: Run) -> None:
    again = enrolled("enroll", "Someone", "obama3.jpg", "--anyway")
    assert again.code == 0
    assert "Someone looks like Ada (99.9 % likely); to sort it out: facepipe gallery doctor\n" in again.err
    assert "looks like" not in enrolled("enroll", "Eileen", "stranger.jpg").err


def test_several_faces_need_a_pick(run: Run, group: Path) -> None:
    for args in (["enroll", "Ada", group.name], ["verify", "obama.jpg", group.name]):
        assert "--pick N, 1 for the largest; facepipe detect PHOTO --annotate FOLDER marks" in run(*args).complaint
    assert run("enroll", "--pick", "1", "Ada", group.name).code == 0
    again = run("enroll", "--pick", "2", "Ada", group.name)
    assert "group.png: was enrolled before, as reference 1\n" in again.out
    assert "another face of it is enrolled; to take this one, remove that first: facepipe people remove-re" in again.err
    assert "another face" not in run("enroll", "--pick", "1", "Ada", group.name).err
    assert run("verify", "--pick", "2", group.name, group.name).out.startswith("match, 99.9 %")
    assert run("enroll", "--pick", "3", "Ada", group.name, "obama.jpg").code != 0
    done = run("verify", "--pick", "2", group.name, "obama.jpg")
    assert "obama.jpg: face 2 was picked, but it has 1; count from 1" in done.complaint
    for pick, said in (("1,1", "no match"), ("2,1", "match")):
        assert run("verify", "--pick", pick, group.name, "obama.jpg").out.startswith(said)


def test_photos_of_one_person_may_be_sorted_by_year(run: Run, here: Path) -> None:
    for year, name in {"2016": "obama.jpg", "summer 2017": "obama2.jpg"}.items():
        (here / "photos" / year).mkdir(parents=True)
        shutil.copy(name, here / "photos" / year)
    assert run("enroll", "Papa", "photos").code == 0


def test_it_is_enrolled_as_the_messages_spell_it_too(run: Run) -> None:
    assert run("enrol", "Ada", "obama.jpg").code == 0


def test_what_mends_it_is_said_as_it_is_typed(run: Run, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    PIL.Image.new("RGB", (200, 200)).save(here / "blank.png")
    (here / "film.mp4").write_bytes(b"\0\0\0\x18ftypmp42" + bytes(40))
    assert run("enroll", "Ada", "blank.png").complaint.endswith("frontal face, or a lower --min-face\n")
    film = "; a film is for facepipe watch FILE, or facepipe enroll NAME --webcam FILE\n"
    assert run("enroll", "Ada", "film.mp4").complaint.endswith(film)
    elsewhere = "; or say where it is: --gallery FILE, or export FACEPIPE_GALLERY=FILE\n"
    assert run("people", "list").complaint.endswith(elsewhere)
    monkeypatch.setenv("FACEPIPE_GALLERY", str(here / "people.db"))
    assert run("people", "list").complaint.endswith("enrol someone first: facepipe enroll NAME PHOTO\n")


@pytest.mark.parametrize("name", ["../../etc/passwd", "🧑‍🚀 Ada", "O'Brien; DROP TABLE person", "[red]Ada[/red]", "-"])
def test_a_strange_name_is_stored_as_it_is_and_is_never_a_path(run: Run, here: Path, name: str) -> None:
    before = sorted(here.parent.rglob("*"))
    assert run("enroll", name, "obama.jpg").code == 0
    assert run("people", "list", "--json").json[0]["name"] == name
    assert name in run("identify", "obama.jpg").out
    assert run("people", "show", name, "--chips", "chips").code == 0
    new = {path.name for path in set(here.parent.rglob("*")) - set(before)}
    assert {name for name in new if not name.startswith("gallery.db")} == {"facepipe-home", "chips", "reference-1.jpg"}


@pytest.mark.parametrize("name", ["", " ", "a" * 10_000, "a\u202eb", "a\nb", "a\x1b[31mb", "a\udcffb"])
def test_a_name_that_cannot_be_is_refused_in_one_line(run: Run, home: Path, name: str) -> None:
    done = run("enroll", name, "obama.jpg", "obama2.jpg")
    assert done.code == 1
    assert "name" in done.complaint
    assert len(done.complaint) < 200
    assert done.complaint.isascii()
    assert not home.exists()


def test_a_forgotten_name_is_noticed(run: Run, home: Path) -> None:
    done = run("enroll", "obama.jpg", "obama2.jpg")
    assert done.code == 2
    assert "obama.jpg: is a file, expected the person's name first" in done.complaint
    assert not home.exists()


@pytest.mark.parametrize(
    ("args", "reason"),
    [
        (["enroll"], "expected a name"),
        (["enroll", "Ada"], "at least one image"),
        (["enroll", "hollow"], "hollow: a folder, expected a name before it: facepipe enroll NAME hollow\n"),
        (["enroll", "family"], "; for one sub-folder per person: facepipe enroll --folders family\n"),
        (["enroll", "Papa", "family"], "family: holds folders of pictures (Ada, Ben); if each is a person: facepipe"),
        (["enroll", "Papa", "family"], "if all show Papa: facepipe enroll Papa family/*"),
        (["verify", "--pick", "1,2,3", "obama.jpg", "biden.jpg"], "--pick 1,2,3: expected a whole number from 1"),
        (["verify", "--pick", "0", "obama.jpg", "biden.jpg"], "--pick 0"),
        (["verify", "--pick", "first", "obama.jpg", "biden.jpg"], "--pick first"),
        (["enroll", "Ada", ""], "empty path"),
        (["enroll", "Ada", "obama.jpg", "--folders", "."], "not both"),
        (["enroll", "--folders", "obama.jpg"], "obama.jpg"),
        (["enroll", "--folders", "hollow"], "hollow: no people in this folder"),
        (["enroll", "--pick", "0", "Ada", "obama.jpg"], "--pick"),
        (["detect", ""], "empty path"),
        (["detect", "hollow"], "hollow: no images in this folder"),
        (["detect", "--threshold", "1", "obama.jpg"], "--threshold"),
        (["verify", "obama.jpg"], "B"),
        (["verify", "--threshold", "abc", "obama.jpg", "biden.jpg"], "--threshold"),
        (["verify", "--threshold", "2", "obama.jpg", "biden.jpg"], "-1 to 1"),
        (["verify", "--threshold", "nan", "obama.jpg", "biden.jpg"], "-1 to 1"),
        (["verify", "--fmr", "1e-9", "obama.jpg", "biden.jpg"], "1e-2, 1e-3, 1e-4"),
        (["verify", "--min-face", "0", "obama.jpg", "biden.jpg"], "min-face"),
        (["enroll", "Barack", "Obama", "obama.jpg"], 'enroll "Barack Obama" PATH'),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(run: Run, here: Path, args: list[str], reason: str) -> None:
    (here / "hollow").mkdir()
    for person, name in {"Ada": "obama.jpg", "Ben": "biden.jpg"}.items():
        (here / "family" / person).mkdir(parents=True)
        shutil.copy(name, here / "family" / person)
    done = run(*args)
    assert (done.code, done.out) == (2, "")
    assert reason in done.complaint


@pytest.mark.parametrize(
    ("option", "value", "reason"),
    [
        ("--backbone", "dlib_resne", "did you mean dlib_resnet?"),
        ("--backbone", "yunet", "a detector, not a backbone; did you mean dlib_resnet or"),
        ("--backbone", "../x", "no such backbone"),
        ("--detector", "yune", "yune: no such detector; did you mean yunet?"),
        ("--detector", "sface", "sface: a backbone, not a detector; did you mean mtcnn or yunet?"),
        ("--detector", "", "'': no such detector"),
        ("--device", "cuda:99", "device cuda:99: not available here; there is cpu"),
        ("--device", "gpu", "device gpu: not available"),
        ("--weights", "nowhere.dat", "nowhere.dat: no such file"),
        ("--weights", "obama.jpg", "obama.jpg"),
        ("--gallery", "/proc/nowhere/x.db", "/proc/nowhere/x.db: its folder cannot be made"),
        ("--gallery", ".", "is a folder"),
        ("--gallery", "obama.jpg", "not a facepipe gallery"),
    ],
)
def test_what_cannot_be_opened_is_one_line_and_exit_code_1(run: Run, option: str, value: str, reason: str) -> None:
    before = Path("obama.jpg").read_bytes()
    done = run("enroll", option, value, "Ada", "biden.jpg")
    assert (done.code, done.out) == (1, "")
    assert reason in done.complaint
    assert Path("obama.jpg").read_bytes() == before


# Bad input ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def bad(here: Path) -> dict[str, str]:
    """Names of files that cannot be used, each with a word of the reason."""
    data = Path("obama.jpg").read_bytes()
    Path("empty.jpg").write_bytes(b"")
    Path("text.jpg").write_text("hello")
    Path("half.jpg").write_bytes(data[: len(data) // 2])
    PIL.Image.new("1", (20000, 20000)).save("bomb.png")
    PIL.Image.new("RGB", (1, 1)).save("dot.png")
    PIL.Image.new("RGB", (20000, 10)).save("strip.png")
    PIL.Image.new("RGB", (20, 20)).save("eps.jpg", format="EPS")
    return {
        "empty.jpg": "0 bytes",
        "text.jpg": "got text",
        "half.jpg": "truncated",
        "bomb.png": "20000x20000",
        "dot.png": "1x1",
        "strip.png": "20000x10",
        "eps.jpg": "EPS",
        "missing.jpg": "no such file",
        "a" * 5000: "too long",
        "nul\0.jpg": "no such file",
        "https://example.org/a.jpg": "not fetched",
    }


def test_each_bad_input_is_one_line_with_its_path_and_reason(enrolled: Run, bad: dict[str, str]) -> None:
    done = enrolled("identify", *bad, "obama3.jpg")
    assert done.code == 3
    assert "Ada" in done.out
    decides, *lines, total = done.err.splitlines()
    assert decides.startswith("threshold 0.3356: ")
    assert total == f"facepipe: {len(bad)} of {len(bad) + 1} inputs failed"
    for line, (path, reason) in zip(lines, bad.items(), strict=True):
        assert line.startswith("facepipe: ")
        assert path.replace("\0", r"\x00")[:100] in line
        assert reason in line


def test_each_bad_input_has_its_line_of_json(enrolled: Run, bad: dict[str, str]) -> None:
    done = enrolled("identify", "--json", *bad)
    assert done.code == 1
    for line, reason in zip(done.json, bad.values(), strict=True):
        assert line["faces"] == []
        assert reason in line["error"]


def test_file_names_cannot_repaint_the_terminal_or_break_lines(run: Run) -> None:
    name = "a\nb\x1b[2J\u202egpj.jpg"
    shutil.copy("obama.jpg", name)
    good, bad = run("detect", name), run("detect", "missing" + name)
    assert good.out.splitlines()[0] == r"a\nb\x1b[2J\u202egpj.jpg: 1 face"
    assert bad.code == 1
    assert "\x1b" not in bad.complaint
    assert run("detect", "--json", name).json[0]["source"] == name


def test_file_names_that_are_not_utf8(here: Path, run: Run) -> None:
    name = b"caf\xe9.jpg".decode("utf-8", "surrogateescape")
    shutil.copy("obama.jpg", name)
    assert run("detect", name).out.startswith(r"caf\udce9.jpg: 1 face")
    assert run("detect", "--json", name).json[0]["source"] == name
    done = start("detect", "--json", name, "missing" + name, PYTHONIOENCODING="ascii:strict")  # the least of terminals
    assert [line["source"] for line in done.json] == [name, "missing" + name]
    assert done.code == 3


# Interruptions --------------------------------------------------------------------------------------------------------


def test_ctrl_c_keeps_what_was_reported(here: Path, run: Run) -> None:
    (here / "many").mkdir()
    for number in range(60):
        PIL.Image.open("obama.jpg").crop((0, 0, 300 - number, 300)).save(here / "many" / f"{number:02}.png")
    with subprocess.Popen(
        command_line("enroll", "Ada", "many"),
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        first = [process.stdout.readline() for _ in range(3)]
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    reported = len(first) + len(out.splitlines())
    assert (process.returncode, err) == (
        130,
        "facepipe: interrupted; what was reported until here is done and stored\n",
    )
    stored = run("people", "list", "--json").json[0]["references"]
    assert reported <= stored <= reported + TOGETHER  # some may be stored and not yet reported
    assert stored < 60
    assert run("gallery", "check").code == 0


@pytest.mark.slow
def test_a_reader_that_leaves_ends_the_run_quietly(here: Path) -> None:
    with subprocess.Popen(
        command_line("detect", *["obama.jpg"] * 200),
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "obama.jpg: 1 face\n"
        process.stdout.close()
        assert process.wait(timeout=60) == 1
        assert process.stderr is not None
        assert process.stderr.read() == ""
