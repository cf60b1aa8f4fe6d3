"""Starting and ending: what it refuses to start with, where it is, and that Ctrl-C is a good end."""

from __future__ import annotations

import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from facepipe.errors import UsageError
from facepipe.serve import server
from facepipe.serve.keys import Keyring
from facepipe.serve.settings import Settings
from tests.serve.serving import Serve
from tests.serve.tiny_app import tiny_app

pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).parents[2]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "faces.example.org"])
def test_beyond_this_machine_it_takes_a_key(host: str) -> None:
    with pytest.raises(UsageError, match=r"other machines .*no key yet; make one: facepipe keys add NAME"):
        server.listen(Settings(host=host, port=0))


def test_with_a_key_it_listens_everywhere() -> None:
    Keyring().add("door")
    with server.listen(Settings(host="0.0.0.0", port=0)) as place:
        assert place.getsockname()[0] == "0.0.0.0"
        assert server.url(Settings(host="0.0.0.0"), place) == f"http://{socket.gethostname()}:{place.getsockname()[1]}/"


def test_where_keys_are_asked_for_there_must_be_one() -> None:
    with pytest.raises(UsageError, match="asks for API keys"):
        server.listen(Settings(port=0, require_key=True))


def test_a_port_in_use() -> None:
    with server.listen(Settings(port=0)) as place:
        port = place.getsockname()[1]
        with pytest.raises(UsageError, match=rf"^127\.0\.0\.1, port {port}: in use already"):
            server.listen(Settings(port=port))


@pytest.mark.parametrize("host", ["no such host", "256.1.1.1", "nowhere.invalid"])
def test_a_host_that_is_none(host: str) -> None:
    Keyring().add("door")
    with pytest.raises(UsageError, match="no such address"):
        server.listen(Settings(host=host, port=0))


@pytest.mark.parametrize("name", ["missing.pem", "spoilt.pem"])
def test_a_certificate_that_is_none(tmp_path: Path, name: str) -> None:
    (tmp_path / "spoilt.pem").write_text("-----BEGIN CERTIFICATE-----\n")
    with pytest.raises(UsageError, match=rf"{name}: expected a certificate with its private key"):
        server.listen(Settings(port=0, certificate=tmp_path / name))
    with pytest.raises(UsageError, match="without a certificate"):
        server.listen(Settings(port=0, private_key=tmp_path / name))


@pytest.mark.parametrize(("host", "shown"), [("127.0.0.1", "127.0.0.1"), ("localhost", "localhost"), ("::1", "[::1]")])
def test_the_address_to_open(host: str, shown: str) -> None:
    try:
        place = server.listen(Settings(host=host, port=0))
    except UsageError:
        pytest.skip(f"this machine has no {host}")
    with place:
        assert server.url(Settings(host=host), place) == f"http://{shown}:{place.getsockname()[1]}/"


OPENSSL = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost"
NAMES = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]


def test_over_tls(serve: Serve, tmp_path: Path) -> None:
    files = ["-keyout", str(tmp_path / "key.pem"), "-out", str(tmp_path / "cert.pem")]
    made = subprocess.run([*OPENSSL.split(), *NAMES, *files], capture_output=True)
    if made.returncode:
        pytest.skip("no openssl to make a certificate with")
    settings = Settings(certificate=tmp_path / "cert.pem", private_key=tmp_path / "key.pem", require_key=True)
    text = Keyring().add("page")
    served = serve(tiny_app(settings), settings)
    assert served.url.startswith("https://")
    trust = ssl.create_default_context(cafile=tmp_path / "cert.pem")
    with httpx.Client(base_url=served.url, verify=trust, trust_env=False) as client:
        opened = client.post("/api/v1/session", json={"key": text}, headers={"Origin": served.url})
        assert "secure" in opened.headers["set-cookie"].lower()
        assert client.get("/api/v1/people/1").status_code == 200
    with served.connect() as wire:  # plain HTTP at a TLS port
        wire.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert b"200" not in wire.recv(1000)


RUNS = """
import sys; sys.path[:0] = sys.argv[1:3]
from tiny_app import tiny_app
from facepipe.serve import server
from facepipe.serve.settings import Settings
settings = Settings(port=0, shutdown=1.0)
server.run(settings, tiny_app(settings))
print("ended in good order")
"""


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_a_good_end_however_much_is_going_on(number: int) -> None:
    command = [sys.executable, "-c", RUNS, str(REPOSITORY), str(Path(__file__).parent)]
    run = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        line = run.stderr.readline()
        found = re.fullmatch(r"facepipe: open (http://127\.0\.0\.1:(\d+)/) \(Ctrl-C ends the server\)\n", line)
        assert found, line
        with socket.create_connection(("127.0.0.1", int(found[2]))) as silent, httpx.Client(trust_env=False) as client:
            assert client.get(found[1]).status_code == 200
            silent.sendall(b"POST /api/v1/count HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nx")
            assert client.get(f"{found[1]}api/v1/people/7").status_code == 200
            begin = time.monotonic()
            run.send_signal(number)
            time.sleep(0.05)
            run.send_signal(number)  # whoever is impatient gets the same good end
            out, err = run.communicate(timeout=20)
            assert time.monotonic() - begin < 10
    finally:
        run.kill()
        run.wait()
    assert (run.returncode, out) == (0, "ended in good order\n")
    assert re.search(r"^\d{4}-\d\d-\d\d [\d:,]+ GET /api/v1/people/\{id\} 200 \d+ ms 10 B local$", err, re.MULTILINE)
    assert "Traceback" not in err
