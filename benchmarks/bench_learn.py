"""Samples, training and prediction, each beside its peer in the same run.

    python benchmarks/bench_learn.py [samples] [train] [predict]

The machine is shared and noisy: only the ratios say something. Both sides take turns, and
the median of each is printed. The floor is the time that the arithmetic alone would take at
the rate of a 2048³ float32 matrix product in the same run.
"""

import sys
import time
from collections.abc import Callable, Mapping
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_piximi.learn._keras import keras
from napari_piximi.learn.architectures import build_network
from napari_piximi.learn.device import backend, describe
from napari_piximi.learn.epochs import Fitting, Labelled, opened
from napari_piximi.learn.losses import loss_of
from napari_piximi.learn.sampling import build_samples
from napari_piximi.learn.steps import Forward
from napari_piximi.model import edits
from napari_piximi.model.project import Project, new_project
from napari_piximi.model.things import IMAGE_KIND, ArrayPixels, Image
from napari_piximi.model.training import Settings
from napari_piximi.progress import silent

CLASSES = 10
# FLOP per sample of SimpleCNN by hand: (training step, prediction)
FLOP = {28: (1.705e6, 0.645e6), 64: (21.78e6, 8.70e6)}

Timed = Mapping[str, Callable[[], Any]]


def take_turns(sides: Timed, repeats: int) -> dict[str, float]:
    """Time each side in turn; the first turn warms up and does not count."""
    times: dict[str, list[float]] = {name: [] for name in sides}
    for turn in range(repeats + 1):
        for name, side in sides.items():
            started = time.perf_counter()
            side()
            if turn:
                times[name].append(time.perf_counter() - started)
    return {name: median(values) for name, values in times.items()}


def table(title: str, times: Mapping[str, float], count: int, ours: str = "ours") -> None:
    peers = [value for name, value in times.items() if name != ours]
    print(f"\n{title}")
    for name, value in times.items():
        print(f"  {name:34s} {value * 1e3:8.1f} ms  {count / value:9.0f} /s")
    print(f"  ours takes {times[ours] / min(peers):.2f} of the best peer's time", end="")
    print(f" ({min(peers) / times[ours]:.2f} x as fast)")


def matmul_rate() -> float:
    """Return FLOP/s of a float32 matrix product of the backend."""
    a = keras.ops.ones((2048, 2048), "float32")
    times = take_turns({"product": lambda: np.asarray(keras.ops.matmul(a, a))}, 5)
    return 2 * 2048**3 / times["product"]


def crops(count: int, shape: tuple[int, int, int]) -> Project:
    draws = np.random.default_rng(0)
    project = new_project()
    unknown = project.kinds[IMAGE_KIND].unknown
    pixels = draws.integers(0, 256, (count, 1, *shape), dtype=np.uint8)
    return edits.add_images(
        project, [Image(str(i), str(i), unknown, ArrayPixels(pixels[i])) for i in range(count)]
    )


def bench_samples() -> None:
    count = 2000
    for shape, size in (((48, 48, 3), 64), ((57, 83, 1), 28)):
        project = crops(count, shape)
        things = list(project.things.values())
        settings = Settings(height=size, width=size)
        stack = np.stack([np.asarray(t.pixels)[0] for t in things]).astype(np.float32) / 255  # type: ignore[arg-type]

        def ours(kind: str = backend()) -> None:
            with build_samples(project, things, settings, shape[2], backend=kind) as samples:  # noqa: B023
                assert samples.values.shape[0] == count

        sides: dict[str, Callable[[], Any]] = {"ours": ours}
        if backend() == "tensorflow":
            import tensorflow as tf

            boxes = np.tile(np.float32([[0, 0, 1, 1]]), (count, 1))
            indices = np.arange(count, dtype=np.int32)
            sides["one tf.image.crop_and_resize"] = lambda: tf.image.crop_and_resize(
                stack,  # noqa: B023
                boxes,  # noqa: B023
                indices,  # noqa: B023
                (size, size),  # noqa: B023
            ).numpy()
        sides["ours, numpy only"] = lambda: ours("numpy")
        times = take_turns(sides, 9)
        title = f"samples: {count} crops {shape} uint8 -> {size} x {size}"
        table(title, {k: v for k, v in times.items() if k != "ours, numpy only"}, count)
        print(f"  ours, numpy only: {times['ours, numpy only'] * 1e3:.1f} ms")


def stream() -> None:
    """100,000 annotations of 25 images, of all sizes, within a budget of 64 MiB."""
    import resource

    from napari_piximi.model import masks
    from napari_piximi.model.things import Annotation

    draws = np.random.default_rng(0)
    project = edits.create_kind(crops(25, (512, 512, 1)), "cells")
    kind = project.find_kind("cells")
    boxes = [
        (int(r), int(c), int(r + h), int(c + w))
        for r, c, h, w in draws.integers([0, 0, 12, 12], [470, 470, 40, 40], (100_000, 4))
    ]
    runs = masks.full(12, 12)
    things = [
        Annotation(f"a{i}", f"a{i}", kind.id, kind.unknown, str(i % 25), box, runs)
        for i, box in enumerate(boxes)
    ]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.perf_counter()
    with build_samples(
        project, things, Settings(), 1, backend=backend(), memory_budget=64 * 2**20
    ) as samples:
        seconds = time.perf_counter() - started
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        where = "in a file" if samples.in_file else "in memory"
        print(f"\n100,000 annotations of 25 images -> 28 x 28: {seconds:.1f} s, {where}", end="")
        print(f" ({samples.values.nbytes / 2**20:.0f} MiB), peak memory +{peak / 1024:.0f} MiB")


def random_data(count: int, size: int, channels: int) -> Labelled:
    draws = np.random.default_rng(0)
    samples = draws.random((count, size, size, channels), dtype=np.float32)
    true = draws.integers(0, CLASSES, count)
    return Labelled(samples, np.eye(CLASSES, dtype=np.float32)[true])


def plain_fit(data: Labelled, settings: Settings, steps: int, epochs: int) -> Callable[[], Any]:
    channels = data.samples.shape[-1]
    model = build_network(settings, channels, CLASSES)
    model.compile(
        keras.optimizers.Adam(settings.learning_rate),
        "categorical_crossentropy",
        metrics=["accuracy"],
        steps_per_execution=steps,
        jit_compile=False,
    )
    return lambda: model.fit(
        data.samples, data.targets, batch_size=settings.batch_size, epochs=epochs, verbose=0
    )


def bench_train(rate: float) -> None:
    count, epochs = 2000, 3
    for size, channels in ((28, 1), (64, 3)):
        data = random_data(count, size, channels)
        settings = Settings(height=size, width=size, shift=0.0, rotation=0.0, zoom=0.0, epochs=1)
        model = build_network(settings, channels, CLASSES)
        nothing = Labelled(data.samples[:0], data.targets[:0])
        with opened(model) as logits:
            fitting = Fitting(model, loss_of(settings, logits=logits), data, nothing, settings)

            def ours() -> None:
                for epoch in range(epochs):
                    fitting.run_epoch(epoch, silent)  # noqa: B023

            sides: dict[str, Callable[[], Any]] = {"ours": ours}
            for steps in (1, 16, 63):
                name = f"Keras fit, {steps} steps per execution"
                sides[name] = plain_fit(data, settings, steps, epochs)
            times = take_turns(sides, 5)
        per_epoch = {name: value / epochs for name, value in times.items()}
        table(f"train SimpleCNN {size} x {size} x {channels}, batch 32, an epoch of {count}",
              per_epoch, count)  # fmt: skip
        floor = FLOP[size][0] * count / rate
        print(f"  floor {floor * 1e3:.1f} ms at {rate / 1e9:.0f} GFLOP/s; ", end="")
        print(f"ours takes {per_epoch['ours'] / floor:.1f} x the floor")


def bench_predict(rate: float) -> None:
    for size, channels, count in ((28, 1, 20_000), (64, 3, 4_000)):
        settings = Settings(height=size, width=size)
        model = build_network(settings, channels, CLASSES)
        samples: NDArray[np.float32] = random_data(count, size, channels).samples
        forward = Forward(model)
        sides: dict[str, Callable[[], Any]] = {"ours": lambda: forward(samples)}  # noqa: B023
        for batch in (256, 512, 1024):
            sides[f"Keras predict, batch {batch}"] = lambda batch=batch: model.predict(  # type: ignore[misc]  # noqa: B023
                samples,  # noqa: B023
                batch_size=batch,
                verbose=0,
            )
        times = take_turns(sides, 5)
        table(f"predict {count} samples {size} x {size} x {channels}", times, count)
        floor = FLOP[size][1] * count / rate
        print(f"  floor {floor * 1e3:.1f} ms; ours takes {times['ours'] / floor:.1f} x the floor")


def main(chosen: list[str]) -> None:
    print(f"Keras on {backend()}, {describe()}")
    rate = matmul_rate()
    if not chosen or "samples" in chosen:
        bench_samples()
        stream()
    if not chosen or "train" in chosen:
        bench_train(rate)
    if not chosen or "predict" in chosen:
        bench_predict(rate)


if __name__ == "__main__":
    main(sys.argv[1:])
