"""TensorFlow beside a window is a crash: nothing of the window's process may load it."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.io.tiny_bundle import tiny_project

from napari_piximi.io.bundle import write_bundle

ROOT = Path(__file__).resolve().parents[2]

SESSION = """
import importlib, json, pkgutil, sys
from pathlib import Path
from napari.components import ViewerModel
from napari._qt.qt_event_loop import get_qapp
app = get_qapp()
import napari_piximi.ui as ui
names = [found.name for found in pkgutil.walk_packages(ui.__path__, "napari_piximi.ui.")]
for name in names:
    importlib.import_module(name)
from napari_piximi.ui import documents, imports
from napari_piximi.ui.categories_panel import CategoriesPanel
from napari_piximi.ui.gallery_panel import GalleryPanel
from napari_piximi.ui.project_panel import ProjectPanel
from napari_piximi.ui.workspace import workspace_of
viewer = ViewerModel()
workspace = workspace_of(viewer)
panels = [panel(viewer) for panel in (ProjectPanel, GalleryPanel, CategoriesPanel)]
for panel in panels:
    panel.show()
documents.open_path(workspace, sys.argv[1])
while workspace.jobs.running:
    workspace.jobs.running[0].wait()
app.processEvents()
things = len(workspace.project.things)
for panel in panels:
    panel.close()
workspace.close()
loaded = sorted({module.split(".")[0] for module in sys.modules})
print(json.dumps({"modules": len(names), "things": things, "loaded": loaded}))
"""


def test_no_keras_in_the_process_of_a_window(tmp_path: Path) -> None:
    path = tmp_path / "tiny.zip"
    write_bundle(tiny_project(), path)
    own = {"NAPARI_PIXIMI_STATE": str(tmp_path), "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(
        [sys.executable, "-c", SESSION, str(path)],
        capture_output=True, text=True, env=os.environ | own, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["things"] == len(tiny_project().things)
    assert told["modules"] > 20
    assert "napari" in told["loaded"]
    assert {"keras", "tensorflow", "jax", "torch"}.isdisjoint(told["loaded"])
