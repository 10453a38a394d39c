"""Training curves: live while something is fitted, kept and compared afterwards."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from napari.utils.theme import get_theme
from qtpy.QtGui import QColor, QPainter, QPixmap, QResizeEvent
from qtpy.QtWidgets import (
    QBoxLayout,
    QComboBox,
    QGridLayout,
    QLabel,
    QMenu,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from napari_piximi.ui import preferences
from napari_piximi.ui.chart import PAPER, Chart, ChartColors, Line
from napari_piximi.ui.curve_data import Curves, along, curves_csv
from napari_piximi.ui.curve_files import choose_new_file, write_bytes, write_picture
from napari_piximi.ui.elided_box import ElidedBox
from napari_piximi.ui.run_list import RunList
from napari_piximi.ui.setting_editors import ignore_wheel

__all__ = ["CLASSIFIER_FIGURES", "CurveFigures", "CurvesView", "chart_colors"]

PRINTED = 640, 300
"""Width and height of a chart in a picture, before it is scaled."""
OTHERS = 1.5
"""How much wider than tall it is when charts stand side by side."""


EMPTY = "{} by epoch appears here during a fit, and stays"


@dataclass(frozen=True)
class CurveFigures:
    """Which figures of fits are drawn.

    Attributes
    ----------
    titles : mapping of str to str
        Of each chart, by the figure that histories have, without ``val_``; the first one tells
        how good a fit is.
    shares : tuple of str
        Those that go from 0 to 1.
    choices : mapping of str to tuple of str
        Which charts are drawn; the first choice is the default.
    examples : str
        What is taught and held out.
    key : str
        What the choice is remembered by.
    """

    titles: Mapping[str, str]
    shares: tuple[str, ...]
    choices: Mapping[str, tuple[str, ...]]
    examples: str
    key: str


CLASSIFIER_FIGURES = CurveFigures(
    {"accuracy": "Accuracy", "loss": "Loss"},
    ("accuracy",),
    {"Both": ("accuracy", "loss"), "Accuracy": ("accuracy",), "Loss": ("loss",)},
    "things",
    "fit/",
)


class CurvesView(QWidget):
    """Charts of figures of fits, and the list of runs to draw in them.

    Parameters
    ----------
    figures : CurveFigures
    """

    def __init__(self, figures: CurveFigures = CLASSIFIER_FIGURES) -> None:
        super().__init__()
        self.figures = figures
        self.curves: tuple[Curves, ...] = ()
        self._kept: dict[tuple[int, str, str], tuple[Curves, list[Line]]] = {}
        self.choice = ElidedBox()
        self.choice.addItems(list(figures.choices))
        self.choice.setToolTip("Which figures to draw")
        self.choice.setAccessibleName("Figures to draw")
        self.choice.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.choice.setMinimumContentsLength(4)
        kept = str(preferences.get(f"{figures.key}curves", ""))
        self.choice.setCurrentText(kept if kept in figures.choices else next(iter(figures.choices)))
        ignore_wheel(self.choice)
        self.key = QLabel("<b>—</b>&nbsp;valid. <b>-&nbsp;-</b>&nbsp;train. ●&nbsp;kept")
        self.key.setToolTip(
            f"Whole lines: {figures.examples} that the model is not taught. Dashed: those that it "
            "is taught. Dot: the epoch whose weights were kept"
        )
        self.key.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.export = QPushButton("Export")
        self.export.setToolTip("Save what is drawn: a picture (PNG), or its numbers (CSV)")
        self.export.setAccessibleName("Export curves")
        menu = QMenu(self.export)
        self.png = menu.addAction("Picture (PNG)…", self._save_png)
        self.csv = menu.addAction("Numbers (CSV)…", self._save_csv)
        self.export.setMenu(menu)
        self.charts = [
            Chart(title, EMPTY.format(title), unit=name in figures.shares)
            for name, title in figures.titles.items()
        ]
        best, title = next(iter(figures.titles.items()))
        self.runs = RunList(
            best,
            title,
            f"Of the validation {figures.examples}",
            f"Of the training {figures.examples}",
            f"{figures.key}runs",
        )
        self._lay_out()
        self._connect()
        self.show_curves(())

    def _lay_out(self) -> None:
        bar = self.bar = QGridLayout()
        bar.setContentsMargins(0, 0, 0, 0)
        bar.setSpacing(4)
        bar.setColumnStretch(1, 1)
        bar.addWidget(self.choice, 0, 0)
        bar.addWidget(self.key, 0, 1)
        bar.addWidget(self.export, 0, 2)
        self.row = QBoxLayout(QBoxLayout.Direction.TopToBottom)
        self.row.setContentsMargins(0, 0, 0, 0)
        self.row.setSpacing(2)
        for chart in self.charts:
            self.row.addWidget(chart, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(3)
        layout.addLayout(bar)
        layout.addLayout(self.row, 1)
        layout.addWidget(self.runs)

    def _connect(self) -> None:
        self.choice.textActivated.connect(self._choose)
        self.runs.chosen.connect(self._draw)
        for chart in self.charts:
            for other in self.charts:
                chart.hovered.connect(other.set_hover)

    @property
    def drawn(self) -> list[Curves]:
        """The curves that are drawn."""
        return [curves for curves in self.curves if self.runs.is_chosen(curves) and curves.drawn]

    def show_curves(self, curves: Sequence[Curves]) -> None:
        """Show these: in the list all, in the charts those that are checked there."""
        self.curves = tuple(curves)
        present = set(map(id, self.curves))
        self._kept = {key: made for key, made in self._kept.items() if key[0] in present}
        self.runs.show_runs(self.curves)
        self._draw()

    def set_theme(self, theme: str) -> None:
        """Follow napari's theme."""
        for chart in self.charts:
            chart.set_colors(chart_colors(theme))

    def picture(self, scale: int = 2) -> QPixmap:
        """Return the charts as they are drawn, dark on white, with the names of their runs."""
        shown = [self._copy(chart) for chart in self.charts if not chart.isHidden()]
        width, tall = shown[0].width(), sum(chart.height() for chart in shown)
        row = self.fontMetrics().height() + 2
        pixmap = QPixmap(width * scale, (tall + row * (len(self.drawn) + 1)) * scale)
        colors = shown[0].colors
        painter = QPainter(pixmap)
        painter.scale(scale, scale)
        painter.fillRect(0, 0, width, pixmap.height(), QColor(colors.background))
        for chart in shown:
            chart.draw(painter)
            painter.translate(0, chart.height())
        for curves in self.drawn:
            painter.fillRect(6, 4, 10, row - 6, QColor(self.runs.color(curves)))
            painter.setPen(QColor(colors.text))
            painter.drawText(22, row - 5, curves.title)
            painter.translate(0, row)
        painter.drawText(6, row - 5, "Whole lines: validation; dashed: training; dot: kept epoch")
        painter.end()
        return pixmap

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Put the charts beside or below each other, as there is room."""
        super().resizeEvent(event)
        listed = 0 if self.runs.isHidden() else self.runs.height()
        room = self.height() - listed - self.choice.height()
        drawn = sum(not chart.isHidden() for chart in self.charts)
        wide = self.width() > OTHERS * max(room, 1) or room < drawn * 95
        direction = QBoxLayout.Direction
        self.row.setDirection(direction.LeftToRight if wide else direction.TopToBottom)
        self._place_key()

    # --- within ----------------------------------------------------------------------------------

    def _place_key(self) -> None:
        """Put the meaning of the lines into the bar, or below it where it has no room."""
        parts = self.choice, self.key, self.export
        needed = sum(part.sizeHint().width() for part in parts) + 2 * self.bar.spacing()
        within = needed <= self.width()
        if within != (self.bar.itemAtPosition(1, 0) is None):
            self.bar.removeWidget(self.key)
            self.bar.addWidget(self.key, *((0, 1) if within else (1, 0, 1, 3)))

    def _choose(self, text: str) -> None:
        preferences.put(f"{self.figures.key}curves", text)
        self._draw()

    def _draw(self) -> None:
        names = self.figures.choices[self.choice.currentText()]
        drawn = self.drawn
        for chart, name in zip(self.charts, self.figures.titles, strict=True):
            chart.setVisible(name in names)
            chart.along = along(drawn)
            chart.set_lines([line for curves in drawn for line in self._lines(curves, name)])
        self.export.setEnabled(bool(drawn))
        self.key.setVisible(bool(drawn))

    def _lines(self, curves: Curves, figure: str) -> list[Line]:
        """Return the lines of one run, made once: a live fit changes none but its own."""
        color = self.runs.color(curves)
        key = id(curves), figure, color
        if key not in self._kept:
            self._kept[key] = curves, self._made(curves, figure, color)
        return self._kept[key][1]

    def _made(self, curves: Curves, figure: str, color: str) -> list[Line]:
        judged = f"val_{figure}" in curves.figures
        found = []
        for name in (figure, f"val_{figure}"):
            if name in curves.figures:
                which = "validation" if name.startswith("val_") else "training"
                taught = name == figure
                mark = curves.best if taught != judged else None
                found.append(
                    Line(
                        which,
                        *curves.figures[name],
                        color,
                        curves.title,
                        taught,
                        mark and float(mark),
                    )
                )
        return found

    def _copy(self, chart: Chart) -> Chart:
        """Return a chart as it is printed: as large as is read well, whatever the dock is."""
        copy = Chart(chart.title, unit=chart.unit, along=chart.along)
        copy.setFont(self.font())
        copy.resize(*PRINTED)
        copy.set_colors(PAPER)
        copy.set_lines(chart.lines)
        return copy

    def _save_png(self) -> None:
        path = choose_new_file(self, "Save curves as a picture", "curves.png", "Picture (*.png)")
        if path is not None:
            write_picture(path, self.picture())

    def _save_csv(self) -> None:
        path = choose_new_file(self, "Save curves as a table", "curves.csv", "Table (*.csv)")
        if path is not None:
            write_bytes(path, curves_csv(self.drawn).encode())


def chart_colors(theme: str) -> ChartColors:
    """Return what a chart takes from a napari theme."""
    given = get_theme(theme)
    return ChartColors(given.background.as_hex(), given.text.as_hex(), given.foreground.as_hex())
