"""What comes back from another process joins what is here."""

import pickle
from dataclasses import replace

from napari_piximi.learn.results import FitResult, apply_fit
from napari_piximi.model import edits
from napari_piximi.model.evaluation import Evaluation
from napari_piximi.model.project import new_project
from napari_piximi.model.training import Classifier, ModelArtifact, Run, Settings

RUNS = tuple(
    Run(Settings(), {"loss": (1.0, float("nan"))}, seconds=float(seconds)) for seconds in range(3)
)
EVALUATIONS = tuple(Evaluation(((n,),), float("nan"), ids=("1a",) * n) for n in range(1, 4))


def test_a_fit_from_another_process_brings_no_copies_of_what_is_here() -> None:
    here = Classifier("net", "Image", runs=RUNS[:2], evaluations=EVALUATIONS[:2])
    project = edits.put_classifier(new_project(), here)
    fitted = replace(here, model=ModelArtifact({}, b"new"), runs=RUNS)
    back = pickle.loads(pickle.dumps(FitResult(fitted, {})))
    assert back.classifier.runs[0] is not RUNS[0]
    project = edits.add_evaluation(project, "net", "Image", EVALUATIONS[2])  # meanwhile
    (found,) = apply_fit(project, back).classifiers
    assert found.model == ModelArtifact({}, b"new")
    assert [a is b for a, b in zip(found.runs, RUNS, strict=True)] == [True, True, False]
    assert repr(found.runs[2]) == repr(RUNS[2])
    own = project.classifiers[0].evaluations
    assert [a is b for a, b in zip(found.evaluations, own, strict=True)] == [True] * 3
    assert repr(found.evaluations) == repr(EVALUATIONS)


def test_what_is_here_no_more_comes_back_with_the_fit() -> None:
    here = Classifier("net", "Image")
    fitted = Classifier("net", "Image", runs=RUNS[:1], evaluations=EVALUATIONS[:1])
    (found,) = apply_fit(
        edits.put_classifier(new_project(), here), FitResult(fitted, {})
    ).classifiers
    assert (found.runs, found.evaluations) == (RUNS[:1], EVALUATIONS[:1])
