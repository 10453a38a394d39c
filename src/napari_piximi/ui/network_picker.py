"""What a network is to learn from, which one it is, its name, and its channels."""

from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QGridLayout, QLabel, QPushButton, QSizePolicy, QWidget

from napari_piximi.errors import EditError
from napari_piximi.model import edits
from napari_piximi.model.networks import check_network_name
from napari_piximi.model.segmentation import SegmentationNetwork
from napari_piximi.ui.channel_checks import ChannelChecks
from napari_piximi.ui.channel_rows import channel_colors
from napari_piximi.ui.choice_box import choice_box, list_choices
from napari_piximi.ui.keys_within import keys_within
from napari_piximi.ui.name_line import NameLine
from napari_piximi.ui.network_actions import NetworkMenu
from napari_piximi.ui.network_choice import NetworkChoice, kind_text
from napari_piximi.ui.shown_names import one_line, tip

__all__ = ["NetworkPicker", "newest_f1"]

NEW = "+ New U-Net"
LONGEST = 24
LABELS = 88
"""Width of the labels at the left in pixels."""
MISSING = "Its files are missing: put them beside the project and open it again, or fit anew"


class NetworkPicker(QWidget):
    """Kind, network with its menu, name, and the channels that it takes.

    Parameters
    ----------
    choice : NetworkChoice
    parent : QWidget, optional
    """

    def __init__(self, choice: NetworkChoice, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.choice = choice
        self.kinds = choice_box("Kind of objects to learn from")
        self.networks = choice_box("Network")
        self.more = QPushButton("⋯")
        self.name = NameLine("network", self._trouble)
        self.missing = QLabel(MISSING)
        self.channels = ChannelChecks()
        self.menu = NetworkMenu(choice, self.name.begin, self)
        self._labels: dict[str, QLabel] = {}
        self._set_up()
        self._lay_out()
        self._connect()

    def refresh(self) -> None:
        """Show everything as it is now."""
        found = self.choice.network
        self._list_kinds()
        self._list_networks(found)
        self._write_name(found)
        self.missing.setVisible(found is not None and found.model is None)
        colors = channel_colors(self.choice.project)
        self.channels.show_channels(colors, self.choice.channels, fixed=found is not None)
        for part in (self.channels, self._labels["Channels"]):
            part.setVisible(len(colors) > 1)

    # --- what is shown -------------------------------------------------------------------------

    def _list_kinds(self) -> None:
        project, counts = self.choice.project, self.choice.annotated
        wanted = [(kind, kind_text(project, kind, found)) for kind, found in counts.items()]
        list_choices(self.kinds, wanted)
        self.kinds.setEnabled(bool(wanted))
        self.kinds.setCurrentIndex(self.kinds.findData(self.choice.kind))
        self.kinds.setToolTip(
            tip(
                "Whose annotations the network learns from: "
                f"{self.kinds.currentText() or 'no object is annotated yet'}"
            )
        )

    def _list_networks(self, found: SegmentationNetwork | None) -> None:
        wanted = [("", NEW), *((n.name, _caption(n)) for n in self.choice.networks)]
        list_choices(self.networks, wanted)
        name = "" if found is None else found.name
        self.networks.setCurrentIndex(self.networks.findData(name))
        self.networks.setToolTip(tip(_meaning(found)))

    def _write_name(self, found: SegmentationNetwork | None) -> None:
        given = self.choice.name
        shown = found is not None or self.name.text() == given
        self.name.show_name(given if shown else "", given)

    # --- what is done --------------------------------------------------------------------------

    def _choose_kind(self, row: int) -> None:
        self.name.setModified(False)
        self.choice.choose_kind(self.kinds.itemData(row))

    def _choose(self, row: int) -> None:
        self.name.setModified(False)
        self.choice.choose(self.networks.itemData(row) or None)

    def _typed(self, text: str) -> None:
        """Take the name of a new network at once."""
        if self.choice.network is None:
            self.choice.set_name(text)

    def _rename(self, text: str) -> None:
        """Rename the chosen network."""
        found = self.choice.network
        if found is None or text in ("", found.name):
            self.refresh()
            return
        draft = self.choice.settings
        label = f"Rename network {one_line(found.name)} to {one_line(text)}"
        if self.choice.workspace.edit(label, edits.rename_network, found.name, text):
            self.choice.choose(text)
            self.choice.set_settings(draft)

    def _trouble(self, text: str) -> str:
        """Return what is wrong with a name; empty where nothing is."""
        project, found = self.choice.project, self.choice.network
        if not text or (found is not None and text == found.name):
            return ""
        try:
            if found is not None:
                edits.rename_network(project, found.name, text)
            else:
                check_network_name(project, text)
        except EditError as error:
            return str(error)
        return ""

    def _open_menu(self) -> None:
        self.menu.popup(self.more.mapToGlobal(QPoint(0, self.more.height())))

    # --- parts -----------------------------------------------------------------------------------

    def _set_up(self) -> None:
        self.more.setFixedWidth(30)
        self.more.setToolTip("Open, save, copy, rename or delete networks")
        self.more.setAccessibleName("Menu of the network")
        self.missing.setWordWrap(True)
        self.missing.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)

    def _lay_out(self) -> None:
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setVerticalSpacing(3)
        grid.setColumnMinimumWidth(0, LABELS)
        grid.setColumnStretch(1, 1)
        rows = (
            ("Learns from", self.kinds, 2),
            ("Network", self.networks, 1),
            ("Name", self.name, 2),
            ("Channels", self.channels, 2),
        )
        for row, (text, widget, columns) in enumerate(rows):
            label = self._labels[text] = QLabel(text)
            label.setBuddy(widget)
            grid.addWidget(label, row, 0, Qt.AlignmentFlag.AlignVCenter)
            grid.addWidget(widget, row, 1, 1, columns)
        grid.addWidget(self.more, 1, 2)
        grid.addWidget(self.name.trouble, len(rows), 0, 1, 3)
        grid.addWidget(self.missing, len(rows) + 1, 0, 1, 3)

    def _connect(self) -> None:
        self.kinds.activated.connect(self._choose_kind)
        self.networks.activated.connect(self._choose)
        self.more.clicked.connect(self._open_menu)
        self.name.typed.connect(self._typed)
        self.name.completed.connect(self._rename)
        self.channels.edited.connect(self.choice.set_channels)
        keys_within(self, "F2", self.name.begin)


def newest_f1(network: SegmentationNetwork) -> float | None:
    """Return the F1 at 0.5 of what the newest fit held out; None where that is not known.

    Until the network is evaluated on it, it is that of the fit, which may see but a part of it.
    """
    if network.held_out_score is not None:
        return network.held_out_score.f1[0]
    if not network.runs:
        return None
    run = network.runs[-1]
    values = run.history.get("val_f1", ())
    return values[run.best_epoch] if 0 <= run.best_epoch < len(values) else None


def _caption(network: SegmentationNetwork) -> str:
    f1 = newest_f1(network)
    return one_line(network.name, LONGEST) + ("" if f1 is None else f" · F1 {f1:.2f}")


def _meaning(network: SegmentationNetwork | None) -> str:
    if network is None:
        return "A new network, fitted from nothing on the objects that are annotated"
    fits = "1 fit" if len(network.runs) == 1 else f"{len(network.runs)} fits"
    f1 = newest_f1(network)
    told = "" if f1 is None else f", F1 {f1:.3f} of what the newest one held out"
    return f"{network.name}: {fits}{told}"
