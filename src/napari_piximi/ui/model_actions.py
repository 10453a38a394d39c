"""What the menu of a model does: open, save, look inside, copy, delete, settings as a file."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtWidgets import QWidget

from napari_piximi.io.hyperparameters import (
    is_piximis,
    read_hyperparameters,
    write_hyperparameters,
)
from napari_piximi.io.tfjs import write_model
from napari_piximi.model import edits
from napari_piximi.model.free_names import free_name
from napari_piximi.model.project import Project, new_project
from napari_piximi.model.training import FOREST_FORMAT, NETWORKS, Classifier, ModelArtifact
from napari_piximi.progress import Progress, silent
from napari_piximi.ui import file_choice, messages
from napari_piximi.ui.adopting import adopt_models, map_classifier
from napari_piximi.ui.jobs import Job
from napari_piximi.ui.learning import needs_keras
from napari_piximi.ui.model_saving import save_model
from napari_piximi.ui.shown_names import one_line
from napari_piximi.ui.summary_dialog import SummaryDialog

if TYPE_CHECKING:
    from napari_piximi.learn.layer_rows import ModelSummary
    from napari_piximi.model.training import Settings
    from napari_piximi.ui.classifier_panel import ClassifierPanel

__all__ = ["ModelActions", "portable_model"]

MODEL_FILTERS = ("Models (*.json *.bin *.zip)", "All files (*)")
SETTINGS_FILTERS = ("Hyper-parameters (*.json)",)
AS_PIXIMI = (
    "is Piximi's own, so the next fit does as Piximi does: it never stops early, keeps the last "
    "epoch and not the best, neither averages weights, nor smooths labels, nor shifts, rotates or "
    "zooms things, and puts outputs through softmax twice; each can be reset on the Fit page"
)
"""What such a file cannot tell, and is otherwise by our defaults."""


class ModelActions:
    """What can be done to the model that the dock is about.

    Parameters
    ----------
    panel : ClassifierPanel
    parent : QWidget
        Of the dialogs.
    """

    def __init__(self, panel: "ClassifierPanel", parent: QWidget) -> None:
        self.panel, self.workspace, self.choice = panel, panel.workspace, panel.choice
        self.parent = parent
        self.summary: SummaryDialog | None = None

    # --- into the project --------------------------------------------------------------------

    def open_file(self) -> None:
        """Ask for a model file, and add it."""
        from napari_piximi.ui.imports import import_classifier

        for path in file_choice.choose_files(self.parent, "Open a model", MODEL_FILTERS):
            import_classifier(self.workspace, path, self.parent, self._take)

    def open_address(self) -> None:
        """Ask for an address, and add the model that is there."""
        from napari_piximi.ui.url_dialog import ask_model

        session = self.workspace.session
        found = ask_model(self.workspace, self.parent)
        if found is not None and self.workspace.session is session:
            adopt_models(self.workspace, {found.name: found.artifact}, self.parent, self._take)

    # --- the one that is chosen --------------------------------------------------------------

    def save(self) -> Job | None:
        """Ask where, and write ``NAME.json`` and ``NAME.weights.bin``."""
        chosen = self._with_model()
        if chosen is None:
            return None
        classifier, model = chosen
        path = file_choice.choose_export(self.parent, "Save the model", classifier.name, "json")
        return None if path is None else self.save_to(classifier, model, path)

    def save_to(self, classifier: Classifier, model: ModelArtifact, path: Path) -> Job | None:
        """Write the files, as :func:`save_model` does."""
        forest = model.document.get("format") == FOREST_FORMAT
        return save_model(
            self.workspace,
            path,
            partial(write_model, portable_model(self.workspace.project, classifier, model)),
            self.parent,
            ". Piximi cannot open a forest; napari-piximi can" if forest else "",
        )

    def summarize(self) -> Job | None:
        """Show the layers in a table."""
        chosen = self._with_model()
        if chosen is None:
            return None
        classifier, model = chosen
        return self.panel.learning.run(
            f"Summary of {one_line(classifier.name)}",
            "napari_piximi.learn.model_summary:summarize",
            new_project(),
            classifier.kind or self.choice.kind,
            model,
            keras=needs_keras(classifier),
            done=lambda found: self._show_summary(classifier.name, found),
        )

    def map_classes(self) -> None:
        """Ask what the classes stand for."""
        found = self.choice.classifier
        if found is not None:
            map_classifier(self.workspace, found, self.choice.kind, self.parent)

    def duplicate(self) -> None:
        """Copy the model under a free name, and choose the copy: training it keeps the original."""
        found = self.choice.classifier
        if found is None:
            return
        taken = self.workspace.project.classifier_names()
        name = free_name(f"{found.name} copy", lambda name: name not in taken)
        label = f"Duplicate classifier {found.name}"
        if self.workspace.edit(label, edits.duplicate_classifier, found.name, name, found.kind):
            self.choice.choose(name)

    def delete(self) -> None:
        """Delete the model; undo brings it back."""
        found = self.choice.classifier
        if found is None:
            return
        label = f"Delete classifier {found.name}"
        if self.workspace.edit(label, edits.delete_classifier, found.name, found.kind):
            self.choice.choose(None)
            messages.info(f"“{one_line(found.name)}” is deleted; undo brings it back")

    # --- settings as a file --------------------------------------------------------------------

    def export_settings(self) -> Job | None:
        """Ask where, and write the hyper-parameters as Piximi does."""
        name = f"{self.choice.name} hyperparameters"
        path = file_choice.choose_export(self.parent, "Export hyper-parameters", name, "json")
        if path is None:
            return None
        found = self.choice.classifier
        channels = found.channels if found else self.workspace.project.image_channels or 1

        def write(progress: Progress = silent) -> None:
            write_hyperparameters(settings, path, channels=channels)

        settings = self.choice.settings
        return self.workspace.run(f"Export {path.name}", write)

    def import_settings(self) -> None:
        """Ask for a file of hyper-parameters, and draft the next fit with them."""
        title = "Import hyper-parameters"
        for path in file_choice.choose_files(self.parent, title, SETTINGS_FILTERS):
            self.read_settings(path)

    def read_settings(self, path: Path) -> Job:
        """Draft the next fit with a file; what it cannot say of a model that is there stays."""

        def read(progress: Progress = silent) -> tuple["Settings", bool]:
            return read_hyperparameters(path), is_piximis(path)

        def take(found: tuple["Settings", bool]) -> None:
            settings, piximis = found
            if self.choice.classifier is not None:
                present = self.choice.settings
                settings = replace(
                    settings,
                    architecture=present.architecture,
                    height=present.height,
                    width=present.width,
                )
            self.choice.set_settings(settings)
            if piximis and settings.architecture in NETWORKS:
                messages.info(f"{one_line(path.name)} {AS_PIXIMI}")

        return self.workspace.run(f"Import {path.name}", read, done=take)

    # --- within ------------------------------------------------------------------------------

    def _take(self, kind: str, name: str) -> None:
        """Choose what came in, or tell where it is."""
        if kind in ("", self.choice.kind):
            self.choice.choose(name)
            return
        shown = one_line(self.workspace.project.kind_name(kind))
        messages.info(f"“{one_line(name)}” is a classifier of the kind {shown}; show that kind")

    def _with_model(self) -> tuple[Classifier, ModelArtifact] | None:
        found = self.choice.classifier
        return None if found is None or found.model is None else (found, found.model)

    def _show_summary(self, name: str, found: "ModelSummary") -> None:
        if self.summary is not None:
            self.summary.close()
        self.summary = SummaryDialog(name, found, self.parent)
        self.summary.show()


def portable_model(project: Project, classifier: Classifier, model: ModelArtifact) -> ModelArtifact:
    """Return a model whose classes are called as the categories are now.

    Classes that are left out, or whose category is gone, keep their names.
    """
    keys, classes = classifier.class_map, model.classes
    if len(keys) != len(classes):
        return model
    known = project.categories
    names = [
        known[key].name if key in known else name for key, name in zip(keys, classes, strict=True)
    ]
    if len({name.casefold() for name in names}) < len(names) or tuple(names) == classes:
        return model
    return ModelArtifact({**model.document, "classes": names}, model.weights)
