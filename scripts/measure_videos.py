"""How well faces are followed and named in versions of a clip that cameras and archives make of it.

    python scripts/measure_videos.py VIDEO … [--only WORD …] [--keep FOLDER]

Needs ffmpeg, which makes the versions in a temporary folder: recorded in fields, with pixels that are not square,
before a lamp that flashes, in AV1, with few frames. Whoever is seen in a clip is enrolled from it, by a picture of each
second; then all versions are watched. Compared with the clip as it is: faces a frame, named faces a frame, and the
names that were told.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from facepipe import Gallery, Pipeline
from facepipe.errors import FaceError
from facepipe.records import Floats, Image
from facepipe.sources import open_source
from facepipe.watch import Watcher

FIELDS = "crop=iw:trunc(ih/4)*4,tinterlace=interleave_top"  # two frames, each half of the rows: motion shows as combs
DARK = "lutrgb=r=val/50:g=val/50:b=val/50:enable='mod(n\\,{})'"
X264 = "-c:v libx264 -crf 12"
MPEG2 = "-c:v mpeg2video -q:v 2 -flags +ilme+ildct"
VERSIONS = {  # name -> (the file's ending, what ffmpeg is told)
    "as it is, coded again": (".mp4", X264),
    "fields, MPEG-2": (".mpg", f"-vf {FIELDS} {MPEG2}"),
    "fields, MPEG-2 in TS": (".ts", f"-vf {FIELDS} {MPEG2}"),
    "fields, H.264 in MP4": (".mp4", f"-vf {FIELDS} {X264} -flags +ilme+ildct -x264opts tff=1"),
    "fields, H.264 in TS": (".ts", f"-vf {FIELDS} {X264} -flags +ilme+ildct -x264opts tff=1"),
    "fields, HEVC": (".mkv", f"-vf {FIELDS} -c:v libx265 -crf 12 -x265-params interlace=tff:log-level=none"),
    "fields, DV": (
        ".avi",
        "-vf scale=720:576:interl=0,fps=50,tinterlace=interleave_bottom,setsar=64/45 -pix_fmt yuv420p -c:v dvvideo",
    ),
    "fields, both of one time": (".mpg", f"-vf setfield=tff {MPEG2}"),
    "pixels 4:3": (".mp4", f"-vf scale=iw*3/4:ih,setsar=4/3 {X264}"),
    "pixels 64:45, PAL": (".mkv", f"-vf scale=720:576,setsar=64/45 {X264}"),
    "pixels 32:27, NTSC": (".mpg", "-vf scale=720:480,setsar=32/27 -aspect 16:9 -c:v mpeg2video -q:v 2"),
    "every second frame dark": (".mp4", f"-vf {DARK.format(2)} {X264}"),
    "two of three frames dark": (".mp4", f"-vf {DARK.format(3)} {X264}"),
    "AV1": (".mkv", "-c:v libaom-av1 -crf 20 -b:v 0 -cpu-used 8"),
    "5 frames a second": (".mp4", f"-vf fps=5 {X264}"),
    "1 frame a second": (".mp4", f"-vf fps=1 {X264}"),
}


@dataclass(frozen=True)
class Seen:
    """What was made of one video: frames, faces and named faces in them, and who was told by name."""

    frames: int
    faces: int
    named: int
    told: frozenset[str]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("videos", nargs="+", type=Path)
    parser.add_argument("--only", action="append", metavar="WORD", help="versions with this in their names; repeatable")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep the versions here")
    given = parser.parse_args()
    pipe = Pipeline()
    with tempfile.TemporaryDirectory() as scratch:
        folder = given.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        for number, video in enumerate(given.videos):
            with Gallery.open(Path(scratch) / f"people{number}.db", backbone=pipe.backbone) as gallery:
                enroll(pipe, gallery, video)
                compare(video, folder, given.only or [""], lambda path: watch(pipe, gallery, path))


def enroll(pipe: Pipeline, gallery: Gallery, video: Path) -> None:
    """Each track of the clip by a picture of each second, that in which the face is largest. By one alone a name may
    hang on a score at the threshold itself, and versions would differ by chance."""
    watcher = Watcher(pipe, None)
    best: dict[tuple[int, int], tuple[float, Image]] = {}
    with open_source(video) as source:
        for frame in source:
            for face in watcher.see(frame):
                size, when = face.detection.size, (face.track, int(frame.time))
                if face.detected and face.chips > 1 and size > best.get(when, (0.0, None))[0]:
                    best[when] = size, cut(frame.image, face.detection.box)
    for (track, _), (_, picture) in best.items():
        with suppress(FaceError):  # nobody is found, or somebody of an earlier track
            pipe.enroll(f"track {track}", picture, gallery, pick=1)


def cut(image: Image, box: Floats) -> Image:
    """``box`` of the image, as wide and high again on each side."""
    x0, y0, x1, y1 = (round(float(value)) for value in box)
    width, height = x1 - x0, y1 - y0
    rows, columns = slice(max(y0 - height, 0), y1 + height), slice(max(x0 - width, 0), x1 + width)
    return Image(image.pixels[rows, columns].copy(), image.source)


def watch(pipe: Pipeline, gallery: Gallery, video: Path) -> Seen:
    watcher = Watcher(pipe, gallery)
    frames = faces = named = 0
    with open_source(video) as source:
        for frame in source:
            seen = watcher.see(frame)
            frames, faces = frames + 1, faces + len(seen)
            named += sum(face.name is not None for face in seen)
    watcher.finish()
    told = frozenset(event.name for event in watcher.take_events() if event.kind == "named" and event.name)
    return Seen(frames, faces, named, told)


def compare(video: Path, folder: Path, only: Sequence[str], watched: Callable[[Path], Seen]) -> None:
    """Fields of two times make one frame of two, so they are held against every second frame of the clip."""
    own, half = watched(video), made(video, folder, "every second frame", ".mp4", f"-vf framestep=2 {X264}")
    bases = {False: own, True: own if half is None else watched(half)}
    print(f"{video.name}: {own.frames} frames, {own.faces} faces, {own.named} named, {len(own.told)} people told")
    print(f"  {'version':28} {'frames':>6} {'faces':>7} {'named':>7}  told")
    for name, (ending, words) in ((name, how) for name, how in VERSIONS.items() if any(word in name for word in only)):
        path = made(video, folder, name, ending, words)
        if path is None:
            print(f"  {name:28} ffmpeg cannot make it")
            continue
        seen, base = watched(path), bases["tinterlace" in words]
        faces, named = (
            f"{100 * mine / seen.frames / max(theirs / base.frames, 1e-9):.1f} %"
            for mine, theirs in ((seen.faces, base.faces), (seen.named, base.named))
        )
        told = f"{len(seen.told & base.told)} of {len(base.told)}"
        print(f"  {name:28} {seen.frames:6} {faces:>7} {named:>7}  {told}", flush=True)


def made(video: Path, folder: Path, name: str, ending: str, words: str) -> Path | None:
    """That version of the video; None where this ffmpeg cannot make it."""
    path = folder / f"{video.stem} {name.replace(':', ' to ')}{ending}"
    timing = [] if "fps=" in words else ["-vsync", "passthrough"]
    asked = ["ffmpeg", "-v", "error", "-y", "-i", str(video), "-an", *timing, *words.split(), str(path)]
    return path if path.exists() or subprocess.run(asked).returncode == 0 else None


if __name__ == "__main__":
    main()
