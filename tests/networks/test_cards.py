"""Model cards: what is shipped loads, and what is wrong is named with its path and field."""

import math
import subprocess
import sys
from pathlib import Path

import pytest

from facepipe import folders
from facepipe.errors import CardInvalid, ModelNotFound, UsageError
from facepipe.networks import registry
from facepipe.networks.cards import Card, all_cards, find_card, load_card
from facepipe.networks.weights import file_sha256, locate

SHIPPED = sorted(folders.shipped_cards().glob("*.toml"))

CARD = """
name = "toy"
role = "backbone"
architecture = "onnx"
summary = "a toy"
licence = "MIT"
source = "here"
dimension = 4

[[weights]]
file = "toy.onnx"
sha256 = "00"

[input]
size = 8
colour = "BGR"
mean = [1, 2, 3]
scale = 0.5
template = [[0, 0], [1, 0], [2, 2], [0, 3], [1, 3]]

[thresholds]
measured_on = "somewhere"
1e-2 = 0.3
1e-3 = 0.4
"""


def write(folder: Path, text: str = CARD, name: str = "toy.toml") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)
    return folder / name


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_card_is_complete(path: Path) -> None:
    card = load_card(path)
    assert card.name == path.stem
    assert card.summary
    assert card.licence
    assert "trained on" in card.source or "training data not documented" in card.source
    assert card.architecture in registry.PLUGINS[card.role]
    for entry in card.weights:
        assert len(entry.sha256) in (0, 64)
        beside = path.parent / entry.file
        assert entry.package or beside.is_file() or (entry.url or "").startswith("https://")
        assert not beside.is_file() or path.with_name(f"LICENSE-{card.name}.txt").is_file()
    if card.role == "backbone":
        assert card.dimension > 0
        points = card.chip.template_points()
        assert (points > 0).all()
        assert (points < card.chip.size).all()
        left_eye, right_eye, nose, left_mouth, right_mouth = points
        assert left_eye[0] < nose[0] < right_eye[0]
        assert left_mouth[0] < nose[0] < right_mouth[0]
        assert max(left_eye[1], right_eye[1]) < nose[1] < min(left_mouth[1], right_mouth[1])
        assert set(card.thresholds) <= {"1e-2", "1e-3", "1e-4", "1e-5"}
        assert bool(card.thresholds) == bool(card.measured_on)


def test_the_networks_that_were_promised_are_shipped() -> None:
    names = {path.stem for path in SHIPPED}
    assert names >= {"sface", "dlib_resnet", "inception_resnet_v1-vggface2", "inception_resnet_v1-casia-webface"}
    assert names >= {"yunet", "mtcnn"}


@pytest.mark.parametrize("name", ["sface", "yunet", "mtcnn", "dlib_resnet"])
def test_what_is_here_is_whole(name: str) -> None:
    card = find_card(name, None)
    for path, entry in zip(locate(card), card.weights, strict=True):
        assert path.stat().st_size == entry.bytes


def test_the_readme_lists_every_card_and_file() -> None:
    text = (folders.shipped_cards() / "README.md").read_text("utf-8")
    for path in SHIPPED:
        assert f"| `{path.stem}`" in text
    for file in folders.shipped_cards().glob("*.onnx"):
        assert f"| `{file.name}` | {file.stat().st_size:,} | `{file_sha256(file)}` |" in text
    for licence in folders.shipped_cards().glob("LICENSE-*"):
        assert f"]({licence.name})" in text


def test_a_card_says_what_its_file_says(tmp_path: Path) -> None:
    card = load_card(write(tmp_path))
    assert (card.name, card.role, card.dimension, card.mirror) == ("toy", "backbone", 4, False)
    assert card.chip.mean == (1, 2, 3)
    assert card.chip.scale == (0.5, 0.5, 0.5)
    assert card.chip.template[2] == (2, 2)
    assert card.thresholds == {"1e-2": 0.3, "1e-3": 0.4}
    assert card.measured_on == "somewhere"


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ('name = "toy"', "", "field 'name' is missing"),
        ("[[weights]]", "[[wheights]]", "wheights: no such field"),
        ('role = "backbone"', 'role = "gallery"', "role: expected backbone or detector, got 'gallery'"),
        ('sha256 = "00"', "", "sha256"),
        ('sha256 = "00"', 'sha265 = "00"', "sha265"),
        ("size = 8", "size = 0", "input.size: expected a positive number"),
        ("size = 8", "", "field 'size' is missing"),
        ('colour = "BGR"', 'colour = "GRB"', "input.colour: expected RGB or BGR, got 'GRB'"),
        ("mean = [1, 2, 3]", "mean = [1, 2]", "input.mean: expected one or three numbers, got [1, 2]"),
        ("scale = 0.5", "scale = nan", "input.scale: expected a finite number, got nan"),
        ("scale = 0.5", 'scale = "half"', "input.scale: expected a finite number, got 'half'"),
        (", [1, 3]]", "]", "input.template: expected 5 points"),
        ("[1, 0]", "[1, 0, 0]", "input.template: expected 5 points"),
        ("1e-2 = 0.3", '1e-2 = "high"', "thresholds.1e-2: expected a finite number, got 'high'"),
        ("dimension = 4", 'dimension = "four"', "dimension: expected int, got 'four'"),
        ("dimension = 4", 'dimension = 4\nmirror = "no"', "mirror: expected bool, got 'no'"),
        ("dimension = 4", "dimension = 4\nmirorr = true", "mirorr: no such field"),
        ("dimension = 4", "dimension = 4\nmin_score = 1.5", "min_score: expected 0 to 1, got 1.5"),
        ("dimension = 4", "dimension = 4\nmin_score = -0.1", "min_score: expected 0 to 1, got -0.1"),
        ("dimension = 4", "dimension = 4\nmin_score = nan", "min_score: expected a finite number, got nan"),
        ("dimension = 4", 'dimension = 4\nmin_score = "sure"', "min_score: expected a finite number, got 'sure'"),
        ('name = "toy"', "name = ", "cannot be read as TOML"),
    ],
)
def test_a_bad_card_is_one_line_with_path_and_field(tmp_path: Path, old: str, new: str, why: str) -> None:
    assert old in CARD
    path = write(tmp_path, CARD.replace(old, new, 1))
    with pytest.raises(CardInvalid) as caught:
        load_card(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert why in message
    assert "\n" not in message


def test_a_card_that_is_missing_or_not_text(tmp_path: Path) -> None:
    with pytest.raises(CardInvalid, match="cannot be read as TOML"):
        load_card(tmp_path / "nowhere.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CardInvalid, match="cannot be read as TOML"):
        load_card(tmp_path / "binary.toml")


def test_a_users_card_hides_a_shipped_one_of_its_name() -> None:
    shipped = find_card("dlib_resnet")
    path = write(folders.user_models(), CARD.replace('"toy"', '"dlib_resnet"'), "mine.toml")
    assert find_card("dlib_resnet").path == path != shipped.path
    assert [card.name for card in all_cards()].count("dlib_resnet") == 1


def test_an_unknown_name_suggests_the_nearest() -> None:
    with pytest.raises(ModelNotFound, match=r"dlib_resent: no such backbone; did you mean dlib_resnet"):
        find_card("dlib_resent")
    with pytest.raises(ModelNotFound, match="'': no such detector; did you mean mtcnn or yunet"):
        find_card("", "detector")


def test_a_detector_is_no_backbone(tmp_path: Path) -> None:
    write(folders.user_models(), CARD.replace('"backbone"', '"detector"'))
    assert find_card("toy", "detector").role == "detector"
    with pytest.raises(ModelNotFound, match="toy: a detector, not a backbone; did you mean dlib_resnet or"):
        find_card("toy")


def test_thresholds_are_those_measured(tmp_path: Path) -> None:
    card = load_card(write(tmp_path))
    assert card.threshold() == 0.4
    assert card.threshold("1e-2") == 0.3
    assert card.threshold("0.01") == card.threshold(0.01) == 0.3
    with pytest.raises(UsageError, match=r"^fmr 1e-4: toy was measured at 1e-2, 1e-3"):
        card.threshold("1e-4")
    with pytest.raises(UsageError, match="no measured thresholds"):
        find_card("inception_resnet_v1-vggface2").threshold()


def changed(folder: Path, old: str, new: str) -> Card:
    assert old in CARD
    return load_card(write(folder, CARD.replace(old, new, 1)))


TAIL = """
[tail]
threshold = 0.4
share = 0.001
scale = 0.02
shape = 0
"1e-4" = [1e-5, 5e-4]
"1e-6" = [0, 1e-5]
"""


def test_a_rate_too_low_to_have_been_measured_comes_from_the_tail(tmp_path: Path) -> None:
    card = load_card(write(tmp_path, CARD + TAIL))
    assert card.threshold("1e-3") == 0.4
    assert card.threshold("1e-5") == pytest.approx(0.4 + 0.02 * math.log(100))
    assert not card.is_extrapolated("1e-3")
    assert card.is_extrapolated("1e-5")
    assert card.curve is not None
    assert card.curve.between(1e-6) == pytest.approx((1e-12, 1e-5))
    for rate in ("5e-3", "1e-7", "often"):
        with pytest.raises(UsageError, match="take one of those, or a lower one down to 1e-06, extrapolated"):
            card.threshold(rate)


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("scale = 0.02", "scale = 0", "tail: expected a share between 0 and 1 and a positive scale"),
        ("scale = 0.02", "", "field 'scale' is missing"),
        ("[1e-5, 5e-4]", "[1e-5]", "tail.1e-4: expected two rates"),
        ("[1e-5, 5e-4]", "1e-5", "tail.1e-4: expected list, got 1e-05"),
        ("[1e-5, 5e-4]", "[1e-3, 1e-2]", "tail.interval: 1e-4 does not lie between"),
    ],
)
def test_a_bad_tail_is_one_line(tmp_path: Path, old: str, new: str, why: str) -> None:
    with pytest.raises(CardInvalid, match=r"toy\.toml: ") as caught:
        load_card(write(tmp_path, CARD + TAIL.replace(old, new, 1)))
    assert why in str(caught.value)


def test_the_backbone_id_follows_everything_that_shapes_the_vectors(tmp_path: Path) -> None:
    same = load_card(write(tmp_path / "elsewhere")).backbone_id()
    assert load_card(write(tmp_path)).backbone_id() == same
    assert same.startswith("toy@")
    for old, new in [
        ('sha256 = "00"', 'sha256 = "01"'),
        ("dimension = 4", "dimension = 4\nmirror = true"),
        ('colour = "BGR"', 'colour = "RGB"'),
        ("scale = 0.5", "scale = 0.25"),
        ("[2, 2]", "[2, 2.5]"),
    ]:
        assert changed(tmp_path, old, new).backbone_id() != same, new
    for old, new in [
        ("1e-3 = 0.4", "1e-3 = 0.5"),
        ("a toy", "another summary"),
        ("scale = 0.5", "scale = [0.5, 0.5, 0.5]"),
    ]:
        assert changed(tmp_path, old, new).backbone_id() == same, new


def test_cards_and_weights_load_no_torch() -> None:
    modules = "facepipe.networks.cards, facepipe.networks.weights, facepipe.add_model"
    code = f"import sys, {modules}; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
