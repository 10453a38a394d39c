"""The engines of one viewer, and the jobs that run in them."""

import os
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from psygnal import Signal

from napari_piximi.engine import Engine
from napari_piximi.errors import Cancelled, EngineError
from napari_piximi.io.lending import lend
from napari_piximi.learn.device_choice import DEVICES, VARIABLE
from napari_piximi.model.project import Project
from napari_piximi.model.training import FOREST, FOREST_FORMAT, Classifier, Settings
from napari_piximi.progress import Progress
from napari_piximi.ui import messages, preferences
from napari_piximi.ui.jobs import Job, show_failure
from napari_piximi.ui.model_choice import ModelChoice
from napari_piximi.ui.of_workspace import OfWorkspace
from napari_piximi.ui.rest import timer_of

if TYPE_CHECKING:
    from napari_piximi.segment.catalog import Place
    from napari_piximi.ui.workspace import Workspace

__all__ = ["Learning", "needs_keras"]

IDLE = 10 * 60 * 1000
"""Milliseconds without work after which the engines end, and free the memory of the GPU."""

KERAS_MODULES = ("napari_piximi.learn.networks",)
PLAIN_MODULES = ("napari_piximi.learn.classifier", "sklearn.ensemble")
REMEDY = "Install TensorFlow where napari is installed, with `pip install --upgrade tensorflow`"
CELLPOSE_MODULES = ("napari_piximi.segment.segmenters.cellpose",)
CELLPOSE_REMEDY = "Install Cellpose where napari is installed, with `pip install cellpose`"
PLAIN_REMEDY = "Install it again, with `pip install --upgrade napari-piximi`"

REPORT = "napari_piximi.learn.device:report"

DEVICE = "device"
"""Preference: what networks are to run on."""


def needs_keras(chosen: Settings | Classifier) -> bool:
    """Tell whether Keras is needed to fit settings, or to ask a classifier."""
    if isinstance(chosen, Settings):
        return chosen.architecture != FOREST
    return chosen.model is None or chosen.model.document.get("format") != FOREST_FORMAT


class Learning(OfWorkspace):
    """What learns and finds objects for one viewer: child processes, one of them with Keras.

    A forest neither waits for Keras to be imported nor for a network that is being fitted.
    Cellpose's torch meets neither the window nor Keras.

    Parameters
    ----------
    workspace : Workspace

    Attributes
    ----------
    choice : ModelChoice
        Which model the Classifier dock is about.
    device : str
        What networks run on, or why they cannot; empty until the engine has told.
    networks, plain, cellpose : Engine
    """

    device_changed = Signal()

    def __init__(self, workspace: "Workspace") -> None:
        super().__init__(workspace)
        self.choice = ModelChoice(workspace)
        self.device = ""
        chosen = {VARIABLE: self.device_choice}
        self.networks = Engine(KERAS_MODULES, chosen, remedy=REMEDY)
        self.plain = Engine(PLAIN_MODULES, remedy=PLAIN_REMEDY)
        self.cellpose = Engine(CELLPOSE_MODULES, remedy=CELLPOSE_REMEDY)
        self._asking: Job | None = None
        self._closed = self._troubled = False
        self._idle = timer_of(self)
        self._idle.setSingleShot(True)
        self._idle.setInterval(IDLE)
        self._idle.timeout.connect(self.rest)

    @property
    def device_choice(self) -> str:
        """What networks are to run on: one of ``auto``, ``cpu``, ``gpu``."""
        device = os.environ.get(VARIABLE) or preferences.get(DEVICE, "auto")
        return device if device in DEVICES else "auto"

    def choose_device(self, device: str) -> None:
        """Choose what networks run on from the next job on; remembered.

        Parameters
        ----------
        device : str
            ``auto``, ``cpu`` or ``gpu``.
        """
        preferences.put(DEVICE, device)
        os.environ.pop(VARIABLE, None)
        self.networks.environment[VARIABLE] = device
        self._set_device("")
        self._ask()

    def warm(self) -> None:
        """Start the engines, so that the first fit need not wait; costs the window nothing.

        First the one that takes longest, then the other: both at once would leave the window no
        processor of two.
        """
        self._idle.start()
        _start_aside(self.networks)
        if self.device:
            _start_aside(self.plain)
        else:
            self._ask()

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
            project was opened meanwhile, but the user is told.
        """
        engine = self.networks if keras else self.plain

        def work(progress: Progress) -> Any:  # noqa: ANN401
            with tempfile.TemporaryDirectory(
                prefix="napari-piximi-", ignore_cleanup_errors=True
            ) as folder:
                lent = lend(project, kind, Path(folder), progress)
                return engine.call(function, lent, *args, progress=progress, keeps=keeps, **options)

        return self.follow(title, work, keras=keras, done=done, failed=failed)

    def engine(self, place: "Place") -> Engine | None:
        """Return where a segmenter runs; None for the process of the window."""
        engines = {"networks": self.networks, "cellpose": self.cellpose}
        return engines.get(place)

    def follow(
        self,
        title: str,
        work: Callable[..., Any],
        *,
        keras: bool = False,
        done: Callable[[Any], object] | None = None,
        failed: Callable[[BaseException], None] | None = None,
    ) -> Job:
        """Run a function that calls engines, as a job; they rest some time after it.

        Parameters
        ----------
        title : str
        work : callable
            Has a parameter `progress`.
        keras : bool
            It calls the engine with Keras, which may then tell what it runs on.
        done, failed : callable, optional
            As for :meth:`run`.
        """
        workspace, session = self.workspace, self.workspace.session

        def tell(error: BaseException) -> None:
            if workspace.session is not session or self._closed:
                return
            (failed or show_failure)(error)

        def end() -> None:
            self._begin_idling()
            if not self._closed:
                if workspace.session is not session:
                    messages.info(f"{title}: stopped, since another project was opened")
                elif keras and (not self.device or (self._troubled and job.state == "done")):
                    self._ask()

        job = workspace.run(title, work, done=done, failed=tell)
        self._idle.stop()
        job.finished.connect(end)
        return job

    def rest(self) -> None:
        """Free the memory that the engines take, where nothing runs; the next job starts them."""
        for engine in (self.plain, self.networks, self.cellpose):
            threading.Thread(target=engine.rest, daemon=True).start()

    def close(self) -> None:
        """End the engines, whatever they do."""
        self._closed = True
        self._idle.stop()
        for engine in (self.networks, self.plain, self.cellpose):
            engine.close()

    def _begin_idling(self) -> None:
        if not self._closed:
            self._idle.start()

    def _asked(self) -> None:
        self._begin_idling()
        if not self._closed:
            _start_aside(self.plain)

    def _ask(self) -> None:
        """Let the engine tell what it runs on; trouble waits until something is to be run."""
        if self._asking is None or not self._asking.running:
            self._asking = self.workspace.jobs.run(
                "Start the engine",
                _describe,
                self.networks,
                done=self._set_device,
                failed=self._set_trouble,
            )
            self._asking.finished.connect(self._asked)

    def _set_device(self, device: str, *, troubled: bool = False) -> None:
        self.device, self._troubled = device, troubled
        self.device_changed.emit()

    def _set_trouble(self, error: BaseException) -> None:
        if not isinstance(error, Cancelled):
            self._set_device(f"None: {error}", troubled=True)


def _start_aside(engine: Engine) -> None:
    if engine.pid is None:
        threading.Thread(target=_start, args=(engine,), daemon=True).start()


def _start(engine: Engine) -> None:
    with suppress(EngineError):  # whoever calls something then is told
        engine.start()


def _describe(engine: Engine, progress: Progress) -> str:
    # The engine has no reports to make here, but this one notices a cancel while it starts.
    return str(engine.call(REPORT, progress=progress))
