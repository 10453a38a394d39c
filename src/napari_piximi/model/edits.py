"""Everything that can be done to a project: pure functions Project → Project.

An edit that changes nothing returns the project it was given. One that cannot be done
raises :class:`~napari_piximi.errors.EditError` and says why.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from napari_piximi.errors import EditError
from napari_piximi.model.kinds import (
    add_kind,
    create_category,
    create_kind,
    delete_category,
    delete_kind,
    edit_category,
    edit_kind,
    reorder_categories,
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
from napari_piximi.model.training import Classifier

__all__ = [
    "accept_predictions",
    "add_annotations",
    "add_images",
    "add_kind",
    "categorize",
    "clear_predictions",
    "create_category",
    "create_kind",
    "delete_category",
    "delete_classifier",
    "delete_kind",
    "delete_things",
    "edit_category",
    "edit_kind",
    "move_to_kind",
    "put_classifier",
    "rename_classifier",
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

    Raises
    ------
    EditError
        If an id is taken, a category is not one of Image's, or the channels differ.
    """
    added = {image.id: image for image in images}
    channels = project.image_channels
    for image in added.values():
        channels = channels or image.pixels.shape[-1]
        if image.pixels.shape[-1] != channels:
            raise EditError(
                f"Image {image.name!r} has {image.pixels.shape[-1]} channels, "
                f"but the images of this project have {channels}"
            )
    return replace(_add(project, added), image_channels=channels)


def add_annotations(project: Project, annotations: Iterable[Annotation]) -> Project:
    """Add annotations at the end.

    Raises
    ------
    EditError
        If an id is taken, the image or kind does not exist, or the category is another kind's.
    """
    added = {annotation.id: annotation for annotation in annotations}
    for annotation in added.values():
        if not isinstance(project.things.get(annotation.image), Image):
            raise EditError(f"Annotation {annotation.name!r}: no image {annotation.image!r}")
        if annotation.kind == IMAGE_KIND:
            raise EditError(f"Annotation {annotation.name!r} cannot be of the kind Image")
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
    unknown = project.kinds[kind].unknown == category

    def change(old: Thing) -> Thing:
        if old.kind != kind:
            raise EditError(f"{old.name!r} is of another kind than category {category!r}")
        if old.category == category and old.prediction is None:
            return old
        partition = old.partition
        if unknown:
            partition = Partition.INFERENCE
        elif partition == Partition.INFERENCE:
            partition = Partition.UNASSIGNED
        return replace(old, category=category, partition=partition, prediction=None)

    return _change(project, ids, change)


def set_partition(project: Project, ids: Iterable[str], partition: Partition) -> Project:
    """Put things into a partition."""
    return _change(project, ids, lambda old: replace(old, partition=partition))


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
    """Give an annotation another outline; its pixels are then its image's again."""

    def change(old: Thing) -> Thing:
        if not isinstance(old, Annotation):
            raise EditError(f"{old.name!r} is no annotation and has no mask")
        return replace(old, bbox=bbox, runs=runs, pixels=None)

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
        return replace(old, kind=kind, category=by_name.get(name, target.unknown), prediction=None)

    return _change(project, ids, change)


# --- predictions ---------------------------------------------------------------------------


def set_predictions(project: Project, predictions: Mapping[str, Prediction]) -> Project:
    """Set what a classifier says of things; ids that have gone since are passed over."""
    present = [key for key in predictions if key in project.things]
    return _change(project, present, lambda old: replace(old, prediction=predictions[old.id]))


def clear_predictions(project: Project, ids: Iterable[str]) -> Project:
    """Take the predictions off things."""
    return _change(
        project,
        ids,
        lambda old: old if old.prediction is None else replace(old, prediction=None),
    )


def accept_predictions(project: Project, ids: Iterable[str]) -> Project:
    """Make predictions the user's own categories; those things become Unassigned."""

    def change(old: Thing) -> Thing:
        if old.prediction is None:
            return old
        return replace(
            old,
            category=old.prediction.category,
            partition=Partition.UNASSIGNED,
            prediction=None,
        )

    return _change(project, ids, change)


# --- classifiers ---------------------------------------------------------------------------


def put_classifier(project: Project, classifier: Classifier) -> Project:
    """Add a classifier, or put it in the place of the one with its name; it is then the newest.

    Raises
    ------
    EditError
        If the name is empty or holds a dot, which Piximi cannot read back.
    """
    _check_classifier_name(classifier.name)
    others = tuple(c for c in project.classifiers if c.name != classifier.name)
    return replace(project, classifiers=(*others, classifier))


def rename_classifier(project: Project, name: str, new_name: str) -> Project:
    """Give a classifier another name, which must be free."""
    old = project.find_classifier(name)
    if name == new_name:
        return project
    _check_classifier_name(new_name)
    if any(c.name == new_name for c in project.classifiers):
        raise EditError(f"There is a classifier {new_name!r} already")
    renamed = tuple(replace(c, name=new_name) if c is old else c for c in project.classifiers)
    return replace(project, classifiers=renamed)


def delete_classifier(project: Project, name: str) -> Project:
    """Delete a classifier with its runs and evaluations."""
    doomed = project.find_classifier(name)
    return replace(project, classifiers=tuple(c for c in project.classifiers if c is not doomed))


# --- shared --------------------------------------------------------------------------------


def _change(project: Project, ids: Iterable[str], change: Callable[[Thing], Thing]) -> Project:
    """Replace things by `change` of them; the project itself if none really changed."""
    things = dict(project.things)
    differs = False
    for key in ids:
        if key not in things:
            raise EditError(f"There is no thing {key!r} in this project")
        old = things[key]
        new = things[key] = change(old)
        differs = differs or (new is not old and new != old)
    return replace(project, things=things) if differs else project


def _add(project: Project, added: Mapping[str, Thing]) -> Project:
    for key, thing in added.items():
        if key in project.things:
            raise EditError(f"{thing.name!r}: there is a thing with the id {key!r} already")
        if thing.kind not in project.kinds:
            raise EditError(f"{thing.name!r}: there is no kind {thing.kind!r}")
        if thing.category not in project.kinds[thing.kind].categories:
            raise EditError(f"{thing.name!r}: {thing.category!r} is no category of its kind")
    return replace(project, things={**project.things, **added}) if added else project


def _check_classifier_name(name: str) -> None:
    if not name.strip() or "." in name or name == "base-model":
        raise EditError(
            f"{name!r} cannot name a classifier: it must not be empty, 'base-model', or hold a dot"
        )
