"""A user without a home folder, as in a container: what needs none works, the rest says which variable to set."""

from __future__ import annotations

from pathlib import Path

import platformdirs
import pytest

from facepipe import Gallery, folders
from facepipe.errors import UsageError
from facepipe.networks.cards import all_cards, find_card
from facepipe.networks.weights import is_here, pull
from facepipe.serve.keys import Keyring

pwd = pytest.importorskip("pwd")


@pytest.fixture(params=[None, ""], ids=["unset", "empty"])
def homeless(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(uid: int) -> None:
        raise KeyError(uid)

    for name in ("HOME", "XDG_DATA_HOME", "FACEPIPE_HOME", "FACEPIPE_GALLERY"):
        monkeypatch.delenv(name, raising=False)
        if request.param is not None:
            monkeypatch.setenv(name, request.param)
    monkeypatch.setattr(pwd, "getpwuid", unknown)


@pytest.mark.usefixtures("homeless")
def test_there_are_the_shipped_models_and_none_of_ones_own() -> None:
    assert folders.cards() == [folders.shipped_cards()]
    assert {"mtcnn", "dlib_resnet"} <= {card.name for card in all_cards()}
    card = find_card("inception_resnet_v1-vggface2")
    assert not is_here(card)
    with pytest.raises(UsageError, match="set FACEPIPE_HOME to a folder"):
        pull(card)


@pytest.mark.usefixtures("homeless")
def test_what_needs_a_folder_says_which_variable_to_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="FACEPIPE_HOME to a folder of facepipe's own, or FACEPIPE_GALLERY to a file"):
        Gallery.open()
    with pytest.raises(UsageError, match="--no-cache"):
        folders.embeddings()
    monkeypatch.setenv("FACEPIPE_GALLERY", str(tmp_path / "people.db"))
    with Gallery.open() as gallery:
        assert gallery.path == tmp_path / "people.db"


@pytest.mark.usefixtures("homeless")
def test_there_are_no_keys_and_none_can_be_kept() -> None:
    assert Keyring().list() == []
    with pytest.raises(UsageError, match="FACEPIPE_HOME"):
        Keyring().add("me")


@pytest.mark.parametrize("given", ["~/.local/share/facepipe", "relative/facepipe"])
def test_a_place_that_is_not_absolute_is_none(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As platformdirs 4.2 has it without a home; newer ones raise RuntimeError."""
    monkeypatch.delenv("FACEPIPE_HOME")
    monkeypatch.setattr(platformdirs, "user_data_dir", lambda *given_, **named: given)
    with pytest.raises(UsageError, match="no home folder"):
        folders.home()


def test_a_home_that_is_not_there_is_read_as_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACEPIPE_HOME", str(tmp_path / "nowhere"))
    assert {"mtcnn", "dlib_resnet"} <= {card.name for card in all_cards()}
    with Gallery.open() as gallery:
        assert gallery.people() == []
