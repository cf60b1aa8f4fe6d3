import sys
from pathlib import Path

import pytest

from facepipe import folders, registry
from facepipe.cards import Card, find_card
from facepipe.detect.base import load_detector
from facepipe.embed.base import load_backbone
from facepipe.errors import CardInvalid


def card(architecture: str) -> Card:
    return Card("my", "detector", architecture, "", "", "", Path("my.toml"), ())


def test_the_plug_ins_there_are() -> None:
    assert "mtcnn" in registry.names("facepipe.detect")
    assert {"dlib_resnet", "inception_resnet_v1", "onnx"} <= set(registry.names("facepipe.embed"))


def test_every_plug_in_can_be_loaded_from() -> None:
    for package in ("facepipe.detect", "facepipe.embed"):
        for name in registry.names(package):
            assert callable(registry.plugin(package, card(name)).load)


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    name = "toy_detectors"
    folder = tmp_path / name
    folder.mkdir()
    for file in ("__init__", "base", "chip", "_nets", "b_second", "a_first"):
        (folder / f"{file}.py").write_text(f"load = lambda: {file!r}\n")
    (folder / "broken.py").write_text("raise RuntimeError('imported')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    for module in [module for module in sys.modules if module.startswith(name)]:
        monkeypatch.delitem(sys.modules, module)
    return name


def test_a_file_is_a_plug_in_and_listing_imports_none(package: str) -> None:
    assert registry.names(package) == ["a_first", "b_second", "broken"]
    assert not any(module.startswith(f"{package}.") for module in sys.modules)
    assert registry.plugin(package, card("b_second")).load() == "b_second"


@pytest.mark.parametrize("name", ["c_third", "base", "chip", "_nets", "", "a_first.b", "../a_first"])
def test_other_architectures_are_refused_with_those_there_are(package: str, name: str) -> None:
    wrong = f"my.toml: architecture: there is no {name!r} in toy_detectors; there are a_first, b_second, broken"
    with pytest.raises(CardInvalid) as caught:
        registry.plugin(package, card(name))
    assert str(caught.value) == wrong


def test_a_users_card_of_an_unknown_architecture_is_named() -> None:
    folders.user_models().mkdir(parents=True)
    for name, role in (("sface", "backbone"), ("yunet", "detector")):
        text = find_card(name, role).path.read_text("utf-8")
        path = folders.user_models() / f"{name}.toml"
        path.write_text(text.replace(f'architecture = "{name}"', 'architecture = "new"'))
    with pytest.raises(
        CardInvalid, match=r"sface\.toml: architecture: there is no 'new' in facepipe\.embed; there are dl"
    ):
        load_backbone("sface")
    with pytest.raises(
        CardInvalid, match=r"yunet\.toml: architecture: there is no 'new' in facepipe\.detect; there are m"
    ):
        load_detector("yunet")
