"""calibrate, on real faces where they are at hand."""

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from tests.cli.cli_shell import Run


@pytest.fixture
def folder(lfw: Path, tmp_path: Path) -> Path:
    """Fifty people, up to two photos of each, one sub-folder per person."""
    made, taken = tmp_path / "labelled", Counter[str]()
    for photo in sorted((lfw / "images").glob("*.jpg")):
        name = photo.stem.rpartition("_")[0]
        if (len(taken) < 50 or name in taken) and taken[name] < 2:
            taken[name] += 1
            (made / name).mkdir(parents=True, exist_ok=True)
            (made / name / photo.name).symlink_to(photo)
    return made


def test_calibrate_identify_forget(enrolled: Run, folder: Path) -> None:
    before = enrolled("identify", "obama3.jpg", "--json").json[0]["faces"][0]
    done = enrolled("calibrate", folder, "--cohort", "none", "--no-cache", "--json")
    assert done.code == 0
    (found,) = done.json
    made = found["calibration"]
    assert (made["corrected"], list(made["fmr"]), made["people"]) == (False, ["1e-2"], 2)
    assert 0.2 < made["fmr"]["1e-2"] < 0.33
    after, looser = (
        enrolled("identify", "obama3.jpg", "--json", *more).json[0]["faces"][0] for more in ((), ("--fmr", "1e-2"))
    )
    assert before["name"] == after["name"] == "Ada"
    assert after["candidates"][0]["probability"] > 0.99
    assert looser["threshold"] == pytest.approx(made["fmr"]["1e-2"], abs=1e-4)
    assert after["threshold"] >= before["threshold"]  # 1e-3 is still the card's: there were too few pairs
    forgotten = enrolled("calibrate", "--remove")
    assert forgotten.err.endswith("not calibrated any more; the network's own thresholds decide\n")
    assert enrolled("identify", "obama3.jpg", "--json").json[0]["faces"][0] == before


def test_it_prints_what_it_found(enrolled: Run, folder: Path) -> None:
    done = enrolled("calibrate", folder)
    assert done.code == 0
    assert "embeddings, which are biometric data, are kept in" in done.err
    assert re.search(r"Of the (49|50) people in the folder 0 are enrolled, by name; \d+ photos of the others", done.out)
    assert "calibration" in enrolled("gallery", "info").out
    assert "its calibration is not in it" in enrolled("gallery", "export", "people.zip").err
    why = r"not corrected for faces that resemble many: none \(gallery 2, labelled (49|50) people, and it takes 200\)\."
    assert re.search(why, done.out)  # one of the fifty may have no face found
    said = r"All photos against all: \d+ pairs of one person, \d,\d{3} of two people\.\nFMR 1e-2\t1 in 100 strangers, "
    assert re.search(said, done.out)
    decides = (
        r"\nFrom now on, unless you ask for another: threshold \S+: 1 in 1,000 strangers would pass for one given "
    )
    assert re.search(decides + r"person; \S+ % would get a name among 2 people", done.out)
    assert re.search(r"\nProbabilities, on \d+ pairs drawn of all, of people they were not fitted to: ", done.out)
    assert "Brier score" in done.out
    again = enrolled("calibrate", folder, "--json").json[0]
    assert json.loads(json.dumps(again))["images"] == sum(1 for _ in folder.glob("*/*"))


def test_the_share_of_strangers_who_are_taken_for_somebody(enrolled: Run) -> None:
    done = enrolled("identify", "obama3.jpg", "--fpir", "1e-1")
    assert done.code == 0
    said = r"threshold 0\.\d{4}: 1 in 10 strangers would get a name among 2 people, going by photos of other people \("
    assert re.match(said, done.err)
    assert enrolled("identify", "obama3.jpg", "--fpir", "1e-9").code == 2
    for other in (("--threshold", "0.9"), ("--fmr", "1e-2")):
        both = enrolled("identify", "obama3.jpg", "--fpir", "1e-1", *other)
        assert (both.code, both.err) == (2, "facepipe: expected one of --threshold, --fmr and --fpir\n")


@pytest.mark.parametrize("arguments", [(), ("photos", "--remove")])
def test_a_folder_or_remove(enrolled: Run, arguments: tuple[str, ...]) -> None:
    done = enrolled("calibrate", *arguments)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("facepipe: expected a folder with one sub-folder of photos per person, or --remove")


def test_without_a_gallery(run: Run, here: Path) -> None:
    (here / "photos" / "Ada").mkdir(parents=True)
    done = run("calibrate", "photos")
    assert (done.code, done.out) == (1, "")
    assert "no gallery there; enrol someone first" in done.err
