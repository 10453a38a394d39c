"""What is evaluated, against which annotations, on which images; the button, and how far it is."""

from collections.abc import Mapping
from dataclasses import replace

from qtpy.QtCore import Qt
from qtpy.QtCore import Signal as QtSignal
from qtpy.QtWidgets import (
    QGridLayout,
    QLabel,
    QVBoxLayout,
    QWidget,
)

from napari_piximi.model.project import Project
from napari_piximi.model.segmentation import SegmentationNetwork
from napari_piximi.segment.running import Request
from napari_piximi.ui.choice_box import choice_box, list_choices
from napari_piximi.ui.live_line import LiveLine
from napari_piximi.ui.network_choice import annotated_of, kind_text
from napari_piximi.ui.progress_bar import thin_bar
from napari_piximi.ui.score_plan import (
    ALL,
    HELD,
    SHOWN,
    Images,
    images_to_compare,
    obstacle,
    own_request,
)
from napari_piximi.ui.scoring import Scoring
from napari_piximi.ui.segment_choice import SegmenterChoice
from napari_piximi.ui.segment_consent import may_segment
from napari_piximi.ui.segment_words import images_text
from napari_piximi.ui.shown_names import breakable, one_line, tip
from napari_piximi.ui.start_button import StartButton
from napari_piximi.ui.workspace import Workspace
from napari_piximi.ui.wrapped_label import wrapped_label

__all__ = ["ScoreForm"]

AS_SET = ""
"""In place of the name of a network: what the page Find objects is set to."""
LONGEST = 30
MEANINGS = {
    ALL: "Every image with annotations of the kind. A network learnt from most of them, which "
    "flatters it",
    HELD: "Images, or the part of the only one, that the network did not learn from",
    SHOWN: "The image on show, with annotations of the kind",
}


class ScoreForm(QWidget):
    """Choose, evaluate or stop, and see what would stand in the way.

    Parameters
    ----------
    workspace : Workspace
    choice : SegmenterChoice
        What the page *Find objects* is set to.
    scoring : Scoring
    """

    segmenter_chosen = QtSignal()
    """Something else is to be evaluated."""

    def __init__(self, workspace: Workspace, choice: SegmenterChoice, scoring: Scoring) -> None:
        super().__init__()
        self._workspace, self._choice, self._scoring = workspace, choice, scoring
        self._known: tuple[object, ...] = ()
        self._looked: tuple[object, ...] = ()
        self._images: Mapping[str, Images] = {}
        self._counts: tuple[tuple[str, str], ...] = ()
        self.segmenter = choice_box("What is evaluated")
        self.kind = choice_box("Annotations to compare with")
        self.images = choice_box("Images to compare on")
        self.button = StartButton("Evaluate")
        self.bar = thin_bar("How far the evaluation is")
        self.doing = LiveLine()
        self.trouble = wrapped_label(least=100)
        self._set_up()
        self._lay_out()
        self.segmenter.activated.connect(self._segmenter_chosen)
        for box in (self.kind, self.images):
            box.activated.connect(self.refresh)
        self.button.clicked.connect(self._press)
        self.refresh()

    # --- what is chosen --------------------------------------------------------------------------

    @property
    def network(self) -> SegmentationNetwork | None:
        """The network that is evaluated, if it is one of the list."""
        name = self.segmenter.currentData()
        return next((n for n in self._workspace.project.networks if n.name == name), None)

    @property
    def chosen_title(self) -> str:
        """What the scores of it are called: as the network, or as the segmenter."""
        network = self.network or self._choice.network
        if network is not None:
            return network.name
        return "" if self._choice.segmenter is None else self._choice.segmenter.title

    @property
    def request(self) -> Request | None:
        """What is evaluated."""
        if self.network is not None:
            return own_request(self.network)
        return None if self._choice.segmenter is None else self._choice.request()

    @property
    def chosen_kind(self) -> str:
        """Id of the kind that is compared with; empty where there is none."""
        return str(self.kind.currentData() or "")

    @property
    def partition(self) -> str:
        """Which images are compared on."""
        return str(self.images.currentData() or ALL)

    def choose_network(self, name: str) -> None:
        """Choose a network, the kind that it finds, and what it has held out."""
        self.refresh()
        self.segmenter.setCurrentIndex(max(self.segmenter.findData(name), 0))
        self._segmenter_chosen()

    # --- what is shown -------------------------------------------------------------------------

    def refresh(self, *_: object) -> None:
        """Say what holds now."""
        project, running = self._workspace.project, self._scoring.running
        self._list_segmenters(project)
        self._list_kinds(project)
        self._list_images(project)
        trouble = "" if running else self._trouble()
        self.trouble.setText(breakable(trouble))
        self.trouble.setVisible(bool(trouble))
        self.button.setText("Stop" if running else "Evaluate")
        self.button.setToolTip(
            "Stop; nothing is kept"
            if running
            else "Find objects, and compare them with the annotations; the project stays as it is"
        )
        self.button.setEnabled(running or not trouble)
        for box in (self.segmenter, self.kind, self.images):
            box.setEnabled(not running)
        for part in (self.bar, self.doing):
            part.setVisible(running)

    def _trouble(self) -> str:
        images = self._images.get(self.partition, Images())
        return obstacle(self._workspace.project, self.request, self.chosen_kind, images)

    def _list_segmenters(self, project: Project) -> None:
        chosen = self._choice.segmenter
        title = "" if chosen is None else chosen.title
        if self._choice.network is not None:
            title = f"{one_line(self._choice.network.name, LONGEST)}"
        found = [(n.name, one_line(n.name, LONGEST)) for n in reversed(project.networks)]
        list_choices(self.segmenter, [(AS_SET, f"As on Find objects: {title}"), *found])
        self.segmenter.setToolTip(
            "A network of the project, or what the page Find objects is set to, with its settings"
        )

    def _list_kinds(self, project: Project) -> None:
        if not _same(self._known, (project.things, project.kinds)):
            self._known = project.things, project.kinds
            self._looked = ()
            self._counts = tuple(
                (kind, kind_text(project, kind, found))
                for kind, found in annotated_of(project).items()
            )
        before = self.chosen_kind
        list_choices(self.kind, list(self._counts))
        if before not in dict(self._counts):
            wanted = self._workspace.gallery.query.kind
            self.kind.setCurrentIndex(max(self.kind.findData(wanted), 0))
        self.kind.setToolTip(
            tip(
                "Found objects are compared with these annotations; planes without any are left out"
            )
        )

    def _list_images(self, project: Project) -> None:
        shown, kind = self._workspace.shown, self.chosen_kind
        network = self.network or next(
            (n for n in reversed(project.networks) if n.kind == kind), None
        )
        if not _same(self._looked, (kind, shown, network)):
            self._looked = kind, shown, network
            self._images = images_to_compare(project, kind, shown, network)
        rows = [(name, _images_text(name, images)) for name, images in self._images.items()]
        list_choices(self.images, rows)
        for row, (name, _) in enumerate(rows):
            self.images.setItemData(row, tip(MEANINGS[name]), Qt.ItemDataRole.ToolTipRole)
        self.images.setToolTip(tip(MEANINGS[self.partition]))

    # --- what the user does ----------------------------------------------------------------------

    def _segmenter_chosen(self, *_: object) -> None:
        network = self.network
        if network is not None:
            self.kind.setCurrentIndex(max(self.kind.findData(network.kind), 0))
            self.refresh()
            self.images.setCurrentIndex(max(self.images.findData(HELD), 0))
        self.refresh()
        self.segmenter_chosen.emit()

    def _press(self) -> None:
        if self._scoring.running:
            self._scoring.stop()
            self.button.setEnabled(False)
            self.doing.setText("Stopping …")
            return
        self.refresh()
        request, images = self.request, self._images.get(self.partition, Images())
        if request is None or self._trouble():
            return
        if self.network is None and not may_segment(
            self._workspace, self._choice, images.ids, self, every_plane=False
        ):
            return
        name = self.partition
        request = replace(request, region=images.region)
        job = self._scoring.start(request, self.chosen_kind, images.ids, name)
        job.progressed.connect(self._tell)

    def begun_or_ended(self) -> None:
        """Show that an evaluation has begun, or no more that it runs."""
        if self._scoring.running:
            self.bar.show_busy()
            self.doing.setText("Starting …")
        self.refresh()

    def _tell(self, done: int, total: int, message: str, _figures: object) -> None:
        self.bar.show_progress(done, total)
        if message and self.button.isEnabled():
            self.doing.setText(one_line(message))

    # --- parts -----------------------------------------------------------------------------------

    def _set_up(self) -> None:
        self.trouble.setAccessibleName("What stands in the way of an evaluation")

    def _lay_out(self) -> None:
        grid = QGridLayout()
        grid.setVerticalSpacing(3)
        grid.setColumnMinimumWidth(0, 64)
        grid.setColumnStretch(1, 1)
        rows = (
            ("Evaluate", self.segmenter),
            ("Against", self.kind),
            ("On", self.images),
        )
        for row, (text, widget) in enumerate(rows):
            label = QLabel(text)
            label.setBuddy(widget)
            grid.addWidget(label, row, 0)
            grid.addWidget(widget, row, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(grid)
        for part in (self.trouble, self.button, self.bar, self.doing):
            layout.addWidget(part)


def _same(known: tuple[object, ...], key: tuple[object, ...]) -> bool:
    """Tell whether nothing has changed since it was looked at."""
    return len(known) == len(key) and all(a is b for a, b in zip(known, key, strict=True))


def _images_text(name: str, images: Images) -> str:
    if name == SHOWN:
        return "The shown image"
    if name == ALL:
        return f"All annotated ({images_text(len(images.ids))})"
    what = "a part of 1 image" if images.region is not None else images_text(len(images.ids))
    return f"Held out by {one_line(images.of, LONGEST)} ({what})"
