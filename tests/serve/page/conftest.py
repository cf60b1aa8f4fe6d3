"""The page in a real browser, whose camera plays a portrait in motion, against a real server with its own gallery."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import PIL.Image
import pytest

from facepipe import Gallery, Pipeline, folders, read_image
from facepipe.serve.app import create_app
from facepipe.serve.keys import Keyring
from facepipe.serve.settings import Settings
from tests.moving_portrait import View, picture

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page, Playwright

CHROMIUM = shutil.which("chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--host-resolver-rules=MAP facepipe.test 127.0.0.1",  # a name by which pages are not secure
]
PATIENCE = 120_000  # ms: an inspection on a busy machine takes a minute; only what fails waits so long
HELD, MOVING = 15, 8  # frames in each pose and between two; Chromium plays 30 a second
POSES = [  # the poses that the guide asks for, as it measures them on this face
    View(),
    View(yaw=36, size=170),
    View(yaw=-26, size=150, roll=-3, centre=(310, 250)),
    View(pitch=22, size=165, centre=(330, 235)),
    View(pitch=-18, size=155, roll=2),
]


@pytest.fixture(scope="session")
def film(pipeline: Pipeline, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Barack Obama before the camera, in the file format that Chromium plays: JPEG after JPEG."""
    return _film(tmp_path_factory.mktemp("camera") / "camera.mjpeg", POSES, pipeline)


@pytest.fixture(scope="session")
def facing(pipeline: Pipeline, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, always facing the camera: any picture of it is like any other."""
    return _film(tmp_path_factory.mktemp("camera") / "facing.mjpeg", POSES[:1], pipeline)


@pytest.fixture(scope="session")
def aside(pipeline: Pipeline, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, beside the oval in the middle."""
    return _film(tmp_path_factory.mktemp("camera") / "aside.mjpeg", [View(size=130, centre=(120, 240))], pipeline)


def _film(path: Path, poses: Sequence[View], pipeline: Pipeline) -> Path:
    frames = {view: _jpeg(view, pipeline) for view in dict.fromkeys(_views(poses))}
    path.write_bytes(b"".join(frames[view] for view in _views(poses)))
    return path


def _views(poses: Sequence[View]) -> Iterator[View]:
    for here, there in pairwise([*poses, poses[0]]):
        yield from [here] * HELD
        yield from (_between(here, there, step / (MOVING + 1)) for step in range(1, MOVING + 1))


def _between(here: View, there: View, part: float) -> View:
    def mix(a: float, b: float) -> float:
        return (1 - part) * a + part * b

    centre = (mix(here.centre[0], there.centre[0]), mix(here.centre[1], there.centre[1]))
    yaw, pitch, roll, size = (
        mix(getattr(here, name), getattr(there, name)) for name in ("yaw", "pitch", "roll", "size")
    )
    return View(yaw, pitch, roll, size, centre)


def _jpeg(view: View, pipeline: Pipeline) -> bytes:
    seen = picture("obama", pipeline, view).pixels
    return cv2.imencode(".jpg", cv2.cvtColor(seen, cv2.COLOR_RGB2BGR))[1].tobytes()


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    """For one module at a time: other tests start their own, and there can be only one."""
    if CHROMIUM is None:
        pytest.skip("needs Chromium: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="module")
def launch(playwright: Playwright, film: Path) -> Iterator[Callable[..., Browser]]:
    """Start browsers: with a camera that plays a film or none at all, that may be used without asking or not."""
    started: list[Browser] = []

    def start(camera: bool = True, allowed: bool = True, film: Path = film) -> Browser:
        options = f"--use-file-for-fake-video-capture={film}"
        device = "--use-fake-device-for-media-stream" + ("" if camera else "=device-count=0")
        args = [
            *FLAGS,
            device,
            *([options] if camera else []),
            *(["--use-fake-ui-for-media-stream"] if allowed else []),
        ]
        started.append(playwright.chromium.launch(executable_path=CHROMIUM, args=args))
        return started[-1]

    yield start
    for browser in started:
        browser.close()


@pytest.fixture(scope="module")
def browser(launch: Callable[..., Browser]) -> Browser:
    return launch()


@dataclass
class Site:
    """A running server: its ``url``, ``gallery``, the ``key`` that it asks for; ``stop`` and ``start`` it again, also
    with another gallery."""

    url: str
    gallery: Gallery
    key: str | None
    stop: Callable[[], None]
    start: Callable[..., None]


@pytest.fixture
def site(serve: Callable, pipeline: Pipeline, tmp_path: Path) -> Iterator[Callable[..., Site]]:
    """Start servers with an empty gallery each; ``site("read")`` makes one that asks for a key, which may read. Other
    settings go by name."""
    opened: list[Gallery] = []

    def start(scope: str | None = None, **more: object) -> Site:
        keys = tmp_path / "keys.json"
        key = None if scope is None else Keyring(keys).add("page", scope)
        gallery = Gallery.open(tmp_path / f"gallery-{len(opened)}.db", backbone=pipeline.backbone)
        opened.append(gallery)
        settings = Settings(keys=keys, require_key=key is not None, **more)  # type: ignore[arg-type]
        served = serve(create_app(settings, pipeline, gallery), settings)

        def again(gallery: Gallery = gallery) -> None:
            serve(create_app(settings, pipeline, gallery), settings, port=served.port)

        return Site(served.url, gallery, key, served.stop, again)

    yield start
    for gallery in opened:
        gallery.close()


@dataclass
class Watch:
    """What must not happen while a page is open, beside what a test says is ``expected`` on the console."""

    origin: str
    said: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)

    def console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.said.append(message.text)

    def request(self, url: str) -> None:
        if not url.startswith((self.origin, self.origin.replace("http", "ws", 1), "blob:", "data:")):
            self.said.append(f"request to {url}")

    def check(self) -> None:
        assert [text for text in self.said if not any(part in text for part in self.expected)] == []


POLICY = "addEventListener('securitypolicyviolation', (event) => console.error(`policy: ${event.blockedURI}`))"


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Open a page of a site: ``visit(site, "#people", locale="zh-CN")``. Afterwards nothing may be on its console but
    what is ``expected``, no policy violated, no other origin asked, nothing wider than the window."""
    opened: list[tuple[Page, Watch]] = []

    def start(
        site: Site,
        view: str = "",
        *,
        url: str | None = None,
        within: Browser = browser,
        expected: tuple[str, ...] = (),
        **options: object,
    ) -> Page:
        chosen = {
            "viewport": {"width": 1280, "height": 800},
            "locale": "en-GB",
            "timezone_id": "Europe/London",
        } | options
        page = within.new_page(**chosen)  # type: ignore[arg-type]
        page.set_default_timeout(PATIENCE)
        watch = Watch(url or site.url, expected=list(expected))
        page.on("console", watch.console)
        page.on("pageerror", lambda error: watch.said.append(str(error)))
        page.on("request", lambda request: watch.request(request.url))
        page.add_init_script(POLICY)
        page.goto(f"{watch.origin}/{view}")
        opened.append((page, watch))
        return page

    yield start
    for page, watch in opened:
        width, window = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
        page.context.close()
        watch.check()
        assert width <= window


@pytest.fixture(scope="session")
def group(pipeline: Pipeline, tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Path]:
    """Photos of groups: ``group(6)`` has six faces of the samples, close to one another, 1600×900 px."""
    folder = tmp_path_factory.mktemp("groups")

    def compose(count: int, wide: int = 1600, high: int = 900) -> Path:
        columns = math.ceil(math.sqrt(count * wide / high))
        side = min(wide // columns, high // math.ceil(count / columns))
        faces = [face.resize((side, side)) for face in _heads(pipeline)]
        photo = PIL.Image.new("RGB", (wide, high), (120, 110, 100))
        for number in range(count):
            photo.paste(faces[number % len(faces)], (number % columns * side, number // columns * side))
        photo.save(folder / f"group-{count}.png")
        return folder / f"group-{count}.png"

    return cache(compose)


def _heads(pipeline: Pipeline) -> Iterator[PIL.Image.Image]:
    """The heads of the samples, square."""
    for name in ("obama.jpg", "biden.jpg", "astronaut.png", "obama2.jpg"):
        photo = PIL.Image.open(folders.samples() / name).convert("RGB")
        (face,) = pipeline.detect(photo)
        x0, y0, x1, y1 = (float(value) for value in face.box)
        x, y, half = (x0 + x1) / 2, (y0 + y1) / 2, 0.72 * max(x1 - x0, y1 - y0)
        yield photo.crop((round(x - half), round(y - half), round(x + half), round(y + half)))


@pytest.fixture
def enroll(pipeline: Pipeline, samples: Path) -> Callable[..., None]:
    """Put people into a gallery without the page, whoever they are: ``enroll(gallery, "Ada", "ada.jpg")``."""

    def put(gallery: Gallery, name: str, *pictures: str) -> None:
        pipeline.enroll(name, [read_image(samples / picture) for picture in pictures], gallery, anyway=True)

    return put
