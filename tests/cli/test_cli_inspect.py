"""inspect: the page, the list, the dump, and what cannot be looked into."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from tests.cli.cli_shell import Run


def test_a_page_is_written_and_named(run: Run, here: Path) -> None:
    done = run("inspect", "biden.jpg", "--views", "kernel")
    assert (done.code, done.out, done.err) == (0, "biden-inspect.html\n", "")
    assert "What the network saw in this face" in (here / "biden-inspect.html").read_text("utf-8")


def test_the_gallery_decides_and_views_that_need_more_are_named(run: Run, here: Path) -> None:
    run("enroll", "Ada", "obama.jpg")
    done = run("inspect", "obama2.jpg", "--views", "identity,match", "--out", "page/ada.html")
    assert done.code == 0
    assert done.err == (
        "left out: identity: needs a face that the gallery knows by name, and other people in it\n"
        "left out: match: needs two images\n"
    )
    page = (here / "page" / "ada.html").read_text("utf-8")
    assert "How this face became Ada" in page
    assert "match: needs two images" in page
    assert "match：需要两张照片" in page


def test_what_was_not_asked_for_is_not_missed(run: Run, here: Path) -> None:
    done = run("inspect", "biden.jpg")
    assert (done.code, done.out, done.err) == (0, "biden-inspect.html\n", "")
    page = (here / "biden-inspect.html").read_text("utf-8")
    assert "identity: needs a face that the gallery knows by name" in page
    assert "needs two images" not in page


def test_two_images_are_compared(run: Run, here: Path) -> None:
    done = run("inspect", "obama.jpg", "obama2.jpg", "--views", "match", "-o", "pair.html", "--png", "pictures")
    assert done.code == 0
    assert "Why these two faces match" in (here / "pair.html").read_text("utf-8")
    pictures = done.out.splitlines()[1:]
    assert pictures
    assert all((here / path).read_bytes().startswith(b"\x89PNG") for path in pictures)


def test_layers_are_listed_with_what_they_cost_and_see(run: Run) -> None:
    rows = run("inspect", "--list", "--network", "sface", "--json").json
    by_name = {row["name"]: row for row in rows}
    assert by_name["blocks.12.depthwise"]["receptive_field"] == [159, 159]
    assert by_name["total"]["multiply_adds"] == 574_138_880
    table = run("inspect", "--list", "--network", "sface", "--layers", "conv").out.splitlines()[0]
    assert table.split("\t") == ["sface", "conv", "conv", "32×112×112", "896", "10,838,016", "3×3", "1×1"]
    assert {row["network"] for row in run("inspect", "--list", "--json").json} == {"pnet", "rnet", "onet", "sface"}


def test_what_the_layers_put_out_is_dumped(run: Run, here: Path) -> None:
    done = run("inspect", "biden.jpg", "obama.jpg", "--dump", "faces.safetensors", "--layers", "fc")
    assert done.code == 0
    assert done.out.startswith("faces.safetensors: 2 faces, 1 layer, ")
    found = load_file(here / "faces.safetensors")
    assert found["fc"].shape == (2, 128, 1, 1)
    assert np.isfinite(found["fc"]).all()


def test_a_dump_of_some_bad_images_is_told_by_its_exit_code(run: Run, here: Path) -> None:
    (here / "bad.jpg").write_text("no picture")
    done = run("inspect", "biden.jpg", "bad.jpg", "--dump", "faces.npz", "--layers", "fc", "--json")
    assert done.code == 3
    assert done.complaint.startswith("facepipe: bad.jpg: ")
    assert done.json[0]["faces"] == 1


@pytest.mark.parametrize(
    ("args", "code", "why"),
    [
        ([], 2, "expected an image"),
        (["nowhere.jpg"], 1, "nowhere.jpg: no such file"),
        (["biden.jpg", "--views", "kernels"], 2, "kernels: no such view; there are kernel"),
        (["biden.jpg", "--layers", "konv", "--views", "kernel"], 2, "facepipe inspect --list"),
        (["biden.jpg", "--face", "2"], 1, "biden.jpg: face 2 was picked"),
        (["biden.jpg", "--network", "qnet"], 2, "qnet: no such network; there are pnet"),
        (["--list", "--layers", "konv"], 2, "konv: no such layer"),
        (["biden.jpg", "--views", "match"], 2, "match: needs two images"),
        (["biden.jpg", "--people", "none", "--views", "identity"], 1, "none"),
        (["--list", "--network", "qnet"], 2, "qnet: no such network; there are pnet"),
        (["biden.jpg", "--dump", "faces.zip"], 2, "faces.zip"),
        (["biden.jpg", "--dump", "faces.npz", "--layers", "konv"], 2, "konv: no such layer"),
        (["biden.jpg", "--out", "biden.jpg/page.html"], 1, "cannot be made"),
        (["biden.jpg", "--gallery", "none.db"], 1, "none.db: no gallery there"),
        (["biden.jpg", "biden.jpg", "obama.jpg"], 2, "3 images: expected one, or two"),
    ],
)
def test_what_cannot_be_looked_into_is_one_line(run: Run, here: Path, args: list[str], code: int, why: str) -> None:
    before = sorted(here.iterdir())
    done = run("inspect", *args)
    assert done.code == code
    assert why in done.complaint
    assert sorted(here.iterdir()) == before
