"""What the last fit of the chosen network came to, and what to do next."""

from qtpy.QtCore import Signal as QtSignal
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from napari_piximi.model.segmentation import SegmentationNetwork
from napari_piximi.ui.network_picker import newest_f1
from napari_piximi.ui.shown_names import tip
from napari_piximi.ui.wrapped_label import wrapped_label

__all__ = ["NetworkOutcome", "outcome_of"]


class NetworkOutcome(QWidget):
    """A line that says how good the network is, and buttons that lead on."""

    use = QtSignal()
    """Objects are to be found with it."""
    judge = QtSignal()
    """It is to be evaluated."""

    def __init__(self) -> None:
        super().__init__()
        self.text = wrapped_label(least=80)
        self.text.setAccessibleName("How good the network is")
        self.next = QPushButton("Find objects with it →")
        self.next.setToolTip("Go to Find objects, with this network chosen")
        self.next.clicked.connect(self.use.emit)
        self.more = QPushButton("Evaluate it →")
        self.more.setToolTip("Go to Evaluate, with this network chosen")
        self.more.clicked.connect(self.judge.emit)
        row = QHBoxLayout()
        row.setSpacing(4)
        row.addWidget(self.next, 1)
        row.addWidget(self.more, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(3)
        layout.addWidget(self.text)
        layout.addLayout(row)

    def show_outcome(self, chosen: SegmentationNetwork | None, *, running: bool) -> None:
        """Show how good a network is, or nothing while there is none or one is being fitted."""
        usable = chosen is not None and chosen.model is not None and not running
        self.setVisible(usable)
        told = "" if chosen is None else outcome_of(chosen)
        self.text.setText(told)
        self.text.setVisible(bool(told))
        self.text.setToolTip(
            tip(
                "F1: harmonic mean of precision and recall of whole objects, where one counts as "
                "found from an intersection over union of 0.5. The best epoch was chosen by these "
                "objects, so new images may do worse"
            )
        )


def outcome_of(network: SegmentationNetwork) -> str:
    """Say how good the newest fit of a network is; empty where that is not known."""
    f1 = newest_f1(network)
    if f1 is None:
        return ""
    score = network.held_out_score
    count = network.runs[-1].validation if score is None else score.annotated
    objects = "1 object" if count == 1 else f"{count:,} objects"
    return f"F1 {f1:.3f} on the {objects} held out, at IoU 0.5"
