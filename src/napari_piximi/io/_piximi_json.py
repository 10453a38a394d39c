"""Piximi's own annotation JSON, of all versions."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from napari_piximi.io._annotation_file import AnnotationFile, Row, shown
from napari_piximi.io._annotation_merge import DEFAULT_KIND, Found, Term, match_images
from napari_piximi.model import masks
from napari_piximi.model.project import Project
from napari_piximi.model.things import (
    IMAGE_KIND,
    UNKNOWN_NAME,
    BBox,
    Image,
    Partition,
    is_unknown,
)
from napari_piximi.progress import Progress

__all__ = ["read_piximi"]

TABLE = "annotations"
MAX_CLIPPED = 1 << 28
PARTITIONS = {str(partition): partition for partition in Partition}
STEP = 4096


@dataclass(frozen=True, slots=True)
class _Tables:
    """What annotations refer to, by the file's ids; kinds and categories with their places."""

    images: Mapping[str, Image]
    names: Mapping[str, str]
    unclear: set[str]
    categories: Mapping[str, tuple[int, Row]]
    kinds: Mapping[str, tuple[int, Row]]
    terms: dict[tuple[str, str], Term] = field(default_factory=dict)


def read_piximi(file: AnnotationFile, project: Project, progress: Progress) -> list[Found]:
    """Find the annotations whose image a project has.

    Before version 0.2 there are no kinds: an annotation's category becomes its kind, as
    Piximi itself has it.

    Raises
    ------
    AnnotationFileError
        If a member is missing, of another type, refers to nothing, or a mask does not fill
        its box.
    """
    tables = _tables(file, project)
    rows = file.rows(TABLE)
    found = []
    for number, row in enumerate(rows):
        if number % STEP == 0:
            progress(number, len(rows), "Reading annotations")
        term = _term(file, tables, number, row)
        image = _image(file, tables, number, row)
        place = None if image is None else _place(file, image, number, row)
        if image is None or place is None:
            continue
        key = file.get(TABLE, number, "id", row, str) if "id" in row else ""
        name = file.get(TABLE, number, "name", row, str) if "name" in row else ""
        partition = PARTITIONS.get(str(row.get("partition")), Partition.UNASSIGNED)
        bbox, runs, plane = place
        found.append(
            Found(image, term, bbox, runs, key, name.strip(), plane, partition, str(number))
        )
    return found


def _tables(file: AnnotationFile, project: Project) -> _Tables:
    images = _by_id(file, "images")
    names = {
        key: file.get("images", number, "name", row, str) for key, (number, row) in images.items()
    }
    # An annotation may lie on an image that the file does not list, but the project has.
    here = {image.id: image for image in project.images()}
    found, unclear = match_images(project, names, by_id=True)
    return _Tables(
        {**{key: image for key, image in here.items() if key not in names}, **found},
        names, unclear, _by_id(file, "categories"), _by_id(file, "kinds"),
    )  # fmt: skip


def _by_id(file: AnnotationFile, table: str) -> dict[str, tuple[int, Row]]:
    found: dict[str, tuple[int, Row]] = {}
    for number, row in enumerate(file.rows(table)):
        key = file.get(table, number, "id", row, str)
        if found.setdefault(key, (number, row))[1] != row:
            raise file.error(f"{table}[{number}].id", f"{key!r} is there twice")
    return found


def _term(file: AnnotationFile, tables: _Tables, number: int, row: Row) -> Term:
    category = file.get(TABLE, number, "categoryId", row, str)
    if category not in tables.categories:
        raise file.error(f"{TABLE}[{number}].categoryId", f"there is no category {category!r}")
    order, fields = tables.categories[category]
    own = fields.get("kind")
    kind = row.get("kind", own if isinstance(own, str) else "")
    if not isinstance(kind, str):
        raise file.error(f"{TABLE}[{number}].kind", f"is {shown(kind)}, not a text")
    if kind == IMAGE_KIND:
        raise file.error(f"{TABLE}[{number}].kind", f"{IMAGE_KIND!r} is the kind of images")
    term = tables.terms.get((kind, category))
    if term is None:
        name = file.get("categories", order, "name", fields, str)
        color = str(fields.get("color", ""))
        if kind:
            term = _new_term(file, tables, kind, category, name, color)
        else:
            unknown = is_unknown(category) and name.casefold() == UNKNOWN_NAME.casefold()
            of = DEFAULT_KIND if unknown or name.casefold() == IMAGE_KIND.casefold() else name
            term = Term(order, of, of, "", UNKNOWN_NAME, "", True, "")
        tables.terms[kind, category] = term
    return term


def _new_term(
    file: AnnotationFile, tables: _Tables, kind: str, category: str, name: str, color: str
) -> Term:
    number, fields = tables.kinds.get(kind, (0, {}))
    shown_as = (
        file.get("kinds", number, "displayName", fields, str) if "displayName" in fields else kind
    )
    unknown = fields.get("unknownCategoryId")
    unknown = unknown if isinstance(unknown, str) else ""
    if shown_as.casefold() == IMAGE_KIND.casefold():
        shown_as = DEFAULT_KIND
    is_other = category == unknown if unknown else is_unknown(category)
    order = tables.categories[category][0]
    return Term(order, kind, shown_as, category, name, color, is_other, unknown)


def _image(file: AnnotationFile, tables: _Tables, number: int, row: Row) -> Image | None:
    key = file.get(TABLE, number, "imageId", row, str)
    image = tables.images.get(key)
    if image is None:
        name = tables.names.get(key, key)
        if key in tables.unclear:
            file.skip("on images that could be several of this project", name)
        else:
            file.skip("on images that this project does not have", name)
    return image


def _place(
    file: AnnotationFile, image: Image, number: int, row: Row
) -> tuple[BBox, bytes, int] | None:
    """Read box, runs and plane, clipped to the image; None if nothing of it is there."""
    plane_key = "plane" if "plane" in row and "activePlane" not in row else "activePlane"
    plane = file.whole(TABLE, number, plane_key, row, 0)
    left, top, right, bottom = _whole_box(file, number, row)
    runs = _runs(file, number, row, (bottom - top) * (right - left))
    planes, height, width, _ = image.pixels.shape
    if not 0 <= plane < planes:
        file.skip("on planes that their image does not have", image.name)
        return None
    bbox = (max(top, 0), max(left, 0), min(bottom, height), min(right, width))
    if bbox[0] >= bbox[2] or bbox[1] >= bbox[3]:
        file.skip("outside of their image", image.name)
        return None
    if bbox != (top, left, bottom, right):
        if (bottom - top) * (right - left) > MAX_CLIPPED:
            raise file.error(f"{TABLE}[{number}].boundingBox", "is far larger than its image")
        mask = masks.decode(runs, (bottom - top, right - left))
        runs = masks.encode(mask[bbox[0] - top : bbox[2] - top, bbox[1] - left : bbox[3] - left])
    if not masks.area(runs):
        file.skip("without any pixel in their image", image.name)
        return None
    return bbox, runs, plane


def _whole_box(file: AnnotationFile, number: int, row: Row) -> list[int]:
    box = file.box(number, "boundingBox", row)
    whole = [int(value) for value in box]
    if whole != box or whole[0] >= whole[2] or whole[1] >= whole[3]:
        raise file.error(
            f"{TABLE}[{number}].boundingBox",
            f"is {box}, not x1, y1, x2, y2 in whole pixels with x1 < x2 and y1 < y2",
        )
    return whole


def _runs(file: AnnotationFile, number: int, row: Row, area: int) -> bytes:
    """Read a mask, which is a text of run lengths or a list of them."""
    mask = row.get("mask")
    member = f"{TABLE}[{number}].mask"
    if type(mask) is str:
        values: list[str] | list[int] = mask.split()
    elif type(mask) is list and set(map(type, mask)) <= {int}:
        values = mask
    else:
        raise file.error(
            member, f"is {shown(mask)}, not run lengths" if "mask" in row else "misses"
        )
    try:
        runs = masks.from_lengths(map(int, values))
    except (ValueError, OverflowError) as error:
        raise file.error(member, f"{shown(mask)} are no run lengths: {error}") from error
    filled = int(masks.lengths(runs).sum(dtype="u8"))
    if filled != area:
        raise file.error(member, f"has {filled:,} pixels, but its box {area:,}")
    return runs
