"""The Feature map dock: things as points, those that look alike to a model side by side."""

from napari.components import ViewerModel

from napari_piximi.ui.panel import Panel

__all__ = ["MapPanel"]


class MapPanel(Panel):
    """To come.

    Parameters
    ----------
    napari_viewer : napari.Viewer
    """

    def __init__(self, napari_viewer: ViewerModel) -> None:
        super().__init__(napari_viewer)
        self.setObjectName("feature map")
