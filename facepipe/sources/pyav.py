"""PyAV, where it is installed: decodes what OpenCV leaves out, interlaced video above all, and AV1."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from facepipe.records import Pixels
from facepipe.sources.aspect import aspect, stretched, stretched_size

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.filter import Graph
    from av.video.frame import VideoFrame

SEEK = 10.0  # seconds that are rather decoded than looked for
MICROSECONDS = 1_000_000  # a second, as containers count
EXACT = 0.002  # seconds by which times of two decoders may differ
OLDEST = 18  # PyAV's version; 15 crashes beside OpenCV 5, where it opens an MPEG file
DAMAGED = 300  # packets in a row that cannot be decoded
NETWORK = "http,https,httpproxy,tls,tcp,udp,rtp,rtsp,rtsps,srtp,crypto,hls"  # what a stream may name: no local file


class PyavCapture:
    """An opened file or stream, as ``Capture``. Fields of interlaced frames are made whole pictures, one a frame."""

    def __init__(self, container: InputContainer) -> None:
        self._container, self._stream = container, container.streams.video[0]
        self._stream.thread_type = "AUTO"
        self._start = _seconds(self._stream.start_time, self._stream.time_base)
        self._fields = _Fields(self._stream)
        self._frames = self._decoded()
        self._frame: VideoFrame | None = None
        self._ratio = 1.0
        self.time = 0.0
        rate = self._stream.guessed_rate or self._stream.average_rate
        self.fps = float(rate) if rate else None
        self.count = float(self._stream.frames) or None
        self.codec = self._stream.codec_context.name.upper()
        shape = self._stream.sample_aspect_ratio or Fraction(1)
        self._shape = (float(shape.numerator), float(shape.denominator))
        size = (self._stream.codec_context.width, self._stream.codec_context.height)
        self.size = stretched_size(size, aspect(*self._shape, turned=False))

    def grab(self) -> bool:
        """Go on to the next frame that can be decoded. False at the end."""
        self._frame = next(self._frames, None)
        if self._frame is not None and self._frame.time is not None:
            self.time = self._frame.time - self._start
        return self._frame is not None

    def skip_to(self, frame: int, time: float | None) -> bool:
        """Grab the ``frame``-th frame, from 1, or look for the one that is shown at ``time``, seconds, where that is
        told and far away."""
        if time is None or time <= SEEK:
            return all(self.grab() for _ in range(frame))
        self._container.seek(round((time + self._start) * MICROSECONDS))
        while self.grab():
            if self.time >= time - EXACT:
                return True
        return False

    def picture(self) -> Pixels | None:
        """The frame just grabbed, (H, W, 3) uint8 RGB, upright, read-only; None when there is none."""
        if self._frame is None:
            return None
        quarters = round(self._frame.rotation / 90)  # to the left, as rot90 turns
        pixels: Pixels = np.rot90(np.asarray(self._frame.to_ndarray(format="rgb24"), np.uint8), quarters)
        pixels = np.ascontiguousarray(stretched(pixels, aspect(*self._shape, turned=bool(quarters % 2))))
        pixels.setflags(write=False)
        return pixels

    def close(self) -> None:
        """Let go of it. More than once does no harm."""
        self._frames, self._frame = iter(()), None
        self._container.close()

    def _decoded(self) -> Iterator[VideoFrame]:
        import av

        damaged = 0
        try:
            for packet in self._container.demux(self._stream):
                try:
                    for frame in packet.decode():
                        yield from self._fields.joined(frame)
                        damaged = 0
                except av.error.InvalidDataError:
                    damaged += 1
                    if damaged > DAMAGED:
                        break
            yield from self._fields.joined(None)
        except av.error.FFmpegError:  # the end of what can be read
            return


class _Fields:
    """Makes whole pictures of frames whose rows were taken at two times; other frames pass as they are."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._graph: Graph | None = None  # once a frame is interlaced: it needs the frames before and after
        self._format: tuple[int, int, str] | None = None

    def joined(self, frame: VideoFrame | None) -> Iterator[VideoFrame]:
        """What there is to show after ``frame``, None at the end."""
        if frame is not None and (self._graph is None or self._format != _format(frame)):
            yield from self._rest()
            if not frame.interlaced_frame:
                yield frame
                return
            self._graph, self._format = _bwdif(frame, self._stream.time_base), _format(frame)
        if frame is None:
            yield from self._rest()
        elif self._graph is not None:
            self._graph.push(frame)
            yield from _pulled(self._graph)

    def _rest(self) -> Iterator[VideoFrame]:
        graph, self._graph = self._graph, None
        if graph is not None:
            graph.push(None)
            yield from _pulled(graph)


def open_file(path: str) -> PyavCapture | None:
    """Open the video file at an absolute ``path``; nothing but local files is opened then. None when it cannot be, and
    without PyAV."""
    return _open(f"file:{path}", {"protocol_whitelist": "file"}, None)


def open_file_at(path: str, frame: int, time: float | None) -> PyavCapture | None:
    """The same, with a frame grabbed: see ``PyavCapture.skip_to``."""
    opened = open_file(path)
    if opened is None or opened.skip_to(frame, time):
        return opened
    opened.close()
    return None


def open_stream(url: str, connect: float, read: float) -> PyavCapture | None:
    """Open a stream and grab a frame of it; seconds to ``connect`` and to wait for a picture. None when that cannot be,
    and without PyAV."""
    opened = _open(url, {"rtsp_flags": "prefer_tcp", "protocol_whitelist": NETWORK}, (connect, read))
    if opened is None or opened.grab():
        return opened
    opened.close()
    return None


def _open(target: str, options: dict[str, str], timeout: tuple[float, float] | None) -> PyavCapture | None:
    try:
        import av
    except ImportError:
        return None
    if int(av.__version__.partition(".")[0]) < OLDEST:
        return None
    av.logging.set_level(av.logging.PANIC)  # it would write addresses with their passwords
    try:
        container = av.open(target, options=options, timeout=timeout)
    except (av.error.FFmpegError, OSError, ValueError):
        return None
    if not container.streams.video or container.streams.video[0].codec_context is None:
        container.close()
        return None
    return PyavCapture(container)


def _bwdif(frame: VideoFrame, time_base: Fraction) -> Graph:
    """A filter that computes the rows of the one field at the time of the other, where a frame says it has two."""
    import av

    graph = av.filter.Graph()
    source = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base or time_base
    )
    whole, sink = graph.add("bwdif", "mode=send_frame:deint=interlaced"), graph.add("buffersink")
    source.link_to(whole)
    whole.link_to(sink)
    graph.configure()
    return graph


def _pulled(graph: Graph) -> Iterator[VideoFrame]:
    import av

    while True:
        try:
            yield graph.pull()  # type: ignore[misc]  # no sound comes out of it
        except (av.error.BlockingIOError, av.error.EOFError):  # it waits for the next frame, or has no more
            return


def _format(frame: VideoFrame) -> tuple[int, int, str]:
    return frame.width, frame.height, frame.format.name


def _seconds(count: int | None, unit: Fraction | None) -> float:
    return float((count or 0) * (unit or 0))
