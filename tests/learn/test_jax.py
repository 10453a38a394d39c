import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from tests.learn.projects import QUICK

from napari_piximi.learn._keras import keras
from napari_piximi.learn.architectures import build_network
from napari_piximi.learn.steps import Forward

jax = pytest.importorskip("jax")
pytestmark = [
    pytest.mark.keras,
    pytest.mark.skipif(keras.backend.backend() != "jax", reason="Keras does not run on JAX here"),
]

HITS, MISSES = "/jax/compilation_cache/cache_hits", "/jax/compilation_cache/cache_misses"


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let temporary folders be made in one of the test."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_an_equal_network_is_not_compiled_again() -> None:
    samples = np.random.default_rng(0).random((8, 16, 16, 1), dtype=np.float32)
    answers, seen = [], []
    for _ in range(2):
        told: Counter[str] = Counter()
        jax.monitoring.register_event_listener(lambda name, told=told, **_: told.update([name]))
        answers.append(Forward(build_network(QUICK, 1, 2))(samples))
        seen.append(Counter(told))
    np.testing.assert_array_equal(answers[0], answers[1])
    assert seen[1][HITS] == 1
    assert seen[1][MISSES] == 0


def test_what_a_killed_process_left_is_removed(temporary: Path) -> None:
    from napari_piximi.learn import _jax

    kept, lock = _jax._taken()
    left, other = _jax._taken()
    other.release()  # as the system does when a process is killed
    (left / "compiled").write_bytes(b"x")
    (temporary / "napari-piximi-other").mkdir()
    _jax._remove_left()
    assert {*temporary.iterdir()} == {kept, temporary / "napari-piximi-other"}
    _jax._remove(kept, lock)
    assert not kept.exists()


def test_a_folder_that_is_chosen_stays(temporary: Path) -> None:
    from napari_piximi.learn import _jax

    chosen = jax.config.jax_compilation_cache_dir
    assert chosen is not None
    _jax.keep_compiled()
    assert jax.config.jax_compilation_cache_dir == chosen
    assert not [*temporary.iterdir()]


def test_the_folder_goes_with_the_process(tmp_path: Path) -> None:
    code = (
        f"import tempfile; tempfile.tempdir = {str(tmp_path)!r}\n"
        "import jax, napari_piximi.learn._keras\n"
        "jax.jit(lambda x: x + 1)(1.0)\n"
        "from pathlib import Path\n"
        "print(len([*Path(jax.config.jax_compilation_cache_dir).iterdir()]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) > 1  # the lock, and what was compiled
    assert not [*tmp_path.iterdir()]
