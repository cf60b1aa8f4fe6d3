#!/usr/bin/env bash
# av 18.1.0 (FFmpeg's libx265): with interlace=tff x265 takes each picture that it is given for one field and marks them
# top, bottom, top, bottom. Whoever hands it whole interlaced frames, as every other encoder takes them, gets a video of
# which every second frame says that its bottom field came first; a deinterlacer that believes the frames puts half of
# them together in the wrong order. libx264 with tff=1 marks all of them alike.
# Seen: "libx265: T B T B T B T B" and "libx264: T T T T T T T T" of the same eight frames, top field first.
# Exits 1 when libx265 marks them alike.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "av==18.1.0" "numpy<3"
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import logging
import re
from fractions import Fraction

import av
import av.logging
import numpy as np

FRAMES = 8


def graph_of(*filters, **template):
    graph = av.filter.Graph()
    last = graph.add_buffer(time_base=Fraction(1, 25), **template)
    for name, argument in filters:
        step = graph.add(name, argument)
        last.link_to(step)
        last = step
    end = graph.add("buffersink")
    last.link_to(end)
    graph.configure()
    return graph


def encode(path, codec, options):
    graph = graph_of(("setfield", "tff"), width=720, height=576, format="yuv420p")
    with av.open(path, "w") as out:
        stream = out.add_stream(codec, 25, options={"preset": "ultrafast", **options})
        stream.width, stream.height, stream.pix_fmt = 720, 576, "yuv420p"
        for number in range(FRAMES):
            pixels = np.full((576, 720, 3), 20 * number, np.uint8)
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            graph.push(frame)
            out.mux(stream.encode(graph.pull()))
        out.mux(stream.encode())


def first_fields(path):
    """Of each frame T or B, the field that it says came first, as FFmpeg's showinfo tells it."""
    av.logging.set_level(av.logging.INFO)
    with av.open(path) as video, av.logging.Capture(local=False) as said:
        graph = graph_of(("showinfo", None), width=720, height=576, format="yuv420p")
        for frame in video.decode(video=0):
            graph.push(frame)
            graph.pull()
    return [found[1] for entry in said if (found := re.search(r" i:(\w) ", entry[2]))]


logging.basicConfig()
found = {}
for codec, options in (
    ("libx265", {"x265-params": "interlace=tff:log-level=none"}),
    ("libx264", {"x264-params": "tff=1"}),
):
    encode(f"{codec}.mkv", codec, options)
    found[codec] = first_fields(f"{codec}.mkv")
    print(f"{codec}: {' '.join(found[codec])}")
assert found["libx264"] == ["T"] * FRAMES, "libx264 marks its frames otherwise than when this was written"
assert found["libx265"] == ["T", "B"] * (FRAMES // 2), "libx265 marks them alike now"
PYTHON
