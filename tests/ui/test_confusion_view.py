import numpy as np
import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtGui import QColor
from tests.learn.projects import bars

from napari_piximi.model.evaluation import Evaluation
from napari_piximi.model.things import IMAGE_KIND
from napari_piximi.model.training import Classifier
from napari_piximi.ui.confusion_delegate import blend, legible_on
from napari_piximi.ui.confusion_items import percent, short_count
from napari_piximi.ui.confusion_view import ConfusionView, picture_of
from napari_piximi.ui.judged_classes import classes_of


@pytest.mark.parametrize("count", [2, 10, 50])
def test_the_matrix_fits_or_scrolls(qtbot: QtBot, count: int) -> None:
    matrix = ConfusionView()
    qtbot.addWidget(matrix)
    evaluation = Evaluation(tuple(tuple(range(count)) for _ in range(count)), 0.1)
    shown = classes_of(bars(), Classifier("x", IMAGE_KIND), evaluation)
    matrix.resize(340, 400)
    matrix.show_evaluation(evaluation, shown)
    assert matrix.items.rowCount() == matrix.items.columnCount() == count
    assert matrix.height() <= 460
    assert matrix.columnWidth(0) >= 18
    assert (matrix.whole_size().width() > 340) == (count > 10)


def test_ten_classes_fit_into_a_narrow_dock(qtbot: QtBot) -> None:
    matrix = ConfusionView()
    qtbot.addWidget(matrix)
    evaluation = Evaluation(((20,) * 10,) * 10, 0.1)
    matrix.resize(267, 400)
    matrix.show_evaluation(evaluation, classes_of(bars(), Classifier("x", IMAGE_KIND), evaluation))
    assert matrix.whole_size().width() <= 267
    assert matrix.columnWidth(0) >= matrix.fontMetrics().horizontalAdvance("20") + 4


@pytest.mark.parametrize("name", ["black", "white", "yellow", "#0000ff", "#808080"])
def test_what_is_written_on_a_color_has_the_contrast_of_wcag(name: str) -> None:
    color = QColor(name)
    ink = legible_on(color)

    def luminance(c: QColor) -> float:
        parts = np.array([c.redF(), c.greenF(), c.blueF()])
        linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    light, dark = sorted((luminance(color), luminance(ink)), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 4.5
    assert blend(color, ink, 0).rgb() == color.rgb()
    assert blend(color, ink, 1).rgb() == ink.rgb()


def test_a_picture_shows_all_of_a_matrix_that_would_scroll(qapp: object) -> None:
    evaluation = Evaluation(tuple(tuple(range(50)) for _ in range(50)), 0.1)
    shown = classes_of(bars(), Classifier("x", IMAGE_KIND), evaluation)
    picture = picture_of(evaluation, shown, "net: 50 classes")
    assert picture.width() > 2 * 50 * 22
    assert picture.height() > 2 * 50 * 22
    plain = picture.pixelColor(picture.width() - 1, picture.height() - 1)
    assert plain == QColor("white")


@pytest.mark.parametrize(
    ("share", "text"),
    [(0, "0"), (0.001, "<1"), (0.15, "15"), (0.994, "99"), (0.9999, "99"), (1, "100")],
)
def test_shares_do_not_pretend(share: float, text: str) -> None:
    assert percent(share) == text


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0"), (9999, "9999"), (12_345, "12k"), (3_400_000, "3M")]
)
def test_counts_are_short(count: int, text: str) -> None:
    assert short_count(count) == text
