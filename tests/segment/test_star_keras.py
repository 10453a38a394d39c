"""Folders that the ``stardist`` package saved answer as in the package, without it."""

import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_piximi.errors import ModelFileError
from napari_piximi.segment._star_config import read_config, read_thresholds
from napari_piximi.segment._star_files import star_network
from napari_piximi.segment._star_painting import painted_polygons
from napari_piximi.segment._star_polygons import outlines
from napari_piximi.segment.found import painted
from napari_piximi.segment.star_convex import kept
from napari_piximi.segment.star_network import Look, scaled_shape, scan

pytestmark = pytest.mark.keras

CONFIGS: dict[str, dict[str, Any]] = {
    "fluo": {"n_rays": 32, "grid": (2, 2), "unet_n_filter_base": 4, "net_conv_after_unet": 8},
    "stained": {
        "n_rays": 16, "n_channel_in": 3, "unet_n_depth": 2, "unet_n_filter_base": 4,
        "net_conv_after_unet": 0, "unet_batch_norm": True, "n_classes": 2,
    },
    "uneven": {
        "n_rays": 8, "grid": (2, 1), "unet_n_depth": 1, "unet_n_filter_base": 4,
        "unet_n_conv_per_depth": 3, "unet_last_activation": "linear", "unet_prefix": "my_",
        "unet_kernel_size": (5, 3), "net_conv_after_unet": 8, "n_channel_in": 2,
    },
}  # fmt: skip


@pytest.fixture(scope="module", params=list(CONFIGS))
def model(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Any]:
    """Let the package make a model with seeded weights, and save it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the package's own
        from stardist.models import Config2D, StarDist2D

        folder = tmp_path_factory.mktemp("models")
        made = StarDist2D(Config2D(**CONFIGS[request.param]), request.param, str(folder))
        draw = np.random.default_rng(5)
        for layer in made.keras_model.layers:
            layer.set_weights(
                [abs(w) + draw.uniform(0, 0.2, w.shape) if w.ndim == 1
                 else draw.normal(0, (1 / np.prod(w.shape[:-1])) ** 0.5, w.shape)
                 for w in layer.get_weights()]
            )  # fmt: skip
        made.keras_model.save_weights(made.logdir / "weights_best.h5")
        yield made


def pixels_of(model: Any, height: int = 150, width: int = 131) -> np.ndarray:  # noqa: ANN401
    draw = np.random.default_rng(1)
    shape = (height, width, model.config.n_channel_in)
    return draw.integers(0, 4000, shape).astype(np.uint16)


def by_package(model: Any, pixels: np.ndarray, function: str, **options: Any) -> Any:  # noqa: ANN401
    from csbdeep.utils import normalize

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return getattr(model, function)(normalize(pixels, 1, 99.8), axes="YXC", **options)


def test_candidates_are_those_of_the_package(model: Any) -> None:  # noqa: ANN401
    network = star_network("stardist-fluo", str(model.logdir))
    assert network.channels == model.config.n_channel_in
    assert network.rays == model.config.n_rays
    assert network.grid == tuple(model.config.grid)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        seen = model._compute_receptive_field()
    assert network.reach >= np.max(seen)
    pixels = pixels_of(model)
    probability, *_ = by_package(model, pixels, "predict_sparse", prob_thresh=0)
    threshold = float(np.median(probability))
    found = by_package(model, pixels, "predict_sparse", prob_thresh=threshold)
    stars = scan(network, pixels, Look(threshold=threshold))
    assert 100 < len(stars) == len(found[0])
    np.testing.assert_array_equal(stars.points, found[-1])
    np.testing.assert_allclose(stars.scores, found[0], rtol=1e-5)
    np.testing.assert_allclose(stars.distances, found[1], rtol=1e-4, atol=1e-5)
    tiled = scan(network, pixels, Look(threshold=threshold, edge=32))
    np.testing.assert_array_equal(tiled.points, stars.points)


@pytest.mark.parametrize("scale", [1.0, 1.5])
def test_objects_are_those_of_the_package(model: Any, scale: float) -> None:  # noqa: ANN401
    pixels = pixels_of(model)
    probability, *_ = by_package(model, pixels, "predict_sparse", prob_thresh=0)
    threshold = float(np.quantile(probability, 0.7))
    options = {"prob_thresh": threshold, "nms_thresh": 0.4, "scale": scale if scale != 1 else None}
    labels, details = by_package(model, pixels, "predict_instances", **options)
    network = star_network("stardist-fluo", str(model.logdir))
    stars = kept(scan(network, pixels, Look(threshold=threshold, scale=scale)), 0.4, compiled=False)
    assert 20 < len(stars) == len(details["points"])
    shape = pixels.shape[0], pixels.shape[1]
    inner = scaled_shape(shape, scale)
    stretch = (1 / scale, 1 / scale)
    assert inner == (round(shape[0] * scale), round(shape[1] * scale))
    corners = outlines(stars.points * np.array(stretch), stars.distances, stretch)
    found = painted_polygons(corners, stars.scores, shape)
    seen = np.concatenate(([0], np.unique(labels[labels > 0])))
    np.testing.assert_array_equal(seen[painted(found, shape)], labels)


def test_the_newer_format_is_read_too(model: Any) -> None:  # noqa: ANN401
    part = np.random.default_rng(2).random((64, 64, model.config.n_channel_in)).astype(np.float32)
    expected = star_network("stardist-fluo", str(model.logdir)).ask(part)
    old, new = model.logdir / "weights_best.h5", model.logdir / "weights_best.weights.h5"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.keras_model.save_weights(new)
    hidden = old.rename(old.with_suffix(".hidden"))
    try:
        for one, other in zip(
            star_network("stardist-fluo", str(model.logdir)).ask(part), expected, strict=True
        ):
            np.testing.assert_array_equal(one, other)
    finally:
        hidden.rename(old)
        new.unlink()


def test_a_network_is_loaded_once(model: Any) -> None:  # noqa: ANN401
    one = star_network("stardist-fluo", str(model.logdir))
    assert star_network("stardist-fluo", str(model.logdir / "config.json")).channels == one.channels
    assert star_network("stardist-fluo", str(model.logdir)) is one
    (model.logdir / "thresholds.json").write_text('{"prob": 0.7, "nms": 0.25}')
    changed = star_network("stardist-fluo", str(model.logdir))
    assert (changed.probability, changed.overlap) == (0.7, 0.25)
    (model.logdir / "thresholds.json").unlink()
    usual = star_network("stardist-fluo", str(model.logdir))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        again = type(model)(None, model.name, str(model.basedir))
    assert again.thresholds == (usual.probability, usual.overlap) == (0.5, 0.4)


def test_weights_of_another_network_are_refused(model: Any, tmp_path: Path) -> None:  # noqa: ANN401
    config = json.loads((model.logdir / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "n_rays": config["n_rays"] + 1}))
    weights = (model.logdir / "weights_best.h5").read_bytes()
    (tmp_path / "weights_best.h5").write_bytes(weights)
    with pytest.raises(ModelFileError, match=r"weights_best\.h5: the weights do not fit"):
        star_network("stardist-fluo", str(tmp_path))
    (tmp_path / "config.json").write_text(json.dumps({**config, "unet_n_depth": 4}))
    with pytest.raises(ModelFileError, match=r"weights_best\.h5: the weights do not fit"):
        star_network("stardist-fluo", str(tmp_path))
    (tmp_path / "weights_best.h5").write_bytes(weights[: len(weights) // 2])
    with pytest.raises(ModelFileError, match=r"weights_best\.h5"):
        star_network("stardist-fluo", str(tmp_path))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"n_dim": 3, "axes": "ZYXC"}', "n_dim is 3"),
        ('{"backbone": "resnet"}', "backbone is 'resnet'"),
        ('{"axes": "XYC"}', "axes are 'XYC'"),
        ('{"n_rays": 1e9}', "n_rays is 1000000000.0"),
        ('{"unet_n_depth": 40}', "unet_n_depth is 40"),
        ('{"grid": [3, 1]}', r"grid \(3, 1\)"),
        ('{"grid": 2}', "grid is 2"),
        ('{"unet_n_filter_base": 1024, "unet_n_depth": 6}', "too large"),
        ('{"unet_pool": [8, 8], "unet_n_depth": 6}', "too large"),
        ('{"unet_activation": "__import__"}', "unet_activation is '__import__'"),
        ('{"unet_prefix": "../"}', "unet_prefix"),
        ('{"unet_expansion": "two"}', "unet_expansion|could not|type"),
        ('{"n_classes": -1}', "n_classes is -1"),
        ("[]", "holds a list"),
        ("{", "is not a JSON file"),
    ],
)
def test_what_is_not_built_is_refused(text: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(text)
    with pytest.raises(ModelFileError, match=rf"config\.json: .*({told})"):
        read_config(path)


def test_files_that_are_missing_are_named(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="nowhere: there is no such file"):
        star_network("stardist-fluo", str(tmp_path / "nowhere"))
    with pytest.raises(ModelFileError, match=r"model\.json: there is no such file; a StarDist"):
        star_network("stardist-fluo", str(tmp_path))
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ModelFileError, match=r"weights_best\.h5 is missing"):
        star_network("stardist-fluo", str(tmp_path))


def test_thresholds_that_make_no_sense_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "thresholds.json"
    assert read_thresholds(path) == (None, None)
    path.write_text('{"prob": 1.5, "nms": "much"}')
    assert read_thresholds(path) == (None, None)
    path.write_text("nothing")
    with pytest.raises(ModelFileError, match=r"thresholds\.json: is not a JSON file"):
        read_thresholds(path)
