"""Videos that OpenCV's writer does not make: in fields, pixels that are not square, other codecs, only sound."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from tests.network_camera import SIZE, picture

FPS = 25


def woven(number: int) -> np.ndarray:
    """The ``number``-th frame of a camera that takes the even rows at one time and the odd ones half a frame later."""
    frame = picture(2 * number).copy()
    frame[1::2] = picture(2 * number + 1)[1::2]
    return frame


@contextmanager
def scheduled_as_before() -> Iterator[None]:
    """libsvtav1 (av 18.1.0), opened by root, makes the thread that opens it a real-time one (SCHED_FIFO, 99), and so
    every child that is started later: browsers among them, which then leave the machine to nobody else."""
    if not hasattr(os, "sched_getscheduler"):
        yield
        return
    policy, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        yield
    finally:
        os.sched_setscheduler(0, policy, parameters)


def write(
    path: Path,
    frames: list[np.ndarray],
    codec: str,
    *,
    fields: bool = False,
    pixels: str = "yuv420p",
    aspect: Fraction | None = None,
    size: tuple[int, int] = SIZE,
    form: str | None = None,
    first: int = 0,
    **options: str,
) -> Path:
    """Write BGR ``frames`` with ``codec``; ``fields``: say that they are interlaced, the upper field first."""
    with scheduled_as_before(), av.open(str(path), "w", format=form) as out:
        stream: Any = out.add_stream(codec, FPS, options=options)
        stream.width, stream.height = size
        stream.pix_fmt = pixels
        stream.bit_rate = 4_000_000
        if aspect is not None:
            stream.codec_context.sample_aspect_ratio = aspect
        if fields:
            stream.codec_context.flags |= av.codec.context.Flags.interlaced_dct | av.codec.context.Flags.interlaced_me
        graph = av.filter.Graph()
        source = graph.add_buffer(width=size[0], height=size[1], format=pixels, time_base=Fraction(1, FPS))
        order, sink = graph.add("setfield", "tff" if fields else "prog"), graph.add("buffersink")
        source.link_to(order)
        order.link_to(sink)
        graph.configure()
        for number, frame in enumerate(frames, first):
            resized = frame if size == SIZE else cv2.resize(frame, size, interpolation=cv2.INTER_NEAREST)
            made = av.VideoFrame.from_ndarray(np.ascontiguousarray(resized), format="bgr24").reformat(format=pixels)
            made.pts, made.time_base = number, Fraction(1, FPS)
            graph.push(made)
            out.mux(stream.encode(graph.pull()))
        out.mux(stream.encode())
    return path


def write_sound(path: Path, codec: str) -> Path:
    with av.open(str(path), "w") as out:
        stream: Any = out.add_stream(codec, 48_000)
        stream.bit_rate = 128_000
        layout = stream.codec_context.format
        frame = av.AudioFrame(format=layout.name if layout else "s16", layout="stereo", samples=1024)
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        for number in range(20):
            frame.pts, frame.sample_rate, frame.time_base = 1024 * number, 48_000, Fraction(1, 48_000)
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return path
