"""``napari-piximi info``: what a project holds."""

import math
from collections import Counter
from dataclasses import asdict
from typing import Any

from napari_piximi.cli.terminal import Bundle, Json, counted, one_line, print_json
from napari_piximi.io.bundle import read_bundle_and_version
from napari_piximi.learn.report import averages_of, class_figures
from napari_piximi.model import masks
from napari_piximi.model.evaluation import Evaluation
from napari_piximi.model.forest import grown_trees
from napari_piximi.model.project import Project
from napari_piximi.model.segmentation import THRESHOLDS, SegmentationNetwork
from napari_piximi.model.things import Annotation, Thing
from napari_piximi.model.training import FOREST_FORMAT, GRAPH_FORMAT, Classifier, Run

__all__ = ["class_names", "evaluation_facts", "info"]

Facts = dict[str, Any]
KEYS = ("precision", "recall", "f1", "roc_auc")


def info(bundle: Bundle, as_json: Json = False) -> None:
    """Tell what a project holds."""
    project, version = read_bundle_and_version(bundle)
    facts = _project_facts(project, version)
    if as_json:
        print_json(facts)
    else:
        _print_summary(facts)


def _print_summary(facts: Facts) -> None:
    channels = counted(facts["image_channels"] or 0, "channel")
    things = counted(len(facts["things"]), "thing")
    print(f"{one_line(facts['name'])}: Piximi {facts['version']}, {channels}, {things}")
    for kind in facts["kinds"]:
        counts = ", ".join(f"{c['name']} {c['count']}" for c in kind["categories"])
        print(f"  {one_line(kind['name'])}: {one_line(counts)}")
    for classifier in facts["classifiers"]:
        print(f"  {one_line(_classifier_line(classifier))}")
    for network in facts["networks"]:
        print(f"  {one_line(_network_line(network))}")


def _classifier_line(facts: Facts) -> str:
    shape = "×".join(map(str, facts["input_shape"][1:]))
    what = {FOREST_FORMAT: "forest", GRAPH_FORMAT: f"graph, {shape}"}
    parts = [what.get(facts["model"], shape), *facts["classes"]]
    runs = len(facts["runs"])
    if runs > 1:
        parts.append(f"{runs} runs")
    if facts["evaluations"]:
        last = facts["evaluations"][-1]
        parts.append(f"accuracy {last['accuracy']:.3f}")
        if len(facts["evaluations"]) > 1 or last["partition"] != "Validation":
            parts[-1] += f" ({last['partition'].lower()})"
    return f"classifier {facts['name']}: {', '.join(parts)}"


def _network_line(facts: Facts) -> str:
    parts = [facts["kind_name"], f"{len(facts['channels'])} of the channels"]
    parts += [f"{len(facts['runs'])} runs"] * (len(facts["runs"]) > 1)
    if facts["scores"]:
        held = [score for score in facts["scores"] if score["partition"] == "Validation"]
        newest = (held or facts["scores"])[-1]
        parts.append(f"F1 {newest['f1'][0]:.3f} at IoU {THRESHOLDS[0]}")
    return f"network {facts['name']}: {', '.join(parts)}"


def _project_facts(project: Project, version: str) -> Facts:
    counts = Counter(thing.category for thing in project.things.values())
    kinds = [
        {
            "id": kind.id,
            "name": kind.name,
            "categories": [
                {"id": c.id, "name": c.name, "color": c.color, "count": counts[c.id]}
                for c in map(project.categories.__getitem__, kind.categories)
            ],
        }
        for kind in project.kinds.values()
    ]
    return {
        "name": project.name,
        "version": version,
        "image_channels": project.image_channels,
        "kinds": kinds,
        "things": [_thing_facts(project, thing) for thing in project.things.values()],
        "classifiers": [_classifier_facts(project, c) for c in project.classifiers],
        "networks": [_network_facts(project, network) for network in project.networks],
    }


def _thing_facts(project: Project, thing: Thing) -> Facts:
    facts: Facts = {
        "id": thing.id,
        "name": thing.name,
        "kind": thing.kind,
        "category": thing.category,
        "partition": str(thing.partition),
        "shape": project.shape(thing),
        "bit_depth": thing.bit_depth,
    }
    if thing.prediction is not None:
        facts["prediction"] = asdict(thing.prediction)
    if isinstance(thing, Annotation):
        area = masks.area(thing.runs)
        facts |= {"image": thing.image, "plane": thing.plane, "bbox": thing.bbox, "area": area}
    return facts


def _classifier_facts(project: Project, classifier: Classifier) -> Facts:
    return {
        "name": classifier.name,
        "kind": classifier.kind,
        "input_shape": classifier.input_shape,
        "model": _model_format(classifier),
        "classes": class_names(project, classifier),
        "runs": [_run_facts(run) for run in classifier.runs],
        "evaluations": [evaluation_facts(e) for e in classifier.evaluations],
    }


def _network_facts(project: Project, network: SegmentationNetwork) -> Facts:
    return {
        "name": network.name,
        "kind": network.kind,
        "kind_name": project.kind_name(network.kind),
        "channels": network.channels,
        "model": network.model is not None,
        "runs": [_run_facts(run) for run in network.runs],
        "scores": [
            {
                **asdict(score),
                "thresholds": THRESHOLDS,
                "precision": score.precision,
                "recall": score.recall,
                "f1": score.f1,
            }
            for score in network.scores
        ],
    }


def _model_format(classifier: Classifier) -> str | None:
    return str(classifier.model.document.get("format", "")) if classifier.model else None


def class_names(project: Project, classifier: Classifier) -> list[str]:
    """Return the names of a classifier's classes: of its categories, or else as its file says."""
    known, own = project.categories, classifier.model.classes if classifier.model else ()
    if len(own) != len(classifier.class_map):
        own = own if not classifier.class_map else classifier.class_map
    classes = zip(classifier.class_map or own, own, strict=True)
    return [known[key].name if key in known else key or name for key, name in classes]


def evaluation_facts(evaluation: Evaluation) -> Facts:
    """Return an evaluation for JSON, which knows no NaN."""
    facts: Facts = {
        "partition": evaluation.partition,
        "run": evaluation.run,
        "folds": evaluation.folds or None,
        "things": int(evaluation.support.sum()),
        "accuracy": evaluation.accuracy,
        "balanced_accuracy": evaluation.balanced_accuracy,
        "cross_entropy": _finite(evaluation.cross_entropy),
    }
    for weighted, begun in ((False, ""), (True, "weighted_")):
        values = averages_of(evaluation, weighted=weighted)
        facts |= {f"{begun}{key}": _finite(v) for key, v in zip(KEYS, values, strict=True)}
    columns = class_figures(evaluation).T.tolist()
    facts["per_class"] = {
        **{key: list(map(_finite, column)) for key, column in zip(KEYS, columns, strict=True)},
        "things": evaluation.support.astype(int).tolist(),
    }
    return {**facts, "confusion_matrix": evaluation.confusion_matrix}


def _run_facts(run: Run) -> Facts:
    trees = grown_trees(run)
    steps = {"epochs": run.epochs, "best_epoch": run.best_epoch}
    if trees is not None:
        steps = {"trees": trees}
    return {
        "architecture": getattr(run.settings, "architecture", "U-Net"),
        **steps,
        "stopped": run.stopped,
        "training": run.training,
        "validation": run.validation,
        "seed": run.settings.seed,
        "seconds": run.seconds,
        "device": run.device,
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
