#!/usr/bin/env bash
# av 18.1.0 (FFmpeg's libsvtav1), run by root on Linux: the thread that opens the encoder becomes a real-time one
# (SCHED_FIFO, priority 99) and stays so after the file is closed. Every process that it starts later is one too. A
# browser started from there spun in the kernel and kept two cores from everything else for minutes, kill -9 or not;
# chrt -o -p 0 on its threads freed them. libx264 changes nothing.
# Seen: "libsvtav1: policy 0 before, 1 after, priority 99; of a child: 1" and "libx264: policy 0 before, 0 after".
# Needs root. Exits 1 when libsvtav1 leaves the thread as it was.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "av==18.1.0" "numpy<3"
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import os
import subprocess
import sys

import av
import numpy as np

assert os.geteuid() == 0, "run this as root: nobody else may become real-time"
ASK = "import os; print(os.sched_getscheduler(0))"


def encode(codec):
    """The policies before and after one frame was encoded, and that of a child; the thread is put back."""
    before = os.sched_getscheduler(0)
    with av.open("one.mkv", "w") as out:
        stream = out.add_stream(codec, 10)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        frame = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
        out.mux(stream.encode(frame))
        out.mux(stream.encode())
    after, priority = os.sched_getscheduler(0), os.sched_getparam(0).sched_priority
    child = int(subprocess.run([sys.executable, "-c", ASK], capture_output=True, text=True, check=True).stdout)
    os.sched_setscheduler(0, before, os.sched_param(0))
    print(f"{codec}: policy {before} before, {after} after, priority {priority}; of a child: {child}")
    return before, after, priority, child


assert encode("libx264") == (os.SCHED_OTHER, os.SCHED_OTHER, 0, os.SCHED_OTHER)
changed = encode("libsvtav1")
assert changed == (os.SCHED_OTHER, os.SCHED_FIFO, 99, os.SCHED_FIFO), "libsvtav1 leaves the thread as it was now"
PYTHON
