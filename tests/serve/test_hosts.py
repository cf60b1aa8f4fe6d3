"""Names and sites as people type them: understood, or refused at the start, and not with a 403 ever after."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.datastructures import Headers

from facepipe.errors import UsageError
from facepipe.serve import hosts, origins
from facepipe.serve.settings import Settings

NAMES = {
    "faces.example.org": "faces.example.org",
    " Faces.Example.ORG. ": "faces.example.org",
    "https://faces.example.org": "faces.example.org",
    "HTTP://faces.example.org:8443/": "faces.example.org",
    "faces.example.org:8443": "faces.example.org",
    "nas": "nas",
    "nas:": "nas",
    "face_pipe": "face_pipe",
    "192.168.1.7:8000": "192.168.1.7",
    "::1": "[::1]",
    "fe80:0:0:0:0:0:0:1": "[fe80::1]",
    "[FE80::1]:8000": "[fe80::1]",
    "bücher.example": "xn--bcher-kva.example",
    "人脸.example": "xn--gmqw44j.example",
    "XN--BCHER-KVA.example": "xn--bcher-kva.example",
}
NO_NAMES = [
    *(
        "",
        " ",
        ".",
        "*",
        "*.example.org",
        "a b",
        "a,b",
        "x/faces",
        "https://x/faces",
        "ftp://x",
        "user@x",
        "x?y",
        "x#y",
    ),
    *("x:99999", "x:port", "[::1", "::1::", "256.1.1.1", "1234", "a..b", "straße.example", "x" * 64, "x\ny"),
]


@pytest.mark.parametrize("typed", NAMES)
def test_a_name_is_understood(typed: str) -> None:
    settings = Settings(names=(typed,))
    assert settings.names == (NAMES[typed],)
    assert fault(settings, host=NAMES[typed]) is None
    assert fault(settings, host=f"{NAMES[typed].upper()}:8443") is None


@pytest.mark.parametrize("typed", NO_NAMES)
def test_what_is_no_name_is_refused_at_the_start(typed: str) -> None:
    with pytest.raises(UsageError, match=r"^name .*: expected a name of this server, such as faces\.example\.org$"):
        Settings(names=("faces.example.org", typed))


SITES = {
    "https://example.org": "https://example.org",
    "https://example.org/": "https://example.org",
    "https://example.org:443": "https://example.org",
    "http://example.org:80/": "http://example.org",
    "https://example.org:8443": "https://example.org:8443",
    "http://example.org:443": "http://example.org:443",
    " HTTPS://Example.ORG./ ": "https://example.org",
    "http://localhost:3000": "http://localhost:3000",
    "http://192.168.1.7": "http://192.168.1.7",
    "http://[FE80:0::1]:3000": "http://[fe80::1]:3000",
    "https://bücher.example": "https://xn--bcher-kva.example",
    "moz-extension://0b2c-aa": "moz-extension://0b2c-aa",
}
NO_SITES = [
    *("", "*", "null", "x", "example.org", "localhost:3000", "//x", "https:x", "https:/x", "https://", "https:///"),
    *("https://x/path", "https://x//", "https://x?y", "https://x#y", "https://user@x", "https://*.example.org"),
    *(
        "https://*",
        "htps://x",
        "ws://x",
        "wss://x",
        "file:///",
        "ftp://x",
        "https://a,https://b",
        "https://a https://b",
    ),
    *("https://x:0x1", "https://x:99999", "https://[::1", "https://straße.example", "https://256.1.1.1"),
]


@pytest.mark.parametrize("typed", SITES)
def test_a_site_is_understood(typed: str) -> None:
    settings = Settings(origins=(typed,))
    assert settings.origins == (SITES[typed],)
    sent = {"origin": SITES[typed], "host": "localhost:8000", "sec-fetch-site": "cross-site"}
    assert fault(settings, **sent) is None
    assert origins.shared(Headers(sent), settings)[0] == (b"access-control-allow-origin", SITES[typed].encode())


@pytest.mark.parametrize("typed", NO_SITES)
def test_what_is_no_site_is_refused_at_the_start(typed: str) -> None:
    with pytest.raises(
        UsageError, match=r"^origin .*: expected one site with its scheme and without a path, such as https"
    ):
        Settings(origins=(typed,))


PATHS = {"": "", "//": "", "facepipe": "/facepipe", "/facepipe/": "/facepipe", "/a/b.c": "/a/b.c", "/apis": "/apis"}
NO_PATHS = ["/api", "/page/x", "/..", "/a/../b", "/.", "/a//b", "https://x/faces", "/a b", "/a?b", "/%61", "/é"]


@pytest.mark.parametrize("typed", PATHS)
def test_a_root_path_is_understood(typed: str) -> None:
    assert Settings(root_path=typed).root_path == PATHS[typed]


@pytest.mark.parametrize("typed", NO_PATHS)
def test_what_is_no_root_path_is_refused_at_the_start(typed: str) -> None:
    with pytest.raises(UsageError, match=r"^root path .*: expected one such as /facepipe"):
        Settings(root_path=typed)


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "127.0.0.1", "127.0.0.5", "::1", "[::1]"])
def test_a_server_answers_under_the_address_that_it_was_given(host: str) -> None:
    settings = Settings(host=host)
    assert settings.loopback
    assert fault(settings, host=f"[{host}]:8000" if ":" in host and host[0] != "[" else f"{host}:8000") is None


def test_a_server_answers_under_the_name_that_it_listens_on() -> None:
    assert fault(Settings(host="faces.lan"), host="Faces.LAN:8000") is None
    assert fault(Settings(host="faces.lan"), host="other.lan:8000") == "origin-refused"


def test_one_form_stays_as_it_is() -> None:
    for form in {*SITES.values()}:
        assert hosts.site(form) == form
    for form in {*NAMES.values()}:
        assert hosts.expect_name(form) == form


@pytest.mark.parametrize("proxied", ["faces.example.org", "faces.example.org:443", "FACES.example.org."])
def test_a_port_that_goes_without_saying(proxied: str) -> None:
    """A proxy may pass it on."""
    settings = Settings(names=("faces.example.org",))
    assert fault(settings, host=proxied, origin="https://faces.example.org") is None
    assert fault(settings, host=proxied, origin="https://faces.example.org:8443") == "origin-refused"


def fault(settings: Settings, **given: str) -> Any:
    headers = Headers({name.replace("_", "-"): value for name, value in given.items()})
    scope = {"type": "http", "method": "GET", "path": "/api/v1/people", "query_string": b"", "scheme": "http"}
    found = origins.fault(scope, headers, settings)
    return None if found is None else found.code
