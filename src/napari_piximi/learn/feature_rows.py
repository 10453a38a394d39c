"""Features of a project's things; what was measured once is remembered."""

import hashlib
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_piximi.learn.sampling import check_plane, planes_of
from napari_piximi.measure.features import feature_names, measure_features
from napari_piximi.model.project import Project
from napari_piximi.model.things import Annotation, Thing
from napari_piximi.progress import Progress, silent

__all__ = ["REMEMBERED", "Remembered", "feature_rows"]

Floats = NDArray[np.float32]


@dataclass
class Remembered:
    """Rows of features by what they were measured on, in memory; the oldest go first.

    Attributes
    ----------
    limit : int
        Bytes of rows that are kept.
    """

    limit: int
    rows: "OrderedDict[bytes, Floats]" = field(default_factory=OrderedDict)
    size: int = 0

    def get(self, key: bytes) -> Floats | None:
        """Return a row, or None."""
        return self.rows.get(key)

    def put(self, key: bytes, row: Floats) -> None:
        """Keep a row."""
        if key not in self.rows:
            self.size += row.nbytes
        self.rows[key] = row
        while self.size > self.limit:
            self.size -= self.rows.popitem(last=False)[1].nbytes


REMEMBERED = Remembered(128 * 2**20)
"""Of this process: a fit after one more label measures one more thing."""


def feature_rows(
    project: Project,
    things: Sequence[Thing],
    channels: int,
    progress: Progress = silent,
    remembered: Remembered = REMEMBERED,
) -> Floats:
    """Measure things, each image being read once.

    Parameters
    ----------
    project : Project
    things : sequence of N things
        Of one kind.
    channels : int
    progress : Progress
        May raise Cancelled, which is passed on.
    remembered : Remembered
        Found in it are things with the same pixels and the same mask, whatever their id.

    Returns
    -------
    (N, F) float32 array
        Columns as :func:`napari_piximi.measure.features.feature_names` tells.

    Raises
    ------
    FitError
        If a thing has other channels, no pixels, or values that are no finite numbers.
    """
    objects = bool(things) and isinstance(things[0], Annotation)
    rows = np.empty((len(things), len(feature_names(channels, objects=objects))), np.float32)
    keys: dict[int, bytes] = {}

    def missing() -> Iterator[tuple[int, NDArray[Any]]]:
        for done, (index, plane) in enumerate(planes_of(project, things)):
            key = _key(things[index], plane)
            row = remembered.get(key)
            if row is None:
                check_plane(things[index], plane, channels)
                keys[index] = key
                yield index, plane
            else:
                check_plane(things[index], plane[:1, :1], channels)
                rows[index] = row
            if done % 256 == 0:
                progress(done, len(things), "Measuring things")

    measure_features(things, missing(), channels, rows)
    for index, key in keys.items():
        remembered.put(key, rows[index].copy())
    return rows


def _key(thing: Thing, plane: NDArray[Any]) -> bytes:
    """Identify all that features depend on: references to pixels differ between two calls."""
    digest = hashlib.blake2b(digest_size=16)
    runs = thing.runs if isinstance(thing, Annotation) else b"image"
    digest.update(f"{plane.shape} {plane.dtype.str} {thing.bit_depth} {len(runs)} ".encode())
    digest.update(runs)
    digest.update(np.ascontiguousarray(plane).data)
    return digest.digest()
