"""What our entries in napari's menus do, each for the viewer in front."""

from typing import TYPE_CHECKING

from napari import current_viewer
from qtpy.QtWidgets import QWidget

from napari_piximi.errors import PiximiError
from napari_piximi.ui import documents, file_choice, imports, messages
from napari_piximi.ui.docks import show_docks
from napari_piximi.ui.workspace import Workspace, workspace_of

if TYPE_CHECKING:
    from napari.layers import Layer

    from napari_piximi.ui.layer_colors import ColorMode

__all__ = [
    "add_layers",
    "apply_look",
    "color_by_category",
    "color_by_instance",
    "color_by_prediction",
    "import_annotations",
    "import_classifier",
    "import_images",
    "labels_to_annotations",
    "open_project",
    "save_project",
    "save_project_as",
    "show_features",
]

FEATURES_TABLE = ("napari", "Features table widget")


# --- File ------------------------------------------------------------------------------------


def open_project() -> None:
    """Ask for a bundle and open it."""
    workspace, parent = _front()
    chosen = file_choice.choose_files(parent, "Open project", ["Piximi project (*.zip)"])
    if chosen:
        documents.open_path(workspace, chosen[0], parent)


def save_project() -> None:
    """Save the project to its file."""
    workspace, parent = _front()
    documents.save(workspace, parent)


def save_project_as() -> None:
    """Ask for a file and save the project to it."""
    workspace, parent = _front()
    documents.save_as(workspace, parent=parent)


def import_images() -> None:
    """Ask for image files and add them to the project."""
    from napari_piximi.io.images import IMAGE_SUFFIXES

    workspace, parent = _front()
    filters = [f"Images ({' '.join(f'*{suffix}' for suffix in IMAGE_SUFFIXES)})"]
    chosen = file_choice.choose_files(parent, "Import images", filters, several=True)
    if chosen:
        show_docks(workspace)
        imports.import_images(workspace, chosen, parent)


def import_annotations() -> None:
    """Ask for an annotation file and add what is in it to the project."""
    workspace, parent = _front()
    filters = ["Annotations of Piximi or COCO (*.json)"]
    chosen = file_choice.choose_files(parent, "Import annotations", filters)
    if chosen:
        imports.import_annotations(workspace, chosen[0])


def import_classifier() -> None:
    """Ask for a classifier and add it to the project."""
    workspace, parent = _front()
    filters = ["Classifier (*.json *.weights.bin *.zip)"]
    chosen = file_choice.choose_files(parent, "Import classifier", filters)
    if chosen:
        imports.import_classifier(workspace, chosen[0])


def add_layers() -> None:
    """Add the selected layers to the project: images, or annotations from labels."""
    from napari_piximi.ui.layer_import import add_layers as add

    workspace, parent = _front()
    selected = _selected(workspace)
    if selected:
        add(workspace, selected, parent)


# --- Layers ----------------------------------------------------------------------------------


def color_by_category() -> None:
    """Colour annotations by their category."""
    _color_by("category")


def color_by_instance() -> None:
    """Give each annotation a colour of its own."""
    _color_by("instance")


def color_by_prediction() -> None:
    """Colour annotations by the category that a classifier predicts."""
    _color_by("prediction")


def apply_look() -> None:
    """Give all images the colours, ranges and visible channels of the one on show."""
    from napari_piximi.ui.layers import apply_channels_to_all

    workspace, _ = _front()
    if workspace.shown is None:
        messages.warn("Show an image of the project first; the others will look like it")
    else:
        apply_channels_to_all(workspace)


def labels_to_annotations() -> None:
    """Make annotations of the selected Labels layers."""
    from napari.layers import Labels

    from napari_piximi.ui.layer_import import add_layers as add

    workspace, parent = _front()
    labels = [layer for layer in workspace.viewer.layers.selection if isinstance(layer, Labels)]
    if labels:
        add(workspace, labels, parent)
    else:
        messages.warn("Select a Labels layer in the layer list first")


def show_features() -> None:
    """Show napari's table of features for the annotations of the image on show."""
    workspace, _ = _front()
    window = getattr(workspace.viewer, "window", None)
    if window is None:
        return
    link = workspace.layers
    link.flush()
    labels = [layer for layer in link.layers() if link.kind_of(layer)]
    if not labels:
        messages.warn("Show an image of the project that has objects first")
        return
    selection = workspace.viewer.layers.selection
    if selection.active not in labels:
        selection.active = labels[-1]
    window.add_plugin_dock_widget(*FEATURES_TABLE)


# --- shared ----------------------------------------------------------------------------------


def _color_by(mode: "ColorMode") -> None:
    """Colour labels; tell why there is nothing to be seen of it."""
    workspace, _ = _front()
    link = workspace.layers
    link.color_mode = mode
    if not any(link.kind_of(layer) for layer in link.layers()):
        messages.info(f"From now on objects are coloured by {mode}; show an image to see them")
    elif mode == "prediction" and not any(
        thing.prediction for thing in workspace.project.annotations(workspace.shown or "")
    ):
        messages.info("No object on show has a prediction yet; let a classifier predict first")


def _selected(workspace: Workspace) -> list["Layer"]:
    """Return the selected layers in their order; the user is told if there are none."""
    layers = workspace.viewer.layers
    selected = [layer for layer in layers if layer in layers.selection]
    if not selected:
        messages.warn("Select the layers to add in the layer list first")
    return selected


def _front() -> tuple[Workspace, QWidget | None]:
    """Return the workspace of the viewer in front, and the window for dialogs to lie over.

    Raises
    ------
    PiximiError
        If there is no viewer; napari shows it.
    """
    viewer = current_viewer()
    if viewer is None:
        raise PiximiError("There is no napari window; open one first")
    from qtpy.QtWidgets import QApplication

    return workspace_of(viewer), QApplication.activeWindow()
