"""Edits of kinds and categories; :mod:`napari_piximi.model.edits` offers them all."""

import re
from collections.abc import Sequence
from dataclasses import replace

from napari_piximi.errors import EditError
from napari_piximi.model.bulk import without_garbage_collection
from napari_piximi.model.free_names import free_name
from napari_piximi.model.project import Project, new_kind
from napari_piximi.model.things import (
    IMAGE_KIND,
    PALETTE,
    Category,
    Kind,
    Partition,
    is_unknown,
    new_id,
)

__all__ = [
    "add_kind",
    "bring_back_kind",
    "create_category",
    "create_kind",
    "delete_category",
    "delete_kind",
    "edit_category",
    "edit_kind",
    "reorder_categories",
]

COLOR = re.compile(r"#[0-9A-Fa-f]{6}")


def create_kind(project: Project, name: str) -> Project:
    """Create a kind of annotations with its Unknown category."""
    return add_kind(project, *new_kind(name))


def add_kind(project: Project, kind: Kind, unknown: Category) -> Project:
    """Add a kind made elsewhere, with its Unknown category.

    Raises
    ------
    EditError
        If its name or id is taken.
    """
    _check_kind_name(project, kind.name)
    if kind.id in project.kinds:
        raise EditError(f"There is a kind with the id {kind.id!r} already")
    return replace(
        project,
        kinds={**project.kinds, kind.id: kind},
        categories={**project.categories, unknown.id: unknown},
    )


def bring_back_kind(project: Project, kind: str, name: str) -> Project:
    """Make a kind that has gone anew, without things, so that what was learnt of it has a place.

    Parameters
    ----------
    project : Project
        Returned as it is where the kind is there.
    kind : str
        Its id.
    name : str
        What it was called; with a number where another kind has that name now.
    """
    if kind in project.kinds:
        return project
    taken = {other.name.casefold() for other in project.kinds.values()}
    free = free_name(name, lambda name: name.casefold() not in taken)
    return add_kind(project, *new_kind(free, kind_id=kind))


def edit_kind(
    project: Project, kind: str, *, name: str | None = None, visible: bool | None = None
) -> Project:
    """Rename, hide or show a kind; ``Image`` keeps its name."""
    old = _kind(project, kind)
    new = old
    if name is not None and name != old.name:
        if kind == IMAGE_KIND:
            raise EditError("The kind Image cannot be renamed")
        _check_kind_name(project, name, but=old)
        new = replace(new, name=name)
    if visible is not None:
        new = replace(new, visible=visible)
    return project if new == old else _put_kind(project, new)


def delete_kind(project: Project, kind: str) -> Project:
    """Delete a kind with its annotations, categories, classifiers and networks."""
    _kind(project, kind)
    if kind == IMAGE_KIND:
        raise EditError("The kind Image cannot be deleted")
    return replace(
        project,
        kinds={key: value for key, value in project.kinds.items() if key != kind},
        categories={key: c for key, c in project.categories.items() if c.kind != kind},
        things={key: thing for key, thing in project.things.items() if thing.kind != kind},
        classifiers=tuple(c for c in project.classifiers if c.kind != kind),
        networks=tuple(n for n in project.networks if n.kind != kind),
    )


def create_category(
    project: Project,
    kind: str,
    name: str,
    color: str | None = None,
    category_id: str | None = None,
) -> Project:
    """Create a category at the end of a kind.

    Parameters
    ----------
    name : str
        Not yet used in the kind, whatever the case.
    color : str, optional
        ``#RRGGBB``; by default the first of Piximi's palette that the kind does not use.
    category_id : str, optional
        A fresh one by default.
    """
    owner = _kind(project, kind)
    _check_category(project, owner, name, color)
    used = {project.categories[c].color.upper() for c in owner.categories}
    spare = PALETTE[len(owner.categories) % len(PALETTE)]
    color = color or next((shade for shade in PALETTE if shade not in used), spare)
    category = Category(category_id or new_id(), name, color, kind)
    if is_unknown(category.id):
        raise EditError(f"{category.id!r} would be the id of an Unknown category: it begins with 0")
    if category.id in project.categories:
        raise EditError(f"There is a category with the id {category.id!r} already")
    grown = replace(owner, categories=(*owner.categories, category.id))
    return replace(
        _put_kind(project, grown), categories={**project.categories, category.id: category}
    )


def edit_category(
    project: Project,
    category: str,
    *,
    name: str | None = None,
    color: str | None = None,
    visible: bool | None = None,
) -> Project:
    """Rename, recolour, hide or show a category; Unknown keeps its name."""
    old = _category(project, category)
    owner = project.kinds[old.kind]
    if name is not None and name != old.name and category == owner.unknown:
        raise EditError("The category Unknown cannot be renamed")
    _check_category(project, owner, name, color, but=old)
    new = replace(
        old,
        name=old.name if name is None else name,
        color=old.color if color is None else color,
        visible=old.visible if visible is None else visible,
    )
    if new == old:
        return project
    return replace(project, categories={**project.categories, category: new})


def delete_category(project: Project, category: str) -> Project:
    """Delete a category; its things go to Unknown, predictions of it vanish."""
    owner = project.kinds[_category(project, category).kind]
    if category == owner.unknown:
        raise EditError("The category Unknown cannot be deleted")
    things = dict(project.things)
    with without_garbage_collection():
        for key, thing in project.things.items():
            if thing.prediction is not None and thing.prediction.category == category:
                thing = things[key] = replace(thing, prediction=None)
            if thing.category == category:
                things[key] = replace(
                    thing, category=owner.unknown, partition=Partition.INFERENCE, prediction=None
                )
    left = tuple(c for c in owner.categories if c != category)
    return replace(
        _put_kind(project, replace(owner, categories=left)),
        categories={key: c for key, c in project.categories.items() if key != category},
        things=things,
    )


def reorder_categories(project: Project, kind: str, order: Sequence[str]) -> Project:
    """Put the categories of a kind into another order.

    Raises
    ------
    EditError
        If `order` does not hold each of them once.
    """
    owner = _kind(project, kind)
    if sorted(order) != sorted(owner.categories):
        raise EditError(f"The new order must hold each category of {owner.name!r} once")
    if tuple(order) == owner.categories:
        return project
    return _put_kind(project, replace(owner, categories=tuple(order)))


def _kind(project: Project, kind: str) -> Kind:
    if kind not in project.kinds:
        raise EditError(f"There is no kind {kind!r}")
    return project.kinds[kind]


def _category(project: Project, category: str) -> Category:
    if category not in project.categories:
        raise EditError(f"There is no category {category!r}")
    return project.categories[category]


def _put_kind(project: Project, kind: Kind) -> Project:
    return replace(project, kinds={**project.kinds, kind.id: kind})


def _check_kind_name(project: Project, name: str, but: Kind | None = None) -> None:
    if not name.strip():
        raise EditError("A kind needs a name")
    taken = {k.name.casefold() for k in project.kinds.values() if k is not but}
    if name.casefold() in taken:
        raise EditError(f"There is a kind called {name!r} already")


def _check_category(
    project: Project, kind: Kind, name: str | None, color: str | None, but: Category | None = None
) -> None:
    if color is not None and not COLOR.fullmatch(color):
        raise EditError(f"{color!r} is no colour; write it as #RRGGBB")
    if name is None:
        return
    if not name.strip():
        raise EditError("A category needs a name")
    others = (project.categories[c] for c in kind.categories)
    if name.casefold() in {c.name.casefold() for c in others if c is not but}:
        raise EditError(f"{kind.name!r} has a category called {name!r} already")
