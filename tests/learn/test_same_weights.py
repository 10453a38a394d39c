"""One seed, one model: from Python, from the command line, and from the engine of a window."""

from dataclasses import replace
from pathlib import Path

import pytest

from napari_piximi.cli import main
from napari_piximi.engine import Engine
from napari_piximi.io.bundle import read_bundle, write_bundle
from napari_piximi.io.lending import lend
from napari_piximi.io.samples import digits_project
from napari_piximi.learn.classifier import fit
from napari_piximi.learn.results import FitResult
from napari_piximi.model.things import IMAGE_KIND
from napari_piximi.model.training import Settings
from napari_piximi.progress import silent

pytestmark = pytest.mark.keras

SETTINGS = replace(Settings(), epochs=4, patience=0, seed=11)


def weights(result: FitResult) -> bytes:
    assert result.classifier.model is not None
    return result.classifier.model.weights


def test_the_same_seed_gives_the_same_weights_wherever_it_is_fitted(tmp_path: Path) -> None:
    bundle, out = tmp_path / "digits.zip", tmp_path / "fitted.zip"
    write_bundle(digits_project(per_class=8).project, bundle)
    project = read_bundle(bundle)

    here = weights(fit(project, IMAGE_KIND, SETTINGS, name="c"))

    engine = Engine(["napari_piximi.learn.networks"])
    lent = lend(project, IMAGE_KIND, tmp_path)
    function = "napari_piximi.learn.classifier:fit"
    there = engine.call(function, lent, IMAGE_KIND, SETTINGS, name="c", progress=silent)
    engine.close()

    options = ["--epochs", "4", "--patience", "0", "--seed", "11", "--name", "c"]
    with pytest.raises(SystemExit) as ended:
        main(["fit", str(bundle), "--kind", IMAGE_KIND, "--out", str(out), *options])
    assert ended.value.code == 0
    typed = read_bundle(out).find_classifier("c").model
    assert typed is not None

    assert weights(there) == here
    assert typed.weights == here

    other = fit(project, IMAGE_KIND, replace(SETTINGS, seed=12), name="c")
    assert weights(other) != here
