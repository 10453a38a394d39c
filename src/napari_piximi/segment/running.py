"""Segmenters on the images of a project: image by image, kept as they come."""

import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from numbers import Integral
from typing import Any, Protocol, cast

import numpy as np

from napari_piximi.errors import (
    BundleError,
    Cancelled,
    EngineError,
    ImageFileError,
    PiximiError,
    SegmentError,
)
from napari_piximi.io.disk import PlanePixels, open_stack
from napari_piximi.model.limits import first_trouble
from napari_piximi.model.project import Project
from napari_piximi.model.segmentation import SegmentationNetwork
from napari_piximi.model.things import BBox, Image
from napari_piximi.progress import Progress, silent
from napari_piximi.segment.catalog import (
    Plane,
    Segmenter,
    check_installed,
    find_segmenter,
    thinned,
)
from napari_piximi.segment.found import Found, shifted

__all__ = [
    "ABSENT",
    "Ask",
    "Outcome",
    "Request",
    "Segmented",
    "check_request",
    "segment_image",
    "segment_images",
    "told_apart",
    "within",
]

ABSENT = -1
"""In place of a channel: the segmenter does without it."""

ROWS = 1024
"""Of an image that may be larger than memory, looked at in one go."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be done with each image.

    Attributes
    ----------
    segmenter : str
        Key of a segmenter.
    settings : object
        Its data class.
    channels : tuple of int
        Which channel of the images is each of those that the segmenter takes, or
        :data:`ABSENT`.
    every_plane : bool
        All planes of a stack, instead of the one on show.
    region : (min_row, min_col, max_row, max_col), optional
        Look only here.
    network : SegmentationNetwork, optional
        Where the segmenter asks one of the project's own.
    """

    segmenter: str
    settings: Any
    channels: tuple[int, ...]
    every_plane: bool = False
    region: BBox | None = None
    network: SegmentationNetwork | None = None


@dataclass(frozen=True, slots=True)
class Segmented:
    """What was found on one plane of one image.

    Attributes
    ----------
    image : str
        Image id.
    plane : int
    found : Found
        In the coordinates of the image.
    """

    image: str
    plane: int
    found: Found


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a request.

    Attributes
    ----------
    request : Request
    parts : tuple of Segmented
        Of the images that were finished, in order.
    failures : tuple of (image id, text)
        Images that could not be segmented, and why.
    ended : BaseException or None
        Why the rest was not tried: it was cancelled, or what computes died.
    """

    request: Request
    parts: tuple[Segmented, ...] = ()
    failures: tuple[tuple[str, str], ...] = ()
    ended: BaseException | None = None

    @property
    def objects(self) -> int:
        """How many were found."""
        return sum(len(part.found) for part in self.parts)


class Ask(Protocol):
    """Segments one image: :func:`segment_image`, here or in another process."""

    def __call__(
        self, project: Project, image: str, request: Request, progress: Progress
    ) -> tuple[Segmented, ...]:
        """Segment it."""


def segment_images(
    project: Project,
    images: Sequence[str],
    request: Request,
    progress: Progress = silent,
    *,
    ask: Ask | None = None,
) -> Outcome:
    """Segment images one after another; what is finished is kept, whatever happens then.

    Parameters
    ----------
    project : Project
    images : sequence of str
        Image ids; one that comes twice is segmented once.
    request : Request
    progress : Progress
        Told of images, and between them of shares of one. May raise Cancelled.
    ask : callable, optional
        Used in place of :func:`segment_image`, for instance one in an engine.

    Returns
    -------
    Outcome
        An image that cannot be segmented is among its failures, and the next one follows.

    Raises
    ------
    SegmentError
        If the request suits no image of this project.
    PiximiError
        If the very first image shows what would keep all of them from being segmented, such
        as weights that are missing, or a fault in the segmenter.
    """
    check_request(project, request)
    ask = ask or segment_image
    parts: list[Segmented] = []
    failures: list[tuple[str, str]] = []
    chosen = list(dict.fromkeys(images))
    for number, image in enumerate(chosen):
        name = project.things[image].name if image in project.things else image
        report = within(progress, number, len(chosen), name)
        try:
            report(0, 0)
            with told_apart(name):
                parts += ask(project, image, request, report)
        except SegmentError as error:
            failures.append((image, str(error)))
        except PiximiError as ended:
            if not number and not isinstance(ended, Cancelled):
                raise
            return Outcome(request, tuple(parts), tuple(failures), ended)
    return Outcome(request, tuple(parts), tuple(failures))


@contextmanager
def told_apart(name: str) -> Iterator[None]:
    """Make of each error in the work on an image one that says whether it is this image's alone.

    Raises
    ------
    SegmentError
        If the image cannot be read or does not fit into memory; others may.
    EngineError
        If something fails that should not, with the traceback in its details.
    """
    try:
        yield
    except (ImageFileError, BundleError, MemoryError) as error:
        raise SegmentError(f"{name!r}: {str(error) or 'there is not enough memory'}") from error
    except PiximiError:
        raise
    except OSError as error:
        raise SegmentError(f"{name!r} cannot be read: {error}") from error
    except Exception as error:  # a fault of ours or of a library: what is finished is kept
        fault = EngineError(f"{name!r}: it failed with {type(error).__name__}: {error}")
        fault.details = traceback.format_exc()
        raise fault from error


def segment_image(
    project: Project, image: str, request: Request, progress: Progress = silent
) -> tuple[Segmented, ...]:
    """Find the objects on one image.

    Returns
    -------
    tuple of Segmented
        One for each plane that was asked for.

    Raises
    ------
    SegmentError
        If there is no such image, the region misses it, its pixels are no finite numbers, or the
        segmenter cannot do it. The message names the image.
    WeightsUnavailableError, ModelFileError
        If what the segmenter needs is not here, or damaged.
    Cancelled
        If `progress` raises it.
    """
    segmenter, thing = find_segmenter(request.segmenter), project.things.get(image)
    if not isinstance(thing, Image):
        raise SegmentError(f"There is no image {image!r} in this project")
    check_request(project, request)
    found = []
    with open_stack(thing.pixels) as stack:
        numbers = range(len(stack)) if request.every_plane else (thing.plane,)
        for done, number in enumerate(numbers):
            report = within(progress, done, len(numbers), f"plane {number + 1}")
            seen = _on_plane(segmenter, thing, stack[number], request, report)
            found.append(Segmented(image, number, seen))
    return tuple(found)


def check_request(project: Project, request: Request) -> None:
    """Refuse what no image of the project could be segmented with.

    Raises
    ------
    SegmentError
        If there is no such segmenter, or it is not installed; its settings are another's or out
        of their limits; it takes more or other channels; it needs a network that is not given; or
        there are no images.
    """
    segmenter = find_segmenter(request.segmenter)
    if not isinstance(request.settings, segmenter.settings):
        kind = type(request.settings).__name__
        raise SegmentError(f"{segmenter.title} does not take settings of the type {kind}")
    if trouble := first_trouble(request.settings):
        raise SegmentError(f"{segmenter.title}: {trouble}")
    if segmenter.own and (request.network is None or request.network.model is None):
        raise SegmentError(f"{segmenter.title} needs a network that was fitted; fit one first")
    check_installed(segmenter)
    _check_channels(segmenter, request, project.image_channels or 0)


def _check_channels(segmenter: Segmenter, request: Request, available: int) -> None:
    if not available:
        raise SegmentError("There are no images in this project to find objects on")
    names = segmenter.channels
    if segmenter.own and request.network is not None:
        names = tuple(f"channel {place + 1}" for place in range(len(request.network.channels)))
    if len(request.channels) != len(names):
        raise SegmentError(
            f"{segmenter.title} takes {_channels(len(names))}, not {len(request.channels)}: say "
            f"which channel of the images is {', '.join(names)}"
        )
    for name, channel in zip(names, request.channels, strict=True):
        if channel == ABSENT and name.endswith("?"):
            continue
        if not isinstance(channel, Integral) or not 0 <= channel < available:
            lacks = "needs a channel" if channel == ABSENT else f"cannot take channel {channel + 1}"
            raise SegmentError(
                f"{segmenter.title} {lacks} for {name.rstrip('?')!r}: the images have "
                f"{_channels(available)}"
            )


def _channels(count: int) -> str:
    return "1 channel" if count == 1 else f"{count} channels"


def _on_plane(
    segmenter: Segmenter,
    image: Image,
    plane: PlanePixels,
    request: Request,
    progress: Progress,
) -> Found:
    height, width = plane.shape[:2]
    top, left, bottom, right = request.region or (0, 0, height, width)
    if not (0 <= top < bottom <= height and 0 <= left < right <= width):
        raise SegmentError(
            f"{image.name!r} has {height} × {width} pixels, none in the region {request.region}"
        )
    shown = plane[top:bottom, left:right] if request.region else plane
    pixels = _chosen(shown, request.channels)
    whole = np.asarray(_chosen(thinned(plane), request.channels)) if request.region else None
    seen = Plane(pixels, image.bit_depth, image.name, whole)
    _check_numbers(seen)
    args = (request.network,) if segmenter.own else ()
    found = segmenter.find(seen, request.settings, progress, *args)
    return shifted(found, top, left)


def _chosen(pixels: PlanePixels, channels: Sequence[int]) -> PlanePixels:
    """Take channels in order: a view where that can be, since images may be larger than memory."""
    first, count = channels[0], len(channels)
    if first >= 0 and list(channels) == list(range(first, first + count)):
        return cast("PlanePixels", pixels[..., first : first + count])
    chosen = np.zeros((*pixels.shape[:2], count), pixels.dtype)
    for place, channel in enumerate(channels):
        if channel != ABSENT:
            chosen[..., place] = pixels[..., channel]
    return chosen


def _check_numbers(plane: Plane) -> None:
    if plane.pixels.dtype.kind != "f":
        return
    for start in range(0, len(plane.pixels), ROWS):
        if not np.isfinite(plane.pixels[start : start + ROWS]).all():
            raise SegmentError(f"{plane.name!r} has pixels that are NaN or infinite")


def within(progress: Progress, number: int, count: int, name: str = "") -> Progress:
    """Return a progress for one of several, whose share is added to those before.

    Parameters
    ----------
    progress : Progress
        For all of them.
    number, count : int
        Which it is, from 0, and how many there are.
    name : str
        Put before each message.
    """

    def report(done: int, total: int, message: str = "", **values: Any) -> None:  # noqa: ANN401
        share = min(done / total, 1.0) if total else 0.0
        text = ": ".join(filter(None, (name, message)))
        progress(round(1000 * (number + share)), 1000 * count, text, **values)

    return report
