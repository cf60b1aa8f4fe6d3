"""serve: a real one from start to Ctrl-C, and what it does not start with."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest

from facepipe import folders
from tests.cli.cli_shell import Run, command_line, environment

pytestmark = pytest.mark.slow


def ask(url: str, path: str, body: bytes | None = None) -> dict:
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    request = urllib.request.Request(f"{url}api/v1/{path}", body, headers)
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=60) as answer:
        return json.loads(answer.read())


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX")
def test_from_start_to_end(tmp_path: Path) -> None:
    command = command_line("serve", "--port", "0", "--gallery", tmp_path / "people.db")
    log = tmp_path / "log"
    with log.open("w") as stderr:
        run = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, env=environment(), text=True)
    try:
        while (found := re.match(r"facepipe: open (http://127\.0\.0\.1:\d+/) ", log.read_text())) is None:
            assert run.poll() is None, log.read_text()
            time.sleep(0.05)
        form = b'--b\r\nContent-Disposition: form-data; name="image"; filename="Ada.jpg"\r\n\r\n%s\r\n--b--\r\n'
        faces = ask(found[1], "detect", form % (folders.samples() / "obama.jpg").read_bytes())["faces"]
        assert len(faces) == 1
        assert ask(found[1], "people")["total"] == 0
        run.send_signal(signal.SIGINT)
        out, _ = run.communicate(timeout=30)
    finally:
        run.kill()
        run.wait()
    lines = log.read_text().splitlines()
    assert (run.returncode, out) == (0, "")
    assert [line.split()[2:5] for line in lines[1:]] == [
        ["POST", "/api/v1/detect", "200"],
        ["GET", "/api/v1/people", "200"],
    ]
    assert not (tmp_path / "people.db").exists()  # made by the first enrolment, not before


def test_a_port_in_use_is_told_before_the_networks_load(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run("serve", "--port", port)
    assert (done.code, done.out) == (2, "")
    assert (
        done.complaint
        == f"facepipe: 127.0.0.1, port {port}: in use already; take another (--port), or end what listens there\n"
    )


@pytest.mark.parametrize("args", [["--host", "0.0.0.0"], ["--require-key"], ["--cert", "no.pem"], ["--port", "70000"]])
def test_what_it_does_not_start_with_is_one_line(run: Run, args: list[str]) -> None:
    done = run("serve", "--port", "0", *args)
    assert (done.code, done.out) == (2, "")
    assert len(done.complaint.splitlines()) == 1


def test_a_damaged_gallery_is_one_line(run: Run, here: Path) -> None:
    (here / "people.db").write_text("no gallery" * 1000)
    done = run("serve", "--port", "0", "--gallery", "people.db")
    assert (done.code, len(done.complaint.splitlines())) == (1, 1)
    assert "not a facepipe gallery" in done.complaint
