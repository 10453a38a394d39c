"""What the page Find objects is set to: a segmenter, its settings, its channels; remembered."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields, replace
from typing import Any
from weakref import WeakKeyDictionary

from psygnal import Signal

from napari_piximi.model.project import Project
from napari_piximi.model.segmentation import SegmentationNetwork
from napari_piximi.model.session import Session
from napari_piximi.segment import catalog
from napari_piximi.segment.asking import guess_channels
from napari_piximi.segment.catalog import Segmenter, as_used
from napari_piximi.segment.running import ABSENT, Request
from napari_piximi.ui import preferences
from napari_piximi.ui.of_workspace import OfWorkspace
from napari_piximi.ui.segment_where import kinds_named
from napari_piximi.ui.workspace import Workspace

__all__ = ["SegmenterChoice", "settings_of", "wanted_channels"]

CHOSEN = "segment/segmenter"
SETTINGS = "segment/settings/"
CHANNELS = "segment/channels/"
KIND = "segment/kind/"


_given: WeakKeyDictionary[Session, dict[str, str]] = WeakKeyDictionary()
"""Names of kinds, by the open project."""


class SegmenterChoice(OfWorkspace):
    """The segmenter of one viewer that is set up, with what it is to get.

    Parameters
    ----------
    workspace : Workspace
    """

    changed = Signal()
    """Another segmenter, network, channels or settings."""
    named = Signal()
    """Its objects are called otherwise."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self._key = str(preferences.get(CHOSEN, ""))
        self._network = ""
        self._settings: dict[str, Any] = {}

    @property
    def project(self) -> Project:
        """The current project."""
        return self.workspace.project

    @property
    def segmenter(self) -> Segmenter | None:
        """The one that is chosen; the first until then; None where there are none."""
        known = catalog.segmenters()
        return known.get(self._key) or next(iter(known.values()), None)

    @property
    def network(self) -> SegmentationNetwork | None:
        """The network of the project that it asks, where it asks one."""
        segmenter, networks = self.segmenter, self.project.networks
        if segmenter is None or not segmenter.own or not networks:
            return None
        return next((n for n in networks if n.name == self._network), networks[-1])

    @property
    def settings(self) -> Any:  # noqa: ANN401
        """Settings of the chosen segmenter, as they were left, and as its network states."""
        segmenter = self.segmenter
        assert segmenter is not None
        return as_used(segmenter, self._left(segmenter))

    @property
    def usual(self) -> Any:  # noqa: ANN401
        """What the settings would be if the user had set none but the network."""
        segmenter = self.segmenter
        assert segmenter is not None
        start = segmenter.settings()
        open_ = [s.name for s in fields(start) if s.default is None]
        left = replace(self._left(segmenter), **dict.fromkeys(open_))
        used = as_used(segmenter, left)
        return replace(start, **{name: getattr(used, name) for name in open_})

    @property
    def wanted(self) -> tuple[str, ...]:
        """What each channel that it takes shows; see `Segmenter.channels`."""
        segmenter = self.segmenter
        return () if segmenter is None else wanted_channels(segmenter, self.network)

    @property
    def channels(self) -> tuple[int, ...]:
        """Which channels of the images it gets: as they were chosen last, or a guess."""
        segmenter, network, project = self.segmenter, self.network, self.project
        if segmenter is None or not project.image_channels:
            return ()
        kept = preferences.get(self._channels_key(), [])
        if _fits(kept, self.wanted, project.image_channels):
            return tuple(kept)
        if network is not None and all(c < project.image_channels for c in network.channels):
            return network.channels
        return guess_channels(self.wanted, project)

    @property
    def kind(self) -> str:
        """Name of the kind that its objects get: as it was given, if the project has the kind."""
        segmenter, network = self.segmenter, self.network
        if segmenter is None:
            return ""
        if segmenter.key in self._kinds:
            return self._kinds[segmenter.key]
        kept = str(preferences.get(KIND + segmenter.key, ""))
        if kept and kinds_named(self.project, [kept]):
            return kept
        own = self.project.kinds.get(network.kind) if network is not None else None
        return segmenter.kind if own is None else own.name

    def request(self, *, every_plane: bool = False) -> Request:
        """Return what is to be done with each image."""
        segmenter = self.segmenter
        assert segmenter is not None
        return Request(
            segmenter.key, self._left(segmenter), self.channels, every_plane, network=self.network
        )

    # --- what the user changes -------------------------------------------------------------

    def choose(self, key: str) -> None:
        """Choose a segmenter."""
        if key != self._key:
            self._key = key
            preferences.put(CHOSEN, key)
            self.changed.emit()

    def choose_network(self, name: str) -> None:
        """Choose one of the project's networks."""
        if name != self._network:
            self._network = name
            self.changed.emit()

    def set_settings(self, settings: Any) -> None:  # noqa: ANN401
        """Set the chosen segmenter up; what is as the network states goes on being so."""
        segmenter = self.segmenter
        if segmenter is None:
            return
        shown, usual = self.settings, self.usual
        changes = {
            s.name: None if s.default is None and value in (None, getattr(usual, s.name)) else value
            for s in fields(settings)
            if (value := getattr(settings, s.name)) != getattr(shown, s.name)
        }
        left = replace(self._left(segmenter), **changes)
        if left != self._left(segmenter):
            self._settings[segmenter.key] = left
            preferences.put_soon(SETTINGS + segmenter.key, asdict(left))
            self.changed.emit()

    def set_channels(self, channels: Sequence[int]) -> None:
        """Say which channels of the images it gets."""
        if tuple(channels) != self.channels:
            preferences.put(self._channels_key(), list(channels))
            self.changed.emit()

    def set_kind(self, name: str) -> None:
        """Say what its objects are called."""
        segmenter = self.segmenter
        if segmenter is not None and name != self.kind:
            self._kinds[segmenter.key] = name
            if name.strip():
                preferences.put_soon(KIND + segmenter.key, name)
            self.named.emit()

    @property
    def _kinds(self) -> dict[str, str]:
        """Names that were given for the project that is open, by key of the segmenter."""
        return _given.setdefault(self.workspace.session, {})

    def _left(self, segmenter: Segmenter) -> Any:  # noqa: ANN401
        """Return the settings as they were left; None is what the network is to state."""
        if segmenter.key not in self._settings:
            kept = preferences.get(SETTINGS + segmenter.key, {})
            self._settings[segmenter.key] = settings_of(segmenter.settings(), kept)
        return self._settings[segmenter.key]

    def _channels_key(self) -> str:
        segmenter, network = self.segmenter, self.network
        assert segmenter is not None
        which = segmenter.key if network is None else f"{segmenter.key} {network.name}"
        return f"{CHANNELS}{which}/{self.project.image_channels}"


def wanted_channels(segmenter: Segmenter, network: SegmentationNetwork | None) -> tuple[str, ...]:
    """Return what each channel shows that a segmenter takes."""
    if network is None:
        return segmenter.channels
    count = len(network.channels)
    return ("objects",) if count == 1 else tuple(f"input {n + 1}" for n in range(count))


def settings_of(start: Any, kept: object) -> Any:  # noqa: ANN401
    """Return settings with the kept values that still are valid.

    Parameters
    ----------
    start : object
        Of any frozen data class.
    kept : mapping
        As read from JSON, so possibly anything.
    """
    if not isinstance(kept, Mapping):
        return start
    taken = {
        setting.name: kept[setting.name]
        for setting in fields(start)
        if setting.name in kept
        and _valid(kept[setting.name], getattr(start, setting.name), setting.metadata)
    }
    return replace(start, **taken)


def _valid(value: Any, example: Any, limits: Mapping[str, Any]) -> bool:  # noqa: ANN401
    if example is None and value is not None:
        example = limits["usual"]
    if value is example is None:
        return True
    if "choices" in limits:
        return value in limits["choices"]
    if isinstance(example, float) and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if type(value) is not type(example) or isinstance(value, list | dict):
        return False
    return "min" not in limits or bool(limits["min"] <= value <= limits["max"])


def _fits(kept: object, wanted: Sequence[str], count: int) -> bool:
    return (
        isinstance(kept, list)
        and len(kept) == len(wanted) > 0
        and all(
            type(channel) is int
            and (0 <= channel < count or (channel == ABSENT and name.endswith("?")))
            for channel, name in zip(kept, wanted, strict=True)
        )
    )
