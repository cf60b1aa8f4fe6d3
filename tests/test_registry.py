import sys
from pathlib import Path

import pytest

from facepipe import registry
from facepipe.errors import ModelNotFound


def test_the_plug_ins_there_are() -> None:
    assert "mtcnn" in registry.names("facepipe.detect")
    assert {"dlib_resnet", "inception_resnet_v1", "onnx"} <= set(registry.names("facepipe.embed"))


def test_every_plug_in_can_be_loaded_from() -> None:
    for package in ("facepipe.detect", "facepipe.embed"):
        for name in registry.names(package):
            assert callable(registry.plugin(package, name).load)


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
    assert registry.plugin(package, "b_second").load() == "b_second"


@pytest.mark.parametrize("name", ["c_third", "base", "chip", "_nets", "", "a_first.b", "../a_first"])
def test_other_names_are_refused_with_those_there_are(package: str, name: str) -> None:
    with pytest.raises(ModelNotFound, match="there are a_first, b_second, broken"):
        registry.plugin(package, name)
