"""Files that are dropped: what each of them is, and who takes it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from qtpy.QtCore import QMimeData
from qtpy.QtWidgets import QWidget

from napari_piximi.ui import documents, messages
from napari_piximi.ui.network_import import import_network
from napari_piximi.ui.workspace import Workspace

__all__ = ["Dropped", "accept_paths", "local_paths", "sort_paths"]

CLASSIFIER_SUFFIXES = (".zip", ".json", ".bin")


@dataclass(slots=True)
class Dropped:
    """Paths, by what they are."""

    bundles: list[Path] = field(default_factory=list)
    images: list[Path] = field(default_factory=list)
    annotations: list[Path] = field(default_factory=list)
    classifiers: list[Path] = field(default_factory=list)
    networks: list[Path] = field(default_factory=list)
    strange: list[Path] = field(default_factory=list)


def accept_paths(workspace: Workspace, paths: Iterable[Path], parent: QWidget | None) -> None:
    """Open the project among dropped files, or add images, annotations and models.

    Returns at once; jobs do the work. What nobody knows is told of once, and the rest is taken.
    """
    found = sort_paths(paths)
    if found.strange:
        messages.error(_strange(found.strange))
    others = (*found.images, *found.annotations, *found.classifiers, *found.networks)
    if len(found.bundles) > 1 or (found.bundles and others):
        messages.error(
            f"Drop one project alone: {found.bundles[0].name} would take the place of the "
            "project that the other files are for"
        )
        return
    if found.bundles:
        documents.open_path(workspace, found.bundles[0], parent)
    elif others:
        _import(workspace, found, parent)


def sort_paths(paths: Iterable[Path]) -> Dropped:
    """Tell what files and folders are, by their names and a look into them.

    A folder that is no bundle is one of images.
    """
    found = Dropped()
    for path in paths:
        _list_of(found, path).append(path)
    return found


def local_paths(data: QMimeData | None) -> list[Path]:
    """Return the files of this machine that are dragged; empty if something else is."""
    if data is None or not data.hasUrls():
        return []
    return [Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile()]


def _list_of(found: Dropped, path: Path) -> list[Path]:
    from napari_piximi.io.annotations import annotation_format
    from napari_piximi.io.images import IMAGE_SUFFIXES
    from napari_piximi.io.sniffing import (
        looks_like_bundle,
        looks_like_classifier,
        looks_like_dicom,
        looks_like_network,
    )

    suffix = path.suffix.lower()
    if path.is_dir():
        if looks_like_bundle(path):
            return found.bundles
        return found.strange if suffix == ".zarr" else found.images
    if suffix in CLASSIFIER_SUFFIXES and looks_like_classifier(path):
        return found.networks if looks_like_network(path) else found.classifiers
    if suffix == ".zip":
        return found.bundles  # which tells what is wrong with one that is none
    if suffix == ".json" and annotation_format(path):
        return found.annotations
    is_image = suffix in IMAGE_SUFFIXES or looks_like_dicom(path)
    return found.images if is_image else found.strange


def _strange(paths: Sequence[Path]) -> str:
    names = ", ".join(path.name for path in paths[:3])
    more = f" and {len(paths) - 3:,} more" if len(paths) > 3 else ""
    return (
        f"{names}{more}: neither an image, a Piximi project, annotations nor a model; "
        "open it in napari, and add its layer to the project"
    )


def _import(workspace: Workspace, found: Dropped, parent: QWidget | None) -> None:
    """Add files to the project; annotations after the images that they lie on."""
    from napari_piximi.ui import imports

    def annotate() -> None:
        for path in found.annotations:
            imports.import_annotations(workspace, path)

    for path in found.classifiers:
        imports.import_classifier(workspace, path)
    for path in found.networks:
        import_network(workspace, path)
    if not found.images:
        annotate()
        return
    imports.import_images(workspace, found.images, parent, then=annotate)
