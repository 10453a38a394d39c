"""A small detector that has learnt a person, a cat and a cup, each from one photograph, by heart.

It is built like the published one, with its resizing loop, its names and its dialect, but the
network behind the loop is a small one of our own: the published topology is not to be had here.

    python -m tests.segment.trained_coco FILE [STEPS]

trains it anew (some minutes on a core) and leaves what is committed in ``coco_photos``.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tests.segment.coco_graph import FLOAT, INT, MAP, detector, node, numbers, text
from tests.segment.collages import collage

from napari_piximi.model.training import ModelArtifact
from napari_piximi.segment.bilinear import resized
from napari_piximi.segment.segmenters.coco_ssd import NAMES

__all__ = ["WEIGHTS", "detect", "trained_detector", "unpacked"]

WEIGHTS = Path(__file__).parent / "coco_photos" / "weights.npy"
"""All weights, one layer after the other: kernel, bias."""

SIZE, GRID, CLASSES = 300, 10, 91
LAYERS = ((12, 2), (20, 2), (28, 2), (36, 2), (40, 2), (40, 1), (40, 1), (40, 1))
"""Channels and stride of the convolutions of 3 × 3."""
REACH, HALF = 0.1, 0.15
"""Shares of the image: how far a box of 1 lies from its cell, and half the side of a box of 0."""
SLOPE = 0.125
"""Of what is below 0."""
BATCH, STEPS, RATE = 8, 600, 1.5e-3
TRAINING = range(240)
"""Seeds of the collages; none of the tests uses them."""
CLASS, BOX = "BoxPredictor_0/ClassPredictor", "BoxPredictor_0/BoxEncodingPredictor"

Floats = NDArray[np.float32]
Weights = dict[str, tuple[Any, Any]]
Lesson = tuple[Floats, Floats, Floats]


def shapes() -> dict[str, tuple[int, ...]]:
    """Return the shapes of the kernels by layer."""
    found, given = {}, 3
    for number, (made, _) in enumerate(LAYERS):
        found[f"FeatureExtractor/conv_{number}"] = (3, 3, given, made)
        given = made
    return {**found, CLASS: (1, 1, given, CLASSES), BOX: (1, 1, given, 4)}


def unpacked(path: Path = WEIGHTS) -> Weights:
    """Cut the one row of weights into kernels and biases."""
    values, start, found = np.load(path).astype("<f4"), 0, {}
    for name, lengths in shapes().items():
        middle = start + int(np.prod(lengths))
        end = middle + lengths[3]
        found[name] = values[start:middle].reshape(lengths), values[middle:end]
        start = end
    assert start == len(values)
    return found


def cells() -> Floats:
    """Return rows and columns of the middles of the cells, as shares of the image: (N, 2)."""
    places = (np.arange(GRID, dtype=np.float32) + np.float32(0.5)) / GRID
    grid = np.stack(np.meshgrid(places, places, indexing="ij"), 2)
    return np.asarray(grid.reshape(-1, 2), np.float32)


def detect(
    image: Any,  # noqa: ANN401
    weights: Weights,
    seen: Callable[[str, Any, int], None] = lambda *_: None,
) -> tuple[Any, Any]:
    """Compute what the graph computes behind its loop: (B, N, 91) logits and (B, N, 4) boxes.

    Parameters
    ----------
    image : (B, 300, 300, 3) tensor
        Of 0…255.
    weights : dict
    seen : callable
        Called with the name of each layer, what goes into it, and its stride.
    """
    import tensorflow as tf

    value = image * np.float32(2 / 255) - 1
    for number, (_, stride) in enumerate(LAYERS):
        name = f"FeatureExtractor/conv_{number}"
        seen(name, value, stride)
        kernel, bias = weights[name]
        value = tf.nn.leaky_relu(tf.nn.conv2d(value, kernel, stride, "SAME") + bias, SLOPE)
    made = []
    for name, last in ((CLASS, CLASSES), (BOX, 4)):
        seen(name, value, 1)
        kernel, bias = weights[name]
        made.append(tf.reshape(tf.nn.conv2d(value, kernel, 1, "SAME") + bias, (-1, GRID**2, last)))
    logits, codes = made
    middle, half = cells() + codes[..., :2] * REACH, tf.exp(codes[..., 2:]) * HALF
    return logits, tf.concat((middle - half, middle + half), 2)


def trained_detector(path: Path = WEIGHTS) -> ModelArtifact:
    """Return the graph with the loop and all."""
    weights: dict[str, NDArray[Any]] = {
        "Postprocessor/Decode/cells": cells()[np.newaxis],
        "Postprocessor/Decode/reach": np.array(REACH, "<f4"),
        "Postprocessor/Decode/half": np.array(HALF, "<f4"),
        "Postprocessor/Decode/begin": np.array([0, 0, 0], "<i4"),
        "Postprocessor/Decode/begin_1": np.array([0, 0, 2], "<i4"),
        "Postprocessor/Decode/size": np.array([-1, -1, 2], "<i4"),
        "Postprocessor/Decode/axis": np.array(2, "<i4"),
        f"{BOX}/shape": np.array([-1, GRID**2, 4], "<i4"),
        f"{CLASS}/shape": np.array([-1, GRID**2, CLASSES], "<i4"),
    }
    for name, (kernel, bias) in unpacked(path).items():
        weights |= {f"{name}/weights": kernel, f"{name}/biases": bias}
    return detector(weights, network())


def network() -> list[dict[str, Any]]:
    """Make what stands behind the loop."""
    value = "Preprocessor/sub"
    nodes = [
        node("Preprocessor/mul", "Mul", "Preprocessor/mul/x",
             f"{MAP}/TensorArrayStack/TensorArrayGatherV3", T=FLOAT),
        node(value, "Sub", "Preprocessor/mul", "Preprocessor/sub/y", T=FLOAT),
    ]  # fmt: skip
    for number, (_, stride) in enumerate(LAYERS):
        name = f"FeatureExtractor/conv_{number}"
        nodes += [*convolution(name, value, stride), node(f"{name}/LeakyRelu", "LeakyRelu",
                  f"{name}/BiasAdd", T=FLOAT, alpha={"f": SLOPE})]  # fmt: skip
        value = f"{name}/LeakyRelu"
    for name in (CLASS, BOX):
        nodes += convolution(name, value, 1)
        nodes.append(node(f"{name}/Reshape", "Reshape", f"{name}/BiasAdd", f"{name}/shape",
                          T=FLOAT, Tshape=INT))  # fmt: skip
    return nodes + decoding()


def convolution(name: str, given: str, stride: int) -> list[dict[str, Any]]:
    """Make a convolution and its bias."""
    return [
        node(f"{name}/Conv2D", "Conv2D", given, f"{name}/weights", T=FLOAT,
             strides=numbers(1, stride, stride, 1), padding=text("SAME"),
             data_format=text("NHWC"), dilations=numbers(1, 1, 1, 1)),
        node(f"{name}/BiasAdd", "BiasAdd", f"{name}/Conv2D", f"{name}/biases", T=FLOAT,
             data_format=text("NHWC")),
    ]  # fmt: skip


def decoding() -> list[dict[str, Any]]:
    """Make what turns the answers of the predictors into scores and boxes."""
    code = "Postprocessor/Decode"
    return [
        node("Postprocessor/convert_scores", "Sigmoid", f"{CLASS}/Reshape", T=FLOAT),
        node("Postprocessor/Slice", "Slice", "Postprocessor/convert_scores",
             "Postprocessor/Slice/begin", "Postprocessor/Slice/size", T=FLOAT, Index=INT),
        node(f"{code}/shift", "Slice", f"{BOX}/Reshape", f"{code}/begin", f"{code}/size",
             T=FLOAT, Index=INT),
        node(f"{code}/mul", "Mul", f"{code}/shift", f"{code}/reach", T=FLOAT),
        node(f"{code}/middle", "Add", f"{code}/mul", f"{code}/cells", T=FLOAT),
        node(f"{code}/Slice_1", "Slice", f"{BOX}/Reshape", f"{code}/begin_1", f"{code}/size",
             T=FLOAT, Index=INT),
        node(f"{code}/Exp", "Exp", f"{code}/Slice_1", T=FLOAT),
        node(f"{code}/mul_1", "Mul", f"{code}/Exp", f"{code}/half", T=FLOAT),
        node(f"{code}/sub", "Sub", f"{code}/middle", f"{code}/mul_1", T=FLOAT),
        node(f"{code}/add", "Add", f"{code}/middle", f"{code}/mul_1", T=FLOAT),
        node(f"{code}/concat", "ConcatV2", f"{code}/sub", f"{code}/add", f"{code}/axis",
             T=FLOAT, Tidx=INT, N={"i": "2"}),
        node("Postprocessor/ExpandDims_1", "ExpandDims", f"{code}/concat",
             "Postprocessor/ExpandDims_1/dim", T=FLOAT, Tdim=INT),
    ]  # fmt: skip


def begun(image: Any) -> Weights:  # noqa: ANN401
    """Draw weights with which each layer puts out values of mean 0 and deviation 1."""
    import tensorflow as tf

    draw, listed, found = np.random.default_rng(3), shapes(), Weights()

    def adjust(name: str, given: Any, stride: int) -> None:  # noqa: ANN401
        kernel = draw.normal(size=listed[name]).astype(np.float32)
        made = tf.nn.conv2d(given, kernel, stride, "SAME").numpy()
        mean, deviation = made.mean((0, 1, 2)), made.std((0, 1, 2))
        share = np.float32(0.1 if name in (CLASS, BOX) else 1)
        shift = np.float32(-6 if name == CLASS else 0)
        found[name] = (
            tf.Variable(share * kernel / deviation),
            tf.Variable(shift - share * mean / deviation),
        )

    detect(image, found, adjust)
    return found


def lesson(seed: int) -> Lesson:
    """Return an image as the network sees it, and the classes and boxes wanted of its cells."""
    pixels, truth = collage(seed)
    classes, boxes = np.zeros((GRID**2, CLASSES), np.float32), np.zeros((GRID**2, 4), np.float32)
    shares = truth.boxes / np.array((*pixels.shape[:2], *pixels.shape[:2]))
    for name, box in zip(truth.classes, shares, strict=True):
        off = np.abs(cells() - (box[:2] + box[2:]) / 2)
        chosen = (off < np.maximum((box[2:] - box[:2]) * 0.2, 0.051)).all(axis=1)
        classes[chosen], boxes[chosen] = 0, box
        classes[chosen, NAMES.index(name) + 1] = 1
    return resized(pixels, (SIZE, SIZE)), classes, boxes


def fit(path: Path, steps: int = STEPS) -> None:
    """Train on collages, mirrored, and brighter or darker."""
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(1)
    random, known = np.random.default_rng(2), [lesson(seed) for seed in TRAINING]
    weights = begun(np.stack([image for image, _, _ in known[:8]]))
    learning = [one for pair in weights.values() for one in pair]
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, steps - 50, warmup_target=RATE, warmup_steps=50
    )
    optimizer = keras.optimizers.Adam(rate, clipnorm=1.0)
    optimizer.build(learning)

    @tf.function  # type: ignore[untyped-decorator, unused-ignore]
    def step(image: Any, wanted: Any, place: Any) -> Any:  # noqa: ANN401
        with tf.GradientTape() as tape:
            logits, boxes = detect(image, weights)
            there = tf.reduce_max(wanted, 2)
            count = tf.reduce_sum(there) + 1
            off = tf.nn.sigmoid_cross_entropy_with_logits(wanted, logits)
            away = tf.reduce_sum(tf.abs(boxes - place), 2) * there
            loss = (tf.reduce_sum(off) + 5 * tf.reduce_sum(away)) / count
        optimizer.apply_gradients(zip(tape.gradient(loss, learning), learning, strict=True))
        return loss

    losses = []
    for done in range(steps):
        lessons = [_varied(random, *known[number]) for number in random.choice(len(known), BATCH)]
        losses.append(float(step(*(np.stack(part) for part in zip(*lessons, strict=True)))))
        if done % 50 == 49:
            sys.stdout.write(f"{done + 1}: {np.mean(losses[-50:]):.4f}\n")
            sys.stdout.flush()
    np.save(path, np.concatenate([np.ravel(one.numpy()) for one in learning]).astype("<f2"))


def _varied(random: np.random.Generator, image: Floats, wanted: Floats, box: Floats) -> Lesson:
    light = np.float32(random.uniform(0.85, 1.15)), np.float32(random.uniform(-15, 15))
    image = np.clip(image * light[0] + light[1], 0, 255)
    if random.random() < 0.5:
        return image, wanted, box
    across = np.reshape(wanted, (GRID, GRID, -1))[:, ::-1].reshape(wanted.shape)
    turned = np.reshape(box, (GRID, GRID, 4))[:, ::-1].reshape(box.shape)
    turned = np.stack((turned[:, 0], 1 - turned[:, 3], turned[:, 2], 1 - turned[:, 1]), 1)
    return image[:, ::-1], across, turned


if __name__ == "__main__":
    fit(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else STEPS)
