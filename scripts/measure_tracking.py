"""Measure the watcher against faces looked for in every frame: what it covers, whether a face ever changes its track.

    python scripts/measure_tracking.py VIDEO … [--every 5] [--sheet FOLDER]

The truth is dense: every frame is searched in full, and a face is the same as one of the last three frames when it is
within 0.7 sides of it and their templates' cosine is at least 0.5 (in two clips one person's from frame to frame was
0.54 or more, but for one in 200, that of two people so near 0.26 or less). ``--sheet`` writes each chain of one
person as a row of chips, to be looked at. Counted are faces with a score of at least 0.98, and of these the frontal
ones (yaw up to 40°); chains are counted from five faces on.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the shell does

import cv2
import numpy as np
from rich.console import Console
from rich.progress import track

from facepipe import Pipeline
from facepipe.align.quality import pose
from facepipe.records import Detection, Face, Frame
from facepipe.sources import open_source
from facepipe.track.matching import centre, overlaps, side
from facepipe.watch import TrackedFace, Watcher

SURE, FRONTAL, COVERED = 0.98, 40, 0.4  # score, degrees of yaw, overlap
NEAR, ALIKE, GAP, SHORTEST = 0.7, 0.5, 3, 5


@dataclass(eq=False)
class Seen:
    """One face of one frame, the track that lay on it, if one did, and whether its landmarks were only followed."""

    frame: int
    face: Face
    on_it: TrackedFace | None = None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("videos", nargs="+", type=Path)
    parser.add_argument("--every", type=int, default=5)
    parser.add_argument("--sheet", type=Path)
    given = parser.parse_args()
    pipe = Pipeline()
    for video in given.videos:
        chains, tracks = follow(pipe, video, given.every)
        report(video.name, chains, tracks)
        if given.sheet:
            given.sheet.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(given.sheet / f"{video.stem}.png"), sheet(chains))


def follow(pipe: Pipeline, video: Path, every: int) -> tuple[list[list[Seen]], dict[int, list[TrackedFace]]]:
    """The chains of dense detections, and the watcher's tracks, each a list of its faces."""
    chains: list[list[Seen]] = []
    tracks: dict[int, list[TrackedFace]] = {}
    watcher = Watcher(pipe, None, every=every)
    with open_source(video) as source:
        frames: Iterable[Frame] = track(source, video.name, console=Console(stderr=True), transient=True)
        for frame in frames:
            watched = watcher.see(frame)
            for one in watched:
                tracks.setdefault(one.track, []).append(one)
            dense = [Seen(frame.index, face) for face in pipe.faces(frame.image)]
            for seen in dense:
                seen.on_it = covering(seen.face.detection, watched)
            link(chains, dense)
    return chains, tracks


def covering(face: Detection, watched: list[TrackedFace]) -> TrackedFace | None:
    pairs = [(float(overlaps(face.box[None], one.detection.box[None])[0, 0]), one) for one in watched]
    best = max(pairs, key=lambda pair: pair[0], default=(0.0, None))
    return best[1] if best[0] >= COVERED else None


def link(chains: list[list[Seen]], dense: list[Seen]) -> None:
    """Append each face to the chain it continues, nearest first, or begin another."""
    pairs = []
    for seen in dense:
        for chain in chains:
            last = chain[-1]
            if 0 < seen.frame - last.frame <= GAP:
                boxes = last.face.detection.box, seen.face.detection.box
                apart = float(np.linalg.norm(centre(boxes[0]) - centre(boxes[1]))) / min(map(side, boxes))
                if apart <= NEAR and last.face.template.cosine(seen.face.template) >= ALIKE:
                    pairs.append((apart, id(seen), seen, chain))
    taken: set[int] = set()
    for _, _, seen, chain in sorted(pairs, key=lambda pair: pair[:2]):
        if id(seen) not in taken and chain[-1].frame < seen.frame:
            taken.add(id(seen))
            chain.append(seen)
    chains += [[seen] for seen in dense if id(seen) not in taken]


def report(name: str, chains: list[list[Seen]], tracks: dict[int, list[TrackedFace]]) -> None:
    everyone = [seen for chain in chains for seen in chain if seen.face.detection.score >= SURE]
    frontal = [seen for seen in everyone if abs(pose(seen.face.detection.landmarks)[0]) <= FRONTAL]
    late = {id(seen) for chain in chains for seen in before_found(chain)}
    print(f"\n{name}")
    for label, group in (("all faces", everyone), ("frontal faces", frontal)):
        missed = [seen for seen in group if seen.on_it is None]
        new = sum(id(seen) in late for seen in missed)
        share = 1 - len(missed) / max(len(group), 1)
        print(f"  {label:14} {len(group):5}  covered {share:7.2%}  missed {len(missed)}, of them {new} before found")
    print("  chains of one person in view (first to last frame: tracks on it, share covered)")
    switches = 0
    for chain in sorted((chain for chain in chains if len(chain) >= SHORTEST), key=lambda chain: chain[0].frame):
        ids = [seen.on_it.track for seen in chain if seen.on_it is not None]
        changes = sum(a != b for a, b in pairwise(ids))
        switches += changes
        kept = list(dict.fromkeys(ids))
        size = np.median([seen.face.detection.size for seen in chain])
        print(f"    {chain[0].frame:4} to {chain[-1].frame:4}, {size:4.0f} px: {kept}, {len(ids) / len(chain):.0%}")
    print(f"  identity switches in view: {switches}")
    followed = [landmark_error(seen) for seen in everyone if seen.on_it is not None]
    print(
        f"  landmarks off by {np.median(followed):.3f} (median), {np.percentile(followed, 95):.3f} eye distances (95 %)"
    )
    known = {seen.on_it.track for chain in chains for seen in chain if seen.on_it is not None}
    others = {number: len(faces) for number, faces in tracks.items() if number not in known}
    print(f"  tracks {len(tracks)}, of them never on a face that was found: {len(others)} {others or ''}")


def before_found(chain: list[Seen]) -> list[Seen]:
    """The faces of a chain before a track first lay on it."""
    first = next((number for number, seen in enumerate(chain) if seen.on_it is not None), len(chain))
    return chain[:first]


def landmark_error(seen: Seen) -> float:
    assert seen.on_it is not None
    truth = seen.face.detection.landmarks
    off = np.linalg.norm(seen.on_it.detection.landmarks - truth, axis=1).mean()
    return float(off / max(np.linalg.norm(truth[1] - truth[0]), 1))


def sheet(chains: list[list[Seen]]) -> np.ndarray:
    """A row of up to 24 chips for each chain, BGR."""
    rows = []
    for chain in chains:
        if len(chain) >= SHORTEST:
            chosen = [chain[int(i)] for i in np.linspace(0, len(chain) - 1, 24)]
            chips = [cv2.resize(seen.face.chip.pixels, (72, 72), interpolation=cv2.INTER_AREA) for seen in chosen]
            rows.append(np.hstack(chips)[..., ::-1])
    return np.vstack(rows)


if __name__ == "__main__":
    main()
