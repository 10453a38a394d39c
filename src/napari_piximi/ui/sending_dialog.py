"""Pixels leave this machine only when a user agrees, once or for a project while it is open."""

from qtpy.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_piximi.ui.segment_words import images_text, megabytes
from napari_piximi.ui.shown_names import breakable
from napari_piximi.ui.wrapped_label import wrapped_label

__all__ = ["SendingDialog", "ask_sending"]

WIDTH = 420


def ask_sending(
    title: str, host: str, images: int, size: int, parent: QWidget | None = None
) -> tuple[bool, bool]:
    """Ask whether pixels may be sent to another machine.

    Parameters
    ----------
    title : str
        Of the segmenter.
    host : str
        Where they go.
    images : int
    size : int
        Bytes.
    parent : QWidget, optional

    Returns
    -------
    agreed, always : bool
        `always`: not to be asked again for this project in this session.
    """
    dialog = SendingDialog(title, host, images, size, parent)
    try:
        agreed = bool(dialog.exec())
        return agreed, agreed and dialog.always.isChecked()
    finally:
        dialog.deleteLater()


class SendingDialog(QDialog):
    """Says what leaves this machine; Cancel is what Enter and Esc press.

    Parameters
    ----------
    title, host : str
    images, size : int
    parent : QWidget, optional
    """

    def __init__(
        self, title: str, host: str, images: int, size: int, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Send pixels to another machine?")
        self.words = wrapped_label(
            breakable(
                f"{title} does not run on this machine. The pixels of {images_text(images)}, "
                f"{megabytes(size)}, would be sent over the internet to {host}. Who runs that "
                "machine can see them. Do not send what is confidential, such as images of "
                "patients.",
                600,
            )
        )
        self.always = QCheckBox("Do not ask again while this project is open")
        self.always.setToolTip(
            "It asks again for any other project, and when this one is opened again"
        )
        self.send = QPushButton("Send the pixels")
        self.send.setAutoDefault(False)
        self.send.setToolTip(f"Send them to {host}")
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        buttons.addButton(self.send, QDialogButtonBox.ButtonRole.AcceptRole)
        cancel = buttons.button(QDialogButtonBox.StandardButton.Cancel)
        assert cancel is not None
        self.cancel = cancel
        self.cancel.setDefault(True)
        self.cancel.setFocus()
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        for widget in (self.words, self.always, buttons):
            layout.addWidget(widget)
        self.setMinimumWidth(WIDTH)
