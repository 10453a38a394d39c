"""The weights manifest of a TensorFlow.js model: what the shards hold, and how to decode it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import isfinite, prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_piximi.errors import ModelFileError

__all__ = [
    "MAX_WEIGHT_BYTES",
    "ShardGroup",
    "WeightSpec",
    "decode_typed",
    "decode_weights",
    "parse_manifest",
]

MAX_WEIGHT_BYTES = 2**31
"""Refuse models above 2 GiB of weights: 500 times MobileNetV1, far beyond any classifier here."""

_MAX_AXIS = 2**31 - 1
_MAX_AXES = 8
_STORED: dict[str, np.dtype[Any]] = {
    "float32": np.dtype("<f4"),
    "int32": np.dtype("<i4"),
    "float16": np.dtype("<f2"),
    "uint16": np.dtype("<u2"),
    "uint8": np.dtype("u1"),
    "bool": np.dtype("u1"),
}
_QUANTIZED = ("uint8", "uint16", "float16")


@dataclass(frozen=True, slots=True)
class WeightSpec:
    """One weight as the manifest declares it.

    Attributes
    ----------
    name : str
        ``layer/variable``.
    shape : tuple of int
    dtype : str
        Type in memory, after de-quantization.
    stored : str
        Type in the file.
    scale, minimum : float
        ``value * scale + minimum`` restores a quantized value; 1 and 0 otherwise.
    optimizer : bool
        Whether it is the optimiser's state, which no layer owns.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    stored: str
    scale: float = 1.0
    minimum: float = 0.0
    optimizer: bool = False

    @property
    def count(self) -> int:
        """Number of elements."""
        return prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes in the shard."""
        return self.count * _STORED[self.stored].itemsize


@dataclass(frozen=True, slots=True)
class ShardGroup:
    """Weights laid end to end over one or several files."""

    paths: tuple[str, ...]
    weights: tuple[WeightSpec, ...]

    @property
    def nbytes(self) -> int:
        """Bytes that the files of the group hold together."""
        return sum(spec.nbytes for spec in self.weights)


def parse_manifest(document: Mapping[str, Any], source: str) -> tuple[ShardGroup, ...]:
    """Check and read ``weightsManifest``.

    Parameters
    ----------
    document : mapping
        The parsed JSON file.
    source : str
        Name of the file, for messages.

    Returns
    -------
    tuple of ShardGroup
        In file order; paths are plain file names, a leading ``./`` taken off.

    Raises
    ------
    ModelFileError
        If it is absent or malformed, names a file outside the JSON's folder, names a
        weight twice, or declares more than :data:`MAX_WEIGHT_BYTES`.
    """
    manifest = document.get("weightsManifest")
    if not isinstance(manifest, list) or not manifest:
        raise ModelFileError(f"{source}: weightsManifest is missing or not a list of groups")
    groups = tuple(
        _parse_group(group, f"{source}: weightsManifest[{index}]")
        for index, group in enumerate(manifest)
    )
    _check_names(groups, source)
    total = sum(group.nbytes for group in groups)
    if total > MAX_WEIGHT_BYTES:
        raise ModelFileError(
            f"{source}: weightsManifest declares {total} bytes of weights, "
            f"more than the {MAX_WEIGHT_BYTES} that are accepted"
        )
    return groups


def decode_weights(groups: tuple[ShardGroup, ...], data: bytes) -> dict[str, NDArray[np.float32]]:
    """Cut the weights out of their bytes.

    Parameters
    ----------
    groups : tuple of ShardGroup
    data : bytes
        All shards end to end, of the length that the groups declare.

    Returns
    -------
    dict of str to ndarray of float32
        By name; read-only views of `data` where the file holds float32.
    """
    arrays = decode_typed(groups, data)
    return {name: array.astype(np.float32, copy=False) for name, array in arrays.items()}


def decode_typed(groups: tuple[ShardGroup, ...], data: bytes) -> dict[str, NDArray[Any]]:
    """Cut the weights out of their bytes, each in the type that is declared.

    As :func:`decode_weights` does, but whole numbers stay whole numbers: the greatest of
    them, by which graphs say "to the end", is none of float32's.
    """
    arrays = {}
    offset = 0
    for spec in _specs(groups):
        stored = np.frombuffer(data, _STORED[spec.stored], spec.count, offset)
        offset += spec.nbytes
        if not spec.optimizer:
            arrays[spec.name] = _restore(stored, spec).reshape(spec.shape)
    return arrays


def _specs(groups: tuple[ShardGroup, ...]) -> Iterator[WeightSpec]:
    for group in groups:
        yield from group.weights


def _restore(stored: NDArray[Any], spec: WeightSpec) -> NDArray[Any]:
    if spec.stored == spec.dtype:
        return stored.astype(bool) if spec.dtype == "bool" else stored
    if spec.stored == "float16":
        return stored.astype(np.float32)
    # TensorFlow.js multiplies and adds in double precision, then rounds once.
    values = stored.astype(np.float64) * spec.scale + spec.minimum
    if spec.dtype != "int32":
        return values.astype(np.float32)
    return np.clip(np.floor(values + 0.5), -(2.0**31), 2.0**31 - 1).astype(np.int32)


def _check_names(groups: tuple[ShardGroup, ...], source: str) -> None:
    seen: set[str] = set()
    for spec in _specs(groups):
        if spec.name in seen:
            raise ModelFileError(f"{source}: weightsManifest names weight {spec.name!r} twice")
        seen.add(spec.name)


def _parse_group(group: object, where: str) -> ShardGroup:
    if not isinstance(group, dict):
        raise ModelFileError(f"{where} is {type(group).__name__}, not an object")
    paths, weights = group.get("paths"), group.get("weights")
    if not isinstance(paths, list) or not isinstance(weights, list):
        raise ModelFileError(f"{where} lacks its lists 'paths' and 'weights'")
    return ShardGroup(
        tuple(_parse_path(path, where) for path in paths),
        tuple(
            _parse_weight(weight, f"{where}.weights[{index}]")
            for index, weight in enumerate(weights)
        ),
    )


def _parse_path(path: object, where: str) -> str:
    name = path.removeprefix("./") if isinstance(path, str) else ""
    # A colon would be a drive or a stream on Windows.
    if name in ("", ".", "..") or any(sign in name for sign in "/\\:\0"):
        raise ModelFileError(
            f"{where}: {path!r} is not the name of a file beside the JSON file; "
            "put the weights there and name them without a folder"
        )
    return name


def _parse_weight(entry: object, where: str) -> WeightSpec:
    if not isinstance(entry, dict):
        raise ModelFileError(f"{where} is {type(entry).__name__}, not an object")
    name, dtype = entry.get("name"), entry.get("dtype")
    if not isinstance(name, str) or not name:
        raise ModelFileError(f"{where} has no name")
    if not isinstance(dtype, str) or dtype not in _STORED:
        raise ModelFileError(f"{where} ({name}) has the unknown dtype {dtype!r}")
    stored, scale, minimum = _parse_quantization(entry.get("quantization"), dtype, where, name)
    return WeightSpec(
        name=name,
        shape=_parse_shape(entry.get("shape"), where, name),
        dtype=dtype,
        stored=stored,
        scale=scale,
        minimum=minimum,
        optimizer=entry.get("group") == "optimizer",
    )


def _parse_shape(shape: object, where: str, name: str) -> tuple[int, ...]:
    axes = shape if isinstance(shape, list) and len(shape) <= _MAX_AXES else [None]
    if not all(_is_axis(length) for length in axes):
        raise ModelFileError(f"{where} ({name}) has the shape {shape!r}, not a list of lengths")
    return tuple(axes)


def _is_axis(length: object) -> bool:
    return isinstance(length, int) and not isinstance(length, bool) and 0 <= length <= _MAX_AXIS


def _parse_quantization(
    quantization: object, dtype: str, where: str, name: str
) -> tuple[str, float, float]:
    if quantization is None:
        return dtype, 1.0, 0.0
    stored = quantization.get("dtype") if isinstance(quantization, dict) else None
    if not isinstance(quantization, dict) or stored not in _QUANTIZED:
        raise ModelFileError(f"{where} ({name}) has the unknown quantization {quantization!r}")
    if dtype not in ("float32", "int32") or (stored, dtype) == ("float16", "int32"):
        raise ModelFileError(f"{where} ({name}): {dtype} cannot be quantized as {stored}")
    if stored == "float16":
        return stored, 1.0, 0.0
    scale, minimum = quantization.get("scale"), quantization.get("min")
    if not (_is_number(scale) and _is_number(minimum)):
        raise ModelFileError(f"{where} ({name}): quantization needs numbers 'scale' and 'min'")
    return stored, float(scale), float(minimum)  # type: ignore[arg-type]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
