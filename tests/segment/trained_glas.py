"""A gland network of Piximi's own topology that was trained on drawn glands.

Of the channels of each layer only some are used, the others are nothing but zeros, so that what was
learnt is small enough to lie here, in ``glas_glands``. The topology itself is a shared file.

    python -m tests.segment.trained_glas FILE [STEPS]

trains it anew (a quarter of an hour on a core) and leaves what is committed.
"""

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tests.segment.glands import glands
from tests.shared_data import shared

from napari_piximi.model.training import ModelArtifact
from napari_piximi.segment.bilinear import resized

__all__ = ["WEIGHTS", "artifact", "thin_answer"]

WEIGHTS = Path(__file__).parent / "glas_glands" / "weights.npy"
"""All weights in use, one layer after the other: kernel, bias."""

USED = {16: 8, 32: 12, 64: 16, 128: 24, 256: 32, 1: 1}
"""Channels in use, by how many there are."""
SIZE, CROP, BATCH, STEPS, RATE = 768, 256, 4, 800, 2e-3
TRAINING = range(32)
"""Seeds of the images; none of the tests uses them."""

Ints = NDArray[np.intp]
Floats = NDArray[np.float32]
Node = Mapping[str, Any]


def document() -> dict[str, Any]:
    """Read the topology as it is published, without weights."""
    found: dict[str, Any] = json.loads(shared("graph-models/glas/model.json").read_text())
    return found


def inputs_of(topology: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return what goes into each node."""
    return {item["name"]: item.get("input", []) for item in topology["modelTopology"]["node"]}


def layers(topology: Mapping[str, Any]) -> dict[str, tuple[Ints, Ints]]:
    """Return, for each convolution, which channels it uses of what it is given, and puts out."""
    listed = topology["modelTopology"]["node"]
    shapes = {w["name"]: w["shape"] for g in topology["weightsManifest"] for w in g["weights"]}
    enlarged = {item["input"][0] for item in listed if item["op"] == "DepthToSpace"}
    alive: dict[str, Ints] = {}
    widths: dict[str, int] = {}
    found = {}
    for item in listed:
        name, given = item["name"], item.get("input", [])
        if item["op"] == "Placeholder":
            widths[name], alive[name] = 3, np.arange(3)
        elif item["op"] == "_FusedConv2D":
            widths[name] = shapes[given[1]][3]
            parts = 4 if name in enlarged else 1
            width = widths[name] // parts
            alive[name] = np.add.outer(np.arange(parts) * width, np.arange(USED[width])).ravel()
            found[name] = alive[given[0]], alive[name]
        elif item["op"] == "DepthToSpace":
            widths[name] = widths[given[0]] // 4
            alive[name] = np.arange(USED[widths[name]])
        elif item["op"] == "ConcatV2":
            first, second = given[:2]
            widths[name] = widths[first] + widths[second]
            alive[name] = np.concatenate((alive[first], alive[second] + widths[first]))
    return found


def thin_shapes(topology: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the kernels' parts that are in use, by convolution."""
    shapes = {w["name"]: w["shape"] for g in topology["weightsManifest"] for w in g["weights"]}
    inputs = inputs_of(topology)
    return {
        name: (*shapes[inputs[name][1]][:2], len(given), len(made))
        for name, (given, made) in layers(topology).items()
    }


def unpacked(values: Floats, topology: Mapping[str, Any]) -> dict[str, tuple[Floats, Floats]]:
    """Cut the one row of weights into kernels and biases, by convolution."""
    found, start = {}, 0
    for name, lengths in thin_shapes(topology).items():
        middle = start + int(np.prod(lengths))
        end = middle + lengths[3]
        found[name] = values[start:middle].reshape(lengths), values[middle:end]
        start = end
    assert start == len(values)
    return found


def artifact(path: Path = WEIGHTS) -> ModelArtifact:
    """Return the whole network, its unused channels filled with zeros."""
    topology = document()
    learnt = unpacked(np.load(path).astype("<f4"), topology)
    specs = [spec for group in topology["weightsManifest"] for spec in group["weights"]]
    arrays = {
        spec["name"]: np.full(spec["shape"], 3, "<i4")  # the axis of concatenations
        if spec["dtype"] == "int32"
        else np.zeros(spec["shape"], "<f4")
        for spec in specs
    }
    inputs = inputs_of(topology)
    for name, (given, made) in layers(topology).items():
        kernel, bias = learnt[name]
        arrays[inputs[name][1]][:, :, given[:, np.newaxis], made] = kernel
        arrays[inputs[name][2]][made] = bias
    return ModelArtifact(topology, b"".join(arrays[spec["name"]].tobytes() for spec in specs))


def thin_answer(
    image: Any,  # noqa: ANN401
    topology: Mapping[str, Any],
    weights: Mapping[str, tuple[Any, Any]],
    seen: Callable[[str, Any], None] = lambda *_: None,
) -> Any:  # noqa: ANN401
    """Compute logits with the channels in use alone, without our loader of graphs.

    Parameters
    ----------
    image : (B, Y, X, 3) tensor
        Of 0…1; lengths that 32 divides.
    topology : mapping
    weights : mapping of str to (kernel, bias)
    seen : callable
        Called with the name of each convolution and what goes into it, before it computes.
    """
    import tensorflow as tf

    values: dict[str, Any] = {}
    answer = image
    for item in topology["modelTopology"]["node"]:
        name, op, given = item["name"], item["op"], item.get("input", [])
        if op == "Const":
            continue
        if op == "_FusedConv2D":
            seen(name, values[given[0]])
            kernel, bias = weights[name]
            stride = [int(length) for length in item["attr"]["strides"]["list"]["i"]]
            answer = tf.nn.conv2d(values[given[0]], kernel, stride, "SAME") + bias
            if is_leaky(item):
                answer = tf.nn.leaky_relu(answer, item["attr"]["leakyrelu_alpha"]["f"])
        elif op == "DepthToSpace":
            answer = tf.nn.depth_to_space(values[given[0]], 2)
        elif op == "ConcatV2":
            answer = tf.concat([values[label] for label in given[:2]], 3)
        values[name] = answer
    return answer


def is_leaky(item: Node) -> bool:
    return len(item["attr"]["fused_ops"]["list"]["s"]) == 2


def begun(topology: Mapping[str, Any], image: Any) -> dict[str, tuple[Any, Any]]:  # noqa: ANN401
    """Draw weights with which each convolution puts out values of mean 0 and deviation 1.

    There is no normalisation in the published graph that would see to it: it has been folded.
    """
    import tensorflow as tf

    draw = np.random.default_rng(3)
    strides = {
        item["name"]: [int(length) for length in item["attr"]["strides"]["list"]["i"]]
        for item in topology["modelTopology"]["node"]
        if item["op"] == "_FusedConv2D"
    }
    shapes, found = thin_shapes(topology), {}

    def adjust(name: str, given: Any) -> None:  # noqa: ANN401
        kernel = draw.normal(size=shapes[name]).astype(np.float32)
        made = tf.nn.conv2d(given, kernel, strides[name], "SAME").numpy()
        mean, deviation = made.mean((0, 1, 2)), made.std((0, 1, 2))
        found[name] = tf.Variable(kernel / deviation), tf.Variable(-mean / deviation)

    thin_answer(image, topology, found, adjust)
    return found


def scenes() -> tuple[Floats, NDArray[np.int32]]:
    """Draw what the network is shown, and its truth: 768 × 768, as the segmenter squeezes them."""
    drawn = [glands(seed) for seed in TRAINING]
    images = np.stack([resized(image / 255, (SIZE, SIZE)) for image, _ in drawn])
    labels = [resized(truth[..., np.newaxis] > 0, (SIZE, SIZE))[..., 0] > 0.5 for _, truth in drawn]
    return images, np.stack(labels).astype(np.int32)


def weighed(truth: NDArray[np.int32]) -> Floats:
    """Say how much each pixel counts: more where two glands might run into each other."""
    from scipy import ndimage

    near = [ndimage.distance_transform_edt(one == 0) < 10 for one in truth]
    return np.where((truth == 0) & near, 4, 1).astype(np.float32)


def fit(path: Path, steps: int = STEPS) -> None:
    """Train on crops, mirrored and stained in other ways."""
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(1)
    topology, random = document(), np.random.default_rng(2)
    images, truth = scenes()
    counts = weighed(truth)
    weights = begun(topology, images[:2, :CROP, :CROP])
    learning = [one for pair in weights.values() for one in pair]
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, steps - 50, warmup_target=RATE, warmup_steps=50
    )
    optimizer = keras.optimizers.Adam(rate, clipnorm=1.0)
    optimizer.build(learning)

    @tf.function  # type: ignore[untyped-decorator, unused-ignore]
    def step(image: Any, goal: Any, count: Any) -> Any:  # noqa: ANN401
        with tf.GradientTape() as tape:
            logits = thin_answer(image, topology, weights)[..., 0]
            off = tf.nn.sigmoid_cross_entropy_with_logits(goal, logits)
            loss = tf.reduce_sum(off * count) / tf.reduce_sum(count)
        optimizer.apply_gradients(zip(tape.gradient(loss, learning), learning, strict=True))
        return loss

    losses = []
    for done in range(steps):
        crops = [_crop(random, images, truth, counts) for _ in range(BATCH)]
        image, goal, count = (np.stack(part) for part in zip(*crops, strict=True))
        losses.append(float(step(image, goal.astype(np.float32), count)))
        if done % 50 == 49:
            sys.stdout.write(f"{done + 1}: {np.mean(losses[-50:]):.4f}\n")
            sys.stdout.flush()
    row = [np.ravel(one.numpy()) for one in learning]
    np.save(path, np.concatenate(row).astype("<f2"))


def _crop(random: np.random.Generator, *whole: NDArray[Any]) -> list[NDArray[Any]]:
    number = random.integers(len(whole[0]))
    top, left = random.integers(0, SIZE - CROP + 1, 2)
    down, across = random.choice((-1, 1), 2)
    image, *others = (
        one[number, top : top + CROP, left : left + CROP][::down, ::across] for one in whole
    )
    stained = image * random.uniform(0.9, 1.1, 3) + random.uniform(-0.05, 0.05)
    return [stained.astype(np.float32), *others]


if __name__ == "__main__":
    fit(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else STEPS)
