"""The command line in a process of its own, that tells of its progress and can be interrupted."""

import signal
import sys
import time

import pytest
from tests.segment.stand_in import Above, find, install

from napari_piximi.cli import main, terminal
from napari_piximi.progress import Progress
from napari_piximi.segment.catalog import Plane
from napari_piximi.segment.found import Found


def tell(done: int, total: int, message: str = "", **values: object) -> None:
    """Tell of progress on a line, slowly."""
    print(f"@ {done} {total} {values.get('complete', 0)} {message}", flush=True)
    time.sleep(0.1)


def find_slowly(plane: Plane, settings: Above, progress: Progress) -> Found:
    """Find on the first image at once; on others wait, on the last one without a word."""
    if plane.name == "0.tif":
        return find(plane, settings, progress)
    for _ in range(100):
        progress(0, 1, f"Waiting at {plane.name}")
        time.sleep(60 if plane.name == "deaf.tif" else 0.1)
    raise AssertionError("was not interrupted")


if __name__ == "__main__":
    # A test that runs in the background hands on that interrupts are to be ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    vars(terminal)["silent"] = tell
    if "stand-in" in sys.argv:
        install(pytest.MonkeyPatch(), find_slowly)
    main()
