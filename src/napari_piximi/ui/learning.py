"""The engines of one viewer, and the jobs that run in them."""

import tempfile
import threading
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from psygnal import Signal
from qtpy.QtCore import QTimer

from napari_piximi.engine import Engine
from napari_piximi.io.lending import lend
from napari_piximi.io.scratch import Scratch
from napari_piximi.model.project import Project
from napari_piximi.model.training import FOREST, FOREST_FORMAT, Classifier, Settings
from napari_piximi.progress import Progress
from napari_piximi.ui.jobs import Job
from napari_piximi.ui.model_choice import ModelChoice

if TYPE_CHECKING:
    from napari_piximi.ui.workspace import Workspace

__all__ = ["Learning", "needs_keras"]

IDLE = 10 * 60 * 1000
"""Milliseconds without work after which the engines end, and free the memory of the GPU."""

KERAS_MODULES = ("napari_piximi.learn.networks",)
PLAIN_MODULES = ("napari_piximi.learn.classifier", "sklearn.ensemble")


def needs_keras(chosen: Settings | Classifier) -> bool:
    """Tell whether Keras is needed to fit settings, or to ask a classifier."""
    if isinstance(chosen, Settings):
        return chosen.architecture != FOREST
    return chosen.model is None or chosen.model.document.get("format") != FOREST_FORMAT


class Learning:
    """What learns for one viewer: two child processes, one of them with Keras.

    A forest neither waits for Keras to be imported nor for a network that is being fitted.

    Parameters
    ----------
    workspace : Workspace

    Attributes
    ----------
    choice : ModelChoice
        Which model the Classifier dock is about.
    device : str
        What networks run on; empty until the engine has told.
    """

    device_changed = Signal()

    def __init__(self, workspace: "Workspace") -> None:
        self._workspace = weakref.ref(workspace)
        self.choice = ModelChoice(workspace)
        self.device = ""
        self.networks = Engine(KERAS_MODULES)
        self.plain = Engine(PLAIN_MODULES)
        self._idle = QTimer()
        self._idle.setSingleShot(True)
        self._idle.setInterval(IDLE)
        self._idle.timeout.connect(self._rest)

    @property
    def workspace(self) -> "Workspace":
        """The workspace."""
        found = self._workspace()
        assert found is not None
        return found

    def warm(self) -> None:
        """Start the engines, so that the first fit need not wait; costs the window nothing."""
        self._idle.start()
        for engine in (self.plain, self.networks):
            threading.Thread(target=engine.start, daemon=True).start()
        if not self.device:
            self.workspace.jobs.run(
                "Start the engine", _describe, self.networks, done=self._set_device
            )

    def run(
        self,
        title: str,
        function: str,
        project: Project,
        kind: str,
        *args: Any,  # noqa: ANN401
        keras: bool = True,
        keeps: bool = False,
        done: Callable[[Any], object] | None = None,
        failed: Callable[[BaseException], None] | None = None,
        **options: Any,  # noqa: ANN401
    ) -> Job:
        """Call ``function(lent project, *args, progress=…, **options)`` in an engine, as a job.

        Parameters
        ----------
        title : str
        function : str
            ``"module:name"``.
        project : Project
            Of it, the function gets the things of `kind` and the images that they lie on.
        kind : str
            Kind id.
        keras : bool
            In the engine with Keras.
        keeps : bool
            See :meth:`napari_piximi.engine.Engine.call`.
        done, failed : callable, optional
            As for :meth:`napari_piximi.ui.jobs.Jobs.run`; neither is called where another
            project was opened meanwhile.
        """
        workspace, session = self.workspace, self.workspace.session
        engine = self.networks if keras else self.plain

        def work(progress: Progress) -> Any:  # noqa: ANN401
            with tempfile.TemporaryDirectory(prefix="napari-piximi-") as folder:
                lent = lend(project, kind, Scratch(Path(folder)))
                return engine.call(function, lent, *args, progress=progress, keeps=keeps, **options)

        def tell(error: BaseException) -> None:
            if failed is not None and workspace.session is session:
                failed(error)

        job = workspace.run(title, work, done=done, **({} if failed is None else {"failed": tell}))
        self._idle.start()
        job.finished.connect(self._idle.start)
        return job

    def close(self) -> None:
        """End the engines."""
        self._idle.stop()
        self.networks.close()
        self.plain.close()

    def _set_device(self, device: str) -> None:
        self.device = device
        self.device_changed.emit()

    def _rest(self) -> None:
        """Free the memory, unless something runs."""
        if self.networks.busy or self.plain.busy:
            self._idle.start()
            return
        self.networks.close()
        self.plain.close()


def _describe(engine: Engine, progress: Progress) -> str:
    # The engine has no reports to make here, but this one notices a cancel while it starts.
    return str(engine.call("napari_piximi.learn.device:report", progress=progress))
