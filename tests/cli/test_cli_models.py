"""models: list, show, pull, add."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from facepipe import folders
from tests.cli.cli_shell import Run

BODY = b"weights" * 1000
CARD = """
name = "toy"
role = "detector"
architecture = "mtcnn"
summary = "a toy"
licence = "none"
source = "this test"
weights = [{{ file = "toy.pt", sha256 = "{sha256}", bytes = {size}, url = "{url}" }}]
"""


class Server(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(BODY)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("no_proxy", "*")
    with ThreadingHTTPServer(("127.0.0.1", 0), Server) as running:
        threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}/toy.pt"
        running.shutdown()


def write_card(url: str, sha256: str = hashlib.sha256(BODY).hexdigest()) -> None:
    folder = folders.user_models()
    folder.mkdir(parents=True)
    (folder / "toy.toml").write_text(CARD.format(url=url, sha256=sha256, size=len(BODY)))


def test_list_says_which_weights_are_here(run: Run) -> None:
    rows = {row[0]: row[1:] for row in (line.split("\t") for line in run("models", "list").out.splitlines())}
    assert rows["dlib_resnet"] == ["backbone", "here", "CC0-1.0"]
    assert rows["inception_resnet_v1-vggface2"][:2] == ["backbone", "to fetch"]
    assert rows["mtcnn"] == ["detector", "here", "MIT"]
    lines = run("models", "list", "--json").json
    assert [list(line) for line in lines] == [["name", "role", "default", "here", "licence", "summary"]] * len(rows)
    assert {line["name"]: line["here"] for line in lines}["dlib_resnet"] is True


def test_list_says_which_are_used_where_nothing_is_said(run: Run) -> None:
    assert run("models", "list").complaint == "by default: detector yunet, backbone sface\n"
    named = [line["name"] for line in run("models", "list", "--json").json if line["default"]]
    assert named == ["sface", "yunet"]


def test_show_prints_the_card(run: Run) -> None:
    done = run("models", "show", "dlib_resnet")
    card = folders.shipped_cards() / "dlib_resnet.toml"
    assert done.out == card.read_text("utf-8")
    assert done.complaint == f"{card}\n"


def test_an_unknown_model_suggests_the_nearest(run: Run) -> None:
    for command in ("show", "pull"):
        done = run("models", command, "mtcn")
        assert done.code == 1
        assert "did you mean mtcnn?" in done.complaint


def test_pull_fetches_verifies_and_prints_the_path(run: Run, server: str, home: Path) -> None:
    write_card(server)
    done = run("models", "pull", "toy")
    assert (done.code, done.err) == (0, "")
    assert done.out == f"{home}/models/toy.pt\n"
    assert (home / "models" / "toy.pt").read_bytes() == BODY


def test_pull_keeps_nothing_that_is_altered(run: Run, server: str, home: Path) -> None:
    write_card(server, sha256="0" * 64)
    done = run("models", "pull", "toy")
    assert (done.code, done.out) == (1, "")
    assert "sha256" in done.complaint
    assert not (home / "models" / "toy.pt").exists()


def test_without_a_network_pull_says_what_to_put_where(run: Run, home: Path) -> None:
    write_card("http://127.0.0.1:9/toy.pt")
    done = run("models", "pull", "toy")
    assert done.code == 1
    assert f"put it at {home}/models/toy.pt" in done.complaint


def test_a_backbone_without_its_weights_names_the_command_that_fetches_them(run: Run) -> None:
    done = run("identify", "--backbone", "inception_resnet_v1-vggface2", "obama.jpg")
    assert done.code == 1
    assert "facepipe models pull inception_resnet_v1-vggface2" in done.complaint


def test_pull_refuses_a_sha256_that_is_none(run: Run) -> None:
    done = run("models", "pull", "mtcnn", "--sha256", "abc")
    assert done.code == 2
    assert "--sha256" in done.complaint


def test_add_makes_a_backbone_that_recognises(run: Run, here: Path) -> None:
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    write_embedder(onnx, here / "tiny.onnx")
    done = run("models", "add", "tiny.onnx", "--name", "tiny2", "--licence", "CC0-1.0")
    assert done.code == 0
    assert done.out == f"{folders.user_models()}/tiny2.toml\n"
    assert "--backbone tiny2" in done.complaint
    assert "tiny2\tbackbone\there\tCC0-1.0" in run("models", "list").out
    assert "there is such a model" in run("models", "add", "tiny.onnx", "--name", "tiny2").complaint
    assert run("models", "add", "tiny.onnx", "--name", "tiny2", "--replace").code == 0

    own = ("--backbone", "tiny2", "--gallery", "tiny.db")
    assert run("enroll", *own, "Ada", "obama.jpg").code == 0
    done = run("identify", *own, "obama.jpg")
    assert done.code == 2
    assert "no measured thresholds" in done.complaint
    assert "  Ada " in run("identify", *own, "--threshold", "0.999", "obama.jpg").out
    assert "tiny2@" in run("identify", "--backbone", "sface", "--gallery", "tiny.db", "obama.jpg").complaint
    unasked = run("identify", "--gallery", "tiny.db", "--threshold", "0.999", "obama.jpg")
    assert "  Ada " in unasked.out
    assert unasked.complaint == f"{here}/tiny.db: made with tiny2, so it is used\n"


@pytest.mark.parametrize(
    ("args", "code", "reason"),
    [
        (["missing.onnx"], 1, "missing.onnx: no such file"),
        (["obama.jpg"], 1, "obama.jpg: not an ONNX model"),
        (["obama.jpg", "--name", "../x"], 2, "name '../x'"),
        (["missing.onnx", "--name", "mtcnn"], 2, "mtcnn: there is such a model"),
    ],
)
def test_add_of_something_else_adds_nothing(run: Run, home: Path, args: list[str], code: int, reason: str) -> None:
    pytest.importorskip("onnx")
    done = run("models", "add", *args)
    assert (done.code, done.out) == (code, "")
    assert reason in done.complaint
    assert not home.exists()


def write_embedder(onnx: object, path: Path) -> None:
    """The least of face embedders: an 8×8 image through one linear layer to 16 numbers."""
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper

    weights = np.random.default_rng(0).normal(size=(192, 16)).astype(np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("Flatten", ["image"], ["flat"], axis=1),
            helper.make_node("MatMul", ["flat", "weights"], ["vector"]),
        ],
        "tiny",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 3, 8, 8])],
        [helper.make_tensor_value_info("vector", TensorProto.FLOAT, ["n", 16])],
        [numpy_helper.from_array(weights, "weights")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    path.write_bytes(model.SerializeToString())
