"""Images, annotations and classifiers from files, each as one job and one undoable edit."""

import time
import weakref
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from qtpy.QtWidgets import QWidget

from napari_piximi.io.annotations import read_annotations
from napari_piximi.io.images import ImageFacts
from napari_piximi.io.model_files import read_models
from napari_piximi.io.sniffing import classifier_json
from napari_piximi.model import edits
from napari_piximi.model.project import Project
from napari_piximi.model.things import IMAGE_KIND, Image
from napari_piximi.ui import image_dialog, messages
from napari_piximi.ui.adopting import Then, adopt_models
from napari_piximi.ui.image_reading import Refused, Surveyed, read_all, survey
from napari_piximi.ui.jobs import Job
from napari_piximi.ui.workspace import Workspace

__all__ = ["import_annotations", "import_classifier", "import_images"]

MOST_NAMED = 5
PARTNER = 2.0
"""Seconds after one file of a classifier in which its others are taken to come with it."""

_reading: "weakref.WeakKeyDictionary[Workspace, set[Path]]" = weakref.WeakKeyDictionary()
"""Classifiers on their way: napari hands over the files of one classifier one by one."""
_expected: "weakref.WeakKeyDictionary[Workspace, dict[Path, tuple[set[Path], float]]]" = (
    weakref.WeakKeyDictionary()
)
"""Classifiers whose other files may come yet, with those that came, and when the first did."""


# --- images --------------------------------------------------------------------------------


def import_images(
    workspace: Workspace,
    paths: Iterable[Path | str],
    parent: QWidget | None = None,
    then: Callable[[], object] | None = None,
) -> Job:
    """Add image files, and those in folders, to the project.

    What is not clear is asked before anything is read: the channels of stacks that do not tell,
    and whether to go on without files whose channels do not suit the project. Damaged files are
    left out; one notification names them.

    Parameters
    ----------
    workspace : Workspace
    paths : iterable of path
        Files and folders.
    parent : QWidget, optional
        Of the questions.
    then : callable, optional
        Called when the images are in the project, such as to import their annotations.

    Returns
    -------
    Job
        The look at the files; the reading is the job after it.
    """
    session = workspace.session

    def add(images: Sequence[Image], refused: Refused) -> None:
        _add_images(workspace, images, refused)
        if then is not None:
            then()

    def plan(found: Surveyed) -> None:
        chosen = _with_channels(workspace, found.facts, parent)
        if chosen is None:
            return
        fitting = _fitting(workspace, chosen, parent)
        if workspace.session is not session:  # while a question was on the screen
            return
        if not fitting:
            _tell_refused(found.refused, 0)
            return
        workspace.run(
            f"Import {_counted(len(fitting), 'image file')}",
            read_all,
            fitting,
            workspace.scratch,
            workspace.project.kinds[IMAGE_KIND].unknown,
            done=lambda result: add(result[0], {**found.refused, **result[1]}),
        )

    return workspace.run("Look at image files", survey, [Path(p) for p in paths], done=plan)


def _with_channels(
    workspace: Workspace, facts: Sequence[ImageFacts], parent: QWidget | None
) -> list[tuple[ImageFacts, int]] | None:
    """Return files and their channel counts; None if the user does not want to go on."""
    open_ones = [fact for fact in facts if not fact.certain]
    answers = image_dialog.ask_channels(workspace, open_ones, parent) if open_ones else {}
    if answers is None:
        return None
    return [(fact, answers.get(fact.path, fact.shape[-1])) for fact in facts]


def _fitting(
    workspace: Workspace, chosen: Sequence[tuple[ImageFacts, int]], parent: QWidget | None
) -> list[tuple[Path, int]]:
    """Return the files whose channels suit the project; the user agrees, or there are none."""
    counts = [count for _, count in chosen]
    wanted = workspace.project.image_channels or max(counts, key=counts.count, default=1)
    fitting = [(fact.path, count) for fact, count in chosen if count == wanted]
    odd = [f"{fact.path.name} ({_counted(c, 'channel')})" for fact, c in chosen if c != wanted]
    if not odd:
        return fitting
    those = f"The images of {workspace.project.name!r} have"
    if workspace.project.image_channels is None:
        those = "Most of these images have"
    trouble = (
        f"{those} {_counted(wanted, 'channel')}, and all images of a project need equally many. "
        f"Other than that: {_listed(odd)}. Import those into a project of their own, or change "
        "their channels first."
    )
    if not fitting:
        messages.error(trouble)
        return []
    go_on = f"Import the other {len(fitting):,}"
    answer = messages.ask(parent, "Some images do not suit", trouble, [go_on, "Cancel"])
    return fitting if answer == go_on else []


def _add_images(workspace: Workspace, images: Sequence[Image], refused: Refused) -> None:
    unknown = workspace.project.kinds[IMAGE_KIND].unknown
    added = [replace(image, category=unknown) for image in images]
    label = f"Import {_counted(len(added), 'image')}"
    if added and workspace.edit(label, edits.add_images, added) and workspace.shown is None:
        workspace.show(added[0].id)
    _tell_refused(refused, len(added))


def _tell_refused(refused: Refused, imported: int) -> None:
    if not refused:
        return
    reasons = _listed([f"{path.name} ({reason})" for path, reason in refused.items()])
    many = "1 file was" if len(refused) == 1 else f"{len(refused):,} files were"
    others = f"; {_counted(imported, 'image')} came in" if imported else ""
    messages.error(f"{many} not imported: {reasons}{others}")


# --- annotations ---------------------------------------------------------------------------


def import_annotations(workspace: Workspace, path: Path | str) -> Job:
    """Add the annotations of a Piximi or COCO file to the project's images, as one edit."""
    path, project = Path(path), workspace.project

    def add(result: Project) -> None:
        workspace.settle()
        if workspace.project is not project:  # the user went on: once more, with what is there now
            import_annotations(workspace, path)
            return
        count = len(result.things) - len(project.things)
        if result is project:
            messages.info(f"{path.name}: the project has these annotations already")
        workspace.session.apply(result, f"Import {_counted(count, 'annotation')}")

    return workspace.run(f"Import {path.name}", read_annotations, path, project, done=add)


# --- classifiers ---------------------------------------------------------------------------


def import_classifier(
    workspace: Workspace,
    path: Path | str,
    parent: QWidget | None = None,
    then: Then | None = None,
) -> Job | None:
    """Add a classifier to the project, its classes mapped to categories, as one edit.

    It becomes one of the kind whose categories all its classes are. Where there is none, the
    user is asked what the classes stand for.

    Parameters
    ----------
    workspace : Workspace
    path : path
        ``NAME.json``, or one of its weights files, or a zip of such files.
    parent : QWidget, optional
        Of the question.
    then : callable, optional
        Gets kind and name of each classifier that came in.

    Returns
    -------
    Job or None
        None if it is being, or just was, read from another of its files.
    """
    path = Path(path)
    key = (classifier_json(path) or path).resolve()
    reading = _reading.setdefault(workspace, set())
    expected = _expected.setdefault(workspace, {})
    came, when = expected.get(key, (set(), 0.0))
    if path not in came and (key in reading or time.monotonic() - when < PARTNER):
        came.add(path)
        return None
    if key in reading:
        return None
    reading.add(key)
    job = workspace.run(
        f"Import {path.name}",
        read_models,
        path,
        done=lambda models: adopt_models(workspace, models, parent, then),
    )
    job.finished.connect(lambda: reading.discard(key))
    expected[key] = {path}, time.monotonic()
    return job


# --- words ---------------------------------------------------------------------------------


def _counted(number: int, noun: str) -> str:
    return f"1 {noun}" if number == 1 else f"{number:,} {noun}s"


def _listed(texts: Sequence[str]) -> str:
    rest = len(texts) - MOST_NAMED
    named = ", ".join(texts[:MOST_NAMED])
    return f"{named} and {rest:,} more" if rest > 0 else named
