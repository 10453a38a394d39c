"""Memory that ``napari-piximi segment`` takes for an image of 20,000 × 20,000 pixels.

    python benchmarks/bench_large.py [threshold] [stardist-fluo] [own] [--side 20000] [--bundle]

Run by hand: each takes a quarter of an hour or more on two cores, and all of them 12 GB of disk.
It writes a TIFF of synthetic nuclei, uint16, and runs the command itself for each segmenter:
StarDist with the network in ``tests/segment/star_nuclei``, the U-Net with one that is fitted for
it first. The U-Net gets the image in a bundle, as float32, where it stays on the disk; with
``--bundle`` the others do too. Once a second the memory of the command and all its children is
read from ``/proc`` (Linux), what they share once (PSS): anonymous (of a TIFF the image too, which
is read as a whole), mapped data (temporary files and the like: the system may take those pages
back whenever it likes) and mapped programs. What is judged is the peak of all three together; the
exit status is 1 if any is over what was asked. Beside it, the largest resident set that the
system itself has seen in one process, which no sample can miss.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tifffile

sys.path.insert(0, str(ROOT := Path(__file__).parents[1]))

from tests.segment.nuclei import KIND, nuclei, nuclei_project

from napari_piximi.io.bundle import read_bundle, write_bundle
from napari_piximi.io.images import read_images
from napari_piximi.model import edits
from napari_piximi.model.project import Project, new_project

ASKED = 3.0
"""GB (10⁹ bytes)."""
COMMAND = (sys.executable, "-c", "from napari_piximi.cli import main; main()")
PATCH, PATCHES, CLUSTERS = 256, 4, 22
SEGMENTERS = ("threshold", "stardist-fluo", "own")


class Memory(NamedTuple):
    """Of all processes together, in GB."""

    anonymous: float = 0.0
    data: float = 0.0
    programs: float = 0.0

    @property
    def total(self) -> float:
        return sum(self)


class Run(NamedTuple):
    """What one run of the command took."""

    peak: Memory
    anonymous: float
    resident: float
    seconds: float
    processor: float
    said: str
    status: int


def write_image(path: Path, side: int) -> None:
    """Write nuclei, uint16, row of tiles by row of tiles: never the whole in memory."""
    drawn = [nuclei(4000 + number, PATCH, CLUSTERS)[0] for number in range(PATCHES**2)]
    rows = [np.hstack(drawn[start : start + PATCHES]) for start in range(0, PATCHES**2, PATCHES)]
    tile = np.vstack(rows).astype(np.uint16) * 200
    step = len(tile)
    image = tifffile.memmap(path, shape=(side, side), dtype=np.uint16)
    across = np.tile(tile, (1, -(-side // step)))[:, :side]
    for top in range(0, side, step):
        image[top : top + step] = across[: side - top]
    image.flush()


def write_fitted(path: Path, image: Path, epochs: int) -> None:
    """Write a project with the large image and a small U-Net, fitted by the command too."""
    few, fitted = path.with_name("few.zip"), path.with_name("fitted.zip")
    write_bundle(nuclei_project(range(8)), few)
    command = (*COMMAND, "fit-network", str(few), "--kind", KIND, "--out", str(fitted))
    subprocess.run((*command, "--epochs", str(epochs)), check=True, stdout=subprocess.DEVNULL)
    project = read_bundle(fitted)
    write_with(path, image, edits.delete_things(project, [one.id for one in project.images()]))


def write_with(path: Path, image: Path, project: Project) -> None:
    """Write a project to which the large image is added."""
    images = read_images(image, category=project.kinds["Image"].unknown)
    write_bundle(edits.add_images(project, images), path)


def command_for(segmenter: str, image: Path, epochs: int, *, bundle: bool) -> tuple[str, ...]:
    """Return the command for one segmenter, with what it needs."""
    source, more = image, ("--segmenter", segmenter)
    if segmenter == "stardist-fluo":
        more += ("--set", f"model={ROOT / 'tests' / 'segment' / 'star_nuclei'}")
    elif segmenter == "own":
        write_fitted(source := image.with_name("project.zip"), image, epochs)
    if bundle and source == image:
        write_with(source := image.with_name("bundled.zip"), image, new_project("large"))
    out = image.with_name(f"{segmenter}.zip")
    return (*COMMAND, "segment", str(source), "--out", str(out), *more)


def family(process: int) -> list[int]:
    """Return a process and all that descend from it."""
    found = [process]
    for one in found:
        with suppress(OSError):
            for task in Path(f"/proc/{one}/task").iterdir():
                found += map(int, (task / "children").read_text().split())
    return found


def memory_of(process: int, folder: Path) -> Memory:
    """Read the memory of a process; what it shares with others counts by its part."""
    whole = Counter[str]()
    data, inside = 0, False
    with suppress(OSError):
        for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()[1:]:
            name, value = line.split()[:2]
            whole[name] = int(value)
        for line in Path(f"/proc/{process}/smaps").read_text().splitlines():
            if line.startswith("Pss:"):
                data += inside * int(line.split()[1])
            elif line[0] in "0123456789abcdef":  # a mapping begins
                inside = str(folder) in line
    anonymous = whole["Pss_Anon:"]
    programs = max(whole["Pss:"] - anonymous - data, 0)
    return Memory(*(1024 * kib / 1e9 for kib in (anonymous, data, programs)))


class Watch(threading.Thread):
    """Looks at a process and its children once a second."""

    def __init__(self, process: int, folder: Path, told: float) -> None:
        super().__init__(daemon=True)
        self.process, self.folder, self.told = process, folder, told
        self.peak, self.anonymous = Memory(), 0.0
        self.over = threading.Event()

    def run(self) -> None:
        started = last = time.monotonic()
        while not self.over.wait(1):
            seen = [memory_of(one, self.folder) for one in family(self.process)]
            now = Memory(*(sum(column) for column in zip(*seen, strict=True)))
            self.peak = max(self.peak, now, key=lambda one: one.total)
            self.anonymous = max(self.anonymous, now.anonymous)
            if self.told and time.monotonic() - last >= self.told:
                last = time.monotonic()
                print(f"  {last - started:6.0f} s  {in_words(now)}", flush=True)


def in_words(memory: Memory) -> str:
    """Write figures in GB."""
    anonymous, data, programs = memory
    return (
        f"{memory.total:.2f} GB: {anonymous:.2f} anonymous, {data:.2f} mapped data, "
        f"{programs:.2f} programs"
    )


def measured(command: Sequence[str], folder: Path, told: float) -> Run:
    """Run a command and watch it; its temporary files lie in the folder."""
    started = time.perf_counter()
    surroundings = {**os.environ, "TMPDIR": str(folder)}
    with (folder / "said.txt").open("w+") as file:
        child = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT, env=surroundings)
        watch = Watch(child.pid, folder, told)
        watch.start()
        _, status, used = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - started
        watch.over.set()
        watch.join()
        file.seek(0)
        said = file.read().strip()
    child.returncode = os.waitstatus_to_exitcode(status)
    processor = used.ru_utime + used.ru_stime
    resident = 1024 * used.ru_maxrss / 1e9
    return Run(watch.peak, watch.anonymous, resident, seconds, processor, said, child.returncode)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("segmenters", nargs="*", help=f"of {', '.join(SEGMENTERS)}; all of them")
    parser.add_argument("--side", type=int, default=20_000, help="of the image, in pixels")
    parser.add_argument("--bundle", action="store_true", help="the image lies in a project")
    parser.add_argument("--epochs", type=int, default=12, help="of the U-Net that is fitted")
    parser.add_argument("--folder", type=Path, help="for the files, which stay; else temporary")
    parser.add_argument("--watch", type=float, default=0, help="print the memory each so many s")
    chosen = parser.parse_args()
    if unknown := set(chosen.segmenters) - set(SEGMENTERS):
        parser.error(f"no such segmenter: {', '.join(sorted(unknown))}")
    with tempfile.TemporaryDirectory(dir=chosen.folder) as temporary:
        folder = (chosen.folder or Path(temporary)).resolve()
        image = folder / f"nuclei_{chosen.side}.tif"
        if not image.exists():
            write_image(image, chosen.side)
        failed = 0
        for segmenter in chosen.segmenters or SEGMENTERS:
            command = command_for(segmenter, image, chosen.epochs, bundle=chosen.bundle)
            failed += tell(segmenter, measured(command, folder, chosen.watch))
    sys.exit(1 if failed else 0)


def tell(segmenter: str, run: Run) -> bool:
    """Print what a run took; return whether it failed or took too much."""
    over = run.peak.total >= ASKED
    verdict = "OVER" if over else "under"
    print(f"{segmenter}: peak {in_words(run.peak)}; {verdict} {ASKED} GB")
    print(
        f"  largest anonymous part {run.anonymous:.2f} GB, largest resident set of the command "
        f"{run.resident:.2f} GB; {run.seconds:.0f} s, {run.processor:.0f} s of processors"
    )
    print(f"  {run.said or 'it said nothing'}; exit status {run.status}", flush=True)
    return over or run.status != 0


if __name__ == "__main__":
    main()
