#!/usr/bin/env bash
# opencv-python 5.0.0.93, cv2.VideoCapture: of an interlaced video every read() says True and gives a picture that was never
# decoded: the buffer is left as it was, black in a process that has read nothing before. FFmpeg's scaler refuses interlaced
# frames, and its answer is not looked at. No property of the capture tells that a video is interlaced; PyAV 18.1.0 says so
# of each frame, and decodes it.
# Seen: "read() says True 5 times of 5; grey levels: 0, 0, 0, 0, 0" of a film that is grey 100 throughout, and the very same
# frames flagged as progressive are 100.
# Exits 1 when the pictures are the video's own.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "opencv-python-headless==5.0.0.93" "av==18.1.0" "numpy<3"
cd "$folder"
OPENCV_FFMPEG_LOGLEVEL=-8 "$folder/venv/bin/python" - <<'PYTHON'
from fractions import Fraction

import av
import cv2
import numpy as np


def write(path, level, order):
    """Five frames of one grey level, flagged as ``order`` says; FFV1 loses nothing."""
    with av.open(path, "w") as out:
        stream = out.add_stream("ffv1", 25)
        stream.width, stream.height, stream.pix_fmt = 720, 576, "yuv420p"
        graph = av.filter.Graph()
        source = graph.add_buffer(width=720, height=576, format="yuv420p", time_base=Fraction(1, 25))
        flag, sink = graph.add("setfield", order), graph.add("buffersink")
        source.link_to(flag)
        flag.link_to(sink)
        graph.configure()
        for number in range(5):
            pixels = np.full((576, 720, 3), level, np.uint8)
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            graph.push(frame)
            out.mux(stream.encode(graph.pull()))
        out.mux(stream.encode())


def read(path):
    capture, pictures = cv2.VideoCapture(path, cv2.CAP_FFMPEG), []
    while True:
        found, picture = capture.read()
        if not found:
            capture.release()
            return pictures
        pictures.append(int(np.median(picture)))


print("cv2", cv2.__version__, "PyAV", av.__version__)
write("interlaced.mkv", 100, "tff")
levels = read("interlaced.mkv")
print(f"read() says True {len(levels)} times of 5; grey levels: {', '.join(map(str, levels))}")
write("progressive.mkv", 100, "prog")
progressive = read("progressive.mkv")
print(f"the same as progressive frames: {', '.join(map(str, progressive))}")
with av.open("interlaced.mkv") as container:
    flags = [(frame.interlaced_frame, int(np.median(frame.to_ndarray()[:576]))) for frame in container.decode(video=0)]
print("PyAV: interlaced, grey level (luma, 16 to 235):", flags)
unread = len(levels) == 5 and not any(abs(level - 100) < 5 for level in levels)
decoded = all(abs(level - 100) < 5 for level in progressive)
raise SystemExit(0 if unread and decoded and all(flag for flag, _ in flags) else 1)
PYTHON
