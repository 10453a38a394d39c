"""How fast the package and the command line start, each in fresh interpreters.

Run ``python benchmarks/bench_start.py`` (a few seconds). The floors are a bare interpreter
and NumPy alone, measured in turns with the rest, since other work on the machine disturbs.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from napari_piximi.io.bundle import write_bundle
from napari_piximi.model import edits
from napari_piximi.model.project import new_project
from napari_piximi.model.things import ArrayPixels, Image, default_channels

REPEATS = 5
HEAVY = "import sys; print('tensorflow' in sys.modules, 'keras' in sys.modules)"
INFO = (
    "from napari_piximi.cli import main\ntry: main(['info', {path!r}])\nexcept SystemExit: pass\n"
)


def small_bundle(folder: Path) -> Path:
    """Write ten labelled images of 32 × 32."""
    project = edits.create_category(new_project("small"), "Image", "cell")
    pixels = ArrayPixels(np.zeros((1, 32, 32, 3), np.uint8))
    category = project.known_categories("Image")[0]
    images = [
        Image(f"1image{i}", f"image {i}.tif", category, pixels, channels=default_channels(3))
        for i in range(10)
    ]
    write_bundle(edits.add_images(project, images), folder / "small.zip")
    return folder / "small.zip"


def run(code: str) -> tuple[float, str]:
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return time.perf_counter() - start, done.stdout


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        info = INFO.format(path=str(small_bundle(Path(name))))
        commands = {
            "python -c pass": "pass",
            "import numpy": "import numpy",
            "import napari_piximi": "import napari_piximi",
            "from napari_piximi import read_bundle, Session": (
                "from napari_piximi import read_bundle, Session"
            ),
            "napari-piximi info small.zip": info,
        }
        times: dict[str, list[float]] = {label: [] for label in commands}
        for code in commands.values():
            run(code)  # bytecode and the disk's cache
        for _ in range(REPEATS):
            for label, code in commands.items():
                times[label].append(run(code)[0])
        heavy = {label: run(f"{code}\n{HEAVY}")[1].split()[-2:] for label, code in commands.items()}
    bare = statistics.median(times["python -c pass"])
    targets = {"import napari_piximi": 0.15, "napari-piximi info small.zip": 0.6}
    print(f"{'fresh interpreter, median of ' + str(REPEATS):<50}{'s':>8}{'above':>8}{'target':>8}"
          "  tensorflow, keras loaded")  # fmt: skip
    for label, values in times.items():
        seconds = statistics.median(values)
        target = f"{targets[label]:8.2f}" if label in targets else f"{'':>8}"
        print(f"{label:<50}{seconds:8.3f}{seconds - bare:8.3f}{target}  {', '.join(heavy[label])}")


if __name__ == "__main__":
    main()
