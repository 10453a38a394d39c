"""A progress bar that is drawn with the rest of the window."""

from qtpy.QtWidgets import QProgressBar

__all__ = ["ProgressBar"]


class ProgressBar(QProgressBar):
    """A progress bar that waits until the window is drawn.

    Qt's own draws itself at once for each change of its range, value or text, and with it the
    whole window, because of napari's canvas: without a graphics card 10 ms each time.
    """

    def show_progress(self, done: int, total: int, text: str | None = None) -> None:
        """Show how far something is.

        Parameters
        ----------
        done, total : int
            A total of 0 or less: it is not known.
        text : str, optional
            What stands in the bar, a format as of :class:`QProgressBar`; as before if not given.
        """
        self.setUpdatesEnabled(False)
        self.setRange(0, max(total, 0))
        self.setValue(done)
        if text is not None:
            self.setFormat(text)
        self.setUpdatesEnabled(True)

    def show_busy(self) -> None:
        """Show that something is under way, of which nobody knows how far it is."""
        self.show_progress(0, 0)
