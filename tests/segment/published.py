"""Small seeded weights in the place of published ones."""

import json
from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from napari_piximi.model.training import ModelArtifact
from napari_piximi.segment import weights
from napari_piximi.segment.weights import WeightsFile, blob_id


def files_of(artifact: ModelArtifact, shards: int = 2) -> dict[str, bytes]:
    """Write a graph model as the converter does: ``model.json`` and its shards."""
    ends = np.linspace(0, len(artifact.weights), shards + 1).astype(int)
    names = [f"group1-shard{number}of{shards}.bin" for number in range(1, shards + 1)]
    listed = [spec for group in artifact.document["weightsManifest"] for spec in group["weights"]]
    document = {**artifact.document, "weightsManifest": [{"paths": names, "weights": listed}]}
    parts = [artifact.weights[start:end] for start, end in pairwise(ends)]
    return {"model.json": json.dumps(document).encode(), **dict(zip(names, parts, strict=True))}


def publish(monkeypatch: pytest.MonkeyPatch, key: str, files: Mapping[str, bytes]) -> None:
    """Let the catalogue say that these are the files; unless it knows no checksums of them."""
    source = weights.CATALOGUE[key]
    size = sum(map(len, files.values()))
    listed = tuple(WeightsFile(name, len(data), blob_id(data)) for name, data in files.items())
    told = replace(source, size=size, files=listed if source.files else ())
    monkeypatch.setattr(weights, "CATALOGUE", {**weights.CATALOGUE, key: told})


def put(key: str, files: Mapping[str, bytes]) -> None:
    """Put files where they are looked for, by hand."""
    folder = weights.folder(key)
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
