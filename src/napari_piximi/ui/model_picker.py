"""The head of the Classifier dock: which model it is about, and what can be done with it."""

from dataclasses import replace
from typing import TYPE_CHECKING

from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QComboBox, QGridLayout, QLabel, QPushButton, QSizePolicy, QWidget

from napari_piximi.errors import EditError
from napari_piximi.model import edits
from napari_piximi.model.accuracy import known_accuracy
from napari_piximi.model.project import Project
from napari_piximi.model.training import (
    ARCHITECTURES,
    FOREST,
    FOREST_FORMAT,
    GRAPH_FORMAT,
    Classifier,
    ModelArtifact,
)
from napari_piximi.ui.adopting import unmapped
from napari_piximi.ui.elided_box import ElidedBox
from napari_piximi.ui.keys_within import keys_within
from napari_piximi.ui.model_choice import free_name
from napari_piximi.ui.model_menu import ModelMenu
from napari_piximi.ui.name_line import NameLine
from napari_piximi.ui.percent import percent
from napari_piximi.ui.shown_names import one_line, tip
from napari_piximi.ui.wrapped_label import wrapped_label

if TYPE_CHECKING:
    from napari_piximi.ui.classifier_panel import ClassifierPanel

__all__ = ["ModelPicker", "architecture_of"]

NEW = "new"
OWN = "own"
LONGEST = 24
"""Characters of a name in the list; its tool tip has all of it."""
BUTTON = 24
MEANINGS = {
    "SimpleCNN": "A small network, fitted from nothing",
    "MobileNet": "A network that knows pictures already; its last layer is fitted",
    FOREST: "Decision trees on shape, intensity and texture; fits in a second on few labels",
}


class ModelPicker(QWidget):
    """A list of models with their menu, the name, and a line that says what is missing.

    Parameters
    ----------
    panel : ClassifierPanel

    Attributes
    ----------
    models : QComboBox
    name : NameLine
    more : QPushButton
    menu : ModelMenu
    """

    def __init__(self, panel: "ClassifierPanel") -> None:
        super().__init__(panel)
        self.panel, self.choice = panel, panel.choice
        self.models, self.name = ElidedBox(), NameLine("model", self._trouble)
        self.more = QPushButton("⋯")
        self.missing, self.map = wrapped_label(), QPushButton("Map classes…")
        self.menu = ModelMenu(panel, self.name.begin, self)
        self._label_controls()
        self._lay_out()
        self._connect()
        panel.listen(self.choice.changed, self.refresh)
        panel.listen(panel.workspace.changed, self._project_changed)
        self.refresh()

    def refresh(self) -> None:
        """Draw the models of the kind on show, and the one that is chosen."""
        self._list_models()
        found = self.choice.classifier
        if found is None:
            given = self.choice.name
            free = free_name(self.panel.workspace.project, self.choice.settings.architecture)
            self.name.show_name("" if given == free else given, given)
        else:
            self.name.show_name(found.name, found.name)
        self._show_missing(found)

    # --- drawing -----------------------------------------------------------------------------

    def _label_controls(self) -> None:
        self.models.setAccessibleName("Model")
        self.models.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.models.setMinimumContentsLength(8)
        self.models.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.name.setMinimumWidth(60)
        self.more.setFixedSize(BUTTON, BUTTON)
        self.more.setToolTip("Open, save, look into, map, copy or delete a model")
        self.more.setAccessibleName("More about the model")
        self.map.setToolTip("Say which category each class of the model stands for")

    def _lay_out(self) -> None:
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setHorizontalSpacing(4)
        layout.setVerticalSpacing(2)
        model, name = QLabel("Model"), QLabel("Name")
        model.setBuddy(self.models)
        name.setBuddy(self.name)
        layout.addWidget(model, 0, 0)
        layout.addWidget(self.models, 0, 1)
        layout.addWidget(self.more, 0, 2)
        layout.addWidget(name, 1, 0)
        layout.addWidget(self.name, 1, 1, 1, 2)
        layout.addWidget(self.name.trouble, 2, 0, 1, 3)
        below = QGridLayout()
        below.setContentsMargins(0, 0, 0, 0)
        below.addWidget(self.missing, 0, 0)
        below.addWidget(self.map, 0, 1)
        below.setColumnStretch(0, 1)
        layout.addLayout(below, 3, 0, 1, 3)
        layout.setColumnStretch(1, 1)

    def _connect(self) -> None:
        self.models.activated.connect(self._choose)
        self.name.typed.connect(self._typed)
        self.name.completed.connect(self._rename)
        self.more.clicked.connect(self._open_menu)
        self.map.clicked.connect(lambda: self.menu.actions_of.map_classes())
        keys_within(self, "F2", self.name.begin)

    def _list_models(self) -> None:
        wanted = [
            ((NEW, name), f"+ New {_in_words(name)}", MEANINGS[name]) for name in ARCHITECTURES
        ]
        own = {c.name: c for c in self.choice.classifiers}  # of two of a name, the newer one
        wanted += [((OWN, c.name), _caption(c), _meaning(c)) for c in own.values()]
        found = self.choice.classifier
        current = (NEW, self.choice.settings.architecture) if found is None else (OWN, found.name)
        present = [
            (self.models.itemData(i), self.models.itemText(i)) for i in range(self.models.count())
        ]
        if present != [(key, text) for key, text, _ in wanted]:
            self.models.clear()
            for key, text, meaning in wanted:
                self.models.addItem(text, key)
                place = self.models.count() - 1
                self.models.setItemData(place, tip(meaning), Qt.ItemDataRole.ToolTipRole)
            view = self.models.view()
            assert view is not None
            view.setMinimumWidth(view.sizeHintForColumn(0) + BUTTON)
        place = next((i for i, (key, _, _) in enumerate(wanted) if key == current), 0)
        self.models.setCurrentIndex(place)
        self.models.setToolTip(tip(wanted[place][2]))

    def _show_missing(self, found: Classifier | None) -> None:
        text, mendable = "", False
        if found is not None and found.model is None:
            text = "Its weights are missing: save them beside the project and open it again, or fit"
        elif found is not None:
            count = unmapped(self.panel.workspace.project, found, self.choice.kind)
            mendable = count > 0
            classes = "1 class has" if count == 1 else f"{count:,} classes have"
            text = f"{classes} no category" if count else ""
        self.missing.setText(text)
        self.missing.setVisible(bool(text))
        self.map.setVisible(mendable)

    # --- what is done --------------------------------------------------------------------------

    def _choose(self, index: int) -> None:
        sort, name = self.models.itemData(index)
        self.name.setModified(False)
        if sort == OWN:
            self.choice.choose(name)
            return
        self.choice.choose(None)
        self.choice.set_settings(replace(self.choice.settings, architecture=name))
        self.refresh()

    def _typed(self, text: str) -> None:
        """Take the name of a new model at once."""
        if self.choice.classifier is None:
            self.choice.set_name(text)

    def _rename(self, text: str) -> None:
        """Rename the chosen model."""
        found = self.choice.classifier
        if found is None or text in ("", found.name):
            self.refresh()
            return
        draft = self.choice.settings
        self.panel.workspace.settle()
        after = edits.rename_classifier(self.panel.workspace.project, found.name, text, found.kind)
        self.panel.workspace.session.apply(after, f"Rename classifier {found.name} to {text}")
        self.choice.choose(text)
        self.choice.set_settings(draft)

    def _trouble(self, text: str) -> str:
        """Return what is wrong with a name; empty where nothing is."""
        project, found = self.panel.workspace.project, self.choice.classifier
        if not text or (found is not None and text == found.name):
            return ""
        try:
            if found is not None:
                edits.rename_classifier(project, found.name, text, found.kind)
                return ""
            if any(c.name == text for c in self.choice.classifiers):
                return f"There is a classifier {text!r} already; choose it, or another name"
            probe = Classifier(text, self.choice.kind, model=ModelArtifact({}, b""))
            edits.put_classifier(project, probe)
        except EditError as error:
            return str(error)
        return ""

    def _open_menu(self) -> None:
        self.menu.popup(self.more.mapToGlobal(QPoint(0, self.more.height())))

    def _project_changed(self, before: Project, after: Project) -> None:
        if before.categories is not after.categories:  # a class may have lost its category
            self._show_missing(self.choice.classifier)


def architecture_of(classifier: Classifier) -> str:
    """Return what a classifier is, for a person."""
    form = "" if classifier.model is None else classifier.model.document.get("format")
    if form == GRAPH_FORMAT:
        return "graph model"
    return _in_words(FOREST if form == FOREST_FORMAT else classifier.settings.architecture)


def _in_words(architecture: str) -> str:
    return "random forest" if architecture == FOREST else architecture


def _caption(classifier: Classifier) -> str:
    found = known_accuracy(classifier)
    share = "" if found is None else f" · {percent(found.share)} {found.briefly}"
    name, sort = one_line(classifier.name, LONGEST), architecture_of(classifier)
    told = "" if sort.casefold() in name.casefold() else f" · {sort}"
    return f"{name}{told}{share}"


def _meaning(classifier: Classifier) -> str:
    found = known_accuracy(classifier)
    told = [classifier.name, architecture_of(classifier)]
    if classifier.model is None:
        told.append("without its weights")
    if found is not None:
        told.append(f"accuracy {found.share:.1%} {found.where}")
    return ", ".join(told)
