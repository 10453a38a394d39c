"""COCO's JSON: images, categories, and annotations as polygons, run lengths or boxes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from napari_piximi.io._annotation_file import AnnotationFile, Row, shown
from napari_piximi.io._annotation_merge import DEFAULT_KIND, Found, Term, match_images
from napari_piximi.io._outlines import Shape, draw
from napari_piximi.model.project import Project
from napari_piximi.model.things import IMAGE_KIND, UNKNOWN_NAME, Image
from napari_piximi.progress import Progress

__all__ = ["read_coco"]

TABLE = "annotations"
STEP = 4096
NUMBERS = {int, float}


@dataclass(frozen=True, slots=True)
class _Tables:
    """What annotations refer to, by the file's ids."""

    images: Mapping[str, Image]
    names: Mapping[str, str]
    unclear: set[str]
    misfits: Mapping[str, str]
    terms: Mapping[str, Term]


class _Place(NamedTuple):
    """An annotation before its outline is drawn."""

    image: Image
    term: Term
    mark: str


def read_coco(file: AnnotationFile, project: Project, progress: Progress) -> list[Found]:
    """Find the annotations whose image a project has.

    An object is the union of its polygons, each filled where a ray leaves it an odd number of
    times, on the grid of the reference implementation (github.com/cocodataset/cocoapi). What
    Piximi exports is recognised and keeps its outline: see :mod:`~napari_piximi.io._outlines`.
    Annotations lie on the first plane: COCO knows no others.

    Raises
    ------
    AnnotationFileError
        If a member is missing, of another type, refers to nothing, or is no outline.
    """
    tables = _tables(file, project)
    rows = file.rows(TABLE)
    found: list[Found] = []
    for start in range(0, len(rows), STEP):
        progress(start, len(rows), "Reading annotations")
        places: list[_Place] = []
        shapes: list[Shape] = []
        for number, row in enumerate(rows[start : start + STEP], start):
            place = _place(file, tables, number, row)
            shape = None if place is None else _shape(file, number, row, place.image)
            if place is not None and shape is not None:
                places.append(place)
                shapes.append(shape)
        found += _drawn(file, places, shapes)
    return found


def _drawn(
    file: AnnotationFile, places: Sequence[_Place], shapes: Sequence[Shape]
) -> Iterator[Found]:
    for place, outline in zip(places, draw(shapes, file), strict=True):
        if outline is None:
            file.skip("without any pixel in their image", place.image.name)
        else:
            yield Found(place.image, place.term, *outline, mark=place.mark)


def _key(file: AnnotationFile, table: str, number: int, key: str, row: Row) -> str:
    """Return an id as text: some write 7, some "7", some 7.0."""
    value = row.get(key)
    if type(value) is float and value.is_integer():
        value = int(value)
    if type(value) not in (int, str):
        trouble = f"is {shown(value)}, not an id" if key in row else "misses"
        raise file.error(f"{table}[{number}].{key}", trouble)
    return str(value)


def _by_id(file: AnnotationFile, table: str) -> dict[str, tuple[int, Row]]:
    found: dict[str, tuple[int, Row]] = {}
    for number, row in enumerate(file.rows(table)):
        key = _key(file, table, number, "id", row)
        if found.setdefault(key, (number, row))[1] != row:
            raise file.error(f"{table}[{number}].id", f"{key!r} is there twice")
    return found


def _tables(file: AnnotationFile, project: Project) -> _Tables:
    rows = _by_id(file, "images")
    names = {
        key: file.get("images", number, "file_name", row, str)
        for key, (number, row) in rows.items()
    }
    images, unclear = match_images(project, names, by_id=False)
    misfits = {}
    for key, (number, row) in rows.items():
        if key in images:
            _, height, width, _ = images[key].pixels.shape
            there = (
                file.whole("images", number, "height", row, height),
                file.whole("images", number, "width", row, width),
            )
            if there != (height, width):
                misfits[key] = _sizes(images[key], *there)
    return _Tables(images, names, unclear, misfits, _terms(file))


def _sizes(image: Image, height: int, width: int) -> str:
    here = " × ".join(map(str, image.pixels.shape[1:3]))
    return f"{image.name}: {here} here, {height} × {width} in the file"


def _terms(file: AnnotationFile) -> dict[str, Term]:
    terms = {}
    for key, (number, row) in _by_id(file, "categories").items():
        name = file.get("categories", number, "name", row, str)
        kind = row.get("supercategory") or ""
        if not isinstance(kind, str):
            raise file.error(f"categories[{number}].supercategory", f"is {shown(kind)}, not a text")
        # "none" is what some exporters write for none; images are no annotations.
        if kind.strip().casefold() in ("", "none", IMAGE_KIND.casefold()):
            kind = DEFAULT_KIND
        unknown = name.casefold() == UNKNOWN_NAME.casefold()
        terms[key] = Term(number, kind, kind, "", name, str(row.get("color", "")), unknown, "")
    return terms


def _place(file: AnnotationFile, tables: _Tables, number: int, row: Row) -> _Place | None:
    category = _key(file, TABLE, number, "category_id", row)
    if category not in tables.terms:
        raise file.error(f"{TABLE}[{number}].category_id", f"there is no category {category!r}")
    key = _key(file, TABLE, number, "image_id", row)
    if key not in tables.names:
        raise file.error(f"{TABLE}[{number}].image_id", f"there is no image {key!r}")
    if key in tables.misfits:
        file.skip("on images of another size (height × width)", tables.misfits[key])
        return None
    if key not in tables.images:
        name = tables.names[key]
        if key in tables.unclear:
            file.skip("on images that could be several of this project", name)
        else:
            file.skip("on images that this project does not have", name)
        return None
    mark = str(row.get("id", number))[:100]
    return _Place(tables.images[key], tables.terms[category], mark)


def _shape(file: AnnotationFile, number: int, row: Row, image: Image) -> Shape | None:
    _, height, width, _ = image.pixels.shape
    drawing = row.get("segmentation")
    if drawing in (None, [], [[]], {}) and "bbox" in row:
        left, top, wide, high = file.box(number, "bbox", row)
        right, bottom = left + wide, top + high
        if wide < 0 or high < 0:
            raise file.error(f"{TABLE}[{number}].bbox", "has a negative width or height")
        rectangle = [left, top, left, bottom, right, bottom, right, top]
        return Shape(number, height, width, polygons=[rectangle])
    if type(drawing) is list:
        polygons = _polygons(file, number, drawing)
        return Shape(number, height, width, polygons, may_be_pixels=row.get("area") == 0)
    if type(drawing) is not dict:
        trouble = f"is {shown(drawing)}, neither polygons nor run lengths"
        raise file.error(f"{TABLE}[{number}].segmentation", trouble)
    size, counts = drawing.get("size"), drawing.get("counts")
    if type(size) is not list or len(size) != 2 or not set(map(type, size)) <= {int}:
        raise file.error(f"{TABLE}[{number}].segmentation.size", f"is {shown(size)}")
    if size != [height, width]:
        file.skip("on images of another size (height × width)", _sizes(image, *size))
        return None
    if type(counts) is str or (type(counts) is list and set(map(type, counts)) <= {int}):
        return Shape(number, height, width, counts=counts)
    trouble = f"is {shown(counts)}, not run lengths"
    raise file.error(f"{TABLE}[{number}].segmentation.counts", trouble)


def _polygons(file: AnnotationFile, number: int, drawing: list[object]) -> list[list[float]]:
    # One polygon is sometimes written without the list around it.
    polygons = [drawing] if drawing and type(drawing[0]) in NUMBERS else drawing
    for part, polygon in enumerate(polygons):
        if type(polygon) is not list or len(polygon) % 2 or not set(map(type, polygon)) <= NUMBERS:
            trouble = f"is {shown(polygon)}, not pairs of coordinates"
            raise file.error(f"{TABLE}[{number}].segmentation[{part}]", trouble)
    return polygons  # type: ignore[return-value]
