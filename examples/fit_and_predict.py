"""Fit a classifier to a few labels, evaluate it, predict the rest, and save it all."""

from pathlib import Path
from tempfile import TemporaryDirectory

from napari_piximi import (
    Settings,
    apply_fit,
    edits,
    evaluate,
    fit,
    predict,
    read_bundle,
    write_bundle,
)
from napari_piximi.io.samples import digits_project

sample = digits_project(per_class=20)  # 1,797 images, of which 200 have a label
result = fit(sample.project, "Image", Settings(epochs=20), name="digits")
project = apply_fit(sample.project, result)
print(f"validation accuracy {evaluate(project, result.classifier).accuracy:.2f}")

found = predict(project, result.classifier)
project = edits.set_predictions(project, found.predictions())
right = [said.category == sample.truth[key] for key, said in found.predictions().items()]
print(f"{sum(right)} of {len(right)} digits without a label predicted right")

with TemporaryDirectory() as folder:
    path = Path(folder, "digits.zip")  # piximi.app opens it, too
    write_bundle(project, path)
    print(f"saved with the classifier {read_bundle(path).classifiers[0].name!r}")
