"""Many pictures are recognised, one bad one stops nothing, and what was found can be saved."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import PIL.Image
import pytest

from facepipe import Pipeline

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

Visit = Callable[..., "Page"]


@pytest.fixture
def pictures(samples: Path, group: Callable[[int], Path], tmp_path: Path) -> list[Path]:
    """Two that are known, one with six people, one without anybody, one that is none, one cut short."""
    nobody, cut, odd = tmp_path / "nobody.png", tmp_path / "cut.jpg", tmp_path / '=1+1, "odd".png'
    PIL.Image.new("RGB", (300, 200), "grey").save(nobody)
    cut.write_bytes((samples / "obama.jpg").read_bytes()[:9000])
    PIL.Image.open(samples / "biden.jpg").save(odd)
    return [samples / "obama3.jpg", group(6), nobody, samples / "README.md", cut, odd]


@pytest.fixture
def looked(site: Callable, visit: Visit, enroll: Callable, pictures: list[Path]) -> Page:
    """The page when all of ``pictures`` were looked at."""
    here = site()
    enroll(here.gallery, "Barack Obama", "obama.jpg")
    page = visit(here, expected=("415", "422"))
    page.locator("input[type=file]").set_input_files(pictures)
    page.get_by_role("status").get_by_text("6 pictures looked at, 2 could not be used").wait_for()
    return page


def saved(page: Page, button: Locator) -> bytes:
    with page.expect_download() as waiting:
        button.click()
    return Path(waiting.value.path()).read_bytes()


def test_each_has_its_answer(looked: Page) -> None:
    rows = looked.locator(".shelf-item").all_inner_texts()
    assert [row.split("\n")[0] for row in rows] == [
        "obama3.jpg",
        "group-6.png",
        "nobody.png",
        "README.md",
        "cut.jpg",
        '=1+1, "odd".png',
    ]
    words = [row.split("\n", 1)[1] for row in rows]
    assert words[0] == "Barack Obama\u00a0> 99.9\u00a0%"
    assert words[1].startswith("Barack Obama\u00a0> 99.9\u00a0% · Barack Obama")  # those who are known first
    assert words[2:5] == [
        "No face found in this picture.",
        "This is not a picture that can be read.",
        "The picture is cut short.",
    ]
    assert looked.locator(".face").count() == 1  # of the first one, which is looked at
    looked.locator(".shelf-item").nth(1).click()
    looked.locator(".face").nth(5).wait_for()
    assert looked.locator(".shelf-item[aria-current]").count() == 1


def test_the_list_is_gone_through_with_the_arrows(looked: Page) -> None:
    looked.locator(".shelf-item").first.focus()
    assert looked.locator(".shelf-item[tabindex='0']").count() == 1
    looked.keyboard.press("ArrowDown")
    looked.locator(".face").nth(5).wait_for()
    assert looked.evaluate("document.activeElement.innerText").startswith("group-6.png")
    looked.keyboard.press("ArrowDown")
    looked.get_by_text("No face found in this picture.").last.wait_for()
    looked.keyboard.press("ArrowDown")
    looked.locator(".cover").get_by_role("alert").wait_for()


def test_the_list_is_there_when_one_comes_back(looked: Page) -> None:
    looked.get_by_role("link", name="People", exact=True).click()
    looked.locator(".person").wait_for()
    looked.get_by_role("link", name="Recognise", exact=True).click()
    looked.locator(".face[data-status=known]").wait_for()
    assert looked.locator(".shelf-item").count() == 6
    looked.get_by_role("button", name="Clear the list").click()
    looked.get_by_role("button", name="Start the camera").wait_for()
    assert looked.locator(".shelf-section").is_hidden()


def test_results_as_a_table_and_as_data(looked: Page, pipeline: Pipeline, samples: Path) -> None:
    looked.get_by_role("button", name="Save").click()
    table = saved(looked, looked.get_by_role("button", name="CSV"))
    assert table.startswith(b"\xef\xbb\xbffile,face,name,per_cent,nearest,score,threshold,x0,y0,x1,y1,error\r\n")
    rows = list(csv.DictReader(io.StringIO(table.decode("utf-8-sig"))))
    assert len(rows) == 1 + 6 + 1 + 2 + 1
    (face,) = pipeline.detect(samples / "obama3.jpg")
    assert (rows[0]["file"], rows[0]["face"], rows[0]["name"]) == ("obama3.jpg", "1", "Barack Obama")
    assert rows[0]["per_cent"] == "99.99"  # never wholly certain
    assert [float(rows[0][key]) for key in ("x0", "y0", "x1", "y1")] == pytest.approx(face.box.tolist(), abs=6)
    assert [row["face"] for row in rows[1:7]] == list("123456")
    assert rows[7] | {"file": ""} == dict.fromkeys(rows[7], "")  # nobody
    assert [row["error"].partition(":")[0] for row in rows[8:10]] == ["image-format", "image-truncated"]
    assert rows[10]["file"] == '\'=1+1, "odd".png'  # no formula in a spreadsheet

    data = json.loads(saved(looked, looked.get_by_role("button", name="JSON")))
    assert [("error" in one, one["source"]) for one in data][3:5] == [(True, "README.md"), (True, "cut.jpg")]
    assert data[0]["size"] == list(PIL.Image.open(samples / "obama3.jpg").size)
    assert data[0]["faces"][0]["candidates"][0]["person"] == "Barack Obama"
    assert data[5]["source"] == '=1+1, "odd".png'


def test_marked_pictures_one_and_all(looked: Page, samples: Path) -> None:
    looked.locator(".shelf-item").nth(1).click()
    looked.locator(".face").nth(5).wait_for()
    looked.get_by_role("button", name="Save").click()
    one = looked.get_by_role("group", name="This picture")
    for name, kind in (("PNG", "PNG"), ("JPEG", "JPEG")):
        marked = PIL.Image.open(io.BytesIO(saved(looked, one.get_by_role("button", name=name))))
        assert (marked.format, marked.width) == (kind, 1600)
        assert marked.height >= 900
    everything = looked.get_by_role("group", name="All pictures").get_by_role("button", name="JPEG")
    archive = zipfile.ZipFile(io.BytesIO(saved(looked, everything)))
    assert archive.testzip() is None
    assert archive.namelist()[:3] == ["obama3-marked.jpg", "group-6-marked.jpg", "nobody-marked.jpg"]
    with PIL.Image.open(archive.open("obama3-marked.jpg")) as marked:
        marked.load()
        assert marked.size == PIL.Image.open(samples / "obama3.jpg").size


def test_a_picture_is_known_by_its_content(
    site: Callable, visit: Visit, pipeline: Pipeline, samples: Path, tmp_path: Path
) -> None:
    named_text, named_film, big = (tmp_path / name for name in ("notes.txt", "film.mp4", "big.jpg"))
    named_text.write_bytes((samples / "obama.jpg").read_bytes())
    PIL.Image.open(samples / "obama3.jpg").save(named_film, "TIFF")  # which Chromium does not show
    big.write_bytes((samples / "obama2.jpg").read_bytes() + bytes(33 * 2**20))  # more than the server takes
    page = visit(site())
    page.locator("input[type=file]").set_input_files([named_text, named_film, big])
    page.get_by_role("status").get_by_text("3 pictures looked at", exact=True).wait_for()
    page.get_by_role("button", name="Save").click()
    data = json.loads(saved(page, page.get_by_role("button", name="JSON")))
    assert data[1]["size"] == list(PIL.Image.open(named_film).size)
    (face,) = pipeline.detect(named_film)
    assert data[1]["faces"][0]["box"] == pytest.approx(face.box.tolist(), abs=6)  # of the file, not of what is shown
    everything = page.get_by_role("group", name="All pictures").get_by_role("button", name="JPEG")
    archive = zipfile.ZipFile(io.BytesIO(saved(page, everything)))
    assert archive.namelist() == ["notes-marked.jpg", "film-marked.jpg", "big-marked.jpg"]


def test_a_crowd_has_a_legend_below(site: Callable, visit: Visit, group: Callable[[int], Path]) -> None:
    page = visit(site())
    page.locator("input[type=file]").set_input_files(group(40))
    page.locator(".face").nth(39).wait_for()
    page.get_by_role("button", name="Save").click()
    one = page.get_by_role("group", name="This picture")
    marked = PIL.Image.open(io.BytesIO(saved(page, one.get_by_role("button", name="PNG"))))
    assert marked.height > 900 + 200
    assert marked.convert("RGB").getpixel((5, marked.height - 5)) == (255, 255, 255)


def test_hundreds_are_no_matter(site: Callable, visit: Visit, tmp_path: Path) -> None:
    files = []
    for number in range(150):
        files.append(tmp_path / f"{number:03}.png")
        PIL.Image.new("RGB", (64, 48), (number, 90, 90)).save(files[-1])
    page = visit(site())
    page.locator("input[type=file]").set_input_files(files)
    page.get_by_text("of 150 looked at").wait_for()
    assert page.get_by_role("progressbar", name="Pictures looked at").is_visible()
    page.locator(".shelf-item").nth(140).click()  # is looked at before the others
    page.locator(".shelf-item").nth(140).get_by_text("No face found").wait_for()
    page.get_by_role("button", name="Stop", exact=True).click()
    page.get_by_role("status").get_by_text("pictures looked at").wait_for()
    assert page.locator(".shelf-item").count() < 150
    assert page.locator(".shelf-item[data-state=waiting]").count() == 0


def test_a_folder_is_dropped(site: Callable, visit: Visit, samples: Path) -> None:
    page = visit(site())
    page.locator("h1").wait_for()
    names = page.evaluate(
        """async () => {
          const file = (name) => {
            const give = (taken) => taken(new File(["x"], name));
            return { isFile: true, name, fullPath: `/trip/${name}`, file: give };
          };
          const parts = [[file("b.jpg"), file(".hidden")], [file("a.heic")], []];
          const createReader = () => ({ readEntries: (taken) => taken(parts.shift()) });
          const items = [{ isDirectory: true, name: "trip", createReader }, null];
          const { filesIn, pathOf } = await import("/page/js/dropped.js");
          const dropped = items.map((entry) => ({ webkitGetAsEntry: () => entry }));
          return (await filesIn({ items: dropped, files: [1] })).map(pathOf);
        }"""
    )
    assert names == ["trip/a.heic", "trip/b.jpg"]  # in all parts that the browser gives; what is hidden is not meant
