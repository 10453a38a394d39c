"""Thumbnails, painted in the background: what is on the screen first, and kept while it lasts."""

import threading
import time
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QObject, Qt, QTimer, Signal
from qtpy.QtGui import QImage

from napari_piximi.io.planes import read_plane
from napari_piximi.model import masks
from napari_piximi.model.project import Project
from napari_piximi.model.rendering import dim_outside, render, shrink
from napari_piximi.model.things import Annotation, BBox, Channel, Image, Pixels, Thing

__all__ = ["Look", "Thumbnail", "Thumbnails", "draw", "look_of"]

LIMIT = 128 << 20
"""Bytes of thumbnails that are kept."""
QUIET = 0.03
"""Seconds after the last :meth:`Thumbnails.pause` before painting goes on."""
HOLD = 0.0004
"""Seconds that the painting thread works, at least, before it lets the main thread run."""
BREATH = 0.001
"""Seconds that it then waits."""
TELL_EVERY = 15
"""Milliseconds after which the main thread looks whether thumbnails are ready."""
LAST_WAIT = 2
"""Seconds that the end of a panel waits for the thumbnail that is being painted."""


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """All that a thumbnail depends on; not the category, which is painted around it.

    Attributes
    ----------
    pixels : Pixels
        Of the thing itself, or of the image that it is cut out of.
    plane : int
    channels : tuple of Channel
        Of the image.
    bit_depth : int
    cut : BBox or None
        Where it is cut out of `pixels`.
    shape, runs : (height, width) and bytes, or None
        Mask of an annotation.
    """

    pixels: Pixels
    plane: int
    channels: tuple[Channel, ...]
    bit_depth: int
    cut: BBox | None = None
    shape: tuple[int, int] | None = None
    runs: bytes | None = None

    def same_as(self, other: "Look") -> bool:
        """Tell whether two things look the same."""
        return (
            self.pixels is other.pixels
            and (self.plane, self.bit_depth, self.cut) == (other.plane, other.bit_depth, other.cut)
            and (self.shape, self.runs) == (other.shape, other.runs)
            and (self.channels is other.channels or self.channels == other.channels)
        )


def look_of(project: Project, thing: Thing) -> Look:
    """Return what the thumbnail of a thing depends on."""
    if isinstance(thing, Image):
        return Look(thing.pixels, thing.plane, thing.channels, thing.bit_depth)
    image = project.things[thing.image]
    assert isinstance(image, Image)
    top, left, bottom, right = thing.bbox
    own = thing.pixels is not None
    return Look(
        thing.pixels or image.pixels,
        thing.plane,
        image.channels,
        thing.bit_depth,
        cut=None if own else thing.bbox,
        shape=(bottom - top, right - left),
        runs=thing.runs,
    )


@dataclass(slots=True)
class Thumbnail:
    """A painted thumbnail, or why there is none.

    Attributes
    ----------
    look : Look
    side : int
        The square that it fits into, in pixels of the screen.
    picture : QImage or None
    trouble : str
        Why the pixels could not be read; empty if they could.
    """

    look: Look
    side: int
    picture: QImage | None
    trouble: str = ""
    thing: Thing | None = None
    image: Thing | None = None

    @property
    def nbytes(self) -> int:
        """Memory that it takes."""
        return int(self.picture.sizeInBytes()) if self.picture is not None else 64


class Thumbnails(QObject):
    """Keep thumbnails and have missing ones painted in a thread that lives while there is work.

    Parameters
    ----------
    limit : int
        Bytes above which those not looked at for longest are dropped.
    """

    ready = Signal(list)
    """Ids of things whose thumbnails have been painted; in the main thread."""
    failed = Signal(str)
    """The first thumbnail that cannot be painted since :meth:`clear`, and why."""

    def __init__(self, parent: QObject | None = None, limit: int = LIMIT) -> None:
        super().__init__(parent)
        self.limit = limit
        self._kept: OrderedDict[str, Thumbnail] = OrderedDict()
        self._bytes = 0
        self._failed = False
        self._work = _Work()
        self._look_after = QTimer(self)
        self._look_after.setInterval(TELL_EVERY)
        self._look_after.timeout.connect(self._collect)
        self.destroyed.connect(self._work.stop)

    def get(self, thing: Thing) -> Thumbnail | None:
        """Return the thumbnail of a thing, also one that is out of date, or None."""
        kept = self._kept.get(thing.id)
        if kept is not None:
            self._kept.move_to_end(thing.id)
        return kept

    def is_fresh(self, project: Project, thing: Thing, side: int) -> bool:
        """Tell whether the thumbnail of a thing is there, shows it as it is, and has this size."""
        kept = self._kept.get(thing.id)
        if kept is None or kept.side != side:
            return False
        image = project.things[thing.image] if isinstance(thing, Annotation) else None
        if kept.thing is thing and kept.image is image:
            return True
        if not kept.look.same_as(look_of(project, thing)):
            return False
        kept.thing, kept.image = thing, image
        return True

    def want(self, project: Project, things: Iterable[Thing], side: int) -> None:
        """Have these painted, in this order; what was wanted before is forgotten."""
        missing = [thing for thing in things if not self.is_fresh(project, thing, side)]
        self._work.want([(thing.id, look_of(project, thing), side) for thing in missing])
        if self.working:
            self._look_after.start()

    def pause(self) -> None:
        """Leave the processor to the main thread for a moment."""
        self._work.quiet_until = time.monotonic() + QUIET

    def clear(self) -> None:
        """Forget everything, as when another project is opened."""
        self._work.forget()
        self._kept.clear()
        self._bytes = 0
        self._failed = False

    @property
    def working(self) -> bool:
        """Whether anything is still to be painted."""
        return self._work.busy

    @property
    def nbytes(self) -> int:
        """Memory that all of them take."""
        return self._bytes

    def rest(self) -> None:
        """Paint nothing more until something is wanted again, as when nobody can see it.

        What could not be painted is forgotten: by then its file may be back.
        """
        self._work.want([])
        for key in [key for key, kept in self._kept.items() if kept.picture is None]:
            self._bytes -= self._kept.pop(key).nbytes
        self._failed = False

    def stop(self) -> None:
        """End the painting, and wait for its thread."""
        self._work.stop()

    def _collect(self) -> None:
        fresh = self._work.take()
        if not self.working:
            self._look_after.stop()
        for key, thumbnail in fresh:
            self._put(key, thumbnail)
        if fresh:
            self.ready.emit([key for key, _ in fresh])
        trouble = next((thumbnail.trouble for _, thumbnail in fresh if thumbnail.trouble), "")
        if trouble and not self._failed:
            self._failed = True
            self.failed.emit(trouble)

    def _put(self, key: str, thumbnail: Thumbnail) -> None:
        old = self._kept.pop(key, None)
        self._bytes += thumbnail.nbytes - (old.nbytes if old is not None else 0)
        self._kept[key] = thumbnail
        while self._bytes > self.limit and len(self._kept) > 1:
            _, oldest = self._kept.popitem(last=False)
            self._bytes -= oldest.nbytes


Wish = tuple[str, Look, int]


class _Work:
    """What is to be painted, what has been, and the thread between.

    The thread knows nothing of Qt's objects, which may be gone when it has painted: whoever
    wants thumbnails comes and takes them.
    """

    def __init__(self) -> None:
        self.quiet_until = 0.0
        self._lock = threading.Lock()
        self._wishes: list[Wish] = []
        self._done: list[tuple[str, Thumbnail]] = []
        self._round = 0
        self._thread: threading.Thread | None = None

    @property
    def busy(self) -> bool:
        return self._thread is not None or bool(self._done)

    def want(self, wishes: list[Wish]) -> None:
        with self._lock:
            self._wishes = wishes[::-1]
            if wishes and self._thread is None:
                self._thread = threading.Thread(target=self._run, name="thumbnails", daemon=True)
                self._thread.start()

    def take(self) -> list[tuple[str, Thumbnail]]:
        with self._lock:
            done, self._done = self._done, []
        return done

    def forget(self) -> None:
        """Drop all, also what is being painted now."""
        with self._lock:
            self._wishes, self._done = [], []
            self._round += 1

    def stop(self, *_: object) -> None:
        thread = self._thread
        self.forget()
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout=LAST_WAIT)

    def _run(self) -> None:
        begun, planes = time.monotonic(), _Planes()
        while (wish := self._next()) is not None:
            (key, look, side), asked = wish
            thumbnail = _painted(look, side, planes)
            with self._lock:
                if asked == self._round:
                    self._done.append((key, thumbnail))
            del wish, look, thumbnail  # or a project that was closed would live on while we wait
            if time.monotonic() - begun > HOLD:
                time.sleep(BREATH)
                begun = time.monotonic()

    def _next(self) -> tuple[Wish, int] | None:
        """Wait for quiet; take the next wish, or end."""
        while True:
            with self._lock:
                if not self._wishes:
                    self._thread = None
                    return None
                left = self.quiet_until - time.monotonic()
                if left <= 0:
                    return self._wishes.pop(), self._round
            time.sleep(left)


class _Planes:
    """The pixels cut from last, so that the objects of one image do not each read all of it."""

    def __init__(self) -> None:
        self._of: Pixels | None = None
        self._array: NDArray[Any] = np.empty(0)

    def read(self, look: Look) -> NDArray[Any]:
        """Read (Y, X, C): the thing's plane, or the last one that is stored, as samples do."""
        if look.cut is None:
            return read_plane(look.pixels, look.plane)
        if self._of is not look.pixels:
            self._array = np.empty(0)  # first, so that no two lie in memory
            self._array, self._of = np.asarray(look.pixels), look.pixels
        top, left, bottom, right = look.cut
        plane = self._array[min(look.plane, len(self._array) - 1)]
        return np.asarray(plane[top:bottom, left:right])


def _painted(look: Look, side: int, planes: _Planes) -> Thumbnail:
    """Draw a thumbnail; whatever goes wrong becomes a reason that can be shown."""
    try:
        return Thumbnail(look, side, draw(look, side, planes))
    except Exception as error:  # one that got through would end the thread, and all painting
        return Thumbnail(look, side, None, " ".join(str(error).split()) or type(error).__name__)


def draw(look: Look, side: int, planes: _Planes | None = None) -> QImage:
    """Read the pixels and draw a thumbnail.

    Parameters
    ----------
    look : Look
    side : int
        It fits into a square of this many pixels.
    planes : optional
        What was read for the things before.

    Raises
    ------
    ValueError
        If the thing has no pixels on its plane, or its mask does not fit them.
    PiximiError, OSError
        If they cannot be read.
    """
    plane = (planes or _Planes()).read(look)
    if 0 in plane.shape:
        raise ValueError(f"It has no pixels: its plane is {plane.shape}")
    small = shrink(plane, side)
    picture = render(small, look.channels, look.bit_depth)
    if look.runs is not None and look.shape is not None:
        inside = masks.decode(look.runs, look.shape)
        if inside.shape != plane.shape[:2]:
            raise ValueError(f"Its mask is {inside.shape}, but its pixels are {plane.shape[:2]}")
        if not inside.all():
            picture = dim_outside(picture, shrink(inside, side))
    return _as_image(picture, _fitting(plane.shape[:2], side))


def _fitting(shape: tuple[int, ...], side: int) -> tuple[int, int]:
    """Return width and height of what fits into a square."""
    height, width = shape
    longest = max(height, width)
    return max(round(width * side / longest), 1), max(round(height * side / longest), 1)


def _as_image(picture: NDArray[np.uint8], size: tuple[int, int]) -> QImage:
    """Make a Qt image of (Y, X, 3) that has this width and height."""
    height, width = picture.shape[:2]
    pixels = np.full((height, width, 4), 255, np.uint8)
    pixels[..., :3] = picture[..., ::-1]
    rgb32, data = QImage.Format.Format_RGB32, cast("bytes", pixels.data)
    image = QImage(data, width, height, 4 * width, rgb32)
    if (width, height) == size:
        return image.copy()  # it does not own the array's memory
    smooth = Qt.TransformationMode.SmoothTransformation
    return image.scaled(*size, Qt.AspectRatioMode.IgnoreAspectRatio, smooth)
