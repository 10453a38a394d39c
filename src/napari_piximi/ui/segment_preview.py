"""What a segmenter would find on the shown image, as a layer that is no part of the project."""

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Labels, Layer
from numpy.typing import NDArray
from psygnal import Signal

from napari_piximi.errors import Cancelled, PiximiError
from napari_piximi.model.project import Project
from napari_piximi.model.things import BBox, Image
from napari_piximi.progress import Progress
from napari_piximi.segment.found import Found, painted, shifted
from napari_piximi.segment.running import Ask, Request, check_request
from napari_piximi.ui.layer_arrivals import Arrivals
from napari_piximi.ui.layer_channels import scale_of, units_of
from napari_piximi.ui.layer_sources import PREVIEW
from napari_piximi.ui.layer_view import camera_of
from napari_piximi.ui.of_workspace import OfWorkspace
from napari_piximi.ui.rest import Rest
from napari_piximi.ui.segment_words import objects_text
from napari_piximi.ui.segmenting import asker_of
from napari_piximi.ui.workspace import Workspace

if TYPE_CHECKING:
    from napari.utils.events import Event

    from napari_piximi.ui.jobs import Job

__all__ = ["Preview", "looked_at"]

NAME = "Piximi preview"
OPACITY = 0.6
COLORS = 2**16 - 1
MOST = 2048
"""Rows and columns that are looked at; of a larger image, the part in view."""
DELAY = 100
"""Milliseconds that the view rests before it counts as another; it has been drawn by then."""


@dataclass(frozen=True, eq=False)
class _Wanted:
    """What is to be shown: a request, on a plane of an image."""

    request: Request
    image: Image
    plane: int


@dataclass(frozen=True, eq=False)
class _Seen:
    """What was found, painted, and in figures."""

    labels: NDArray[np.uint16]
    count: int
    across: float


class Preview(OfWorkspace):
    """The preview of one viewer; the last that was asked for wins, stale ones are never shown.

    Parameters
    ----------
    workspace : Workspace

    Attributes
    ----------
    text : str
        What was found, or what went wrong.
    failed : bool
        Whether the text tells of a trouble.
    """

    changed = Signal()
    """It is being worked out, shown or taken away."""
    moved = Signal()
    """The viewer looks at another plane."""
    panned = Signal()
    """The viewer has come to rest at another part of an image that is too large for all."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self._layer: Labels | None = None
        self._job: Job | None = None
        self._doing: _Wanted | None = None
        self._next: _Wanted | None = None
        self._shows: _Wanted | None = None
        self._seen: _Seen | None = None
        self._rested = Rest(self._look_round, DELAY)
        self._arrivals = Arrivals(workspace.viewer)
        self.text, self.failed = "", False
        viewer = workspace.viewer
        workspace.shown_changed.connect(self._leave)
        workspace.opened.connect(self._leave)
        workspace.changed.connect(self._follow)
        viewer.layers.events.removed.connect(self._removed)
        viewer.dims.events.point.connect(self._turned)
        camera = camera_of(viewer).events
        for event in (camera.center, camera.zoom):
            event.connect(self._panned)

    @property
    def running(self) -> bool:
        """Whether one is being worked out."""
        return self._doing is not None

    @property
    def shown(self) -> bool:
        """Whether there is one in the viewer."""
        return self._layer is not None

    @property
    def layer(self) -> Labels | None:
        """Its layer."""
        return self._layer

    def ask(self, request: Request) -> None:
        """Show what would be found on the shown image; ends what was asked for before.

        Parameters
        ----------
        request : Request
            Its plane and region are not heeded: it is the plane on show, and of an image of more
            than 2048 rows or columns the part in view.
        """
        workspace = self.workspace
        image = workspace.project.things.get(workspace.shown or "")
        if not isinstance(image, Image):
            self._say("Show an image first", failed=True)
            return
        try:
            check_request(workspace.project, request)
        except PiximiError as error:
            self.hide()
            self._say(str(error), failed=True)
            return
        region = looked_at(image, workspace)
        request = replace(request, every_plane=False, region=region)
        self._next = _Wanted(request, image, workspace.layers.plane)
        if self._job is not None:
            self._doing = None
            self._job.cancel()
            self.changed.emit()
        else:
            self._begin()

    def hide(self, why: str = "") -> None:
        """Take the preview away, and stop what works one out.

        Parameters
        ----------
        why : str
            What is said in its place.
        """
        self._next = self._doing = self._shows = self._seen = None
        self._rested.forget()
        if self._job is not None:
            self._job.cancel()
        self._take_away()
        self._say(why)

    # --- working it out ------------------------------------------------------------------------

    def _begin(self) -> None:
        wanted, self._next = self._next, None
        assert wanted is not None
        self._doing = wanted
        workspace = self.workspace
        ask = asker_of(workspace, wanted.request.segmenter)
        self._job = job = workspace.jobs.run(
            "Preview of objects",
            _looked,
            workspace.project,
            wanted,
            ask,
            done=partial(self._done, wanted),
            failed=partial(self._failed, wanted),
        )
        job.progressed.connect(partial(self._progressed, wanted))
        job.finished.connect(self._ended)
        self._say("Looking for objects")

    def _progressed(self, wanted: _Wanted, done: int, total: int, *_: object) -> None:
        if self._doing is wanted and total:
            self._say(f"Looking for objects, {done / total:.0%}")

    def _done(self, wanted: _Wanted, seen: _Seen) -> None:
        if self._doing is wanted:
            self._shows, self._seen = wanted, seen
            self._draw(wanted, seen)
            self._doing = None
            self._say(_figures(wanted, seen))
            self._panned()

    def _failed(self, wanted: _Wanted, error: BaseException) -> None:
        if self._doing is not wanted:
            return
        self._doing = self._shows = self._seen = None
        self._take_away()
        if isinstance(error, Cancelled):
            self._say("")
        elif isinstance(error, PiximiError | OSError | MemoryError):
            self._say(str(error) or "There is not enough memory", failed=True)
        else:
            raise error

    def _ended(self) -> None:
        self._job = None
        if self._next is not None:
            self._begin()

    def _say(self, text: str, *, failed: bool = False) -> None:
        self.text, self.failed = text, failed
        self.changed.emit()

    # --- the layer -------------------------------------------------------------------------------

    def _draw(self, wanted: _Wanted, seen: _Seen) -> None:
        viewer, place = self.workspace.viewer, _placed(wanted)
        labels = seen.labels if len(place["scale"]) == 2 else seen.labels[np.newaxis]
        self._arrivals.flush()
        layer = self._layer
        if layer is not None and layer.data.shape == labels.shape:
            layer.data = labels
            for name in ("scale", "translate"):  # each is a whole refresh
                if tuple(getattr(layer, name)) != place[name]:
                    setattr(layer, name, place[name])
            return
        self._take_away()
        selected, active = set(viewer.layers.selection), viewer.layers.selection.active
        # One pixel at first: a layer takes napari long enough, and labels have a turn of their own.
        layer = Labels(
            np.zeros((1,) * labels.ndim, np.uint16), name=NAME, opacity=OPACITY,
            metadata={PREVIEW: True}, **place,
        )  # fmt: skip
        self._layer = layer
        self._arrivals.bring([layer], lambda: len(viewer.layers))
        self._arrivals.then(partial(_fill, layer, labels))
        self._arrivals.then(partial(self._select, selected, active))

    def _select(self, selected: set[Layer], active: Layer | None) -> None:
        """Leave the layers selected that were before ours came."""
        layers = self.workspace.viewer.layers
        layers.selection.active = active if active in layers else None
        still = {layer for layer in selected if layer in layers}
        if still != set(layers.selection):
            layers.selection.update(still)

    def _take_away(self) -> None:
        layer, self._layer = self._layer, None
        self._arrivals.flush()
        if layer is not None and layer in self.workspace.viewer.layers:
            self.workspace.viewer.layers.remove(layer)

    def _removed(self, event: "Event") -> None:
        """Let go of the layer that the user took away."""
        if event.value is self._layer:
            self._layer = None
            self.hide()

    def _leave(self) -> None:
        self.hide()

    def _follow(self, _before: Project, after: Project) -> None:
        """Take it away when its image has other pixels; that of an image that went goes anyway."""
        wanted = self._shows or self._doing
        if wanted is not None:
            image = after.things.get(wanted.image.id)
            if not isinstance(image, Image) or image.pixels is not wanted.image.pixels:
                self.hide()

    def _turned(self, _event: "Event") -> None:
        """Tell when the viewer shows another plane."""
        shows = self._shows
        if shows is not None and self.workspace.layers.plane != shows.plane:
            self.moved.emit()

    def _panned(self, _event: "Event | None" = None) -> None:
        """Look round when the view has come to rest, if there is more than what is shown."""
        if self._shows is not None and self._shows.request.region is not None:
            self._rested.ask()

    def _look_round(self) -> None:
        """Tell when the viewer looks at another part of the image."""
        shows, seen, workspace = self._shows, self._seen, self._workspace()
        if shows is None or seen is None or workspace is None or self._doing is not None:
            return
        is_in_view = looked_at(shows.image, workspace) == shows.request.region
        text = _figures(shows, seen, is_in_view=is_in_view)
        if text != self.text:
            self._say(text)
        if not is_in_view:
            self.panned.emit()


def _fill(layer: Labels, labels: NDArray[np.uint16]) -> None:
    layer.data = labels
    layer.editable = False  # which napari forgets with other data


def looked_at(image: Image, workspace: Workspace) -> BBox | None:
    """Return what a preview looks at: of a large image the part in view; None for all of it."""
    _, height, width, _ = image.pixels.shape
    if height <= MOST and width <= MOST:
        return None
    top, left, bottom, right = 0, 0, height, width
    shown = next((x for x in workspace.layers.layers() if not isinstance(x, Labels)), None)
    if shown is not None:
        (y0, x0), (y1, x1) = _corners(shown)
        if y1 > y0 and x1 > x0:
            top, left, bottom, right = max(y0, 0), max(x0, 0), min(y1, height), min(x1, width)
    top, bottom = _middle(top, bottom, height)
    left, right = _middle(left, right, width)
    return top, left, bottom, right


def _corners(layer: Layer) -> Any:  # noqa: ANN401
    return np.asarray(layer.corner_pixels)[:, -2:].astype(int).tolist()


def _middle(first: int, last: int, length: int) -> tuple[int, int]:
    """Return at most MOST of a range, around its middle."""
    if not 0 <= first < last <= length:
        first, last = 0, length
    size = min(last - first, MOST)
    start = min(max((first + last - size) // 2, 0), length - size)
    return start, start + size


def _looked(project: Project, wanted: _Wanted, ask: Ask, progress: Progress) -> _Seen:
    """Find objects on one plane of one image, and paint them."""
    image = replace(wanted.image, plane=wanted.plane)
    alone = replace(project, things={image.id: image})
    (part,) = ask(alone, image.id, wanted.request, progress)
    progress(0, 0)
    return _paint(part.found, wanted.request.region, image)


def _paint(found: Found, region: BBox | None, image: Image) -> _Seen:
    top, left, bottom, right = region or (0, 0, *image.pixels.shape[1:3])
    labels = painted(shifted(found, -top, -left), (bottom - top, right - left))
    areas = np.bincount(labels.ravel())[1:]
    areas = areas[areas > 0]
    across = float(np.median(2 * np.sqrt(areas / np.pi))) if len(areas) else 0.0
    # With more than 16 bits, napari compiles code first, and then works on each pixel.
    small = np.where(labels, (labels - 1) % COLORS + 1, 0).astype(np.uint16)
    return _Seen(small, len(found), across)


def _figures(wanted: _Wanted, seen: _Seen, *, is_in_view: bool = True) -> str:
    """Say what a preview shows."""
    view = "in view" if is_in_view else "that was in view"
    where = "" if wanted.request.region is None else f" in the part {view}"
    if not seen.count:
        return f"No object{where}: try another channel, or other settings"
    size = wanted.image.pixel_size
    size_text = f"{seen.across:.1f} px"
    if size is not None and np.isclose(size[1], size[2], rtol=0.01):
        size_text += f" ({seen.across * size[2]:.3g} µm)"
    of = "diameter" if seen.count == 1 else "median diameter"
    return f"{objects_text(seen.count)}{where}, {of} {size_text}"


def _placed(wanted: _Wanted) -> dict[str, Any]:
    """Return scale and place of the layer, so that it lies on its plane of the image."""
    scale = scale_of(wanted.image)
    top, left, _, _ = wanted.request.region or (0, 0, 0, 0)
    offset = (wanted.plane, top, left)[-len(scale) :]
    return {
        "scale": scale,
        "translate": tuple(a * b for a, b in zip(offset, scale, strict=True)),
        "units": units_of(wanted.image),
    }
