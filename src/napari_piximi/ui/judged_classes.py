"""The classes of an evaluation as they are shown: their categories may have changed since."""

from collections import Counter
from dataclasses import dataclass

from napari_piximi.model.evaluation import Evaluation
from napari_piximi.model.project import Project
from napari_piximi.model.training import Classifier
from napari_piximi.ui.shown_names import one_line

__all__ = ["JudgedClass", "classes_of"]

GREY = "#808080"


@dataclass(frozen=True, slots=True)
class JudgedClass:
    """A row and column of a confusion matrix.

    Attributes
    ----------
    name : str
        As it is now; of a category that was deleted, what the model called it.
    color : str
        ``#rrggbb``; grey for a category that has gone.
    category : str or None
        Its id; None when it has gone.
    """

    name: str
    color: str
    category: str | None


def classes_of(
    project: Project, classifier: Classifier, evaluation: Evaluation
) -> tuple[JudgedClass, ...]:
    """Say what the rows and columns of an evaluation stand for."""
    count = len(evaluation.confusion_matrix)
    ids = evaluation.classes or classifier.class_map
    called = classifier.model.classes if classifier.model else ()
    same = evaluation.classes in ((), classifier.class_map) and len(called) == count
    found = []
    for index in range(count):
        category = project.categories.get(ids[index]) if index < len(ids) else None
        if category is not None:
            found.append(JudgedClass(one_line(category.name), category.color, category.id))
            continue
        name = one_line(called[index]) if same else f"class {index + 1}"
        found.append(JudgedClass(f"{name} (deleted)", GREY, None))
    twice = Counter(shown.name for shown in found)
    return tuple(
        JudgedClass(f"{shown.name} ({index + 1})", shown.color, shown.category)
        if twice[shown.name] > 1
        else shown
        for index, shown in enumerate(found)
    )
