"""What is warned of before a fit begins; what is refused is tested with the fits."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
from tests.learn.projects import labelled, with_categories

from napari_piximi.errors import FitError, PiximiWarning
from napari_piximi.learn.checks import check_settings, warn_if_alike
from napari_piximi.learn.plans import plan_fit
from napari_piximi.model import edits
from napari_piximi.model.project import Project
from napari_piximi.model.things import IMAGE_KIND, Partition
from napari_piximi.model.training import FOREST, Settings


def two_of_which(partition: Partition) -> Project:
    """Two categories of six; those of the second are in one partition."""
    project = labelled(with_categories("a", "b")[0], (6, 6))
    second = project.known_categories(IMAGE_KIND)[1]
    ids = [thing.id for thing in project.of_kind(IMAGE_KIND) if thing.category == second]
    return edits.set_partition(project, ids, partition)


def test_a_category_that_nothing_validates_is_warned_of() -> None:
    project = two_of_which(Partition.TRAINING)
    with pytest.warns(PiximiWarning, match="validates the category 'b'; set the partition"):
        plan_fit(project, IMAGE_KIND, "net", Settings())


def test_a_split_of_our_own_has_both_on_either_side() -> None:
    project = two_of_which(Partition.UNASSIGNED)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plan = plan_fit(project, IMAGE_KIND, "net", Settings())
    for side in (plan.split.training, plan.split.validation):
        assert {thing.category for thing in side} == set(project.known_categories(IMAGE_KIND))


def test_things_that_all_look_the_same_are_warned_of() -> None:
    with pytest.warns(PiximiWarning, match="'cell' look the same: nothing distinguishes them"):
        warn_if_alike(np.full((5, 3, 3, 1), 0.5), "cell")


@pytest.mark.parametrize("count", [0, 5])
def test_things_that_differ_are_not_warned_of(count: int) -> None:
    values = np.zeros((count, 4))
    values[4:, 3] = 1e-6
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_if_alike(values, "cell")


def test_settings_that_a_forest_does_not_heed_do_not_stop_it() -> None:
    turned = Settings(height=10, width=20, quarter_turns=True)
    with pytest.raises(FitError, match="quarter_turns needs a square input"):
        check_settings(turned)
    check_settings(replace(turned, architecture=FOREST))


@pytest.mark.parametrize(
    ("setting", "value"),
    [("trees", 0), ("min_samples_leaf", 0), ("max_features", 1.5), ("zoom", 0.6)],
)
def test_new_settings_have_limits(setting: str, value: float) -> None:
    changes: dict[str, float] = {setting: value}
    with pytest.raises(FitError, match=f"{setting} cannot be"):
        check_settings(replace(Settings(), **changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("architecture", "said"),
    [(FOREST, "left to validate; how good the forest is"), ("SimpleCNN", "the training loss")],
)
def test_what_decides_without_validation(architecture: str, said: str) -> None:
    project = two_of_which(Partition.UNASSIGNED)
    settings = Settings(architecture=architecture, training_percentage=1.0)
    with pytest.warns(PiximiWarning, match=said):
        plan_fit(project, IMAGE_KIND, "all", settings)
