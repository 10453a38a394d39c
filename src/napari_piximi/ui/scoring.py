"""What the page Evaluate does: judge a segmenter as a job, and keep its score."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from psygnal import Signal

from napari_piximi.errors import Cancelled, EngineError
from napari_piximi.model.edits import add_score, delete_score
from napari_piximi.model.segmentation import ScoredImage, SegmentationNetwork, SegmentationScore
from napari_piximi.segment.catalog import find_segmenter
from napari_piximi.segment.running import Request
from napari_piximi.segment.scoring import score_images
from napari_piximi.ui import messages
from napari_piximi.ui.jobs import Job, missed, show_failure
from napari_piximi.ui.of_workspace import OfWorkspace, one_each
from napari_piximi.ui.segment_words import images_text
from napari_piximi.ui.segmenting import asker_of
from napari_piximi.ui.shown_names import one_line
from napari_piximi.ui.workspace import Workspace

__all__ = ["Judged", "Scoring", "scoring_of"]

NAMED = 2


@dataclass(frozen=True, eq=False)
class Judged:
    """A score, with what was judged.

    Attributes
    ----------
    title : str
        Of the segmenter, or the name of the network.
    kind : str
        Name of the kind that was compared with.
    score : SegmentationScore
    network : SegmentationNetwork or None
        The one that keeps the score.
    """

    title: str
    kind: str
    score: SegmentationScore
    network: SegmentationNetwork | None = None

    @property
    def name(self) -> str:
        """Say which it is: ``U-Net 1, Validation, run 2``."""
        run = "" if self.score.run is None else f", run {self.score.run + 1}"
        return f"{one_line(self.title, 40)}, {self.score.partition}{run}"

    @property
    def summary(self) -> str:
        """Say which it is, and how good."""
        return f"{self.name}: F1 {self.score.f1[0]:.3f}"


Scored = tuple[SegmentationScore, tuple[ScoredImage, ...]]


class Scoring(OfWorkspace):
    """What judges segmenters for one viewer, one at a time.

    Scores of networks are kept with these; those of other segmenters as long as the project is
    open.

    Parameters
    ----------
    workspace : Workspace

    Attributes
    ----------
    job : Job or None
        The one that runs.
    """

    changed = Signal()
    """A job has begun or ended."""
    judged = Signal(object)
    """The score that has just been made."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self.job: Job | None = None
        self._others: list[Judged] = []
        workspace.opened.connect(self._opened)

    @property
    def running(self) -> bool:
        """Whether something is being judged."""
        return self.job is not None

    @property
    def kept(self) -> list[Judged]:
        """All scores there are: those of this session, then those of networks, newest first."""
        project = self.workspace.project
        networks = [
            Judged(n.name, project.kind_name(n.kind), score, n)
            for n in reversed(project.networks)
            for score in reversed(n.scores)
        ]
        return [*reversed(self._others), *networks]

    def start(self, request: Request, kind: str, images: Sequence[str], partition: str) -> Job:
        """Judge a segmenter.

        Parameters
        ----------
        request : Request
        kind : str
            Id of the kind to compare with.
        images : sequence of str
            Image ids.
        partition : str
            What the score calls the images.
        """
        workspace, segmenter = self.workspace, find_segmenter(request.segmenter)
        workspace.layers.flush()  # what is being painted is compared with too
        title = segmenter.title if request.network is None else request.network.name
        kind_name = workspace.project.kind_name(kind)
        self.job = workspace.learning.follow(
            f"Evaluate {one_line(title)}",
            partial(
                score_images,
                workspace.project,
                request,
                kind,
                tuple(images),
                ask=asker_of(workspace, request.segmenter),
                partition=partition,
            ),
            done=partial(self._done, title, kind_name, request.network),
            failed=partial(self._failed, title),
        )
        missed(self.job).finished.connect(partial(self._ended, self.job))
        self.changed.emit()
        return self.job

    def stop(self) -> None:
        """Stop; nothing is kept."""
        if self.job is not None:
            self.job.cancel()

    def delete(self, judged: Judged) -> None:
        """Forget a score; that of a network can be brought back by undo."""
        if judged.network is None:
            self._others = [other for other in self._others if other.score is not judged.score]
            self.changed.emit()
            return
        index = [score is judged.score for score in judged.network.scores].index(True)
        self.workspace.edit("Delete score", delete_score, judged.network.name, index)

    # --- within ------------------------------------------------------------------------------

    def _done(
        self, title: str, kind: str, network: SegmentationNetwork | None, found: Scored
    ) -> None:
        workspace, (score, rows) = self.workspace, found
        there = {n.name for n in workspace.project.networks}
        if network is not None and network.name in there:
            label = f"Evaluate {one_line(title)}"
            workspace.edit(label, add_score, network.name, score)
        else:
            self._others.append(Judged(title, kind, score))
        if network is not None and network.name not in there:
            messages.warn(
                f"{one_line(title)} was deleted or renamed while it was evaluated: its score is "
                "listed as long as the project is open"
            )
        _tell_failures(rows)
        self.judged.emit(score)

    def _failed(self, title: str, error: BaseException) -> None:
        if isinstance(error, Cancelled):
            messages.info("The evaluation was stopped; nothing is kept of it")
        elif isinstance(error, EngineError):
            messages.error(
                f"{one_line(title)} could not be evaluated, and nothing is lost: {error}"
            )
        else:
            show_failure(error)

    def _ended(self, job: Job) -> None:
        if self.job is job:
            self.job = None
            self.changed.emit()

    def _opened(self) -> None:
        self._others = []
        if self.job is not None:
            self.job = None
            self.changed.emit()


def _tell_failures(rows: Sequence[ScoredImage]) -> None:
    failed = [row for row in rows if row.trouble]
    if failed:
        shown = "; ".join(one_line(row.trouble, 120) for row in failed[:NAMED])
        more = f"; and {len(failed) - NAMED:,} more" if len(failed) > NAMED else ""
        does = "does" if len(failed) == 1 else "do"
        messages.warn(
            f"{images_text(len(failed))} could not be segmented and {does} not count: {shown}{more}"
        )


scoring_of = one_each(Scoring)
"""Return what judges segmenters for a viewer, made when it is first asked for."""
