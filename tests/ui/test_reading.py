"""Which files the reader takes, which it leaves to others, and what becomes of them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel
from npe2 import PluginManager, PluginManifest
from tests.io.tiny_bundle import tiny_project, write_zip
from tests.shared_data import DATA, shared
from tests.ui.conftest import Wait

import napari_piximi
from napari_piximi.errors import PiximiError
from napari_piximi.io.bundle import read_bundle, write_bundle
from napari_piximi.ui import reading
from napari_piximi.ui.reading import NO_LAYERS, get_reader
from napari_piximi.ui.workspace import Workspace

OURS = Path(napari_piximi.__file__).with_name("napari.yaml")


@pytest.fixture
def in_window(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """Let the reader find a viewer as if there were a window."""
    monkeypatch.setattr(reading, "_workspace", lambda: workspace)
    return workspace


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    write_bundle(tiny_project(), tmp_path / "tiny.zip")
    return tmp_path / "tiny.zip"


def read(path: Path | str) -> Any:  # noqa: ANN401
    reader = get_reader(str(path))
    assert reader is not None, path
    return reader(str(path))


# --- what is ours --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", sorted(DATA.glob("**/*.zip")) + sorted(DATA.glob("**/*.json")), ids=lambda p: p.name
)
def test_every_real_file(path: Path) -> None:
    ours = (
        path.parent.name in ("bundles", "mnist_classifier", "digits_cnn")
        or path.name in ("digits_cnn.zip", "rgb_coco.json", "rgb_piximi.json", "model.json")
    ) and not path.name.endswith(".expected.json")
    assert (get_reader(str(path)) is not None) == ours


def test_what_only_looks_alike_is_declined(tmp_path: Path) -> None:
    ome = tmp_path / "ome.zarr"
    (ome / "0").mkdir(parents=True)
    (ome / ".zattrs").write_text(json.dumps({"multiscales": []}))
    texts = {"a.json": '{"type": "FeatureCollection"}', "b.json": "[1]", "c.bin": "x", "d.dcm": "x"}
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    write_zip(tmp_path / "e.zip", {"a.txt": b"x"})
    for path in (ome, tmp_path, tmp_path / "e.zip", *(tmp_path / name for name in texts)):
        assert get_reader(str(path)) is None, path
    for address in ("https://example.org/x.zip", "s3://bucket/x.zarr", str(tmp_path / "no.zip")):
        assert get_reader(address) is None


def test_stacks_are_not_ours(tiny: Path) -> None:
    assert get_reader([str(tiny), str(tiny)]) is None


# --- in a window ---------------------------------------------------------------------------


def test_a_bundle_becomes_the_session(in_window: Workspace, tiny: Path, finish: Wait) -> None:
    before = in_window.project
    assert read(tiny) == NO_LAYERS
    assert in_window.project is before
    finish(in_window)
    assert in_window.project.name == "tiny"
    assert in_window.path == tiny


def test_a_folder_becomes_the_session(in_window: Workspace, tmp_path: Path, finish: Wait) -> None:
    write_bundle(tiny_project(), tmp_path / "tiny.zarr")
    read(tmp_path / "tiny.zarr")
    finish(in_window)
    assert in_window.project.name == "tiny"


def test_a_classifier_joins_an_empty_project(in_window: Workspace, finish: Wait) -> None:
    assert read(shared("classifiers/mnist_classifier/mnist_classifier.weights.bin")) == NO_LAYERS
    finish(in_window)
    assert [c.name for c in in_window.project.classifiers] == ["mnist_classifier"]


def test_annotations_join_the_project(in_window: Workspace, finish: Wait) -> None:
    project = read_bundle(shared("bundles/rgb_project.zip"))
    in_window.open_project(project)
    assert read(shared("exports/rgb_coco.json")) == NO_LAYERS
    finish(in_window)
    assert len(list(in_window.project.annotations())) > len(list(project.annotations()))


@pytest.mark.parametrize("name", ["digits", "coins", "histology"])
def test_samples_by_address(in_window: Workspace, finish: Wait, name: str) -> None:
    assert read(f"piximi://sample/{name}") == NO_LAYERS
    finish(in_window)
    assert len(in_window.project.things) > 20
    assert in_window.path is None
    assert not in_window.session.dirty
    assert len(in_window.gallery.ids) > 20, "objects, where there is but one image"


def test_dicom_stays_a_plain_image(in_window: Workspace) -> None:
    before = in_window.project
    ((data, arguments, kind),) = read(shared("images/CT1_UNC.explicit_little_endian.dcm"))
    assert (data.ndim, kind) == (2, "image")
    assert arguments["name"].startswith("CT1_UNC")
    assert in_window.project is before


def test_bad_dicom_is_an_error_for_napari_to_show(in_window: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "bad.dcm"
    path.write_bytes(bytes(128) + b"DICM" + b"nonsense")
    with pytest.raises(PiximiError, match=r"bad\.dcm"):
        read(path)


# --- without a window ----------------------------------------------------------------------


@pytest.fixture
def model(npe2pm: PluginManager) -> ViewerModel:
    """Return a viewer without a window, with our plugin installed."""
    npe2pm.register(PluginManifest.from_file(OURS))
    return ViewerModel()


def test_the_first_image_as_layers(model: ViewerModel, tiny: Path) -> None:
    model.open(tiny, plugin="napari-piximi")
    assert [layer.name for layer in model.layers] == ["a.tif [1]", "a.tif [2]", "a.tif cell"]
    image = np.asarray(tiny_project().things["1a"].pixels)
    np.testing.assert_allclose(model.layers[1].data, image[..., 1] / 255, atol=1e-6)
    np.testing.assert_allclose(model.layers[0].colormap.colors[-1], (1, 0, 0, 1))
    assert model.layers[0].blending == "additive"
    labels = model.layers[2].data
    assert labels.shape == (2, 6, 8)
    np.testing.assert_array_equal(labels[1, 2:4, 3:6], [[0, 1, 1], [1, 1, 0]])
    assert labels.sum() == 4
    assert list(model.layers[2].features["name"]) == ["", "cell 0"]


@pytest.mark.parametrize("path", sorted(DATA.glob("bundles/*.zip")), ids=lambda p: p.name)
def test_every_real_bundle_as_layers(model: ViewerModel, path: Path) -> None:
    added = model.open(path, plugin="napari-piximi")
    assert added
    assert list(model.layers) == added


def test_a_sample_as_layers(model: ViewerModel) -> None:
    (image, labels) = model.open_sample("napari-piximi", "coins")
    assert image.data.shape == labels.data.shape
    assert labels.data.max() == len(labels.features) - 1 > 20


@pytest.mark.parametrize("path", sorted(DATA.glob("images/*.dcm")), ids=lambda p: p.name)
def test_dicom_is_an_image(model: ViewerModel, path: Path) -> None:
    pydicom = pytest.importorskip("pydicom")
    (layer,) = model.open(path, plugin="napari-piximi")
    assert layer.data.shape == pydicom.dcmread(path).pixel_array.shape
    assert layer.contrast_limits[0] < layer.contrast_limits[1]


def test_what_is_no_layer_needs_a_window(model: ViewerModel) -> None:
    path = shared("classifiers/mnist_classifier/mnist_classifier.json")
    with pytest.raises(PiximiError, match="open it in a napari window"):
        model.open(path, plugin="napari-piximi")
