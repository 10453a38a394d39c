"""The buttons beside a trouble: what their tool tips say of undo is what becomes of it."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from qtpy.QtWidgets import QPushButton
from tests.ui.conftest import Wait
from tests.ui.fit_stage import Plays, engine, plays
from tests.ui.test_fit_page import SMALL, page

from napari_piximi.learn.readiness import Action
from napari_piximi.model import edits
from napari_piximi.model.things import Partition
from napari_piximi.model.training import LAYERS_FORMAT, Classifier, ModelArtifact
from napari_piximi.ui.fit_page import FitPage
from napari_piximi.ui.fit_trouble import TroubleLine

__all__ = ["engine", "page", "plays"]  # fixtures

CELLS = [f"cell-{i}" for i in range(12)]


def offered(troubles: TroubleLine, action: Action) -> tuple[QPushButton, str]:
    """Return the button of a remedy, and its tool tip."""
    for trouble, row in zip(troubles.troubles, troubles.rows, strict=True):
        if trouble.remedy is not None and trouble.remedy.action == action:
            assert row.button is not None
            return row.button, row.button.toolTip()
    raise AssertionError(f"nothing offers {action!r}: {troubles.troubles}")


def set_small_input(page: FitPage) -> None:
    page.choice.set_settings(replace(SMALL, height=8, width=8))


def take_labels_away(page: FitPage) -> None:
    unknown = page.workspace.project.kinds[page.choice.kind].unknown
    assert page.workspace.edit("Clear", edits.categorize, CELLS, unknown)


def validate_all(page: FitPage) -> None:
    assert page.workspace.edit("Split", edits.set_partition, CELLS, Partition.VALIDATION)


def choose_model(page: FitPage, channels: int, class_map: tuple[str, ...]) -> None:
    model = ModelArtifact({"format": LAYERS_FORMAT, "classes": ["round", "long"]}, b"")
    found = Classifier("net", page.choice.kind, SMALL, channels, 1, model, class_map)
    assert page.workspace.edit("Import", edits.put_classifier, found)
    page.choice.choose("net")


def choose_stranger(page: FitPage) -> None:
    choose_model(page, 1, ("1round", "1long"))


def choose_unmapped(page: FitPage) -> None:
    choose_model(page, 3, ("deleted", "too"))


@pytest.mark.parametrize(
    ("action", "make"),
    [
        ("settings", set_small_input),
        ("unlabelled", take_labels_away),
        ("unassign", validate_all),
        ("new", choose_stranger),
        ("map", choose_unmapped),
    ],
)
def test_undo_is_promised_where_there_is_one(
    page: FitPage, action: Action, make: Callable[[FitPage], None]
) -> None:
    make(page)
    page.refresh()
    button, says = offered(page.troubles, action)
    session = page.workspace.session
    before, label = page.workspace.project, session.undo_label
    button.click()
    page.refresh()
    assert says.startswith(button.text())
    assert ("can be undone" in says) is (session.undo_label != label)
    assert ("can be undone" in says) is (page.workspace.project is not before)
    assert [t for t in page.troubles.troubles if t.remedy and t.remedy.action == action] == [] or (
        action == "unlabelled"
    ), "it helped"


def test_fitting_with_less_memory_is_no_edit_by_itself(
    page: FitPage, plays: Plays, finish: Wait
) -> None:
    plays("out_of_memory")
    page.choice.set_settings(replace(SMALL, batch_size=64))
    page.fit()
    finish(page.workspace)
    page.refresh()
    button, says = offered(page.troubles, "fit")
    label = page.workspace.session.undo_label
    button.click()
    assert page.workspace.session.undo_label == label
    assert says == "Fit with batch size 16"
    finish(page.workspace)
