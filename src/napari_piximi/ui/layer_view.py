"""Which plane the viewer shows of an image, and where it looks."""

from typing import TYPE_CHECKING

from napari_piximi.model.things import Annotation, Image
from napari_piximi.ui.layer_channels import scale_of

if TYPE_CHECKING:
    from napari.components import Camera, ViewerModel

__all__ = ["camera_of", "centre_on", "name_planes", "plane_of", "set_plane"]

SMALLEST, BEST = 24.0, 64.0
"""Screen pixels: an annotation that is smaller than the first is brought to the second."""


def camera_of(viewer: "ViewerModel") -> "Camera":
    """Return the camera; since napari 0.9 it belongs to the viewer's scene."""
    return getattr(viewer, "scene", viewer).camera


def plane_of(viewer: "ViewerModel", image: Image) -> int:
    """Return the plane of an image that the viewer shows."""
    axis, planes = viewer.dims.ndim - 3, image.pixels.shape[0]
    if planes == 1:
        return 0
    if axis < 0:
        return image.plane
    plane = round(viewer.dims.point[axis] / scale_of(image)[0])
    return int(min(max(plane, 0), planes - 1))


def set_plane(viewer: "ViewerModel", image: Image, plane: int) -> None:
    """Let the viewer show a plane of an image."""
    axis = viewer.dims.ndim - 3
    if image.pixels.shape[0] > 1 and axis >= 0 and plane != plane_of(viewer, image):
        viewer.dims.set_point(axis, plane * scale_of(image)[0])


def name_planes(viewer: "ViewerModel", image: Image) -> None:
    """Write beside the slider what it is for, unless it says something already."""
    axis = viewer.dims.ndim - 3
    if image.pixels.shape[0] > 1 and axis >= 0:
        label = viewer.dims.axis_labels[axis]
        if label.lstrip("-").isdigit():
            viewer.dims.set_axis_label(axis, "plane")


def centre_on(viewer: "ViewerModel", image: Image, annotation: Annotation) -> None:
    """Bring an annotation into the middle, and nearer if it is tiny."""
    scale = scale_of(image)
    top, left, bottom, right = annotation.bbox
    rows, columns = (bottom - top) * scale[-2], (right - left) * scale[-1]
    row, column = (top + bottom - 1) / 2 * scale[-2], (left + right - 1) / 2 * scale[-1]
    set_plane(viewer, image, annotation.plane)
    camera = camera_of(viewer)
    depth = annotation.plane * scale[0] if len(scale) == 3 else 0.0
    camera.center = (depth, row, column)
    if max(rows, columns) * camera.zoom < SMALLEST:
        camera.zoom = BEST / max(rows, columns)
