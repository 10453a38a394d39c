"""The configuration that the ``stardist`` package saves beside its weights."""

import json
import math
import re
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from napari_piximi.errors import ModelFileError

__all__ = ["StarConfig", "folder_thresholds", "package_folder", "read_config", "read_thresholds"]

CONFIG = "config.json"
USUAL = 0.5, 0.4
"""What the package takes for thresholds, of probability and overlap, that are not stated."""

_LARGEST_FILE = 2**20
_LARGEST_STEP, _WIDEST = 1024, 2**14
_ACTIVATIONS = ("relu", "elu", "selu", "gelu", "tanh", "sigmoid", "linear", "softplus", "swish")
_PAIRS = ("grid", "unet_kernel_size", "unet_pool")
_LIMITS = {
    "n_rays": (3, 512),
    "n_channel_in": (1, 64),
    "grid": (1, 16),
    "unet_n_depth": (0, 6),
    "unet_kernel_size": (1, 15),
    "unet_n_filter_base": (1, 1024),
    "unet_n_conv_per_depth": (1, 8),
    "unet_pool": (1, 8),
    "net_conv_after_unet": (0, 4096),
}


@dataclass(frozen=True, slots=True)
class StarConfig:
    """What ``config.json`` says; names and defaults are the package's."""

    n_rays: int = 32
    n_channel_in: int = 1
    grid: tuple[int, ...] = (1, 1)
    n_classes: int | None = None
    unet_n_depth: int = 3
    unet_kernel_size: tuple[int, ...] = (3, 3)
    unet_n_filter_base: int = 32
    unet_n_conv_per_depth: int = 2
    unet_pool: tuple[int, ...] = (2, 2)
    unet_activation: str = "relu"
    unet_last_activation: str = "relu"
    unet_batch_norm: bool = False
    unet_expansion: float = 2
    unet_prefix: str = ""
    net_conv_after_unet: int = 128

    @property
    def multiple(self) -> int:
        """What the size of its input must be a multiple of."""
        each = zip(self.unet_pool, self.grid, strict=True)
        return math.lcm(*(int(p**self.unet_n_depth) * g for p, g in each))

    @property
    def reach(self) -> int:
        """How far away a pixel may be that still matters, in pixels: no less than that."""
        half, pool = max(self.unet_kernel_size) // 2, max(self.unet_pool)
        each, step, reach = self.unet_n_conv_per_depth, 1, 0
        while step < max(self.grid):
            reach += each * half * step + step
            step *= 2
        for level in range(self.unet_n_depth):
            size = step * int(pool**level)
            reach += 2 * each * half * size + 2 * pool * size
        bottom = step * int(pool**self.unet_n_depth)
        return reach + each * half * bottom + half * step + bottom


def read_config(path: Path) -> StarConfig:
    """Read ``config.json``.

    Raises
    ------
    ModelFileError
        If it is missing or damaged, for volumes, or for a network that we do not build.
    """
    told = _json(path)
    for name, usual in (("n_dim", 2), ("backbone", "unet")):
        if told.get(name, usual) != usual:
            raise ModelFileError(f"{path}: {name} is {told[name]!r}, and only {usual!r} is built")
    if str(told.get("axes", "YXC")) != "YXC":
        raise ModelFileError(f"{path}: axes are {told['axes']!r}, and only 'YXC' is built")
    values: dict[str, Any] = {
        f.name: tuple(told[f.name]) if isinstance(told[f.name], list) else told[f.name]
        for f in fields(StarConfig)
        if f.name in told
    }
    try:
        config = StarConfig(**values)
        _check(config)
    except (TypeError, ValueError) as error:
        raise ModelFileError(f"{path}: {error}") from error
    return config


def read_thresholds(path: Path) -> tuple[float | None, float | None]:
    """Read thresholds for probability and overlap; None where none is stated, as by the package.

    Raises
    ------
    ModelFileError
        If the file is damaged.
    """
    if not path.is_file():
        return None, None
    told = _json(path)
    found = (told.get("prob"), told.get("nms"))
    one, other = (float(v) if isinstance(v, float | int) and 0 < v < 1 else None for v in found)
    return one, other


def package_folder(path: Path) -> Path | None:
    """Return the folder that the package saved, if a path names it or its configuration."""
    if path.name == CONFIG:
        return path.parent
    return path if path.is_dir() and (path / CONFIG).is_file() else None


def folder_thresholds(folder: Path) -> tuple[float, float]:
    """Return with which thresholds, for probability and overlap, the package asks a network.

    Raises
    ------
    ModelFileError
        If ``thresholds.json`` is damaged.
    """
    stated = read_thresholds(folder / "thresholds.json")
    one, other = (usual if v is None else v for v, usual in zip(stated, USUAL, strict=True))
    return one, other


def _check(config: StarConfig) -> None:
    for name, (least, most) in _LIMITS.items():
        value = getattr(config, name)
        pair = name in _PAIRS
        values = value if isinstance(value, tuple) and pair else (value,)
        if len(values) != 1 + pair or not all(
            type(v) is int and least <= v <= most for v in values
        ):
            raise ValueError(f"{name} is {value!r}, not {least} to {most}")
    classes, prefix, growth = config.n_classes, config.unet_prefix, config.unet_expansion
    if classes is not None and not (type(classes) is int and 1 <= classes <= 1000):
        raise ValueError(f"n_classes is {classes!r}, not none or 1 to 1000")
    if not (isinstance(prefix, str) and re.fullmatch(r"[\w-]{0,64}", prefix)):
        raise ValueError(f"unet_prefix is {prefix!r}")
    if any(g & (g - 1) for g in config.grid) or not 1 <= float(growth) <= 4:
        raise ValueError(f"grid {config.grid} or unet_expansion {growth} is wrong")
    for name in ("unet_activation", "unet_last_activation"):
        if getattr(config, name) not in _ACTIVATIONS:
            raise ValueError(f"{name} is {getattr(config, name)!r}, which is not known")
    widest = config.unet_n_filter_base * growth**config.unet_n_depth
    if config.multiple > _LARGEST_STEP or widest > _WIDEST:
        raise ValueError(f"the network is too large: it shrinks images {config.multiple} times")


def _json(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise ModelFileError(f"{path}: {path.stat().st_size} bytes are too many")
        told = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelFileError(f"{path}: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise ModelFileError(f"{path}: is not a JSON file: {error}") from error
    if not isinstance(told, dict):
        raise ModelFileError(f"{path}: holds a {type(told).__name__}, not a configuration")
    return told
