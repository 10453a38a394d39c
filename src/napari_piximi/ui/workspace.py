"""One workspace per viewer: its session, gallery, jobs, file, and what the viewer shows."""

import gc
import weakref
from collections.abc import Callable, Iterable, Set
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari.components import ViewerModel
from psygnal import Signal

from napari_piximi.errors import Cancelled, EditError, RecoveryError
from napari_piximi.io.recovery import Journal
from napari_piximi.io.scratch import Scratch
from napari_piximi.model import edits
from napari_piximi.model.bulk import without_garbage_collection
from napari_piximi.model.gallery import Gallery
from napari_piximi.model.places import places_of
from napari_piximi.model.project import Project
from napari_piximi.model.session import Session
from napari_piximi.model.things import Annotation, Image
from napari_piximi.progress import Progress
from napari_piximi.ui import messages, preferences
from napari_piximi.ui.jobs import Job, Jobs, show_failure
from napari_piximi.ui.layer_arrivals import has_window
from napari_piximi.ui.layers import LayerLink

if TYPE_CHECKING:
    from napari_piximi.ui.learning import Learning

__all__ = ["Workspace", "numbered_categories", "workspace_of"]

MANY_CHANGED = 2_000
"""Things that differ from which on undo and redo wait a moment for views to be ready."""
MANY = 10_000
"""Things above which a project is kept out of the search for garbage."""


class Workspace:
    """All that belongs to one viewer.

    Attributes
    ----------
    session : Session
    gallery : Gallery
    jobs : Jobs
    layers : LayerLink
        Keeps the viewer's layers and the project alike.
    path : Path or None
        The bundle that the project was read from or saved to.
    shown : str or None
        Id of the image that the viewer shows.
    """

    changed = Signal(Project, Project)
    """``changed(before, after)`` after every change, also when another project is opened."""
    opened = Signal()
    """Another session took the place of the old one; emitted before `changed`, when the gallery
    knows the new project already."""
    filed = Signal()
    """The path, whether all is saved, or what undo would take back may have changed."""
    shown_changed = Signal()
    """The viewer is to show another image."""
    focused = Signal(str)
    """The viewer is to centre on this annotation of the image that it shows."""

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = weakref.ref(viewer)
        self.session = Session()
        self.gallery = Gallery(self.session.project)
        self.jobs = Jobs()
        self.path: Path | None = None
        self.shown: str | None = None
        self._journal: Journal | None = None
        self._learning: Learning | None = None
        self._warned = False
        self._waiting: Callable[[], object] | None = None
        self.session.changed.connect(self._relay)
        self.layers = LayerLink(self)

    @property
    def viewer(self) -> ViewerModel:
        """The viewer; an error if it is gone."""
        viewer = self._viewer()
        assert viewer is not None, "The viewer of this workspace is gone"
        return viewer

    @property
    def project(self) -> Project:
        """The current project."""
        return self.session.project

    @property
    def learning(self) -> "Learning":
        """What fits and asks classifiers; made when it is first needed."""
        if self._learning is None:
            from napari_piximi.ui.learning import Learning

            self._learning = Learning(self)
        return self._learning

    @property
    def scratch(self) -> Scratch:
        """Where imported pixels are kept until they are saved."""
        return self._begin_journal(self.project).scratch

    def run(
        self,
        title: str,
        function: Callable[..., Any],
        *args: Any,  # noqa: ANN401
        done: Callable[[Any], object] | None = None,
        **options: Any,  # noqa: ANN401
    ) -> Job:
        """Do as :meth:`Jobs.run`; the result is dropped if another project was opened meanwhile."""
        session = self.session

        def deliver(result: Any) -> None:  # noqa: ANN401
            if done is not None and self.session is session:
                done(result)

        return self.jobs.run(title, function, *args, done=deliver, **options)

    # --- edits -----------------------------------------------------------------------------

    def edit(
        self,
        label: str,
        function: Callable[..., Project],
        *args: Any,  # noqa: ANN401
        **options: Any,  # noqa: ANN401
    ) -> bool:
        """Apply ``function(project, *args, **options)`` as one undoable edit.

        Returns
        -------
        bool
            False where the edit was refused; the user has been told why.
        """
        self.settle()
        try:
            after = function(self.project, *args, **options)
        except EditError as error:
            messages.error(error)
            return False
        self.session.apply(after, label)
        return True

    def categorize(self, ids: Iterable[str], category: str) -> bool:
        """Give things of one kind a category."""
        chosen = ids if isinstance(ids, Set) else list(ids)
        name = self.project.categories[category].name
        things = "1 thing" if len(chosen) == 1 else f"{len(chosen):,} things"
        return self.edit(f"Categorise {things} as {name}", edits.categorize, chosen, category)

    def undo(self) -> None:
        """Take the last edit back, also one that was just made in the viewer."""
        self._go(redo=False)

    def redo(self) -> None:
        """Bring back the edit last taken back."""
        self._go(redo=True)

    def foresee(self, before: Project, after: Project) -> None:
        """Make ready what views will show after a large change; for a thread.

        Parameters
        ----------
        before, after : Project
            What the project is, and what it will be.
        """
        if self.project is before:
            self.session.foresee(after)
            places_of(after)
            self.gallery.foresee(before, after)
            self.layers.foresee(before, after)

    def _go(self, *, redo: bool) -> None:
        """Undo or redo; where very many things differ, views make themselves ready before."""
        self.layers.flush()
        self.settle()
        step = self.session.redo if redo else self.session.undo
        ahead = self.session.ahead(redo=redo)
        if ahead is None or ahead[1] < MANY_CHANGED:
            step()
            return
        self._waiting = step
        label = self.session.redo_label if redo else self.session.undo_label
        job = self.run(
            f"{'Redo' if redo else 'Undo'}: {label}",
            _foresee, self, self.project, ahead[0],
            done=lambda _: self.settle(), failed=self._not_ready,
        )  # fmt: skip
        job.edits = True

    def _not_ready(self, error: BaseException) -> None:
        """Undo or redo though views are not ready, unless that was cancelled."""
        if isinstance(error, Cancelled):
            self._waiting = None
        self.settle()
        show_failure(error)

    def settle(self) -> None:
        """Undo or redo now what waits until views are ready.

        Whatever changes the project does this first: before it reads the project that it changes.
        """
        step, self._waiting = self._waiting, None
        if step is not None:
            step()

    # --- projects --------------------------------------------------------------------------

    def open_project(
        self, project: Project, path: Path | None = None, journal: Journal | None = None
    ) -> None:
        """Let another project take the place of this one, which is not asked about.

        Parameters
        ----------
        project : Project
        path : Path, optional
            The bundle that it comes from.
        journal : Journal, optional
            The one that it was recovered with; the project then counts as not saved.
        """
        before, self._waiting = self.project, None
        for job in self.jobs.running:
            job.cancel()
        self._end_journal()
        self.session.changed.disconnect(self._relay)
        self.session = Session(project)
        self.session.changed.connect(self._relay)
        self._journal, self.path, self.shown = journal, path, None
        _spare_garbage_collection(project, self.viewer)
        if journal is not None:
            self.session.mark_changed()
        self.gallery.update(before, project)  # first: panels ask it
        self.opened.emit()
        self.shown_changed.emit()
        self.changed.emit(before, project)
        self.filed.emit()

    def foresee_opening(self, project: Project) -> None:
        """Make ready what views ask of another project first; for the thread that reads it.

        Parameters
        ----------
        project : Project
            The one that :meth:`open_project` will get.
        """
        with without_garbage_collection():
            places_of(project)
            self.gallery.foresee(self.project, project)

    def begin_save(self, project: Project, path: Path) -> None:
        """Note that `project` is about to be written to `path`."""
        if self._journal is not None:
            self._journal.saving(project, path)

    def fail_save(self) -> None:
        """Note that the save begun last did not come to an end."""
        if self._journal is not None:
            self._journal.save_failed()

    def mark_saved(self, project: Project, path: Path) -> None:
        """Note that `project` has been written to `path`."""
        if self._journal is not None:
            self._journal.saved(project, path)
        self.path = path
        self.session.mark_saved(project)
        self.filed.emit()

    def close(self, *, keep: bool = False) -> None:
        """Stop all work; what was kept against a crash goes, unless it is to be recovered."""
        try:
            for job in self.jobs.running:
                job.cancel()
            if self._learning is not None:  # a function that does not heed this ends with it
                self._learning.close()
            self.jobs.close()
        finally:
            gc.unfreeze()
            self._end_journal(keep=keep)

    # --- what the viewer shows ---------------------------------------------------------------

    def show(self, thing: str) -> None:
        """Show an image; or the image of an annotation, centred on it and with it selected."""
        found = self.project.things.get(thing)
        if found is None:
            return
        image = found.id if isinstance(found, Image) else found.image
        if image != self.shown:
            self.shown = image
            self.shown_changed.emit()
        if isinstance(found, Annotation):
            self.focused.emit(thing)

    # --- shared ------------------------------------------------------------------------------

    def _relay(self, before: Project, after: Project) -> None:
        self._waiting = None  # it was about what is not the last edit any more
        self._keep(before, after)
        self.gallery.update(before, after)  # first: panels ask it
        if self.shown is not None and self.shown not in after.things:
            self.shown = None
            self.shown_changed.emit()
        self.changed.emit(before, after)
        self.filed.emit()

    def _keep(self, before: Project, after: Project) -> None:
        """Write an edit into the journal; say once if that cannot be done."""
        try:
            journal = self._begin_journal(before)
            journal.note(before, after)
            trouble = journal.failed
        except RecoveryError as error:
            trouble = error
        if trouble is not None and not self._warned:
            self._warned = True
            messages.warn(
                f"Your edits cannot be kept against a crash now ({trouble}); "
                "save often until this is mended."
            )

    def _begin_journal(self, project: Project) -> Journal:
        """Return what is kept against a crash, begun when the first edit or pixels come."""
        if self._journal is None:
            home = preferences.state_folder() / "recovery"
            self._journal = Journal.begin(home, project, self.path)
        return self._journal

    def _end_journal(self, *, keep: bool = False) -> None:
        journal, self._journal = self._journal, None
        if journal is not None:
            journal.close(discard=not keep)


def _foresee(workspace: Workspace, before: Project, after: Project, progress: Progress) -> None:
    progress(0, 0)
    with without_garbage_collection():
        workspace.foresee(before, after)


def _spare_garbage_collection(project: Project, viewer: ViewerModel) -> None:
    """Take what lives now out of the search for garbage, if it is so much that it would be felt.

    Python looks for cycles among all objects again and again, and napari does so for each layer
    that comes or goes. With what a window is made of that stops it for 0.2 s each time, with the
    100,000 things of a project, which have none, for half a second.
    """
    gc.unfreeze()
    if len(project.things) > MANY or has_window(viewer):
        gc.freeze()


_workspaces: weakref.WeakKeyDictionary[ViewerModel, Workspace] = weakref.WeakKeyDictionary()


def workspace_of(viewer: ViewerModel) -> Workspace:
    """Return the workspace of a viewer, made when it is first asked for."""
    viewer = getattr(viewer, "__wrapped__", viewer)  # plugins get a proxy
    if viewer not in _workspaces:
        _workspaces[viewer] = Workspace(viewer)
    return _workspaces[viewer]


def numbered_categories(project: Project, kind: str) -> tuple[str, ...]:
    """Return the categories that the number keys 0 to 9 stand for: Unknown, then the others."""
    return (project.kinds[kind].unknown, *project.known_categories(kind)[:9])
