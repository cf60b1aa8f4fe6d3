"""The file of API keys: hashes only, for its owner only, and no key lost when two are made at once."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from facepipe.errors import KeyNotFound, ServerError, UsageError, WriteFailed
from facepipe.serve.keys import Keyring, Principal, digest

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a folder" / "keys.json"


@pytest.fixture
def keyring(path: Path) -> Keyring:
    return Keyring(path)


def test_a_key_is_256_random_bits(keyring: Keyring) -> None:
    texts = [keyring.add(f"key {number}") for number in range(20)]
    assert len(set(texts)) == 20
    assert {(text[:3], len(text)) for text in texts} == {("fp_", 3 + 43)}  # 43 of base64's digits hold 32 bytes


def test_only_its_hash_is_kept_for_the_owner_only(keyring: Keyring, path: Path) -> None:
    text = keyring.add("door")
    assert text not in path.read_text("utf-8")
    assert json.loads(path.read_text("utf-8"))["keys"][0]["sha256"] == digest(text)
    assert path.stat().st_mode & 0o777 == 0o600
    assert sorted(file.name for file in path.parent.iterdir()) == [".keys.json.lock", "keys.json"]


@pytest.mark.parametrize(
    ("scope", "may"), [("read", {"read"}), ("enroll", {"read", "enroll"}), ("admin", {"read", "enroll", "admin"})]
)
def test_a_scope_holds_those_below_it(keyring: Keyring, scope: str, may: set[str]) -> None:
    key = keyring.check(keyring.add("door", scope))
    assert key is not None
    assert key.principal == Principal("door", frozenset(may))


def test_a_scope_is_read_as_it_was_spelt_before_and_written_as_it_is(keyring: Keyring, path: Path) -> None:
    text = keyring.add("door", "enroll")
    before = path.read_text("utf-8").replace('"enroll"', '"enrol"')
    path.write_text(before, "utf-8")
    key = Keyring(path).check(text)
    assert key is not None
    assert (key.scope, key.principal.scopes) == ("enroll", {"read", "enroll"})
    assert Keyring(path).holds(key)
    keyring.add("page", "enrol")
    assert [key.scope for key in keyring.list()] == ["enroll", "enroll"]
    assert '"enrol"' not in path.read_text("utf-8")


def test_what_is_no_key(keyring: Keyring) -> None:
    text = keyring.add("door")
    wrong = ("", "fp_", text[:-1], text + "x", text.swapcase(), digest(text), "\udce9", "fp_" + "0" * 43)
    assert [keyring.check(given) for given in wrong] == [None] * len(wrong)


def test_every_key_is_compared_in_constant_time(keyring: Keyring, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first one too: that it is found must not shorten the work."""
    texts = [keyring.add(name) for name in ("a", "b", "c")]
    seen: list[tuple[str, str]] = []
    monkeypatch.setattr("facepipe.serve.keys.hmac.compare_digest", lambda a, b: seen.append((a, b)) or a == b)
    key = keyring.check(texts[0])
    assert key is not None
    assert key.name == "a"
    assert [kept for kept, _ in seen] == [digest(text) for text in texts]


def test_remove(keyring: Keyring) -> None:
    texts = [keyring.add(name) for name in ("a", "b")]
    key = keyring.check(texts[0])
    assert key is not None
    keyring.remove("a")
    assert [key.name for key in keyring.list()] == ["b"]
    assert (keyring.check(texts[0]), keyring.holds(key)) == (None, False)
    with pytest.raises(KeyNotFound, match="a: no key of this name; there is b"):
        keyring.remove("a")
    again = keyring.check(keyring.add("a"))
    assert again != key


@pytest.mark.parametrize("name", ["", " a", "a\n", "a\x1b[2J", "x" * 65, "\u202eevil"])
def test_a_name_that_would_spoil_the_log_is_refused(keyring: Keyring, path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="printable"):
        keyring.add(name)
    assert not path.exists()


def test_a_running_server_notices_what_another_process_does(keyring: Keyring, path: Path) -> None:
    other = Keyring(path)
    assert keyring.list() == []
    text = other.add("door")
    assert keyring.check(text) is not None
    other.remove("door")
    assert keyring.check(text) is None
    other.add("page")
    path.unlink()
    assert keyring.list() == []


MAKES_KEYS = """
from pathlib import Path
from facepipe.serve.keys import Keyring
ring = Keyring(Path(sys.argv[1]))
print(*(ring.add(f"{sys.argv[2]}-{number}") for number in range(25)))
"""


@pytest.mark.slow
def test_processes_that_add_at_once_lose_nothing(path: Path) -> None:
    prelude = f"import sys; sys.path.insert(0, {str(REPOSITORY)!r})\n"
    runs = [
        subprocess.Popen([sys.executable, "-c", prelude + MAKES_KEYS, path, str(n)], stdout=subprocess.PIPE, text=True)
        for n in range(4)
    ]
    texts = [text for run in runs for text in run.communicate()[0].split()]
    keyring = Keyring(path)
    assert len(texts) == 100
    assert len({keyring.check(text).name for text in texts}) == 100
    assert sorted(file.name for file in path.parent.iterdir()) == [".keys.json.lock", "keys.json"]


GOD = '{"version": 1, "keys": [{"name": "a", "scope": "god", "sha256": "", "added_at": ""}]}'
SPOILT = [GOD, "", "[]", "{", '{"version": 2, "keys": []}', '{"version": 1, "keys": [{"name": "a"}]}', "[" * 100_000]


@pytest.mark.parametrize("text", SPOILT)
def test_a_damaged_file_stops_and_is_not_overwritten(keyring: Keyring, path: Path, text: str) -> None:
    path.parent.mkdir()
    path.write_text(text)
    for call in (lambda: keyring.check("fp_x"), lambda: keyring.add("door"), lambda: keyring.remove("door")):
        with pytest.raises(ServerError, match="the file of API keys, damaged"):
            call()
    assert path.read_text() == text


def test_no_room_leaves_the_keys_there_were(keyring: Keyring, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = keyring.add("door")
    with monkeypatch.context() as patched:
        patched.setattr("facepipe.files.os.fsync", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left")))
        with pytest.raises(WriteFailed, match="No space left"):
            keyring.add("page")
    assert keyring.check(text) is not None
    assert len(keyring.list()) == 1
