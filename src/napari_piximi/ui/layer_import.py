"""Any layer can join: Image layers as images, Labels layers as annotations on them."""

import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_piximi.errors import EditError, ImageFileError, PiximiWarning
from napari_piximi.io.images import settled_pixels
from napari_piximi.model import edits
from napari_piximi.model.project import Project, new_kind, new_project
from napari_piximi.model.things import (
    IMAGE_KIND,
    Annotation,
    ArrayPixels,
    Channel,
    Image,
    Pixels,
    default_channels,
    new_id,
)
from napari_piximi.progress import Progress, silent
from napari_piximi.ui.layer_plan import Outcome, Planned, fits, outcomes
from napari_piximi.ui.layer_sources import Source, is_preview, of_data, of_layer
from napari_piximi.ui.shown_names import one_line

if TYPE_CHECKING:
    from napari.layers import Layer
    from qtpy.QtWidgets import QWidget

    from napari_piximi.ui.jobs import Job
    from napari_piximi.ui.workspace import Workspace

__all__ = ["add_layers", "layers_to_project"]

Choose = Callable[[str, Sequence[str]], int | None]
"""Asks a question with several answers in words; None if nobody wants to go on."""
Keep = Callable[[NDArray[Any]], Pixels]
FullLayerData = tuple[Any, dict[str, Any], str]


@dataclass(frozen=True)
class _Join:
    """Images to be made, with their ids, and labels with the id of the image they lie on."""

    images: tuple[tuple[str, Planned], ...]
    labels: tuple[tuple[str, Source], ...]


class _StoppedError(Exception):
    """The user does not want to go on."""


def add_layers(
    workspace: "Workspace",
    layers: "Iterable[Layer] | None" = None,
    parent: "QWidget | None" = None,
) -> "Job | None":
    """Add layers to the project: one undoable edit, made of them in a job.

    Image layers become images; several additive ones of the same shape the channels of one.
    Labels layers become annotations of a kind that is called like the layer. What is not clear
    is asked. The layers stay in the viewer, hidden, beside those of the new image.

    Parameters
    ----------
    workspace : Workspace
    layers : iterable of Layer, optional
        By default those that are selected.
    parent : QWidget, optional
        Of the questions.

    Returns
    -------
    Job or None
        None if there is nothing to add, or the user did not want to go on.
    """
    from napari_piximi.ui import join_dialog, messages

    viewer = workspace.viewer
    chosen = list(viewer.layers.selection if layers is None else layers)
    chosen.sort(key=lambda layer: viewer.layers.index(layer) if layer in viewer.layers else 0)
    joining = _joining(workspace, chosen)
    if not joining:
        return None
    sources = [source for _, source in joining]
    try:
        join = _plan(
            workspace.project,
            sources,
            workspace.shown,
            lambda question, options: join_dialog.choose(parent, question, options),
        )
    except _StoppedError:
        return None
    except EditError as error:
        messages.error(error)
        return None
    return workspace.run(
        f"Add {_layers(sources)}",
        _make,
        workspace.project,
        join,
        workspace.scratch.put,
        done=lambda made: _apply(workspace, join, made, [layer for layer, _ in joining]),
    )


def layers_to_project(layers: Sequence[FullLayerData], name: str) -> Project:
    """Make a project of plain layers, as napari hands them to a writer.

    Raises
    ------
    EditError
        If there is no image, labels are not as large as an image, or images differ in channels.
    """
    sources = [source for layer in layers if (source := of_data(*layer)) is not None]
    if not any(not source.labels for source in sources):
        raise EditError(f"{name}: a project needs an image; select an Image layer, too")
    project = new_project(name)
    join = _plan(project, sources, None, lambda _question, _options: 0)
    return _joined(project, join, *_make(project, join, ArrayPixels))


def _joining(workspace: "Workspace", layers: "Sequence[Layer]") -> "list[tuple[Layer, Source]]":
    """Return the layers that can join; of the others the user is told."""
    from napari_piximi.ui import messages

    ours, strange = [], []
    found: list[tuple[Layer, Source]] = []
    if any(is_preview(layer) for layer in layers):
        messages.info("A preview does not join; press Find objects in the Segmentation dock")
    for layer in layers:
        if is_preview(layer):
            continue
        source = of_layer(layer)
        if workspace.layers.thing_of(layer) is not None:
            ours.append(layer.name)
        elif source is None:
            strange.append(layer.name)
        else:
            found.append((layer, source))
    if ours:
        messages.info(f"{', '.join(ours)}: in the project already")
    if strange:
        messages.warn(f"{', '.join(strange)}: only Image and Labels layers can join a project")
    if not layers:
        messages.info("Select the layers to be added in napari's list of layers first")
    return found


# --- what is to be made ----------------------------------------------------------------------


def _plan(project: Project, sources: Sequence[Source], shown: str | None, choose: Choose) -> _Join:
    planned: list[tuple[str, Planned]] = []
    channels = project.image_channels
    for group in _groups([source for source in sources if not source.labels]):
        outcome = _choose_outcome(group, channels, choose)
        if channels not in (None, outcome.channels):
            raise EditError(
                f"{outcome.images[0].name!r} would have {_channels(outcome.channels)}, but all "
                f"images of {project.name!r} have {channels}; add it to a project of its own, or "
                "select as many layers of its size as there are channels"
            )
        channels = outcome.channels
        planned += [(new_id(), image) for image in outcome.images]
    labels = [source for source in sources if source.labels]
    targets = [_target(project, source, planned, shown, choose) for source in labels]
    return _Join(tuple(planned), tuple(zip(targets, labels, strict=True)))


def _groups(images: Iterable[Source]) -> list[list[Source]]:
    """Put layers together that may be channels of one image."""
    groups: dict[object, list[Source]] = {}
    for source in images:
        groups.setdefault((source.shape, source.rgb), []).append(source)
    return list(groups.values())


def _choose_outcome(group: Sequence[Source], channels: int | None, choose: Choose) -> Outcome:
    options = outcomes(group, channels)
    if len(options) == 1:
        return options[0]
    names = ", ".join(source.name for source in group)
    return options[_chosen(choose, f"What is {names}?", [option.text for option in options])]


def _target(
    project: Project,
    labels: Source,
    planned: Sequence[tuple[str, Planned]],
    shown: str | None,
    choose: Choose,
) -> str:
    """Return the id of the image that labels lie on."""
    joining = {key: (image.name, image.shape) for key, image in planned}
    present = {image.id: (image.name, image.pixels.shape) for image in project.images()}
    on_show = {key: present[key] for key in present if key == shown}
    for images in (joining, on_show, present):
        found = {key: name for key, (name, shape) in images.items() if fits(labels, shape)}
        if len(found) == 1:
            return next(iter(found))
        if found:
            question = f"On which image do the labels {labels.name} lie?"
            return list(found)[_chosen(choose, question, list(found.values()))]
    raise EditError(
        f"No image of the project is as large as the labels {labels.name!r} "
        f"({' × '.join(map(str, labels.shape))}); add their image first, or with them"
    )


def _chosen(choose: Choose, question: str, options: Sequence[str]) -> int:
    place = choose(question, options)
    if place is None:
        raise _StoppedError
    return place


# --- the work --------------------------------------------------------------------------------


Labelled = tuple[str, Source, NDArray[Any]]


def _make(
    project: Project, join: _Join, keep: Keep, progress: Progress = silent
) -> tuple[list[Image], list[Labelled]]:
    """Read layers: images whose pixels are kept, and labels."""
    total = len(join.images) + len(join.labels)
    images: list[Image] = []
    for key, planned in join.images:
        progress(len(images), total, f"Reading {planned.name}")
        images.append(_image(project, key, planned, keep))
    read: list[Labelled] = []
    for key, source in join.labels:
        progress(len(images) + len(read), total, f"Reading {source.name}")
        read.append((key, source, source.array()))
    return images, read


def _image(project: Project, key: str, planned: Planned, keep: Keep) -> Image:
    raw = planned.read()
    ends = _ends(raw)
    try:
        settled, depth, notes = settled_pixels(raw)
    except ImageFileError as error:
        raise EditError(f"{planned.name}: {error}") from error
    for note in notes:
        warnings.warn(f"{planned.name}: {note}", PiximiWarning, stacklevel=2)
    array = np.ascontiguousarray(settled)
    top = 1.0 if array.dtype.kind == "f" else float(2**depth - 1)
    range_of = tuple(value / top for value in _ends(array))
    return Image(
        key,
        planned.name,
        project.kinds[IMAGE_KIND].unknown,
        keep(array),
        depth,
        _channels_of(planned, ends, range_of),
        pixel_size=planned.sources[0].pixel_size,
    )


def _ends(array: NDArray[Any]) -> tuple[float, ...]:
    """Return the smallest and the largest finite value."""
    if array.dtype.kind == "f":
        finite = np.isfinite(array)
        if not finite.any():
            return 0.0, 0.0
        low, high = (
            array.min(where=finite, initial=np.inf),
            array.max(where=finite, initial=-np.inf),
        )
        return float(low), float(high)
    return float(array.min()), float(array.max())


def _channels_of(
    planned: Planned, before: tuple[float, ...], after: tuple[float, ...]
) -> tuple[Channel, ...]:
    """Return channels that look like their layers.

    Values were moved and scaled alike, so two of them before and after tell of all others.
    """
    count = planned.shape[-1]
    first = default_channels(count)
    if len(planned.sources) != count or planned.sources[0].rgb:
        return first
    factor = (after[1] - after[0]) / (before[1] - before[0]) if before[1] > before[0] else 0.0
    channels = []
    for channel, source in zip(first, planned.sources, strict=True):
        if source.limits is not None and factor:
            low, high = (after[0] + (limit - before[0]) * factor for limit in source.limits)
            channel = replace(channel, minimum=low, maximum=high)
        channels.append(replace(channel, color=source.color, visible=source.visible))
    if not any(channel.visible for channel in channels):
        channels = [replace(channel, visible=True) for channel in channels]
    return tuple(channels)


# --- the edit --------------------------------------------------------------------------------


def _joined(
    project: Project, join: _Join, images: Sequence[Image], labels: Sequence[Labelled]
) -> Project:
    """Return the project with images and labels added."""
    from napari_piximi.model.labels import annotations_of

    project = edits.add_images(project, images)
    for key, source, array in labels:
        image = project.things.get(key)
        if not isinstance(image, Image):
            raise EditError(f"The image that the labels {source.name!r} lie on has gone")
        project, kind = _with_kind(project, source.name)
        found: list[Annotation] = annotations_of(
            array, image=image, kind=project.kinds[kind], name=source.name
        )
        project = edits.add_annotations(project, found)
    return project


def _with_kind(project: Project, layer: str) -> tuple[Project, str]:
    """Return the project with a kind that is called like a layer, and the kind's id."""
    name = layer.strip() or "Labels"
    name = "Labels" if name.casefold() == IMAGE_KIND.casefold() else name
    for kind in project.kinds.values():
        if kind.name.casefold() == name.casefold() and kind.id != IMAGE_KIND:
            return project, kind.id
    kind, unknown = new_kind(name)
    return edits.add_kind(project, kind, unknown), kind.id


def _apply(
    workspace: "Workspace",
    join: _Join,
    made: tuple[list[Image], list[Labelled]],
    layers: "Sequence[Layer]",
) -> None:
    sources = [source for _, planned in join.images for source in planned.sources]
    sources += [source for _, source in join.labels]
    before = workspace.project
    if not workspace.edit(f"Add {_layers(sources)}", _joined, join, *made):
        return
    _tell(before, workspace.project)
    for layer in layers:
        layer.visible = False
    first = next((key for key, _ in (*join.images, *join.labels)), None)
    if first is not None:
        workspace.show(first)


def _tell(before: Project, after: Project) -> None:
    """Say what came of layers that joined; how much of what first, since napari cuts the rest."""
    from napari_piximi.ui import messages

    new = [thing for key, thing in after.things.items() if key not in before.things]
    objects = [thing for thing in new if thing.kind != IMAGE_KIND]
    kinds = ", ".join(one_line(after.kind_name(key)) for key in sorted({o.kind for o in objects}))
    parts = [
        f"{count:,} {noun if count == 1 else noun + 's'}{of}"
        for count, noun, of in (
            (len(new) - len(objects), "image", ""),
            (len(objects), "object", f" of {kinds}"),
        )
        if count
    ]
    messages.info(f"{' and '.join(parts) or 'Nothing new'} joined the project")


def _layers(sources: Sequence[Source]) -> str:
    return f"layer {sources[0].name}" if len(sources) == 1 else f"{len(sources):,} layers"


def _channels(count: int) -> str:
    return "1 channel" if count == 1 else f"{count:,} channels"
