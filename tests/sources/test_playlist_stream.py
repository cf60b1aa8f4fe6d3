"""Streams that answer with a playlist (HLS): its segments come from the network and from nowhere else."""

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from pathlib import Path

import pytest

from facepipe.errors import SourceNotFound, SourceRefused
from facepipe.sources import Patience, open_source
from tests.network_camera import number_in, write_video

QUICK = Patience(connect=2, stall=1, read=1, first_wait=0.01)


class Server(ThreadingHTTPServer):
    """Serves ``files`` (path → bytes) on 127.0.0.1 and remembers the paths that were ``asked`` for."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.asked: list[str] = []

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_port}{path}"

    def playlist(self, path: str, *segments: str, ended: bool = False) -> str:
        lines = ["#EXTM3U", "#EXT-X-TARGETDURATION:1", *(f"#EXTINF:0.5,\n{segment}" for segment in segments)]
        self.files[path] = "\n".join([*lines, *["#EXT-X-ENDLIST"] * ended, ""]).encode()
        return self.url(path)


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        body = self.server.files.get(self.path)
        if body is None:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *given: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        yield server
        server.shutdown()


@pytest.fixture(scope="module")
def segment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Half a second at 100 frames a second."""
    return write_video(tmp_path_factory.mktemp("segment") / "0.ts", 50, fps=100)


def test_a_playlist_is_played_at_the_speed_of_life(server: Server, segment: Path) -> None:
    server.files["/0.ts"] = segment.read_bytes()
    url = server.playlist("/live.m3u8", "0.ts")
    with open_source(url, patience=QUICK) as source:
        start = time.monotonic()
        frames = list(islice(source, 41 - source.dropped))
        passed = time.monotonic() - start
    assert passed > 0.3
    numbers = [number_in(frame.image.pixels) for frame in frames]
    assert numbers == sorted(set(numbers))
    assert server.asked[:2] == ["/live.m3u8", "/0.ts"]


@pytest.mark.parametrize("ended", [False, True])
@pytest.mark.parametrize("given", ["file://{}", "{}", "file:{}", "crypto:file:{}", "concat:{}", "subfile,,:{}"])
def test_a_playlist_opens_no_local_file(given: str, ended: bool, server: Server, segment: Path) -> None:
    url = server.playlist("/live.m3u8", given.format(segment), ended=ended)
    with pytest.raises(SourceNotFound, match="no picture came"):
        open_source(url, patience=Patience(connect=0.4, read=0.2))
    assert "/live.m3u8" in server.asked


@pytest.mark.parametrize("name", ["/film.mp4", "/film.m3u8", "/one.jpg"])
def test_what_has_an_end_is_no_stream(name: str, server: Server, segment: Path, clip: Path, samples: Path) -> None:
    server.files = {
        "/0.ts": segment.read_bytes(),
        "/film.mp4": clip.read_bytes(),
        "/one.jpg": (samples / "obama.jpg").read_bytes(),
    }
    server.playlist("/film.m3u8", "0.ts", ended=True)
    with pytest.raises(SourceRefused, match="expected a stream, got a file that has an end; download it"):
        open_source(server.url(name), patience=QUICK)
