"""Which model the Classifier dock is about: a new one, or one of the project."""

from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING

from psygnal import Signal

from napari_piximi.io.settings import settings_from
from napari_piximi.model.free_names import numbered_name
from napari_piximi.model.project import Project
from napari_piximi.model.training import PRESETS, Classifier, Settings
from napari_piximi.ui import preferences
from napari_piximi.ui.of_workspace import OfWorkspace

if TYPE_CHECKING:
    from napari_piximi.ui.workspace import Workspace

__all__ = ["ModelChoice"]

REMEMBERED = "classifier settings"
FEW_LABELS = PRESETS["few labels"]


@dataclass
class _Chosen:
    """The choice for one kind: the name of a classifier, or None for a new one."""

    classifier: str | None = None
    drafts: dict[str | None, Settings] = field(default_factory=dict)
    names: dict[str | None, str] = field(default_factory=dict)


class ModelChoice(OfWorkspace):
    """The model of the kind on show that is fitted, asked and judged, with its draft settings.

    Parameters
    ----------
    workspace : Workspace
    """

    changed = Signal()
    """Another model, kind, draft or name; or the chosen classifier itself has changed."""

    def __init__(self, workspace: "Workspace") -> None:
        super().__init__(workspace)
        self._chosen: dict[str, _Chosen] = {}
        self._kind = self.kind
        workspace.changed.connect(self._project_changed)
        workspace.opened.connect(self._opened)
        workspace.gallery.arranged.connect(self._arranged)

    @property
    def kind(self) -> str:
        """Id of the kind on show."""
        return self.workspace.gallery.query.kind

    @property
    def classifiers(self) -> tuple[Classifier, ...]:
        """The classifiers that can be chosen: those of the kind, and those without a kind."""
        return tuple(c for c in self.workspace.project.classifiers if c.kind in ("", self.kind))

    @property
    def classifier(self) -> Classifier | None:
        """The classifier that is chosen; None for a new one."""
        name = self._of_kind().classifier
        return next((c for c in reversed(self.classifiers) if c.name == name), None)

    @property
    def settings(self) -> Settings:
        """The settings that the next fit uses; see :meth:`set_settings`."""
        found = self.classifier
        drafts = self._of_kind().drafts
        if found is not None:
            return drafts.get(found.name, found.settings)
        return drafts.get(None) or _remembered()

    @property
    def name(self) -> str:
        """The name that the next fit gives: the chosen one's, or a free one."""
        found = self.classifier
        if found is not None:
            return found.name
        given = self._of_kind().names.get(None, "")
        return given or free_name(self.workspace.project, self.settings.architecture)

    def choose(self, classifier: str | None) -> None:
        """Choose a classifier of the kind by its name, or None for a new one."""
        chosen = self._of_kind()
        if chosen.classifier != classifier:
            chosen.classifier = classifier
            self.changed.emit()

    def set_settings(self, settings: Settings) -> None:
        """Draft the settings of the next fit; those of a new model are remembered."""
        if settings == self.settings:
            return
        found = self.classifier
        self._of_kind().drafts[None if found is None else found.name] = settings
        if found is None:
            preferences.put(REMEMBERED, asdict(replace(settings, weights="")))
        self.changed.emit()

    def set_name(self, name: str) -> None:
        """Name the new model; an empty name stands for a free one."""
        if self._of_kind().names.get(None, "") != name:
            self._of_kind().names[None] = name
            self.changed.emit()

    def _of_kind(self) -> _Chosen:
        return self._chosen.setdefault(self.kind, _Chosen())

    def _opened(self) -> None:
        self._chosen.clear()

    def _arranged(self) -> None:
        if self._kind != self.kind:
            self._kind = self.kind
            self.changed.emit()

    def _project_changed(self, before: Project, after: Project) -> None:
        if before.classifiers is not after.classifiers or before.kinds is not after.kinds:
            self.changed.emit()


def free_name(project: Project, architecture: str) -> str:
    """Return the first of ``SimpleCNN 1``, ``SimpleCNN 2``, … that no classifier has."""
    taken = project.classifier_names()
    return numbered_name(architecture, lambda name: name not in taken)


def _remembered() -> Settings:
    kept = preferences.get(REMEMBERED, {})
    return settings_from(kept, FEW_LABELS, "the settings used last") if kept else FEW_LABELS
