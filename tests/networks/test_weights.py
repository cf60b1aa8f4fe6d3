"""Downloads are tested against a real HTTP server on this machine, which misbehaves as its path says."""

import hashlib
import os
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from facepipe import folders
from facepipe.errors import CardInvalid, DependencyMissing, UsageError, WeightsAltered, WeightsMissing, WriteFailed
from facepipe.networks import weights
from facepipe.networks.cards import Card, Input, WeightFile, find_card, load_card

BODY = bytes(range(256)) * 5000  # 1.28 MB: more than one block
SHA256 = hashlib.sha256(BODY).hexdigest()


class Server(BaseHTTPRequestHandler):
    requests: list[str] = []  # noqa: RUF012

    def do_GET(self) -> None:
        self.requests.append(self.path)
        if self.path == "/missing":
            return self.send_error(404)
        if self.path == "/moved":
            return self._start(302, Location="/good")
        if self.path == "/moved-away":
            return self._start(302, Location="http://192.0.2.1/good")  # plain http to another machine
        body = {"/altered": b"X" + BODY[1:], "/longer": BODY + b"more"}.get(self.path, BODY)
        if self.path == "/longer":
            self._start(200)  # without a length: until the connection closes
        else:
            self._start(200, **{"Content-Length": str(len(body))})
        self.wfile.write(body[:70_000] if self.path == "/truncated" else body)
        return None

    def _start(self, status: int, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("no_proxy", "*")
    Server.requests.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Server) as running:
        threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


def card(tmp_path: Path, **entry: object) -> Card:
    file = WeightFile(**{"file": "net.pt", "sha256": SHA256, "bytes": len(BODY)} | entry)  # type: ignore[arg-type]
    spec = Input(size=8, colour="RGB", mean=(0.0,) * 3, scale=(1.0,) * 3, template=((0.0, 0.0),) * 5)
    texts = {"role": "backbone", "architecture": "toy", "summary": "", "licence": "", "source": ""}
    return Card(name="toy", path=tmp_path / "cards" / "toy.toml", weights=(file,), input=spec, **texts)  # type: ignore[arg-type]


def assert_nothing_is_left() -> None:
    folder = folders.user_models()
    assert not folder.exists() or list(folder.iterdir()) == []


def test_a_file_is_read_again_when_it_has_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "net.pt"
    path.write_bytes(BODY)
    assert weights.file_sha256(path) == SHA256
    altered = b"X" + BODY[1:]
    path.write_bytes(altered)  # at once, and as large: its times may be the same
    assert weights.file_sha256(path) == hashlib.sha256(altered).hexdigest()
    monkeypatch.setattr(weights, "_SETTLED", -1.0)
    assert weights.file_sha256(path) == hashlib.sha256(altered).hexdigest()
    os.utime(path, ns=(0, 0))  # a clock that was set back
    (tmp_path / "other.pt").write_bytes(BODY)
    os.utime(tmp_path / "other.pt", ns=(0, 0))
    (tmp_path / "other.pt").replace(path)
    assert weights.file_sha256(path) == SHA256


@pytest.mark.parametrize("path", ["/good", "/moved"])
def test_a_download_is_verified_and_put_in_the_users_folder(tmp_path: Path, server: str, path: str) -> None:
    steps: list[tuple[str, int, int]] = []
    toy = card(tmp_path, url=server + path)
    with pytest.raises(WeightsMissing, match="`facepipe models pull toy` fetches them"):
        weights.locate(toy)
    (got,) = weights.pull(toy, lambda *step: steps.append(step))
    assert got == folders.user_models() / "net.pt"
    assert got.read_bytes() == BODY
    assert [p.name for p in got.parent.iterdir()] == ["net.pt"]  # no temporary file
    assert weights.locate(toy) == [got]
    assert len(steps) > 1
    assert steps[-1] == ("net.pt", len(BODY), len(BODY))


def test_what_is_there_and_verified_is_not_downloaded_again(tmp_path: Path, server: str) -> None:
    toy = card(tmp_path, url=server + "/good")
    assert weights.pull(toy) == weights.pull(toy)
    assert Server.requests == ["/good"]


def test_an_altered_file_is_refused_and_a_pull_repairs_it(tmp_path: Path, server: str) -> None:
    toy = card(tmp_path, url=server + "/good")
    (path,) = weights.pull(toy)
    path.write_bytes(BODY[:-1] + b"!")
    with pytest.raises(WeightsAltered, match=r"net\.pt: sha256 is .*, expected "):
        weights.locate(toy)
    weights.pull(toy)
    assert weights.locate(toy) == [path]


@pytest.mark.parametrize(
    ("path", "error", "why"),
    [
        ("/truncated", WeightsMissing, rf"broke off after 70000 of {len(BODY)} bytes"),
        ("/altered", WeightsAltered, "sha256 is .*, expected .*; not kept"),
        ("/longer", WeightsAltered, f"more than the expected {len(BODY)} bytes"),
        ("/missing", WeightsMissing, "HTTP 404"),
        ("/moved-away", UsageError, r"http://192\.0\.2\.1/good: expected an https URL"),
    ],
)
def test_a_bad_download_is_one_line_and_leaves_nothing(
    tmp_path: Path, server: str, path: str, error: type[Exception], why: str
) -> None:
    with pytest.raises(error, match=why) as caught:
        weights.pull(card(tmp_path, url=server + path))
    assert "\n" not in str(caught.value)
    assert_nothing_is_left()


def test_a_body_without_end_is_cut_off_near_the_declared_size(tmp_path: Path, server: str) -> None:
    seen: list[int] = []
    with pytest.raises(WeightsAltered, match="more than the expected 1000 bytes"):
        weights.pull(card(tmp_path, url=server + "/longer", bytes=1000), lambda name, done, total: seen.append(done))
    assert seen == []


def test_without_a_network_the_line_says_what_to_put_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound but not listening: connections are refused
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/net.pt"
        with pytest.raises(WeightsMissing) as caught:
            weights.pull(card(tmp_path, url=url))
    message = str(caught.value)
    assert message.startswith(f"{url}: cannot be fetched (")
    assert f"put it at {folders.user_models() / 'net.pt'}, its sha256 is {SHA256}" in message
    assert "\n" not in message
    assert_nothing_is_left()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, server: str, home: Path) -> None:
    home.write_text("a file where the folder should be")
    with pytest.raises(WriteFailed, match=r"net\.pt: cannot be written"):
        weights.pull(card(tmp_path, url=server + "/good"))


@pytest.mark.parametrize("url", ["http://example.org/net.pt", "file:///etc/passwd", "ftp://example.org/a", "net.pt"])
def test_only_https_is_fetched(tmp_path: Path, url: str) -> None:
    with pytest.raises(UsageError, match="expected an https URL"):
        weights.pull(card(tmp_path, url=url))
    assert_nothing_is_left()


@pytest.mark.parametrize("file", ["../net.pt", "/tmp/net.pt", "a/b.pt", "..", ""])
def test_a_card_cannot_place_a_file_elsewhere(tmp_path: Path, server: str, file: str) -> None:
    with pytest.raises(CardInvalid, match=r"toy\.toml: weights\.file: expected a plain file name"):
        weights.pull(card(tmp_path, url=server + "/good", file=file))
    assert Server.requests == []


def test_a_file_beside_its_card_is_found_first(tmp_path: Path) -> None:
    toy = card(tmp_path)
    toy.path.parent.mkdir()
    (toy.path.parent / "net.pt").write_bytes(BODY)
    assert weights.locate(toy) == weights.pull(toy) == [toy.path.parent / "net.pt"]


def test_weights_of_a_package_that_is_not_installed(tmp_path: Path) -> None:
    with pytest.raises(DependencyMissing, match="pip install no-such-package"):
        weights.locate(card(tmp_path, package="no_such_package"))


CARD = """
name = "toy"
role = "backbone"
architecture = "toy"
summary = ""
licence = ""
source = ""
dimension = 4
[[weights]]
file = "net.pt"
sha256 = ""  # unknown
url = "URL"
[input]
size = 8
colour = "RGB"
mean = 0
scale = 1
template = [[0, 0], [1, 0], [2, 2], [0, 3], [1, 3]]
"""


@pytest.fixture
def unknown(tmp_path: Path, server: str) -> Card:
    path = tmp_path / "toy.toml"
    path.write_text(CARD.replace("URL", server + "/good"))
    return load_card(path)


def test_a_card_without_sha256_is_neither_fetched_nor_loaded_unseen(unknown: Card) -> None:
    with pytest.raises(UsageError, match="pass the sha256 you trust"):
        weights.pull(unknown)
    (unknown.path.parent / "net.pt").write_bytes(BODY)
    with pytest.raises(WeightsMissing, match="knows no sha256"):
        weights.locate(unknown)
    assert Server.requests == []


def test_a_sha256_that_the_user_trusts_is_kept_with_the_users_card(unknown: Card) -> None:
    with pytest.raises(WeightsAltered):
        weights.pull(unknown, sha256="0" * 64)
    assert_nothing_is_left()
    (path,) = weights.pull(unknown, sha256=SHA256.upper())
    pinned = find_card("toy")
    assert pinned.path == folders.user_models() / "toy.toml"
    assert replace(pinned, path=unknown.path, weights=()) == replace(unknown, weights=())
    assert weights.locate(pinned) == [path]
    assert weights.pull(pinned, sha256=SHA256) == [path]


@pytest.mark.parametrize("sha256", ["abc", "", "z" * 64])
def test_a_sha256_must_be_one(unknown: Card, sha256: str) -> None:
    with pytest.raises(UsageError, match="64 hexadecimal digits"):
        weights.pull(unknown, sha256=sha256)


def test_a_sha256_does_not_override_the_cards(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="knows the sha256 of its weights already"):
        weights.pull(card(tmp_path, url="https://example.org/net.pt"), sha256="0" * 64)


def test_the_backbone_id_follows_the_weights_not_their_place(tmp_path: Path) -> None:
    toy, own, other = card(tmp_path), tmp_path / "mine.pt", tmp_path / "other.pt"
    own.write_bytes(BODY)
    other.write_bytes(b"other")
    assert weights.resolve(toy, own) == (own, toy.backbone_id())
    assert weights.resolve(toy, other) == (other, toy.backbone_id(hashlib.sha256(b"other").hexdigest()))
    assert weights.resolve(toy, other)[1] != toy.backbone_id()
    with pytest.raises(WeightsMissing, match=r"nowhere\.pt: no such file"):
        weights.resolve(toy, tmp_path / "nowhere.pt")


def test_replacing_keeps_the_old_file_when_the_block_fails(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), weights.replacing(path) as stream:
        stream.write(b"half") // 0
    assert [p.name for p in tmp_path.iterdir() if p.is_file()] == ["file"]
    assert path.read_text() == "old"
