"""Cross-validate a random forest on digits, then fit it and keep both evaluations."""

from napari_piximi.io.samples import digits_project
from napari_piximi.learn.classifier import apply_fit, evaluate, fit
from napari_piximi.learn.cross_validation import cross_validate
from napari_piximi.model import edits
from napari_piximi.model.training import FOREST, Settings

project = digits_project(per_class=10).project
settings = Settings(architecture=FOREST)
found = cross_validate(project, "Image", settings, folds=5)
print(f"{len(found.ids)} digits, cross-validated accuracy {found.evaluation.accuracy:.2f}")

result = fit(project, "Image", settings, name="forest")
project = apply_fit(project, result)
for evaluation in (found.evaluation, evaluate(project, result.classifier)):
    project = edits.add_evaluation(project, "forest", result.classifier.kind, evaluation)
print([evaluation.partition for evaluation in project.find_classifier("forest").evaluations])
