"""What napari makes with its first layers is made before, and nothing is lost by it."""

import json
import subprocess
import sys

SCRIPT = """
import json, sys, threading
import pint
from pint.registry import LazyRegistry
from napari_piximi.ui import layer_firsts

def lazy():
    return isinstance(pint.get_application_registry().get(), LazyRegistry)

early = "early" in sys.argv
if early:
    pint.get_application_registry().pixel
before = pint.get_application_registry().get()
threads = [threading.Thread(target=layer_firsts.warm_up) for _ in range(2)]
for thread in threads: thread.start()
for thread in threads: thread.join()
untouched = pint.get_application_registry().get() is before
layer_firsts.use_units()
ready = not lazy()
kept = pint.get_application_registry().get() is before
import numpy as np
from napari.layers import Image, Labels
missing = [name for name in layer_firsts.NEEDED if name not in sys.modules]
layers = [
    Image(np.zeros((4, 4)), units="um", scale=(0.5, 0.5)),
    Labels(np.zeros((4, 4), int), units="pixel"),
]
units = [str(layer.units[0]) for layer in layers]
metre = float(pint.get_application_registry()("1 um").to("nm").magnitude)
layer_firsts.use_units()
print(json.dumps([untouched, ready, kept, missing, units, round(metre)]))
"""


def told(*arguments: str) -> list[object]:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *arguments], check=True, capture_output=True, text=True
    )
    return list(json.loads(done.stdout.splitlines()[-1]))


def test_units_are_ready_before_the_first_layer() -> None:
    assert told() == [True, True, False, [], ["micrometer", "pixel"], 1000]


def test_units_that_are_in_use_stay() -> None:
    assert told("early") == [True, True, True, [], ["micrometer", "pixel"], 1000]
