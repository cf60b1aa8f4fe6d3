"""Starting and ending the server: where it listens, what it refuses to start with, how it stops."""

from __future__ import annotations

import errno
import logging
import socket
import ssl
import sys
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from facepipe.errors import UsageError
from facepipe.serve.keys import Keyring
from facepipe.serve.protocol import options
from facepipe.serve.settings import Settings

FILES = 4096  # open at once, where the system lets us: each connection is one


class _Server(uvicorn.Server):
    """Ctrl-C and SIGTERM are how a server ends, not a failure, and the end takes its few seconds however often they
    come: uvicorn would raise them again, and at the second leave out the application's own end."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.should_exit = True


def run(settings: Settings, app: ASGIApp, listening: socket.socket | None = None) -> None:
    """Serve ``app`` until Ctrl-C or SIGTERM. ``listening`` is what ``listen`` returned, called before the slow part.

    Raises as ``listen``.
    """
    place = listen(settings) if listening is None else listening
    _allow_many_files()
    log_to_stderr()
    server = _Server(config(settings, app))
    print(f"facepipe: open {url(settings, place)} (Ctrl-C ends the server)", file=sys.stderr, flush=True)
    with place:
        server.run(sockets=[place])


def listen(settings: Settings) -> socket.socket:
    """The socket of the server, open. Raises UsageError: no key where one is needed, a port in use."""
    if settings.needs_key and not Keyring(settings.keys).list():
        why = "asks for API keys" if settings.loopback else f"can be reached from other machines ({settings.host})"
        raise UsageError(f"the server {why}, and there is no key yet; make one: facepipe keys add NAME --scope admin")
    _check_certificate(settings)
    try:
        found = socket.getaddrinfo(settings.host.strip("[]"), settings.port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError):
        raise UsageError(f"host {settings.host}: no such address of this machine") from None
    family, kind, protocol, _, address = sorted(found, key=lambda entry: entry[0] != socket.AF_INET)[0]
    place = socket.socket(family, kind, protocol)
    if sys.platform != "win32":  # there it would share the port with whoever has it
        place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        place.bind(address)
        place.listen(1024)
    except OSError as error:
        place.close()
        raise UsageError(f"{settings.host}, port {settings.port}: {_why(error)}") from None
    place.set_inheritable(False)
    return place


def url(settings: Settings, place: socket.socket) -> str:
    """Where to point the browser. The port is the real one, also when any was asked for."""
    host = settings.host
    if host in ("0.0.0.0", "::", "[::]"):
        host = socket.gethostname()
    elif ":" in host:
        host = f"[{host.strip('[]')}]"
    scheme = "http" if settings.certificate is None else "https"
    return f"{scheme}://{host}:{place.getsockname()[1]}/"


def config(settings: Settings, app: ASGIApp) -> uvicorn.Config:
    """uvicorn's settings: ours, no banner in the answers, and addresses as they are rather than as a client claims."""
    return uvicorn.Config(
        app,
        loop="asyncio",
        log_config=None,
        log_level="error",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        interface="asgi3",
        timeout_graceful_shutdown=settings.shutdown,  # type: ignore[arg-type]  # a float does as well
        ssl_certfile=settings.certificate,
        ssl_keyfile=settings.private_key,
        **options(settings),
    )


def log_to_stderr() -> None:
    """One line for each request, with its time. Called once, by the process that serves."""
    access = logging.getLogger("facepipe.access")
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    access.handlers, access.propagate = [handler], False
    access.setLevel(logging.INFO)


def _check_certificate(settings: Settings) -> None:
    certificate, key = settings.certificate, settings.private_key
    if certificate is None and key is None:
        return
    if certificate is None:
        raise UsageError("a private key without a certificate; give both: --cert FILE --key-file FILE")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password=_no_password)
    except (OSError, ValueError) as error:  # SSLError is an OSError
        why = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"{certificate}: expected a certificate with its private key, PEM: {why}") from None


def _no_password() -> str:
    raise ValueError("the private key has a password; give one without")


def _why(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "in use already; take another (--port), or end what listens there"
    if error.errno == errno.EACCES:
        return "no permission; take a port from 1024 on"
    return f"cannot listen there: {error.strerror or error}"


def _allow_many_files() -> None:
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
