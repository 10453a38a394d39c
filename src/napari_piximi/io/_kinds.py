"""Kinds and categories: Piximi's columns to values and back."""

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace

from napari_piximi.io._document import OWN, Attributes, Document
from napari_piximi.io._names import leads_astray
from napari_piximi.io._warn import listed, warn
from napari_piximi.model.project import Project, new_kind
from napari_piximi.model.things import (
    IMAGE_KIND,
    PALETTE,
    UNKNOWN_COLOR,
    UNKNOWN_NAME,
    Category,
    Kind,
    is_unknown,
    new_id,
)

__all__ = ["add_missing_kinds", "read_kinds", "write_kinds"]

COLOR = re.compile(r"#[0-9A-Fa-f]{6}")

Kinds = dict[str, Kind]
Categories = dict[str, Category]


def read_kinds(document: Document) -> tuple[Kinds, Categories, Mapping[str, str]]:
    """Read kinds and categories, mending what can be mended.

    Returns
    -------
    kinds, categories : dict
        By id.
    renamed : mapping
        Category ids that break Piximi's rule of the first character → what they are here.

    Raises
    ------
    BundleError
        If columns are missing or differ in length, or there is no kind Image.
    """
    path = "project/kinds"
    columns = _columns(document, path, "kind_id", "display_name", "unknown_category_id")
    lists = document.of(path, "categories")["categories"]
    if not isinstance(lists, list) or not all(isinstance(ids, list) for ids in lists):
        raise document.error(f"{path}/.zattrs", "categories should be a list of lists")
    if len(lists) != len(columns):
        raise document.error(f"{path}/.zattrs", "its lists should be equally long")
    renamed = _renamed(document, [unknown for *_, unknown in columns])
    hidden = _hidden(document, path)
    categories = _read_categories(document, renamed)
    kinds: Kinds = {}
    for (kind_id, name, unknown), ids in zip(columns, lists, strict=True):
        # Ids of no category, or another kind's, fall away here; so may whatever is no id.
        own = dict.fromkeys(renamed.get(str(c), str(c)) for c in ids)
        kept = tuple(c for c in own if c in categories and categories[c].kind == kind_id)
        unknown = renamed.get(unknown, unknown)
        kinds[kind_id] = Kind(kind_id, name, kept, unknown, kind_id not in hidden)
        if leads_astray(kind_id):
            raise document.error(path, f"the kind id {kind_id!r} leads out of the bundle")
    if len(kinds) != len(columns):
        raise document.error(path, "a kind id is there twice")
    if IMAGE_KIND not in kinds:
        raise document.error(path, "there is no kind 'Image'")
    return _complete(document, kinds, categories), categories, renamed


def add_missing_kinds(
    document: Document, kinds: Kinds, categories: Categories, used: set[str]
) -> None:
    """Make the kinds that things name but no one defines."""
    missing = sorted(used - kinds.keys())
    for kind_id in missing:
        if leads_astray(kind_id):
            raise document.error("project", f"the kind id {kind_id!r} leads out of the bundle")
        kind, unknown = new_kind(kind_id, kind_id=kind_id)
        kinds[kind_id], categories[unknown.id] = kind, unknown
    if missing:
        warn(f"{document.source.path}: made the kinds that no one defines: {listed(missing)}")


def _columns(document: Document, path: str, *names: str) -> list[tuple[str, ...]]:
    columns = [document.texts(path, name) for name in names]
    lengths = {name: len(column) for name, column in zip(names, columns, strict=True)}
    if len(set(lengths.values())) > 1:
        raise document.error(f"{path}/.zattrs", f"its lists should be equally long, not {lengths}")
    return list(zip(*columns, strict=True))


def _hidden(document: Document, path: str) -> set[str]:
    """Return the ids that we noted as hidden."""
    noted = document.own(path).get("hidden")
    return {str(key) for key in noted} if isinstance(noted, list) else set()


def _renamed(document: Document, unknowns: list[str]) -> dict[str, str]:
    """Give ids the first character by which Piximi tells Unknown categories."""
    renamed = {}
    for category in document.texts("project/categories", "category_id"):
        if is_unknown(category) != (category in unknowns):
            renamed[category] = ("0" if category in unknowns else "1") + category[1:]
    if renamed:
        mixed = listed(list(renamed))
        warn(f"{document.source.path}: gave new ids to categories that Piximi mixes up: {mixed}")
    return renamed


def _read_categories(document: Document, renamed: Mapping[str, str]) -> Categories:
    path = "project/categories"
    hidden = _hidden(document, path)
    found: Categories = {}
    for number, row in enumerate(_columns(document, path, "category_id", "name", "color", "kind")):
        category_id, name, color, kind = row
        if not COLOR.fullmatch(color):
            warn(f"{document.source.path}: category {name!r} has no valid colour ({color!r})")
            color = PALETTE[number % len(PALETTE)]
        category_id = renamed.get(category_id, category_id)
        if category_id in found:
            raise document.error(path, f"the category id {category_id!r} is there twice")
        found[category_id] = Category(category_id, name, color, kind, category_id not in hidden)
    return found


def _complete(document: Document, kinds: Kinds, categories: Categories) -> Kinds:
    """Add what the lists of the kinds leave out: a category's place, an Unknown category."""
    own: dict[str, list[str]] = defaultdict(list)
    orphans = sorted({c.kind for c in categories.values()} - kinds.keys())
    add_missing_kinds(document, kinds, categories, set(orphans))
    for category in categories.values():
        own[category.kind].append(category.id)
    for kind_id, kind in kinds.items():
        if kind.unknown not in categories or categories[kind.unknown].kind != kind_id:
            warn(f"{document.source.path}: kind {kind.name!r} had no Unknown category; made one")
            key = new_id(unknown=True) if kind.unknown in categories else kind.unknown
            categories[key] = Category(key, UNKNOWN_NAME, UNKNOWN_COLOR, kind_id)
            own[kind_id].insert(0, key)
            kind = kinds[kind_id] = replace(kind, unknown=key)
        rest = [c for c in own[kind_id] if c not in kind.categories]
        if rest:
            kinds[kind_id] = replace(kind, categories=(*kind.categories, *rest))
    return kinds


def write_kinds(project: Project, shown: Mapping[str, str]) -> dict[str, Attributes]:
    """Return the attributes of ``project/kinds`` and ``project/categories``.

    Parameters
    ----------
    project : Project
    shown : mapping
        Thing id → category id as Piximi is to show it, for every thing in order.
    """
    of_kind: dict[str, list[str]] = {kind: [] for kind in project.kinds}
    of_category: dict[str, list[str]] = {category: [] for category in project.categories}
    for (thing_id, category), thing in zip(shown.items(), project.things.values(), strict=True):
        of_kind[thing.kind].append(thing_id)
        of_category[category].append(thing_id)
    kinds, categories = project.kinds.values(), project.categories.values()
    return {
        "project/kinds": {
            "kind_id": list(project.kinds),
            "contents": list(of_kind.values()),
            "categories": [list(kind.categories) for kind in kinds],
            "unknown_category_id": [kind.unknown for kind in kinds],
            "display_name": [kind.name for kind in kinds],
            OWN: {"hidden": [kind.id for kind in kinds if not kind.visible]},
        },
        "project/categories": {
            "category_id": list(project.categories),
            "color": [category.color for category in categories],
            "name": [category.name for category in categories],
            "kind": [category.kind for category in categories],
            "contents": list(of_category.values()),
            OWN: {"hidden": [category.id for category in categories if not category.visible]},
        },
    }
