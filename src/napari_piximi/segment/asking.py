"""Requests from few words, and the whole way from a project to one with objects."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

from napari_piximi.errors import SegmentError
from napari_piximi.model.limits import usual_value
from napari_piximi.model.project import Project
from napari_piximi.model.things import CHANNEL_COLORS
from napari_piximi.progress import Progress, silent
from napari_piximi.segment.catalog import Segmenter, find_segmenter
from napari_piximi.segment.results import Target, apply_outcome
from napari_piximi.segment.running import ABSENT, Request, segment_images

__all__ = ["default_kind", "find_objects", "guess_channels", "request_of", "settings_from_text"]

BLUE = CHANNEL_COLORS[2]
COLORS = ("red", "green", "blue")
TRUE, FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")


def guess_channels(names: Sequence[str], project: Project) -> tuple[int, ...]:
    """Guess which channel of the images is each of those that a segmenter takes.

    Parameters
    ----------
    names : sequence of str
        As in :attr:`~napari_piximi.segment.catalog.Segmenter.channels`.
    project : Project

    Returns
    -------
    tuple of int
        Red, green and blue are the first three, or the only channel three times. Nuclei are a
        channel that is shown in blue. Anything else takes the channels that are on show, in
        order; what is optional and has none left is :data:`ABSENT`.
    """
    image = next(project.images(), None)
    if image is None:
        return (0,) * len(names)
    count = len(image.channels)
    if tuple(name.rstrip("?") for name in names) == COLORS:
        return tuple(min(place, count - 1) for place in range(3))
    left = sorted(range(count), key=lambda place: not image.channels[place].visible)
    blue = [place for place in left if image.channels[place].color == BLUE]
    guessed = []
    for name in names:
        wanted = blue if "nucle" in name and count > 1 else []
        chosen = next((place for place in (*wanted, *left) if place not in guessed), None)
        guessed.append(ABSENT if chosen is None and name.endswith("?") else (chosen or 0))
    return tuple(guessed)


def request_of(
    project: Project,
    segmenter: str = "threshold",
    *,
    settings: Mapping[str, Any] | None = None,
    channels: Sequence[int] | None = None,
    every_plane: bool = False,
    network: str = "",
) -> Request:
    """Make a request; what is not said gets its default, or is guessed.

    Parameters
    ----------
    settings : mapping of str to value
        Those that differ from the defaults.
    channels : sequence of int, optional
        See :func:`guess_channels`.
    network : str
        Name of a segmentation network of the project, for a segmenter that asks one.

    Raises
    ------
    SegmentError
        If there is no such segmenter or setting, no network at all, or the segmenter asks none.
    EditError
        If there is no such network.
    """
    about = find_segmenter(segmenter)
    known = [setting.name for setting in fields(about.settings)]
    for name in settings or {}:
        if name not in known:
            raise SegmentError(f"{about.title} has no setting {name!r}; it has {', '.join(known)}")
    chosen = replace(about.settings(), **(settings or {}))
    if network and not about.own:
        raise SegmentError(f"{about.title} asks no network {network!r}: choose the segmenter 'own'")
    if not about.own:
        given = guess_channels(about.channels, project) if channels is None else tuple(channels)
        return Request(segmenter, chosen, given, every_plane)
    if not network:
        if not project.networks:
            raise SegmentError(f"{about.title}: the project has no network yet; fit one first")
        network = project.networks[-1].name
    found = project.find_network(network)
    given = found.channels if channels is None else tuple(channels)
    return Request(segmenter, chosen, given, every_plane, network=found)


def settings_from_text(segmenter: Segmenter, texts: Iterable[str]) -> dict[str, Any]:
    """Read settings written as ``name=value``.

    Raises
    ------
    SegmentError
        If one is not of that form, is no setting, or its value is of another type.
    """
    types = {setting.name: type(usual_value(setting)) for setting in fields(segmenter.settings)}
    read: dict[str, Any] = {}
    for text in texts:
        name, sign, value = (part.strip() for part in text.partition("="))
        name = name.replace("-", "_")
        if not sign or name not in types:
            raise SegmentError(
                f"{text!r} is no setting of {segmenter.title}; write name=value with one of "
                f"{', '.join(types)}"
            )
        read[name] = _value(name, types[name], value)
    return read


def _value(name: str, kind: Any, text: str) -> Any:  # noqa: ANN401
    if kind is bool:
        if text.lower() not in (*TRUE, *FALSE):
            raise SegmentError(f"{name} is yes or no, not {text!r}")
        return text.lower() in TRUE
    try:
        return kind(text)
    except ValueError:
        what = "a whole number" if kind is int else "a number"
        raise SegmentError(f"{name} is {what}, not {text!r}") from None


def find_objects(
    project: Project,
    segmenter: str = "threshold",
    *,
    images: Sequence[str] | None = None,
    kind: str = "",
    channels: Sequence[int] | None = None,
    every_plane: bool = False,
    replaces: bool = False,
    network: str = "",
    progress: Progress = silent,
    **settings: Any,  # noqa: ANN401
) -> Project:
    """Find the objects on images, and return the project with them.

    Parameters
    ----------
    project : Project
    segmenter : str
        One of :func:`napari_piximi.segment.catalog.segmenters`.
    images : sequence of str, optional
        Image ids; all by default.
    kind : str
        Name of the kind that the objects get; by default the segmenter's, or that of the network.
    channels : sequence of int, optional
        Which channels of the images the segmenter takes; guessed by default.
    every_plane : bool
        All planes of stacks, instead of the one on show.
    replaces : bool
        The objects of that kind on those planes go, with their categories; where nothing is
        found, what is there stays.
    network : str
        Name of the segmentation network to ask, with the segmenter ``own``.
    **settings
        Of the segmenter, where they differ from its defaults.

    Raises
    ------
    SegmentError
        If there is no such segmenter, setting or channel, or an image cannot be segmented.
    WeightsUnavailableError
        If the segmenter needs weights that are not on this machine. Nothing is ever downloaded
        here: see :func:`napari_piximi.segment.weights.fetch`.
    Cancelled
        If `progress` raises it.

    Examples
    --------
    >>> from napari_piximi.io.samples import coins_project
    >>> from napari_piximi.segment.asking import find_objects
    >>> project = find_objects(coins_project(), kind="found")
    >>> sum(1 for _ in project.of_kind(project.find_kind("found").id))
    24
    """
    request = request_of(
        project,
        segmenter,
        settings=settings,
        channels=channels,
        every_plane=every_plane,
        network=network,
    )
    chosen = [image.id for image in project.images()] if images is None else images
    outcome = segment_images(project, chosen, request, progress)
    if outcome.ended is not None:
        raise outcome.ended
    if outcome.failures:
        raise SegmentError("; ".join(text for _, text in outcome.failures))
    return apply_outcome(project, outcome, Target(kind or default_kind(project, request), replaces))


def default_kind(project: Project, request: Request) -> str:
    """Name the kind that objects get where nothing is said."""
    if request.network is not None:
        return project.kind_name(request.network.kind)
    return find_segmenter(request.segmenter).kind
