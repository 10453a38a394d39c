"""How fast bundles open and save, each beside a floor or a peer in the same run.

Run ``python benchmarks/bench_bundle.py`` (about three minutes and 3 GB of disk), or with
``--things 1000`` for a quick look.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from napari_piximi.io.bundle import read_bundle, write_bundle
from napari_piximi.model import edits, masks
from napari_piximi.model.project import Project, new_project
from napari_piximi.model.things import Annotation, ArrayPixels, Image, default_channels

SIDE = 48


def timed(work: Callable[[], object], repeats: int = 3) -> float:
    """Return the best of some wall times, in seconds."""
    best = float("inf")
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return best


def synthetic(annotations: int, images: int = 25, side: int = 880) -> Project:
    """Make a project: `images` of side × side × 3, disc-shaped annotations of 48 × 48."""
    rng = np.random.default_rng(0)
    project = edits.create_kind(new_project("benchmark"), "cell")
    image_kind, cell = project.kinds.values()
    pictures = [
        Image(
            f"1image{i}", f"image {i}.tif", image_kind.unknown,
            ArrayPixels(rng.integers(0, 256, (1, side, side, 3), np.uint8)),
            channels=default_channels(3),
        )
        for i in range(images)
    ]  # fmt: skip
    y, x = np.ogrid[:SIDE, :SIDE]
    runs = masks.encode((y - 23.5) ** 2 + (x - 23.5) ** 2 < 23**2)
    corners = rng.integers(0, side - SIDE, (annotations, 2)).tolist()
    objects = [
        Annotation(
            f"1object{i}", f"object {i}", cell.id, cell.unknown, f"1image{i % images}",
            (top, left, top + SIDE, left + SIDE), runs,
        )
        for i, (top, left) in enumerate(corners)
    ]  # fmt: skip
    return edits.add_annotations(edits.add_images(project, pictures), objects)


def raw_read(path: Path) -> None:
    with path.open("rb", buffering=0) as file:
        while file.read(1 << 24):
            pass


def raw_write(data: bytes, path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        view = memoryview(data)
        for start in range(0, len(data), 1 << 24):
            file.write(view[start : start + (1 << 24)])
        os.fsync(file.fileno())


def zarr_open(path: Path) -> int:
    """Read with zarr-python what opening needs: attributes and array shapes of all things."""
    import zarr

    store = zarr.storage.ZipStore(path, mode="r")
    root = zarr.open_group(store, path="bench.zarr", mode="r", zarr_format=2)
    things = root["project"]["things"]
    count = 0
    for thing in things.attrs["thing_names"]:
        group = things[thing]
        array = group[thing]
        count += len(dict(group.attrs)) + array.shape[0] + array.attrs["bit_depth"]
        if group.attrs["kind"] == "Image":
            for part in ("range_min", "range_max", "visible_B", "color"):
                count += int(group["colors"][part][...].size)
    return count


def without_index(path: Path, target: Path) -> None:
    """Copy a bundle without our index, as any other tool would write it."""
    import zipfile

    with zipfile.ZipFile(path) as source, zipfile.ZipFile(target, "w") as out:
        for info in source.infolist():
            if not info.filename.endswith(".napari-piximi-index"):
                out.writestr(info, source.read(info))


def peak_of_opening(path: Path) -> float:
    """Return the peak resident memory, in MB, of a process that opens a bundle."""
    code = (
        "import re, sys; from napari_piximi import read_bundle;"
        "project = read_bundle(sys.argv[1]);"
        "print(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1])"
    )
    out = subprocess.run(
        [sys.executable, "-c", code, str(path)], check=True, capture_output=True, text=True
    )
    return float(out.stdout) / 1024


def report(label: str, seconds: float, floor: float | None = None, what: str = "") -> None:
    ratio = "" if floor is None else f"{seconds / floor:8.2f} × {what}"
    print(f"{label:<58}{seconds * 1000:10.1f} ms{ratio}", flush=True)


def bench_open(folder: Path, things: int, *, with_zarr: bool) -> None:
    path, plain = folder / "bench.zip", folder / "plain.zip"
    write_bundle(synthetic(things), path)
    without_index(path, plain)
    print(f"\nOpen {things:,} annotations, 25 images, {plain.stat().st_size / 1e6:,.0f} MB")
    floor, blocks = timed(plain.read_bytes), timed(lambda: raw_read(plain))
    report("raw read of the file, into memory", floor)
    report("raw read of the file, 16 MB at a time into one buffer", blocks)
    direct = timed(lambda: read_bundle(plain))
    report("read_bundle, no index (as Piximi or others write it)", direct, floor, "raw read")
    report("  the same, beside the read into one buffer", direct, blocks, "raw read in blocks")
    report("read_bundle, our index", timed(lambda: read_bundle(path)), floor, "raw read")
    print(f"{'peak memory of opening, no index / index':<58}"
          f"{peak_of_opening(plain):10.0f} / {peak_of_opening(path):.0f} MB")  # fmt: skip
    if with_zarr:
        peer = timed(lambda: zarr_open(plain), 1)
        report("zarr-python's ZipStore, the same metadata", peer, direct, "read_bundle")


def bench_save(folder: Path, things: int) -> None:
    project, path = synthetic(things), folder / "save.zip"
    first = timed(lambda: write_bundle(project, path), 2)
    data = path.read_bytes()
    floor = timed(lambda: raw_write(data, folder / "raw.bin"))
    print(f"\nSave {things:,} annotations, {len(data) / 1e6:,.0f} MB")
    report("raw write + fsync of the same bytes", floor)
    report("write_bundle, pixels in memory", first, floor, "raw write")
    opened = read_bundle(path)
    kind = next(opened.annotations()).kind
    opened = replace(edits.create_category(opened, kind, "marked"), name="changed")
    report(
        "write_bundle, pixels copied from a bundle",
        timed(lambda: write_bundle(opened, folder / "again.zip"), 2),
        floor,
        "raw write",
    )


def bench_many(folder: Path, things: int) -> None:
    path = folder / "many.zip"
    print(f"\n{things:,} annotations that we saved")
    project = synthetic(things)
    start = time.perf_counter()
    write_bundle(project, path)
    report(f"write_bundle ({path.stat().st_size / 1e6:,.0f} MB)", time.perf_counter() - start)
    report("read_bundle, our index", timed(lambda: read_bundle(path)))
    print(f"{'peak memory of opening':<58}{peak_of_opening(path):10.0f} MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--things", type=int, default=10_000)
    parser.add_argument("--many", type=int, default=100_000)
    parser.add_argument("--no-zarr", action="store_true")
    choices = parser.parse_args()
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as name:
        folder = Path(name)
        bench_open(folder, choices.things, with_zarr=not choices.no_zarr)
        bench_save(folder, choices.things)
        for file in folder.iterdir():
            file.unlink()
        if choices.many:
            bench_many(folder, choices.many)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"peak_mb": round(peak)}))


if __name__ == "__main__":
    main()
