"""Annotations found in a file are brought to a project: images, kinds and categories matched."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import NamedTuple

from napari_piximi.io._annotation_file import AnnotationFile
from napari_piximi.io._names import leads_astray
from napari_piximi.model import edits
from napari_piximi.model.project import Project, new_kind
from napari_piximi.model.things import (
    IMAGE_KIND,
    UNKNOWN_NAME,
    Annotation,
    BBox,
    Image,
    Partition,
    Prediction,
    is_unknown,
)

__all__ = ["DEFAULT_KIND", "Found", "Term", "match_images", "merged"]

DEFAULT_KIND = "object"
"""Kind of annotations of which a file does not tell it."""

COLOR = re.compile(r"#[0-9A-Fa-f]{6}")


@dataclass(frozen=True, slots=True)
class Term:
    """A category in the words of a file.

    Attributes
    ----------
    order : int
        In which categories are created.
    kind_id, kind_name : str
    category_id, category_name : str
        The id may be empty: a fresh one then.
    color : str
    unknown : bool
        Whether it is the kind's Unknown category.
    unknown_id : str
        Of that category, should the kind be created; may be empty.
    """

    order: int
    kind_id: str
    kind_name: str
    category_id: str
    category_name: str
    color: str
    unknown: bool
    unknown_id: str


class Found(NamedTuple):
    """An annotation in a file whose image the project has.

    Attributes
    ----------
    id : str
        May be empty, and is then made from what the annotation is and `mark`: the same
        annotation of the same file always gets the same one.
    name : str
        May be empty: it is then made of the names of image and kind, and a number.
    mark : str
        Whatever the file calls it.
    """

    image: Image
    term: Term
    bbox: BBox
    runs: bytes
    id: str = ""
    name: str = ""
    plane: int = 0
    partition: Partition = Partition.UNASSIGNED
    mark: str = ""


def match_images(
    project: Project, wanted: Mapping[str, str], *, by_id: bool
) -> tuple[dict[str, Image], set[str]]:
    """Find a file's images in a project.

    Parameters
    ----------
    wanted : mapping of id to name
        As the file has them.
    by_id : bool
        Whether the file's ids are those of a Piximi project.

    Returns
    -------
    found : dict of the file's id to Image
    unclear : set of str
        The file's ids that fit several images, or share the only one that fits.
    """
    images = {image.id: image for image in project.images()}
    found = {key: images[key] for key in wanted if key in images} if by_id else {}
    unclear: set[str] = set()
    for rule in (str, _last_part, _without_extension):
        taken = {image.id for image in found.values()}
        here = _grouped({key: i.name for key, i in images.items() if key not in taken}, rule)
        there = _grouped({key: name for key, name in wanted.items() if key not in found}, rule)
        for name in here.keys() & there.keys():
            if len(here[name]) == len(there[name]) == 1:
                found[there[name][0]] = images[here[name][0]]
            else:
                unclear.update(there[name])
    return found, unclear - found.keys()


def _last_part(name: str) -> str:
    return name.replace("\\", "/").rpartition("/")[2]


def _without_extension(name: str) -> str:
    name = _last_part(name)
    return name.rpartition(".")[0] or name


def _grouped(names: Mapping[str, str], rule: Callable[[str], str]) -> dict[str, list[str]]:
    groups = defaultdict(list)
    for key, name in names.items():
        groups[rule(name)].append(key)
    return groups


def merged(file: AnnotationFile, project: Project, found: Sequence[Found]) -> Project:
    """Return the project with what was found, and the kinds and categories that it needs.

    Raises
    ------
    EditError
        If the project cannot take one of them.
    """
    fresh: dict[str, Found] = {}
    for one in found:
        key = one.id or _made_id(one)
        if key in project.things or key in fresh:
            file.skip("with an id that is there already")
        else:
            fresh[key] = one
    if not fresh:
        return project
    homes: dict[Term, tuple[str, str]] = {}
    terms = {one.term for one in fresh.values()}
    for term in sorted(terms, key=lambda term: (term.order, term.kind_id)):
        project, kind = _with_kind(project, term)
        project, category = _with_category(project, kind, term)
        homes[term] = kind, category
    return edits.add_annotations(project, _annotations(project, fresh, homes))


def _annotations(
    project: Project, fresh: Mapping[str, Found], homes: Mapping[Term, tuple[str, str]]
) -> list[Annotation]:
    counts = Counter((a.image, a.kind) for a in project.annotations())
    made = []
    for key, one in fresh.items():
        kind, category = homes[one.term]
        place = one.image.id, kind
        name = one.name or f"{one.image.name}-{project.kinds[kind].name}_{counts[place]}"
        counts[place] += 1
        prediction = None
        # Piximi shows a prediction as the category of an Inference thing; here they are apart.
        if one.partition is Partition.INFERENCE and not is_unknown(category):
            prediction, category = Prediction(category), project.kinds[kind].unknown
        made.append(
            Annotation(
                id=key,
                name=name,
                kind=kind,
                category=category,
                image=one.image.id,
                bbox=one.bbox,
                runs=one.runs,
                bit_depth=one.image.bit_depth,
                partition=one.partition,
                plane=one.plane,
                prediction=prediction,
            )
        )
    return made


def _made_id(one: Found) -> str:
    """Make an id that comes out the same when the same file is read again."""
    parts = one.mark, one.image.id, one.term.kind_name, one.term.category_name, str(one.bbox)
    digest = blake2b("\0".join(parts).encode() + one.runs, digest_size=16).hexdigest()
    return f"1{digest[1:8]}-{digest[8:12]}-{digest[12:16]}-{digest[16:20]}-{digest[20:]}"


def _with_kind(project: Project, term: Term) -> tuple[Project, str]:
    """Find the kind by id, else by name, else create it; it is never Image."""
    name = term.kind_name.strip() or term.kind_id.strip() or DEFAULT_KIND
    if term.kind_id in project.kinds and term.kind_id != IMAGE_KIND:
        return project, term.kind_id
    for kind in project.kinds.values():
        if kind.id != IMAGE_KIND and kind.name.casefold() == name.casefold():
            return project, kind.id
    is_id = term.kind_id and term.kind_id != IMAGE_KIND and not leads_astray(term.kind_id)
    made, unknown = new_kind(name, kind_id=term.kind_id if is_id else None)
    if is_unknown(term.unknown_id) and term.unknown_id not in project.categories:
        unknown = replace(unknown, id=term.unknown_id)
        made = replace(made, categories=(unknown.id,), unknown=unknown.id)
    return edits.add_kind(project, made, unknown), made.id


def _with_category(project: Project, kind: str, term: Term) -> tuple[Project, str]:
    """Find the category by id, else by its name in the kind, else create it."""
    owner, name = project.kinds[kind], term.category_name.strip()
    if term.unknown or not name or name.casefold() == UNKNOWN_NAME.casefold():
        return project, owner.unknown
    if term.category_id in owner.categories:
        return project, term.category_id
    for category in owner.categories:
        if project.categories[category].name.casefold() == name.casefold():
            return project, category
    color = term.color if COLOR.fullmatch(term.color) else None
    key: str | None = term.category_id
    if not key or is_unknown(key) or key in project.categories:
        key = None
    project = edits.create_category(project, kind, name, color, key)
    return project, project.kinds[kind].categories[-1]
