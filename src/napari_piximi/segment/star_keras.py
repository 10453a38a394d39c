"""Networks in the folders that the ``stardist`` package saves, built anew in Keras.

The package itself is not needed, and none of its pickles or its code is run: ``config.json`` says
what to build, ``weights_best.h5`` holds numbers only.
"""

import math
import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_piximi.errors import ModelFileError, SegmentError
from napari_piximi.segment._star_config import CONFIG, StarConfig, folder_thresholds, read_config
from napari_piximi.segment.star_network import Answer, StarNetwork

__all__ = ["keras_network"]


def keras_network(folder: Path) -> StarNetwork:
    """Build the network of a folder, and fill it.

    Parameters
    ----------
    folder : Path
        With ``config.json``, weights, and maybe ``thresholds.json``.

    Raises
    ------
    ModelFileError
        If a file is missing or damaged, or is for what we do not build; it is named.
    """
    config = read_config(folder / CONFIG)
    probability, overlap = folder_thresholds(folder)
    weights = _weights_file(folder)
    model = _built(config)
    _fill(model, weights)

    def ask(pixels: NDArray[np.float32]) -> Answer:
        from napari_piximi.learn._keras import keras

        try:
            answers = model(pixels[None], training=False)
            found, rays = (keras.ops.convert_to_numpy(a)[0] for a in answers[:2])
        except Exception as error:  # each backend has errors of its own, for lack of memory too
            raise SegmentError(f"The network of {folder} fails: {str(error)[:300]}") from error
        if not (np.isfinite(found).all() and np.isfinite(rays).all()):
            raise ModelFileError(f"{weights}: the network puts out values that are no numbers")
        return found[..., 0], rays

    grid = (config.grid[0], config.grid[1])
    return StarNetwork(
        config.n_channel_in, config.n_rays, grid, config.multiple, config.reach, ask,
        probability, overlap,
    )  # fmt: skip


def _weights_file(folder: Path) -> Path:
    """Choose as the package does: the best, and of several the newest."""
    found = [path for ending in ("*.h5", "*.hdf5") for path in folder.glob(ending)]
    if not found:
        raise ModelFileError(f"{folder}: there are no weights; weights_best.h5 is missing")
    return max(found, key=lambda path: ("best" in path.name, path.stat().st_mtime))


def _built(config: StarConfig) -> Any:  # noqa: ANN401
    from napari_piximi.segment._star_unet import built

    return built(config)


def _fill(model: Any, path: Path) -> None:  # noqa: ANN401
    """Put the weights of a file into a network."""
    try:
        if path.name.endswith(".weights.h5"):
            model.load_weights(path)
            return
        stored = _stored(path)
        for layer, names in _matched(model, stored):
            layer.set_weights([stored[names][i] for i in range(len(stored[names]))])
    except ModelFileError:
        raise
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError) as error:
        told = " ".join(str(error).split())[:300]
        raise ModelFileError(f"{path}: the weights do not fit config.json: {told}") from error


def _stored(path: Path) -> dict[str, list[NDArray[Any]]]:
    """Read arrays by layer from a file of Keras 2."""
    import h5py

    with h5py.File(path, "r") as file:
        top = file.get("model_weights", file)
        names = [_text(name) for name in top.attrs["layer_names"]]
        return {
            name: [np.asarray(top[name][_text(w)]) for w in top[name].attrs["weight_names"]]
            for name in names
            if len(top[name].attrs["weight_names"])
        }


def _matched(model: Any, stored: dict[str, list[NDArray[Any]]]) -> list[tuple[Any, str]]:  # noqa: ANN401
    """Pair layers by name; those that Keras numbers through, in the order of their numbers."""
    layers = {layer.name: layer for layer in model.layers if layer.weights}
    pairs = [(layer, name) for name, layer in layers.items() if name in stored and not _kind(name)]
    done = {name for _, name in pairs}
    for kind in ("conv2d", "batch_normalization"):
        own = sorted((n for n in layers if n not in done and _kind(n) == kind), key=_number)
        theirs = sorted((n for n in stored if n not in done and _kind(n) == kind), key=_number)
        pairs += [(layers[n], t) for n, t in zip(own, theirs, strict=True)]
    rest = (layers.keys() - {layer.name for layer, _ in pairs}) | (
        stored.keys() - {name for _, name in pairs}
    )
    if rest:
        raise ValueError(f"layers {', '.join(sorted(rest))} are in only one of them")
    return pairs


def _kind(name: str) -> str:
    found = re.fullmatch(r"(conv2d|batch_normalization)(_\d+)?", name)
    return found[1] if found else ""


def _number(name: str) -> float:
    digits = re.search(r"_(\d+)$", name)
    return int(digits[1]) if digits else -math.inf


def _text(value: Any) -> str:  # noqa: ANN401
    return value.decode() if isinstance(value, bytes) else str(value)
