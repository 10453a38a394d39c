"""Older layouts of the bundle, brought to the newest one a step at a time."""

import re
from collections import Counter
from collections.abc import Callable
from itertools import accumulate, pairwise
from typing import Any

import numpy as np

from napari_piximi.io._document import Attributes, Document
from napari_piximi.io._names import leads_astray
from napari_piximi.io._warn import warn
from napari_piximi.model.things import IMAGE_KIND, UNKNOWN_COLOR, UNKNOWN_NAME, new_id

__all__ = ["upgrade", "version_of"]

Version = tuple[int, int, int]
VERSION = re.compile(r"(\d{1,6})\.(\d{1,6})(?:\.(\d{1,6}))?")
NEWEST: Version = (1, 1, 0)

OLD_UNKNOWN_IMAGE = "00000000-0000-0000-0000-000000000000"
OLD_UNKNOWN_ANNOTATION = "00000000-0000-1111-0000-000000000000"


def version_of(document: Document) -> Version:
    """Return the version of the layout.

    Raises
    ------
    BundleError
        If it is missing, no version, or older than any that Piximi wrote.
    """
    text = document.of("", "version")["version"]
    match = (
        re.match(r"(\d{1,6})\.(\d{1,6})(?:\.(\d{1,6}))?", text) if isinstance(text, str) else None
    )
    if match is None:
        raise document.error(".zattrs", f"version {text!r} is no version number")
    major, minor, patch = (int(part or 0) for part in match.groups())
    if (major, minor) < (0, 1):
        raise document.error(".zattrs", f"version {text!r} is older than any that can be read")
    if major > 1:
        warn(f"{document.source.path}: written by a newer Piximi ({text}); read as version 1.1")
    return major, minor, patch


def upgrade(document: Document) -> Document:
    """Bring a document to the newest layout; the newest is returned as it is."""
    version = version_of(document)
    for before, step in STEPS:
        if version < before:
            document = step(document)
    return document


def _from_0_1(old: Document) -> Document:
    """Images and annotations become things; annotation categories become kinds."""
    if "project/images" not in old.attributes:
        raise old.error("project/images/.zattrs", "is missing")
    attributes = {
        path: value
        for path, value in old.attributes.items()
        if not path.startswith(("project/images", "project/annotation", "project/categories"))
    }
    arrays = {
        path.replace("project/images/", "project/things/", 1): array
        for path, array in old.arrays.items()
        if not path.startswith("project/annotations")
    }
    unknown = new_id(unknown=True)
    kinds, by_category = _kinds_0_1(old, unknown)
    images = _images_0_1(old, attributes, unknown)
    names = list(images.values()) + _annotations_0_1(old, attributes, images, kinds, by_category)
    attributes["project/things"] = {"thing_names": names}
    attributes["project/kinds"] = kinds
    attributes["project/categories"] = _categories_0_1(old, kinds, unknown)
    return Document(old.source, attributes, arrays)


def _kinds_0_1(old: Document, unknown: str) -> tuple[Attributes, dict[str, str]]:
    columns = _columns(old, "project/annotationCategories", "category_id", "name")
    image_categories = old.texts("project/categories", "category_id")
    known = [_known(c) for c in image_categories if c != OLD_UNKNOWN_IMAGE]
    ids, names, categories, unknowns = [IMAGE_KIND], [IMAGE_KIND], [[unknown, *known]], [unknown]
    by_category = {}
    for category, name in columns:
        if category == OLD_UNKNOWN_ANNOTATION:
            continue
        if name not in names:
            # Piximi takes the name for the id, which becomes the name of a group.
            ids.append(new_id() if leads_astray(name) else name)
            names.append(name)
            unknowns.append(new_id(unknown=True))
            categories.append([unknowns[-1]])
        by_category[category] = ids[names.index(name)]
    return {
        "kind_id": ids,
        "categories": categories,
        "unknown_category_id": unknowns,
        "display_name": names,
    }, by_category


def _columns(old: Document, path: str, *names: str) -> list[tuple[str, ...]]:
    """Return the rows of lists of texts, which must be equally long."""
    columns = [old.texts(path, name) for name in names]
    if len(set(map(len, columns))) > 1:
        raise old.error(f"{path}/.zattrs", f"its lists {', '.join(names)} differ in length")
    return list(zip(*columns, strict=True))


def _known(category: str) -> str:
    """Return an id that Piximi does not take for Unknown."""
    return "1" + category[1:] if category.startswith("0") else category


def _categories_0_1(old: Document, kinds: Attributes, unknown: str) -> Attributes:
    given = _columns(old, "project/categories", "category_id", "name", "color")
    rows = [(unknown, UNKNOWN_NAME, UNKNOWN_COLOR, IMAGE_KIND)]
    rows += [
        (_known(category), name, color, IMAGE_KIND)
        for category, name, color in given
        if category != OLD_UNKNOWN_IMAGE
    ]
    rows += [
        (category, UNKNOWN_NAME, UNKNOWN_COLOR, kind)
        for kind, category in zip(kinds["kind_id"], kinds["unknown_category_id"], strict=True)
        if kind != IMAGE_KIND
    ]
    columns = zip(*rows, strict=True)
    return dict(zip(("category_id", "name", "color", "kind"), map(list, columns), strict=True))


def _images_0_1(old: Document, attributes: dict[str, Attributes], unknown: str) -> dict[str, str]:
    """Move the images' attributes; return id → name."""
    found = {}
    for name in old.of("project/images", "image_names")["image_names"]:
        path = f"project/images/{name}"
        image = old.of(path, "image_id", "active_plane", "class_category_id")
        category = image["class_category_id"]
        is_known = category != OLD_UNKNOWN_IMAGE
        found[image["image_id"]] = name
        attributes[f"project/things/{name}"] = {
            "thing_id": image["image_id"],
            "active_plane": image["active_plane"],
            "class_category_id": _known(category) if is_known else unknown,
            # As Piximi does: what the file says of the partition is passed over.
            "classifier_partition": "Unassigned" if is_known else "Inference",
            "kind": IMAGE_KIND,
        }
        array_path = f"{path}/{name}"
        attributes[f"project/things/{name}/{name}"] = old.attributes.get(array_path, {})
    return found


def _annotations_0_1(
    old: Document,
    attributes: dict[str, Attributes],
    images: dict[str, str],
    kinds: Attributes,
    by_category: dict[str, str],
) -> list[str]:
    """Turn the annotation columns into things without pixels of their own; return their names."""
    if "project/annotations" not in old.attributes:
        return []
    path = "project/annotations"
    columns = old.of(path, "annotation_id", "annotation_category_id", "image_id")
    boxes = _column(old, "bounding_box").reshape(-1, 4).tolist()
    ends = [0, *accumulate(_column(old, "mask_length").tolist())]
    runs, planes = _column(old, "mask").tolist(), _column(old, "plane").tolist()
    unknowns = dict(zip(kinds["kind_id"], kinds["unknown_category_id"], strict=True))
    counts: Counter[str] = Counter()
    names = []
    try:
        rows = zip(
            columns["annotation_id"], columns["annotation_category_id"], columns["image_id"],
            boxes, pairwise(ends), planes, strict=True,
        )  # fmt: skip
        for thing_id, category, image, box, (start, end), plane in rows:
            kind = by_category[category]
            stem = f"{images[image]}-{kind}"
            names.append(f"{stem}_{counts[stem]}")
            counts[stem] += 1
            name = images[image]
            array = old.attributes.get(f"project/images/{name}/{name}", {})
            attributes[f"project/things/{names[-1]}/{names[-1]}"] = array
            attributes[f"project/things/{names[-1]}"] = {
                "thing_id": thing_id, "active_plane": plane,
                "class_category_id": unknowns[kind], "classifier_partition": "Unassigned",
                "kind": kind, "image_id": image, "bbox": box, "mask": runs[start:end],
            }  # fmt: skip
    except KeyError as error:
        raise old.error(path, f"there is no image or annotation category {error}") from error
    except ValueError as error:
        raise old.error(path, "its columns differ in length") from error
    return names


def _column(old: Document, name: str) -> np.ndarray[Any, Any]:
    path = f"project/annotations/{name}"
    if path not in old.arrays:
        raise old.error(path, "this array is missing")
    return old.arrays[path].read()


def _from_0_2(old: Document) -> Document:
    """Kinds get display names, and each a base model with the project's settings."""
    attributes = dict(old.attributes)
    old.texts("project/kinds", "kind_id")
    kinds = dict(old.of("project/kinds"))
    kinds.setdefault("display_name", kinds["kind_id"])
    attributes["project/kinds"] = kinds
    arrays = dict(old.arrays)
    classifier = old.attributes.get("classifier", {})
    optimizer = old.attributes.get("classifier/optimizer_settings", {})
    options = old.attributes.get("classifier/preprocess_options", {})
    attributes["classifier"] = {"classifier_kinds": kinds["kind_id"]}
    for kind in kinds["kind_id"]:
        model = f"classifier/{kind}/base-model"
        info = f"{model}/model_info"
        attributes[f"classifier/{kind}"] = {"models": ["base-model"]}
        attributes[model] = {"name": "base-model"}
        attributes[info] = {"eval_results": [], "class_map": []}
        attributes[f"{info}/optimizer_settings"] = {
            **optimizer, "metrics": classifier.get("metrics", [])
        }  # fmt: skip
        settings = f"{info}/preprocessing_settings"
        attributes[settings] = {
            **options, "training_percent": classifier.get("training_percent", 0.75)
        }  # fmt: skip
        for part in ("rescale_options", "crop_options"):
            path = f"classifier/preprocess_options/{part}"
            attributes[f"{settings}/{part}"] = old.attributes.get(path, {})
        if "classifier/input_shape" in old.arrays:
            arrays[f"{settings}/input_shape"] = old.arrays["classifier/input_shape"]
    return Document(old.source, attributes, arrays)


STEPS: tuple[tuple[Version, Callable[[Document], Document]], ...] = (
    ((0, 2, 0), _from_0_1),
    (NEWEST, _from_0_2),
)
