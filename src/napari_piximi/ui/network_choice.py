"""Which segmentation network is to be fitted: of which kind, a new one or one of the project."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

from psygnal import Signal

from napari_piximi.model.networks import free_network_name
from napari_piximi.model.places import places_of
from napari_piximi.model.project import Project
from napari_piximi.model.segmentation import SegmentationNetwork, UNetSettings
from napari_piximi.model.things import IMAGE_KIND
from napari_piximi.ui import preferences
from napari_piximi.ui.of_workspace import OfWorkspace, one_each
from napari_piximi.ui.segment_choice import settings_of
from napari_piximi.ui.segment_words import images_text
from napari_piximi.ui.shown_names import one_line
from napari_piximi.ui.workspace import Workspace

__all__ = [
    "Annotated",
    "NetworkChoice",
    "annotated_of",
    "kind_text",
    "last_unet_settings",
    "network_choice_of",
]

REMEMBERED = "network/settings"
LAST = "network/last settings"
LONGEST = 24


@dataclass(frozen=True)
class Annotated:
    """How many objects of a kind there are, and on how many images."""

    objects: int = 0
    images: int = 0


@dataclass
class _Drafts:
    """What the next fit is to be like, by the name of a network; None for a new one."""

    settings: dict[str | None, UNetSettings] = field(default_factory=dict)
    channels: tuple[int, ...] | None = None
    name: str = ""


class NetworkChoice(OfWorkspace):
    """The network that the page *Train your own* is about, with the draft of its next fit.

    Parameters
    ----------
    workspace : Workspace
    """

    changed = Signal()
    """Another kind, network, draft or name; or the networks of the project have changed."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self._kind = ""
        self._chosen: dict[str, str | None] = {}
        self._drafts = _Drafts()
        self._counts: tuple[object, object, Mapping[str, Annotated]] = (None, None, {})
        workspace.changed.connect(self._project_changed)
        workspace.opened.connect(self._opened)

    @property
    def project(self) -> Project:
        """The current project."""
        return self.workspace.project

    @property
    def annotated(self) -> Mapping[str, Annotated]:
        """How much of each kind of objects is annotated; see :func:`annotated_of`."""
        project = self.project
        if self._counts[0] is not project.things or self._counts[1] is not project.kinds:
            self._counts = project.things, project.kinds, annotated_of(project)
        return self._counts[2]

    @property
    def kind(self) -> str:
        """Id of the kind to learn from: the chosen one, or else that on show, or the largest.

        Empty where the project has no kind of objects.
        """
        found = self.annotated
        if self._kind in found:
            return self._kind
        shown = self.workspace.gallery.query.kind
        if shown in found and found[shown].objects:
            return shown
        return max(found, key=lambda kind: found[kind].objects, default="")

    @property
    def networks(self) -> tuple[SegmentationNetwork, ...]:
        """The networks of the kind, the newest first."""
        return tuple(n for n in reversed(self.project.networks) if n.kind == self.kind)

    @property
    def network(self) -> SegmentationNetwork | None:
        """The network that is chosen; None for a new one."""
        name = self._chosen.get(self.kind)
        return next((n for n in self.networks if n.name == name), None)

    @property
    def settings(self) -> UNetSettings:
        """What the next fit uses."""
        found, drafts = self.network, self._drafts.settings
        if found is not None:
            return drafts.get(found.name, found.settings)
        return drafts.get(None) or settings_of(UNetSettings(), preferences.get(REMEMBERED, {}))

    @property
    def channels(self) -> tuple[int, ...]:
        """Which channels of the images the next fit takes: all, until the user chooses."""
        count = self.project.image_channels or 0
        if self.network is not None:
            return self.network.channels
        chosen = tuple(c for c in self._drafts.channels or () if c < count)
        return chosen if self._drafts.channels is not None else tuple(range(count))

    @property
    def name(self) -> str:
        """The name that the next fit gives: the chosen one's, or a free one."""
        found = self.network
        return found.name if found else self._drafts.name or free_network_name(self.project)

    # --- what the user changes -------------------------------------------------------------------

    def choose_kind(self, kind: str) -> None:
        """Choose what to learn from."""
        if kind != self._kind:
            self._kind = kind
            self.changed.emit()

    def choose(self, name: str | None) -> None:
        """Choose a network of the kind by its name, or None for a new one."""
        if name != self._chosen.get(self.kind):
            self._chosen[self.kind] = name
            self.changed.emit()

    def set_settings(self, settings: UNetSettings) -> None:
        """Draft the settings of the next fit; those of a new network are remembered."""
        if settings == self.settings:
            return
        found = self.network
        self._drafts.settings[None if found is None else found.name] = settings
        if found is None:
            preferences.put(REMEMBERED, asdict(settings))
        self.changed.emit()

    def set_channels(self, channels: Sequence[int]) -> None:
        """Say which channels a new network takes."""
        if tuple(channels) != self.channels:
            self._drafts.channels = tuple(channels)
            self.changed.emit()

    def set_name(self, name: str) -> None:
        """Name the new network; an empty name stands for a free one."""
        if name != self._drafts.name:
            self._drafts.name = name
            self.changed.emit()

    def remember_fit(self) -> None:
        """Remember what a new network is fitted with; its name is used up."""
        preferences.put(LAST, asdict(self.settings))

    def forget_name(self, name: str) -> None:
        """Let the next new network have another name: this one is taken now."""
        if self._drafts.name == name:
            self._drafts.name = ""
        self._drafts.settings.pop(name, None)

    # --- what has changed ------------------------------------------------------------------------

    def _opened(self) -> None:
        self._kind = ""
        self._chosen.clear()
        draft = self._drafts.settings.get(None)
        self._drafts = _Drafts({} if draft is None else {None: draft})

    def _project_changed(self, before: Project, after: Project) -> None:
        if before.networks is not after.networks or before.kinds is not after.kinds:
            self.changed.emit()


def annotated_of(project: Project) -> dict[str, Annotated]:
    """Count the objects of each kind, and the images that they are on."""
    places = places_of(project)
    return {
        kind: Annotated(places.count(kind), len(places.images_of(kind)))
        for kind in project.kinds
        if kind != IMAGE_KIND
    }


def kind_text(project: Project, kind: str, found: Annotated) -> str:
    """Name a kind with what there is of it: ``nuclei: 81 on 4 images``."""
    name = one_line(project.kind_name(kind), LONGEST)
    return f"{name}: {found.objects:,} on {images_text(found.images)}"


def last_unet_settings() -> UNetSettings | None:
    """Return what the last new network was fitted with; None if there was none."""
    kept = preferences.get(LAST)
    return None if kept is None else settings_of(UNetSettings(), kept)


network_choice_of = one_each(NetworkChoice)
"""Return what a viewer's page *Train your own* is about, made when first asked for."""
