"""Everything that can be done to a project: pure functions Project → Project.

An edit that changes nothing returns the project it was given. One that cannot be done
raises :class:`~napari_piximi.errors.EditError` and says why.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import replace
from itertools import chain, compress, repeat
from operator import attrgetter
from typing import Any

from napari_piximi.errors import EditError
from napari_piximi.model.admission import by_id, check_annotations, check_outline, checked_image
from napari_piximi.model.bulk import replaced, without_garbage_collection
from napari_piximi.model.classifiers import (
    add_evaluation,
    delete_classifier,
    delete_evaluation,
    delete_run,
    duplicate_classifier,
    map_classes,
    put_classifier,
    rename_classifier,
)
from napari_piximi.model.kinds import (
    add_kind,
    bring_back_kind,
    create_category,
    create_kind,
    delete_category,
    delete_kind,
    edit_category,
    edit_kind,
    reorder_categories,
)
from napari_piximi.model.networks import (
    add_score,
    delete_network,
    delete_network_run,
    delete_score,
    duplicate_network,
    put_network,
    rename_network,
)
from napari_piximi.model.project import Project
from napari_piximi.model.things import (
    IMAGE_KIND,
    Annotation,
    BBox,
    Channel,
    Image,
    Partition,
    Prediction,
    Thing,
)

__all__ = [
    "accept_predictions",
    "add_annotations",
    "add_evaluation",
    "add_images",
    "add_kind",
    "add_score",
    "bring_back_kind",
    "categorize",
    "clear_predictions",
    "create_category",
    "create_kind",
    "delete_category",
    "delete_classifier",
    "delete_evaluation",
    "delete_kind",
    "delete_network",
    "delete_network_run",
    "delete_run",
    "delete_score",
    "delete_things",
    "duplicate_classifier",
    "duplicate_network",
    "edit_category",
    "edit_kind",
    "map_classes",
    "move_to_kind",
    "put_classifier",
    "put_network",
    "rename_classifier",
    "rename_network",
    "rename_project",
    "rename_thing",
    "reorder_categories",
    "set_channels",
    "set_mask",
    "set_partition",
    "set_plane",
    "set_predictions",
]


def rename_project(project: Project, name: str) -> Project:
    """Give the project another name."""
    if not name.strip():
        raise EditError("A project needs a name")
    return project if name == project.name else replace(project, name=name)


# --- things --------------------------------------------------------------------------------


def add_images(project: Project, images: Iterable[Image]) -> Project:
    """Add images at the end; the first one sets the project's channel count.

    One without channels to show gets Piximi's first look.

    Raises
    ------
    EditError
        If an id is empty or taken, a category is not one of Image's, the channels differ, or
        it could not be opened again: see :mod:`napari_piximi.model.admission`.
    """
    added = by_id(project.things, map(checked_image, images))
    channels = project.image_channels
    for image in added.values():
        channels = channels or image.pixels.shape[-1]
        if image.pixels.shape[-1] != channels:
            raise EditError(
                f"Image {image.name!r} has {image.pixels.shape[-1]} channels, "
                f"but the images of this project have {channels}"
            )
    return replace(_add(project, added), image_channels=channels) if added else project


def add_annotations(project: Project, annotations: Iterable[Annotation]) -> Project:
    """Add annotations at the end.

    Raises
    ------
    EditError
        If an id is empty or taken, the image or kind does not exist, the category is another
        kind's, the outline does not lie in the image, or its own pixels do not suit.
    """
    added = by_id(project.things, annotations)
    for annotation in added.values():
        if annotation.kind == IMAGE_KIND:
            raise EditError(f"Annotation {annotation.name!r} cannot be of the kind Image")
    check_annotations(project, list(added.values()))
    return _add(project, added)


def delete_things(project: Project, ids: Iterable[str]) -> Project:
    """Delete things; with an image go its annotations."""
    doomed = set(ids) & project.things.keys()
    if not doomed:
        return project
    kept = {
        key: thing
        for key, thing in project.things.items()
        if key not in doomed and not (isinstance(thing, Annotation) and thing.image in doomed)
    }
    images_left = any(isinstance(thing, Image) for thing in kept.values())
    channels = project.image_channels if images_left else None
    return replace(project, things=kept, image_channels=channels)


def rename_thing(project: Project, thing: str, name: str) -> Project:
    """Give a thing another name; names need not be unique."""
    if not name.strip():
        raise EditError("A thing needs a name")
    return _change(project, (thing,), lambda old: replace(old, name=name))


def categorize(project: Project, ids: Iterable[str], category: str) -> Project:
    """Set the user's category of things of one kind.

    Their predictions go. Piximi's rule for the partition holds: a thing without a category
    waits for Inference; one that gets its first category becomes Unassigned.

    Raises
    ------
    EditError
        If the category does not exist or is another kind's than a thing.
    """
    if category not in project.categories:
        raise EditError(f"There is no category {category!r}")
    kind = project.categories[category].kind
    first = project.kinds[kind].unknown != category
    waiting = Partition.UNASSIGNED if first else Partition.INFERENCE
    with without_garbage_collection():
        chosen = _chosen(project, ids)
        for old in chosen:
            if old.kind != kind:
                raise EditError(f"{old.name!r} is of another kind than category {category!r}")
        others = [t for t in chosen if t.category != category or t.prediction is not None]
        new: list[Thing] = []
        for olds in _by_class(others):
            partitions = [
                old.partition if first and old.partition != Partition.INFERENCE else waiting
                for old in olds
            ]
            new += replaced(
                olds, category=repeat(category), partition=partitions, prediction=repeat(None)
            )
        return _exchanged(project, new)


def set_partition(project: Project, ids: Iterable[str], partition: Partition) -> Project:
    """Put things into a partition."""
    with without_garbage_collection():
        others = [old for old in _chosen(project, ids) if old.partition != partition]
        new = [replaced(olds, partition=repeat(partition)) for olds in _by_class(others)]
        return _exchanged(project, list(chain.from_iterable(new)))


def set_plane(project: Project, ids: Iterable[str], plane: int) -> Project:
    """Set the plane that images show and are sampled from.

    Raises
    ------
    EditError
        If an image has no such plane, or a thing is no image.
    """

    def change(old: Thing) -> Thing:
        if not isinstance(old, Image) or not 0 <= plane < old.pixels.shape[0]:
            raise EditError(f"{old.name!r} has no plane {plane} to show")
        return replace(old, plane=plane)

    return _change(project, ids, change)


def set_channels(project: Project, ids: Iterable[str], channels: Sequence[Channel]) -> Project:
    """Set colour, range and visibility of the channels of images."""
    shown = tuple(channels)

    def change(old: Thing) -> Thing:
        if not isinstance(old, Image) or len(shown) != old.pixels.shape[-1]:
            raise EditError(f"{old.name!r} does not have {len(shown)} channels to show")
        return replace(old, channels=shown)

    return _change(project, ids, change)


def set_mask(project: Project, annotation: str, bbox: BBox, runs: bytes) -> Project:
    """Give an annotation another outline; its pixels are then its image's again.

    Raises
    ------
    EditError
        If the thing is an image, the box leaves its image, or the runs do not fill the box.
    """

    def change(old: Thing) -> Thing:
        if not isinstance(old, Annotation):
            raise EditError(f"{old.name!r} is no annotation and has no mask")
        if (old.bbox, old.runs) == (bbox, runs):
            return old
        new = replace(old, bbox=bbox, runs=runs, pixels=None)
        check_outline(project, new)
        return new

    return _change(project, (annotation,), change)


def move_to_kind(project: Project, ids: Iterable[str], kind: str) -> Project:
    """Move annotations to another kind, into its category of the same name, or Unknown."""
    if kind not in project.kinds or kind == IMAGE_KIND:
        raise EditError(f"There is no kind {kind!r} that annotations could be moved to")
    target = project.kinds[kind]
    by_name = {project.categories[c].name.casefold(): c for c in target.categories}

    def change(old: Thing) -> Thing:
        if not isinstance(old, Annotation):
            raise EditError(f"{old.name!r} is an image and cannot be moved to another kind")
        if old.kind == kind:
            return old
        name = project.categories[old.category].name.casefold()
        category = by_name.get(name, target.unknown)
        lost = category == target.unknown and old.category != project.kinds[old.kind].unknown
        partition = Partition.INFERENCE if lost else old.partition
        return replace(old, kind=kind, category=category, partition=partition, prediction=None)

    return _change(project, ids, change)


# --- predictions ---------------------------------------------------------------------------


def set_predictions(project: Project, predictions: Mapping[str, Prediction]) -> Project:
    """Set what a classifier says of things.

    Things that have gone since, while the classifier worked, are passed over, and so is what
    it says where that category has gone, or is another kind's.
    """
    with without_garbage_collection():
        present = predictions.keys() & project.things.keys()
        chosen = _chosen(project, present)
        said = list(map(predictions.__getitem__, map(attrgetter("id"), chosen)))
        categories = project.categories
        own = [
            prediction.category in categories
            and categories[prediction.category].kind == old.kind
            and prediction != old.prediction
            for old, prediction in zip(chosen, said, strict=True)
        ]
        olds, news = list(compress(chosen, own)), list(compress(said, own))
        return _exchanged(project, _told(olds, prediction=news))


def clear_predictions(project: Project, ids: Iterable[str]) -> Project:
    """Take the predictions off things."""
    with without_garbage_collection():
        said = [old for old in _chosen(project, ids) if old.prediction is not None]
        return _exchanged(project, _told(said, prediction=repeat(None, len(said))))


def accept_predictions(project: Project, ids: Iterable[str]) -> Project:
    """Make predictions the user's own categories; those things become Unassigned."""
    with without_garbage_collection():
        said = [old for old in _chosen(project, ids) if old.prediction is not None]
        new = _told(
            said,
            category=[old.prediction.category for old in said if old.prediction is not None],
            partition=repeat(Partition.UNASSIGNED, len(said)),
            prediction=repeat(None, len(said)),
        )
        return _exchanged(project, new)


# --- shared --------------------------------------------------------------------------------


def _change(project: Project, ids: Iterable[str], change: Callable[[Thing], Thing]) -> Project:
    """Replace things by `change` of them; the project itself if none really changed."""
    things = dict(project.things)
    differs = False
    with without_garbage_collection():
        for key in ids:
            if key not in things:
                raise EditError(f"There is no thing {key!r} in this project")
            old = things[key]
            new = change(old)
            if new is not old and new != old:
                things[key] = new
                differs = True
    return replace(project, things=things) if differs else project


def _chosen(project: Project, ids: Iterable[str]) -> list[Thing]:
    """Look things up; many of a set in the project's order, in which they lie in memory."""
    things = project.things
    if isinstance(ids, Set) and len(ids) > len(things) // 4 and ids <= things.keys():
        return list(compress(things.values(), map(ids.__contains__, things)))
    keys = list(ids)
    try:
        return list(map(things.__getitem__, keys))
    except KeyError:
        missing = next(key for key in keys if key not in things)
        raise EditError(f"There is no thing {missing!r} in this project") from None


def _told(things: Sequence[Thing], **changes: Iterable[Any]) -> list[Thing]:
    """Do as :func:`~napari_piximi.model.bulk.replaced`, with images and annotations mixed."""
    images = [type(thing) is Image for thing in things]
    if not any(images) or all(images):
        return replaced(things, **changes)
    columns = {name: list(column) for name, column in changes.items()}
    found: list[Thing] = []
    for chosen in (images, [not is_image for is_image in images]):
        parts = {name: compress(column, chosen) for name, column in columns.items()}
        found += replaced(list(compress(things, chosen)), **parts)
    return found


def _by_class(things: Sequence[Thing]) -> list[list[Thing]]:
    return [[thing for thing in things if type(thing) is cls] for cls in (Image, Annotation)]


def _exchanged(project: Project, new: Sequence[Thing]) -> Project:
    """Put things in the place of those with their ids."""
    if not new:
        return project
    things = dict(project.things)
    things.update(zip(map(attrgetter("id"), new), new, strict=True))
    return replace(project, things=things)


def _add(project: Project, added: Mapping[str, Thing]) -> Project:
    for thing in added.values():
        if thing.kind not in project.kinds:
            raise EditError(f"{thing.name!r}: there is no kind {thing.kind!r}")
        if thing.category not in project.kinds[thing.kind].categories:
            raise EditError(f"{thing.name!r}: {thing.category!r} is no category of its kind")
    return replace(project, things={**project.things, **added}) if added else project
