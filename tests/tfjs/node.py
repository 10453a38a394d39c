"""Run the scripts beside this file with Node.js."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

HERE = Path(__file__).parent
ABSENT = "Node.js with @tensorflow/tfjs is absent: run make node"


def require_node() -> None:
    """Skip where TensorFlow.js is absent; in CI, which installs it, fail."""
    if shutil.which("node") and (HERE / "node_modules" / "@tensorflow" / "tfjs").is_dir():
        return
    if os.environ.get("CI"):
        pytest.fail(ABSENT)
    pytest.skip(ABSENT)


def run_script(name: str, *arguments: str, text: str = "") -> str:
    """Run a script, and return what it prints."""
    done = subprocess.run(
        ["node", str(HERE / name), *arguments],
        input=text,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def predict(jobs: list[dict[str, Any]]) -> list[list[NDArray[np.float32]]]:
    """Let TensorFlow.js load models and predict.

    A job has ``model`` (a path), ``inputs`` (arrays) and perhaps ``save`` (a path) and ``loops``
    (whether the graph has control flow).
    """
    described = [job | {"inputs": [_described(array) for array in job["inputs"]]} for job in jobs]
    results = json.loads(run_script("predict.cjs", text=json.dumps(described)))
    for job, result in zip(jobs, results, strict=True):
        assert isinstance(result, list), f"{job['model']}: {result['error']}"
    return [
        [np.array(output["values"], np.float32).reshape(output["shape"]) for output in result]
        for result in results
    ]


def _described(array: NDArray[Any]) -> dict[str, Any]:
    kind = "int32" if array.dtype.kind in "iu" else "float32"
    return {"shape": array.shape, "values": array.ravel().tolist(), "dtype": kind}
