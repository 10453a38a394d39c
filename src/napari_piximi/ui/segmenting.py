"""Objects found in images as a job: image by image in the right process, one edit at the end."""

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from napari_piximi.errors import (
    Cancelled,
    EditError,
    EngineError,
    PiximiError,
    SegmentError,
)
from napari_piximi.io.lending import lend
from napari_piximi.model.project import Project
from napari_piximi.model.query import renewed
from napari_piximi.model.things import IMAGE_KIND
from napari_piximi.progress import Progress
from napari_piximi.segment.catalog import find_segmenter
from napari_piximi.segment.results import Fate, Target, apply_outcome, fate_of
from napari_piximi.segment.running import (
    Ask,
    Outcome,
    Request,
    Segmented,
    segment_image,
    segment_images,
    told_apart,
)
from napari_piximi.ui import messages
from napari_piximi.ui.computing import apply_computed
from napari_piximi.ui.course import Course
from napari_piximi.ui.docks import show_dock
from napari_piximi.ui.jobs import Job, Leaving, show_failure
from napari_piximi.ui.of_workspace import one_each
from napari_piximi.ui.segment_where import kinds_named
from napari_piximi.ui.segment_words import objects_text, outcome_text
from napari_piximi.ui.time_left import TimeLeft, spoken
from napari_piximi.ui.workspace import Workspace

__all__ = ["Segmenting", "SegmentingUnderWay", "asker_of", "segmenting_of"]

SEGMENT = "napari_piximi.segment.running:segment_image"
STEPS = 1000
"""Of each image, in the progress of :func:`segment_images`."""


@dataclass
class SegmentingUnderWay:
    """Objects that are being found, as far as it is.

    Attributes
    ----------
    title : str
        Of the segmenter.
    images : tuple of str
        Image ids.
    kind : str or None
        Id of the kind that the target names, which may be renamed meanwhile; None for a new one.
    fate : Fate or None
        What became of the objects that were there, once that is known.
    """

    title: str
    images: tuple[str, ...]
    request: Request
    target: Target
    kind: str | None = None
    fate: Fate | None = None
    job: Job | None = None
    done: int = 0
    total: int = 0
    message: str = ""
    stopping: bool = False
    left: TimeLeft = field(default_factory=TimeLeft)

    def take(self, done: int, total: int, message: str, _figures: dict[str, Any]) -> None:
        """Take a report in."""
        self.done, self.total, self.message = done, total, message

    def line(self) -> str:
        """Say in one line how far it is, and how long it will take."""
        if self.stopping:
            return "Stopping; finished images are kept"
        if not self.total:
            return self.message or "Getting ready"
        count = len(self.images)
        number = min(self.done // STEPS + 1, count)
        parts = [f"Image {number:,} of {count:,}: {self.message}" if count > 1 else self.message]
        seconds = self.left.note(time.monotonic(), self.done, self.total)
        if seconds is not None and self.done >= STEPS:  # the steps of one image tell little
            parts.append(f"about {spoken(seconds)} left")
        return ", ".join(parts)


class Segmenting(Course[SegmentingUnderWay]):
    """What finds objects for one viewer, one run at a time.

    Parameters
    ----------
    workspace : Workspace

    Attributes
    ----------
    current : SegmentingUnderWay or None
    found : str
        Id of the kind of what was found last; empty before that, and during a run.
    """

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self.found = ""

    def start(
        self, images: Sequence[str], request: Request, target: Target
    ) -> SegmentingUnderWay | None:
        """Begin to find objects; None where that is under way already.

        Parameters
        ----------
        images : sequence of str
            Image ids, of the project as it is now.
        request : Request
        target : Target
        """
        if self.current is not None or not images:
            return None
        workspace = self.workspace
        chosen = find_segmenter(request.segmenter)
        title = chosen.title
        kind = next(iter(kinds_named(workspace.project, [target.kind])), None)
        way = SegmentingUnderWay(title, tuple(images), request, target, kind)
        self.current, self.found = way, ""
        job = workspace.learning.follow(
            f"Find objects with {title}",
            partial(_segment, workspace.project, way, asker_of(workspace, request.segmenter)),
            keras=chosen.place == "networks",
            done=partial(self._done, way),
            failed=partial(self._failed, way),
        )
        leaving = Leaving(
            f"{title} is still finding objects",
            "What it found on the images that are finished can be kept in the project. If you "
            "discard it, it is lost.",
            "Discard what it found",
            "Go on finding",
            "Stop and keep finished images",
            self.stop,
        )
        self._follow(way, job, leaving)
        return way

    def show_found(self) -> None:
        """Show what was found last in the Gallery, whatever was looked for there."""
        workspace = self.workspace
        if self.found in workspace.project.kinds:
            workspace.gallery.set_query(renewed(workspace.gallery.query, self.found))
            show_dock(workspace, "Gallery")

    def _opened(self) -> None:
        self.found = ""
        super()._opened()

    # --- what comes of it ------------------------------------------------------------------------

    def _done(self, way: SegmentingUnderWay, outcome: Outcome) -> None:
        workspace = self.workspace
        kind = workspace.project.kinds.get(way.kind or "")
        if kind is not None:
            way.target = replace(way.target, kind=kind.name)
        if not outcome.objects:  # what was there is not taken away for nothing
            way.fate = fate_of(workspace.project, outcome, way.target)
            _tell(way, outcome, workspace.project)
            return
        things = len(workspace.project.things) if way.target.replaces else 0
        label = f"Find {objects_text(outcome.objects)} with {way.title}"
        apply_computed(
            workspace,
            label,
            max(outcome.objects, things),
            _applied,
            outcome,
            way,
            done=partial(self._applied, way, outcome),
        )

    def _applied(self, way: SegmentingUnderWay, outcome: Outcome) -> None:
        workspace = self.workspace
        project = workspace.project
        names = set(find_segmenter(way.request.segmenter).classes) or {way.target.kind}
        kinds = kinds_named(project, names)
        self.found = next((kind for kind in kinds if any(project.of_kind(kind))), "")
        if not any(project.known_categories(kind) for kind in kinds):
            # In the grey of Unknown, nobody could tell one object from another.
            workspace.layers.color_mode = "instance"
        _tell(way, outcome, project)

    def _failed(self, way: SegmentingUnderWay, error: BaseException) -> None:
        if isinstance(error, Cancelled):
            messages.info("Stopped before an image was finished; the project stays as it is")
        elif isinstance(error, EngineError):
            messages.error(f"{way.title} found nothing, and nothing is lost: {error}")
        else:
            show_failure(error)


def asker_of(workspace: Workspace, segmenter: str) -> Ask:
    """Return what segments one image, in the process in which that is to happen.

    Parameters
    ----------
    workspace : Workspace
    segmenter : str
        Its key.

    Returns
    -------
    callable
        Takes the place of :func:`napari_piximi.segment.running.segment_image`. An image that
        cannot be read is a SegmentError, so that the others follow; whatever else goes wrong
        is an EngineError, so that those before are kept.
    """
    engine = workspace.learning.engine(find_segmenter(segmenter).place)

    def ask(
        project: Project, image: str, request: Request, progress: Progress
    ) -> tuple[Segmented, ...]:
        thing = project.things.get(image)
        with told_apart(image if thing is None else thing.name):
            if engine is None:
                return segment_image(project, image, request, progress)
            with tempfile.TemporaryDirectory(
                prefix="napari-piximi-", ignore_cleanup_errors=True
            ) as folder:
                lent = lend(_only(project, image), IMAGE_KIND, Path(folder), progress)
                found: tuple[Segmented, ...] = engine.call(
                    SEGMENT, lent, image, request, progress=progress
                )
                return found

    return ask


def _only(project: Project, image: str) -> Project:
    """Return a project of one image, that is quick to hand over."""
    things = {image: project.things[image]} if image in project.things else {}
    return replace(project, things=things, classifiers=(), networks=(), unread_models={})


def _segment(project: Project, way: SegmentingUnderWay, ask: Ask, progress: Progress) -> Outcome:
    return segment_images(project, way.images, way.request, progress, ask=ask)


def _applied(project: Project, outcome: Outcome, way: SegmentingUnderWay) -> Project:
    way.fate = fate_of(project, outcome, way.target)
    try:
        return apply_outcome(project, outcome, way.target)
    except SegmentError as error:
        raise EditError(str(error)) from error


def _tell(way: SegmentingUnderWay, outcome: Outcome, project: Project) -> None:
    """Say once what came of a run."""
    text, bad = outcome_text(outcome, project, len(way.images), way.fate)
    if isinstance(outcome.ended, PiximiError) and not isinstance(outcome.ended, Cancelled):
        messages.error(text)
    elif bad:
        messages.warn(text)
    else:
        messages.info(text)


segmenting_of = one_each(Segmenting)
"""Return what finds objects for a viewer, made when it is first asked for."""
