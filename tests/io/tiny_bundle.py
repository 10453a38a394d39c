"""A tiny bundle whose members a test can change before it is written."""

import json
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from napari_piximi.io.bundle import write_bundle
from napari_piximi.model import edits, masks
from napari_piximi.model.project import Project, new_project
from napari_piximi.model.things import Annotation, ArrayPixels, Image, Partition, default_channels

Members = dict[str, bytes]
ROOT = "tiny.zarr/"
THINGS = f"{ROOT}project/things/"
CELL = f"{THINGS}cell 0"


def tiny_project() -> Project:
    """Two images of 6 × 8 × 2, of which the first has two planes and an annotation."""
    project = edits.create_kind(new_project("tiny"), "cell")
    project = edits.create_category(project, "Image", "good", category_id="1good")
    image_kind, cell = project.kinds.values()
    values = np.arange(2 * 6 * 8 * 2, dtype=np.uint8).reshape(2, 6, 8, 2)
    pictures = [
        Image("1a", "a.tif", image_kind.unknown, ArrayPixels(values), 8, default_channels(2)),
        Image(
            "1b", "b.tif", "1good", ArrayPixels(values[:1] + 9), 8, default_channels(2),
            Partition.UNASSIGNED,
        ),
    ]  # fmt: skip
    mask = np.array([[0, 1, 1], [1, 1, 0]], bool)
    annotation = Annotation(
        "1c", "cell 0", cell.id, cell.unknown, "1a", (2, 3, 4, 6), masks.encode(mask), plane=1
    )
    return edits.add_annotations(edits.add_images(project, pictures), [annotation])


def tiny_members(folder: Path) -> Members:
    """Return the members of the tiny bundle as another tool would write them: without our index."""
    path = folder / "made" / "tiny.zip"
    path.parent.mkdir()
    write_bundle(tiny_project(), path)
    with zipfile.ZipFile(path) as file:
        return {name: file.read(name) for name in file.namelist() if not name.endswith("-index")}


def write_zip(path: Path, members: Mapping[str, bytes], method: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", method) as file:
        for name, data in members.items():
            file.writestr(name, data)
    return path


def write_folder(path: Path, members: Mapping[str, bytes]) -> Path:
    for name, data in members.items():
        if not name.endswith("/"):
            target = path / name.removeprefix(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
    return path


def edit_json(members: Members, name: str, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the attributes of a member in place."""
    attributes = json.loads(members[name])
    change(attributes)
    members[name] = json.dumps(attributes).encode()


def without_pixels(project: Project) -> Any:  # noqa: ANN401
    """Return all of a project but its pixels, which are equal only if they are one object."""
    things = [{**asdict(thing), "pixels": None} for thing in project.things.values()]
    return replace(project, things={}), list(project.things), things
