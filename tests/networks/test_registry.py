from pathlib import Path

import pytest

from facepipe import folders
from facepipe.detect.base import load_detector
from facepipe.embed.base import load_backbone
from facepipe.errors import CardInvalid
from facepipe.networks import registry
from facepipe.networks.cards import Card, find_card


def card(role: str, architecture: str) -> Card:
    return Card("my", role, architecture, "", "", "", Path("my.toml"), ())


@pytest.mark.parametrize(("role", "name"), [(role, name) for role, names in registry.PLUGINS.items() for name in names])
def test_every_plug_in_can_be_loaded_from(role: str, name: str) -> None:
    assert callable(registry.plugin(card(role, name)).load)


@pytest.mark.parametrize("name", ["c_third", "base", "mtcnn_nets", "", "mtcnn.b", "../mtcnn", "sface"])
def test_other_architectures_are_refused_with_those_there_are(name: str) -> None:
    wrong = f"my.toml: architecture: there is no detector {name!r}; there are mtcnn, yunet"
    with pytest.raises(CardInvalid) as caught:
        registry.plugin(card("detector", name))
    assert str(caught.value) == wrong


def test_a_users_card_of_an_unknown_architecture_is_named() -> None:
    folders.user_models().mkdir(parents=True)
    for name, role in (("sface", "backbone"), ("yunet", "detector")):
        text = find_card(name, role).path.read_text("utf-8")
        path = folders.user_models() / f"{name}.toml"
        path.write_text(text.replace(f'architecture = "{name}"', 'architecture = "new"'))
    with pytest.raises(CardInvalid, match=r"sface\.toml: architecture: there is no backbone 'new'; there are dl"):
        load_backbone("sface")
    with pytest.raises(CardInvalid, match=r"yunet\.toml: architecture: there is no detector 'new'; there are m"):
        load_detector("yunet")
