"""Kill processes that write to one gallery, at random moments, and see whether anything they acknowledged is lost.

    python scripts/kill_test.py [--kills 200] [--seed 1] [--writers 3]

Writers enrol people of three references each, remove some, rebuild and rewrite the index, all on the same gallery. They
acknowledge a change on a pipe only after the call has returned. Each is killed with SIGKILL while the others go on.
After every kill: everybody acknowledged is there with all references, nobody removed is back, nobody is half there.
When the last writer of a round is dead: the vectors are the enrolled ones, a wrong index file is noticed and made anew,
and ``check()`` finds nothing, so the index equals the record. Some rounds begin with no gallery at all: its creation is
interrupted too. Exits with 1 on any fault; the seed repeats the plan, not the machine's timing.
"""

from __future__ import annotations

import argparse
import logging
import os
import random
import subprocess
import sys
import tempfile
import time
import zlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from facepipe.errors import GalleryBusy, GalleryNotFound
from facepipe.gallery import Gallery, NewReference
from facepipe.records import Template

REFERENCES = 3  # of every person
ROUNDS_PER_GALLERY = 8
LONGEST = 0.4  # seconds from a writer's start of work to its end


@dataclass
class Claims:
    """What the writers of one gallery said: who is enrolled, with which ids, and who is removed."""

    enrolled: dict[str, list[int]] = field(default_factory=dict)
    removed: set[str] = field(default_factory=set)

    def take(self, line: str) -> None:
        verb, name, *ids = line.split()
        if verb == "enrolled":
            self.enrolled[name] = [int(number) for number in ids]
        elif verb == "removing":
            del self.enrolled[name]  # from here to "removed" either is right
        elif verb == "removed":
            self.removed.add(name)


def template(name: str, number: int) -> Template:
    """The reference ``number`` of ``name``: every process can make it again."""
    rng = np.random.default_rng([zlib.crc32(name.encode()), number])
    return Template.from_embedding(rng.normal(size=64).astype(np.float32), "kill-test@1")


def write_until_killed(path: Path, writer: str, seed: int) -> None:
    rng, mine, turn = random.Random(seed), list[str](), 0
    gallery = Gallery.open(path)
    say("ready -")
    while True:
        turn += 1
        action = rng.random()
        try:
            if action < 0.70:
                name = f"{writer}-{turn}"
                new = [NewReference(template(name, i), image_sha256=f"{i:064x}") for i in range(REFERENCES)]
                say(f"enrolled {name} " + " ".join(str(found.id) for found in gallery.add(name, new) if found))
                mine.append(name)
            elif action < 0.85 and mine:
                name = mine.pop(rng.randrange(len(mine)))
                say(f"removing {name}")
                gallery.remove(name)
                say(f"removed {name}")
            elif action < 0.90:
                gallery.rebuild()
            elif action < 0.95:
                gallery.search(template("somebody", 0))
            else:
                gallery.close()  # writes the index file
                gallery = Gallery.open(path)
        except GalleryBusy:
            say("busy -")


def say(line: str) -> None:
    os.write(sys.stdout.fileno(), f"{line}\n".encode())


class Trial:
    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.rng = folder, random.Random(seed)
        self.path, self.claims = folder / "none", Claims()
        self.kills = self.acknowledged = self.busy = self.rebuilt = 0
        self.faults: list[str] = []

    def round(self, number: int, writers: int) -> None:
        if number % ROUNDS_PER_GALLERY == 0:
            self.path, self.claims = self.folder / f"gallery-{number}" / "people.db", Claims()
        running = [self._start(f"r{number}w{i}") for i in range(writers)]
        for process in running:
            assert process.stdout is not None
            process.stdout.readline()  # it is ready
        for process in self.rng.sample(running, writers):
            time.sleep(self.rng.uniform(0, LONGEST / writers))
            process.kill()
            self._listen(process)
            self.kills += 1
            self._verify_people()
        self._verify_everything()

    def _start(self, writer: str) -> subprocess.Popen[str]:
        seed = str(self.rng.randrange(2**31))
        command = [sys.executable, __file__, "--as-writer", writer, "--seed", seed, "--path", str(self.path)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def _listen(self, process: subprocess.Popen[str]) -> None:
        out, _ = process.communicate()
        if process.returncode != -9:
            self.faults.append(f"a writer ended by itself, with {process.returncode}")
        for line in out.splitlines():
            self.busy += line.startswith("busy")
            self.acknowledged += line.startswith(("enrolled", "removed"))
            self.claims.take(line)

    def _verify_people(self) -> None:
        """While the other writers go on."""
        try:
            with Gallery.open(self.path, create=False) as gallery:
                there = {person.name: person.references for person in gallery.people()}
        except GalleryNotFound:
            there = {}
        self._expect("lost", set(self.claims.enrolled) - set(there))
        self._expect("back after removal", self.claims.removed & set(there))
        self._expect("half there", {name for name, n in there.items() if n != REFERENCES})

    def _verify_everything(self) -> None:
        """With nobody else writing."""
        if not self.path.exists():
            self._expect("lost with the whole gallery", set(self.claims.enrolled))
            return
        with Gallery.open(self.path, create=False) as gallery:
            self.rebuilt += gallery.info().index != "valid"
            gallery.search(template("somebody", 0))
            for problem in gallery.check():
                self._expect("found by check()", {problem})
            references = {reference.id: reference for reference in gallery.references()}
        for name, ids in self.claims.enrolled.items():
            for i, number in enumerate(ids):
                kept = references.get(number)
                same = kept and kept.person == name and np.array_equal(kept.template.vector, template(name, i).vector)
                if not same:
                    self._expect("not as enrolled", {f"{name} {number}"})

    def _expect(self, fault: str, names: set[str]) -> None:
        self.faults += [f"{fault}: {name}" for name in sorted(names)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--writers", type=int, default=3, help="how many write at once")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--as-writer", metavar="NAME", help=argparse.SUPPRESS)
    parser.add_argument("--path", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    logging.getLogger("facepipe").setLevel(logging.ERROR)  # that an index is made anew is what happens here
    if given.as_writer:
        write_until_killed(given.path, given.as_writer, given.seed)
    began, number = time.monotonic(), 0
    with tempfile.TemporaryDirectory() as folder:
        trial = Trial(Path(folder), given.seed)
        while trial.kills < given.kills:
            trial.round(number, min(given.writers, given.kills - trial.kills))
            number += 1
            print(f"\r{trial.kills} of {given.kills} killed", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    print(f"kills                        {trial.kills:6} (of {given.writers} writers at once, seed {given.seed})")
    print(f"acknowledged changes         {trial.acknowledged:6}")
    print(f"answers 'busy'               {trial.busy:6}")
    print(f"index wrong, noticed, remade {trial.rebuilt:6} (of {number} rounds)")
    print(f"faults                       {len(trial.faults):6}   ({time.monotonic() - began:.0f} s)")
    for fault in trial.faults[:20]:
        print(f"  {fault}")
    return 1 if trial.faults else 0


if __name__ == "__main__":
    sys.exit(main())
