"""Training curves: what is listed, drawn, shown below the pointer, exported."""

import csv
from dataclasses import replace
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from napari.utils.notifications import Notification
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QColor, QImage
from qtpy.QtWidgets import QTreeWidget
from tests.ui.gallery_project import hands
from tests.ui.pressing import press

from napari_piximi.model import edits
from napari_piximi.model.project import Project, new_project
from napari_piximi.model.training import FOREST, Classifier, Run, Settings
from napari_piximi.ui import curves as curves_module
from napari_piximi.ui.chart import Chart, Line, nice_ticks
from napari_piximi.ui.curve_data import (
    best_value,
    curves_csv,
    live_curves,
    moved_runs,
    runs_of,
    same_curves,
)
from napari_piximi.ui.curve_files import write_bytes
from napari_piximi.ui.curves import CurvesView
from napari_piximi.ui.fitting import FitUnderWay

CHECK = Qt.CheckState


def run(epochs: int, best: int = 0, *, judged: bool = True) -> Run:
    history = {
        "loss": tuple(1 / (n + 1) for n in range(epochs)),
        "accuracy": tuple(n / epochs for n in range(epochs)),
    }
    if judged:
        history["val_loss"] = tuple(2 / (n + 1) for n in range(epochs))
        history["val_accuracy"] = tuple(0.9 * n / epochs for n in range(epochs))
    return Run(Settings(), history, best, stopped="early")


def project(*runs: Run) -> Project:
    made = edits.put_classifier(new_project(), Classifier("B", "Image", runs=(run(5, 3),)))
    return edits.put_classifier(made, Classifier("A", "Image", runs=runs))


@pytest.fixture
def view(qtbot: QtBot) -> CurvesView:
    made = CurvesView()
    qtbot.addWidget(made)
    made.resize(400, 400)
    return made


def test_runs_of_the_chosen_come_first_the_newest_on_top() -> None:
    found = runs_of(project(run(10, 7), run(20, 12)), "Image", "A")
    assert [c.title for c in found] == ["A · fit 2", "A · fit 1", "B · fit 1"]
    assert [c.own for c in found] == [True, True, False]
    assert [c.best for c in found] == [13, 8, 4]
    assert [c.epochs for c in found] == [20, 10, 5]
    assert runs_of(project(), "other", None) == []


def cell(tree: QTreeWidget, row: int) -> str:
    item = tree.topLevelItem(row)
    assert item is not None
    return item.text(1)


def test_forests_have_trees_in_place_of_epochs(view: CurvesView) -> None:
    wood = replace(run(4, 3, judged=False), settings=Settings(architecture=FOREST, trees=25))
    found = runs_of(edits.put_classifier(
        new_project(), Classifier("A", "Image", runs=(wood, replace(wood, stopped="cancelled")))
    ), "Image", "A")  # fmt: skip
    assert [(c.epochs, c.best) for c in found] == [(10, 10)] * 2
    assert found[0].figures["loss"][0].tolist() == [2, 5, 8, 10]
    assert best_value(found[0]) == pytest.approx(0.75)
    view.show_curves(found)
    head, tree = view.runs.tree.headerItem(), view.runs.tree
    assert head is not None
    assert (head.text(1), cell(tree, 0)) == ("Trees", "10")
    assert view.charts[0].along == "Trees"
    view.show_curves([*found, *runs_of(project(), "Image", "B")])
    assert (head.text(1), cell(tree, 0)) == ("Epochs", "10 trees")
    assert cell(tree, 2) == "5"
    assert curves_csv(found).splitlines()[0] == "run,trees,kept,loss,accuracy"
    fit = FitUnderWay("Image", "A", wood.settings, None)
    fit.take(5, 25, "", {"epoch": 2, "complete": 2, "loss": 0.5})
    assert live_curves(fit).figures["loss"][0].tolist() == [5]
    assert (live_curves(fit).epochs, live_curves(fit).trees) == (5, True)


def test_a_run_can_be_deleted_with_a_key_or_from_the_menu(view: CurvesView, qtbot: QtBot) -> None:
    view.show_curves([
        live_curves(FitUnderWay("Image", "A", Settings(), None)),
        *runs_of(project(run(5, 2), run(5, 2)), "Image", "A"),
    ])  # fmt: skip
    asked: list[object] = []
    view.runs.delete_asked.connect(asked.append)
    tree = view.runs.tree
    press(tree, Qt.Key.Key_Delete)
    tree.setCurrentItem(tree.topLevelItem(0))
    press(tree, Qt.Key.Key_Delete)
    assert asked == [], "nothing is selected, then what is under way"
    tree.setCurrentItem(tree.topLevelItem(2))
    press(tree, Qt.Key.Key_Delete)
    assert asked == [("Image", "A", 0)]
    view.show()
    tree.customContextMenuRequested.emit(QPoint(5, 5))
    assert view.runs.delete.isEnabled()
    view.runs.delete.trigger()
    view.runs.menu.close()
    assert asked == [("Image", "A", 0)] * 2


def test_a_run_that_moves_up_is_drawn_anew() -> None:
    runs = run(5, 2), replace(run(5, 2), history={"loss": (9.0,) * 5, "accuracy": (0.0,) * 5})
    before = runs_of(project(*runs), "Image", "A")
    after = same_curves(before, runs_of(project(runs[1]), "Image", "A"))
    assert after[0].figures["loss"][1].tolist() == [9.0] * 5
    assert same_curves(before, runs_of(project(*runs), "Image", "A"))[0] is before[0]


def test_best_values() -> None:
    judged, taught = runs_of(project(run(10, 7), run(10, 7, judged=False)), "Image", "A")[1::-1]
    assert best_value(taught) == pytest.approx(0.7)
    assert best_value(judged) == pytest.approx(0.63)
    (before,) = runs_of(project(run(4, -1)), "Image", "A")[:1]
    assert before.best == 0
    assert best_value(before) is None  # of the weights that it began with, nothing is known


def test_live_curves_may_lack_epochs() -> None:
    fit = FitUnderWay("Image", "A", Settings(), None)
    fit.take(1, 10, "", {"epoch": 1, "complete": 0})
    assert not live_curves(fit).drawn
    fit.take(2, 10, "", {"epoch": 2, "complete": 1, "loss": 0.5, "val_loss": 0.6})
    fit.take(6, 10, "", {"epoch": 4, "complete": 4, "loss": 0.2, "val_loss": 0.3})
    fit.take(7, 10, "", {"epoch": 5, "complete": 4, "loss": 0.2, "val_loss": 0.3})
    found = live_curves(fit)
    assert (found.title, found.epochs) == ("A · now", 4)
    assert found.figures["loss"][0].tolist() == [1, 4]
    assert found.figures["loss"][1].tolist() == [0.5, 0.2]


def test_csv_holds_every_figure() -> None:
    found = runs_of(project(run(3, 1), run(2, 0, judged=False)), "Image", "A")[:2]
    rows = list(csv.DictReader(StringIO(curves_csv(found))))
    assert [(row["run"], row["epoch"]) for row in rows] == [
        ("A · fit 2", "1"), ("A · fit 2", "2"),
        ("A · fit 1", "1"), ("A · fit 1", "2"), ("A · fit 1", "3"),
    ]  # fmt: skip
    assert [row["kept"] for row in rows] == ["1", "0", "0", "1", "0"], "the epochs of the weights"
    assert rows[0]["val_loss"] == ""
    assert float(rows[4]["val_loss"]) == 2 / 3
    assert float(rows[4]["loss"]) == 1 / 3


def test_an_empty_view_says_what_will_come(view: CurvesView) -> None:
    assert all("during a fit" in chart.empty for chart in view.charts)
    assert view.runs.isHidden()
    assert not view.export.isEnabled()


def test_two_newest_runs_are_drawn_until_the_user_chooses(view: CurvesView) -> None:
    found = runs_of(project(run(3), run(4), run(5)), "Image", "A")
    view.show_curves(found)
    assert [c.title for c in view.drawn] == ["A · fit 3", "A · fit 2"]
    accuracy, loss = view.charts
    assert [(line.name, line.dashed) for line in loss.lines[:2]] == [
        ("training", True), ("validation", False),
    ]  # fmt: skip
    assert [line.mark for line in loss.lines[:2]] == [None, 1.0]
    last = view.runs.tree.topLevelItem(3)
    assert last is not None
    assert last.text(0) == "B · fit 1"
    last.setCheckState(0, CHECK.Checked)
    assert [c.title for c in view.drawn] == ["A · fit 3", "A · fit 2", "B · fit 1"]
    assert len({line.color for line in accuracy.lines}) == 3
    view.show_curves(found[:])
    assert len(view.drawn) == 3  # the choice stays


def test_a_live_run_hands_its_colour_on(view: CurvesView) -> None:
    fit = FitUnderWay("Image", "A", Settings(), None)
    old = runs_of(project(run(3)), "Image", "A")
    fit.take(2, 10, "", {"complete": 1, "loss": 0.5})
    view.show_curves([live_curves(fit), *old])
    colors = {line.run: line.color for line in view.charts[1].lines}
    fit.take(4, 10, "", {"complete": 2, "loss": 0.4})
    view.show_curves([live_curves(fit), *old])
    assert len(view.charts[1].lines[0].x) == 2
    done = runs_of(project(run(3), run(2)), "Image", "A")
    view.show_curves(done)
    after = {line.run: line.color for line in view.charts[1].lines}
    assert after["A · fit 2"] == colors["A · now"]
    assert after["A · fit 1"] == colors["A · fit 1"]


def test_runs_keep_their_colours_and_boxes_when_one_is_deleted(view: CurvesView) -> None:
    first, second, third = run(3), run(4), run(5)
    view.show_curves(runs_of(project(first, second, third), "Image", "A"))
    tree = view.runs.tree
    for row, state in ((1, CHECK.Unchecked), (2, CHECK.Checked)):
        item = tree.topLevelItem(row)
        assert item is not None
        item.setCheckState(0, state)

    def shown() -> dict[int, tuple[str, bool]]:
        """Return colours and boxes, by how many epochs a run has."""
        return {c.epochs: (view.runs.color(c), view.runs.is_chosen(c)) for c in view.curves[:-1]}

    before = shown()
    assert [drawn for _, drawn in before.values()] == [True, False, True]
    view.show_curves(runs_of(project(second, third), "Image", "A"))
    assert shown() == {epochs: before[epochs] for epochs in (5, 4)}
    view.show_curves(runs_of(project(first, second, third), "Image", "A"))
    assert {epochs: color for epochs, (color, _) in shown().items()} == {
        epochs: color for epochs, (color, _) in before.items()
    }
    view.show_curves(runs_of(project(first, third), "Image", "A"))
    assert shown()[5] == before[5]
    assert shown()[3][0] == before[3][0]


def test_which_runs_have_another_number() -> None:
    first, second = run(3), run(4)
    both = runs_of(project(first, second), "Image", "A")
    one = runs_of(project(second), "Image", "A")
    assert moved_runs(both, one) == {("Image", "A", 0): ("Image", "A", 1)}
    assert moved_runs(one, both) == {("Image", "A", 1): ("Image", "A", 0)}
    assert moved_runs(both, both) == {}
    twin = edits.put_classifier(project(first, second), Classifier("C", "Image", runs=(first,)))
    assert moved_runs(both, runs_of(twin, "Image", "A")) == {}, "a copy takes no colour away"
    live = live_curves(FitUnderWay("Image", "A", Settings(), None))
    assert moved_runs([live, *one], both) == {("Image", "A", 1): ("Image", "A", 0)}


def test_one_or_both_figures(view: CurvesView, qtbot: QtBot) -> None:
    view.show_curves(runs_of(project(run(3)), "Image", "A"))
    view.choice.setCurrentText("Loss")
    view.choice.textActivated.emit("Loss")
    assert [chart.isHidden() for chart in view.charts] == [True, False]
    again = CurvesView()
    qtbot.addWidget(again)
    assert again.choice.currentText() == "Loss"


def test_the_pointer_shows_values_in_both_charts(view: CurvesView) -> None:
    view.show_curves(runs_of(project(run(10, 4)), "Image", "A"))
    view.show()
    first, second = view.charts
    inside, scale = first._inside(), first._scale(first._inside())
    hands.mouseMove(first, QPointF(5 * scale[0] + scale[1], inside.center().y()).toPoint())
    first.hovered.emit(5.0)
    assert second.at == 5.0
    values = {line.name: value for line, _, value in second.values_at(5.0)[:2]}
    assert values == {"training": pytest.approx(1 / 5), "validation": pytest.approx(2 / 5)}
    view.repaint()


def test_export(view: CurvesView, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    view.show_curves(runs_of(project(run(3)), "Image", "A"))
    for name in ("a.png", "a.csv"):
        monkeypatch.setattr(curves_module, "choose_new_file", lambda *_, n=name: tmp_path / n)
        (view._save_png if name.endswith("png") else view._save_csv)()
    image = QImage(str(tmp_path / "a.png"))
    assert image.width() == 2 * 640
    corner = image.pixelColor(0, 0)
    assert corner == QColor("white"), "as for a paper, whatever the theme is"
    assert corner != QColor(view.charts[0].colors.background)
    assert view.minimumSizeHint().width() <= 300
    assert (tmp_path / "a.csv").read_text(encoding="utf-8") == curves_csv(view.drawn)


def test_the_x_axis_is_named_where_there_is_room(qtbot: QtBot) -> None:
    """In a picture always; the name lies below the numbers, and takes no room of the lines."""

    def drawn(height: int, along: str) -> tuple[QImage, Chart]:
        chart = Chart("Loss", along=along)
        qtbot.addWidget(chart)
        chart.resize(320, height)
        chart.set_lines([Line("loss", np.arange(1.0, 11), np.linspace(1, 0, 10), "#ff0000")])
        image = QImage(chart.size(), QImage.Format.Format_RGB32)
        chart.render(image)
        return image, chart

    row = Chart("").fontMetrics().height()
    roomy, small = 10 * row, 6 * row
    image, chart = drawn(roomy, "Trees")
    assert image != drawn(roomy, "Epoch")[0]
    assert image.copy(0, 0, 320, roomy - row - 2) == drawn(roomy, "Epoch")[0].copy(
        0, 0, 320, roomy - row - 2
    )
    assert chart._inside().bottom() < roomy - 2 * row
    assert drawn(small, "Trees")[0] == drawn(small, "Epoch")[0]


def test_a_picture_names_the_x_axis_of_a_forest(view: CurvesView) -> None:
    wood = replace(run(4, 3, judged=False), settings=Settings(architecture=FOREST, trees=25))
    forest = edits.put_classifier(new_project(), Classifier("A", "Image", runs=(wood,)))
    view.show_curves(runs_of(forest, "Image", "A"))
    copy = view._copy(view.charts[0])
    assert copy.along == "Trees"
    assert copy._names_x


def test_a_file_that_cannot_be_written_is_one_message(
    tmp_path: Path, notifications: list[Notification]
) -> None:
    assert not write_bytes(tmp_path / "none" / "a.csv", b"x")
    (note,) = notifications
    assert "a.csv: not saved: No such file" in str(note.message)


def test_charts_are_painted(qtbot: QtBot) -> None:
    """Each line is there in its colour, thinned or not, and extremes stay when thinned."""
    chart = Chart("Loss")
    qtbot.addWidget(chart)
    chart.resize(300, 200)
    x = np.arange(1.0, 100_001)
    y = np.where(x == 50_000, 5.0, 1.0)
    chart.set_lines([Line("training", x, y, "#ff0000")])
    points = chart.lines[0].points
    assert points.size() <= 4004
    assert max(points.at(i).y() for i in range(points.size())) == 5.0
    image = chart.grab().toImage()
    reds = [
        image.pixelColor(i, j).red() > 200 and image.pixelColor(i, j).green() < 90
        for i in range(60, 290) for j in range(20, 180)
    ]  # fmt: skip
    assert any(reds)
    chart.set_lines([Line("training", x[:1], y[:1], "#ff0000", mark=1.0)])
    assert not chart.grab().isNull()


@pytest.mark.parametrize(
    ("low", "high", "most", "whole", "expected"),
    [
        (0.0, 1.0, 5, False, [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (1.0, 300.0, 4, True, [100.0, 200.0, 300.0]),
        (1.0, 3.0, 9, True, [1.0, 2.0, 3.0]),
        (1.0, 1.0, 4, False, [1.0]),
    ],
)
def test_ticks(low: float, high: float, most: int, whole: bool, expected: list[float]) -> None:
    assert nice_ticks(low, high, most, whole=whole) == expected
