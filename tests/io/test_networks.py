"""Segmentation networks come back as they were from bundles and journals; hostile ones do not."""

import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.io.networks import (
    BYTES,
    comparable,
    network,
    networks,
    object_kind,
    row,
    score,
    small_model,
    with_networks,
)
from tests.io.tiny_bundle import Members, edit_json, tiny_project, write_folder, write_zip

from napari_piximi.errors import BundleError, ModelFileError, PiximiWarning
from napari_piximi.io import _networks, bundle
from napari_piximi.io._network_values import rows_values
from napari_piximi.io.bundle import read_bundle, write_bundle
from napari_piximi.io.recovery import Journal, lost_sessions
from napari_piximi.model import edits
from napari_piximi.model.segmentation import SegmentationNetwork, UNetSettings
from napari_piximi.model.training import ModelArtifact, Run

SLOW = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
FOLDER = "tiny.zarr/napari_piximi/networks/"
NOTE = "tiny.zarr/segmenter/.zattrs"


def members_of(path: Path, *, index: bool = False) -> Members:
    with zipfile.ZipFile(path) as file:
        names = [name for name in file.namelist() if index or not name.endswith("-index")]
        return {name: file.read(name) for name in names}


@SLOW
@given(
    made=st.lists(networks(), min_size=1, max_size=3, unique_by=lambda n: n.name),
    form=st.sampled_from(["tiny.zip", "tiny.zarr", "no index"]),
)
def test_any_networks_in_a_bundle(
    made: list[SegmentationNetwork], form: str, tmp_path: Path
) -> None:
    path = tmp_path / (form if form != "no index" else "tiny.zip")
    project = with_networks(*made)
    write_bundle(project, path)
    if form == "no index":
        path = write_zip(tmp_path / "stripped.zip", members_of(path))
    again = read_bundle(path)
    assert list(map(comparable, again.networks)) == list(map(comparable, project.networks))
    write_bundle(again, tmp_path / "second.zip")
    third = read_bundle(tmp_path / "second.zip")
    assert list(map(comparable, third.networks)) == list(map(comparable, project.networks))


@SLOW
@given(made=networks())
def test_any_network_in_a_journal(made: SegmentationNetwork, tmp_path_factory: Any) -> None:  # noqa: ANN401
    home = tmp_path_factory.mktemp("home")
    start = tiny_project()
    journal = Journal.begin(home, start)
    put = edits.put_network(start, replace(made, kind=object_kind(start)))
    journal.note(start, put)
    assert journal.flush(20)
    renamed = edits.rename_network(put, made.name, "renamed")
    journal.note(put, renamed)
    journal.close(discard=False)
    (session,) = lost_sessions(home)
    (again,) = session.recover().networks
    assert comparable(again) == comparable(renamed.networks[0])
    session.discard()


def test_a_journal_writes_weights_and_long_histories_once(tmp_path: Path) -> None:
    start = tiny_project()
    long = Run(UNetSettings(), {"loss": (0.5,) * 2000}, 7)
    scored = (replace(score(), rows=(row("1a"), row("1b"))),)
    journal = Journal.begin(tmp_path, start)
    project = start
    for step in range(4):
        made = network(runs=(long,), scores=scored[: step % 2])
        if project.networks:
            made = replace(made, model=project.networks[0].model)
        put = edits.put_network(project, replace(made, kind=object_kind(start)))
        journal.note(project, put)
        project = put
        assert journal.flush(20)
    assert len(list(journal.folder.glob("data-*"))) == 4  # document, weights, history, rows
    gone = edits.delete_network(project, "net")
    journal.note(project, gone)
    journal.note(gone, project)
    journal.close(discard=False)
    (session,) = lost_sessions(tmp_path)
    assert session.recover().networks == project.networks


def test_a_score_whose_images_are_lost_comes_back_without_them(tmp_path: Path) -> None:
    start = tiny_project()
    made = network(model=None, scores=(replace(score(), rows=(row("1a"),)),))
    put = edits.put_network(start, replace(made, kind=object_kind(start)))
    journal = Journal.begin(tmp_path, start)
    journal.note(start, put)
    journal.close(discard=False)
    (file,) = journal.folder.glob("data-*")
    file.unlink()
    (session,) = lost_sessions(tmp_path)
    with pytest.warns(PiximiWarning, match="a score is recovered without its images"):
        (found,) = session.recover().networks
    assert found.scores == (score(),)


def test_scores_of_older_bundles_have_no_images(tmp_path: Path) -> None:
    made = network(scores=(replace(score(), rows=(row("1a"),)), score()))
    path = tmp_path / "tiny.zip"
    write_bundle(with_networks(made), path)
    noted = json.loads(members_of(path)[NOTE])["napari_piximi"]["networks"][0]["scores"]
    assert set(noted[0]) - set(noted[1]) == {"rows"}
    (found,) = read_bundle(path).networks
    assert [len(one.rows) for one in found.scores] == [1, 0]


def test_of_very_many_images_those_of_the_newest_scores_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_networks, "MOST_ROWS", 3)
    old, new = (replace(score(), rows=(row("1a"), row("1b"))) for _ in range(2))
    path = tmp_path / "tiny.zip"
    write_bundle(with_networks(network(scores=(old, new))), path)
    (found,) = read_bundle(path).networks
    assert found.scores == (score(), new)


@pytest.mark.parametrize("damage", ["delete", "change"])
def test_lost_weights_of_a_network_are_told(damage: str, tmp_path: Path) -> None:
    start = tiny_project()
    journal = Journal.begin(tmp_path, start)
    put = edits.put_network(start, network(kind=object_kind(start)))
    journal.note(start, put)
    journal.close(discard=False)
    for file in journal.folder.glob("data-*"):
        if file.stat().st_size == BYTES:
            file.unlink() if damage == "delete" else file.write_bytes(b"x" * BYTES)
    (session,) = lost_sessions(tmp_path)
    with pytest.warns(PiximiWarning, match="network 'net' is recovered without its weights"):
        (found,) = session.recover().networks
    assert found == replace(put.networks[0], model=None)


def test_a_network_of_a_kind_that_a_journal_lost_is_left_out(tmp_path: Path) -> None:
    start = tiny_project()
    put = edits.put_network(start, network(kind=object_kind(start)))
    journal = Journal.begin(tmp_path, start)
    journal.note(start, replace(put, networks=(replace(put.networks[0], kind="gone"),)))
    journal.close(discard=False)
    (session,) = lost_sessions(tmp_path)
    with pytest.warns(PiximiWarning, match="networks of kinds that are not there"):
        assert session.recover().networks == ()


# --- bundles -------------------------------------------------------------------------------


def test_a_bundle_without_networks_is_byte_for_byte_what_it_was(tmp_path: Path) -> None:
    start = tiny_project()
    put = edits.put_network(start, network(kind=object_kind(start)))
    write_bundle(start, tmp_path / "tiny.zip")
    (tmp_path / "again").mkdir()
    write_bundle(edits.delete_network(put, "net"), tmp_path / "again" / "tiny.zip")
    written = (tmp_path / "tiny.zip").read_bytes()
    assert (tmp_path / "again" / "tiny.zip").read_bytes() == written
    assert b"networks" not in written
    assert json.loads(members_of(tmp_path / "tiny.zip")[NOTE]) == {"name": "undefined"}


def test_files_lie_where_piximi_does_not_look_and_shared_ones_once(tmp_path: Path) -> None:
    project = with_networks(network(), network(name="other", model=small_model(2, 1)))
    project = edits.duplicate_network(project, "net", "copy")
    write_bundle(project, tmp_path / "tiny.zip")
    members = members_of(tmp_path / "tiny.zip")
    assert {name for name in members if name.startswith(FOLDER)} == {
        f"{FOLDER}{number}.{part}" for number in (0, 1) for part in ("model", "weights")
    }
    assert json.loads(members[NOTE])["name"] == "undefined"  # what Piximi looks at
    again = read_bundle(tmp_path / "tiny.zip")
    first, other, copy = again.networks
    assert (first.model, other.model) == (project.networks[0].model, project.networks[1].model)
    assert copy.model is first.model
    assert not again.classifiers


def test_a_model_that_is_not_whole_is_not_written(tmp_path: Path) -> None:
    model = small_model()
    project = with_networks(network(model=ModelArtifact(model.document, model.weights[:-1])))
    with pytest.raises(ModelFileError):
        write_bundle(project, tmp_path / "tiny.zip")
    assert list(tmp_path.iterdir()) == []


def changed(tmp_path: Path, change: Callable[[Members], object], *, folder: bool = False) -> Path:
    write_bundle(with_networks(network()), tmp_path / "tiny.zip")
    members = members_of(tmp_path / "tiny.zip")
    change(members)
    if folder:
        return write_folder(tmp_path / "changed.zarr", members)
    return write_zip(tmp_path / "changed.zip", members)


def noted(change: Callable[[dict[str, Any]], object]) -> Callable[[Members], object]:
    """Change what is told of the only network."""
    return lambda members: edit_json(
        members, NOTE, lambda a: change(a["napari_piximi"]["networks"][0])
    )


def with_document(model: ModelArtifact) -> Callable[[Members], object]:
    def change(members: Members) -> None:
        members[f"{FOLDER}0.model"] = json.dumps(dict(model.document)).encode()
        members[f"{FOLDER}0.weights"] = model.weights

    return change


def cut(members: Members) -> None:
    members[f"{FOLDER}0.weights"] = members[f"{FOLDER}0.weights"][:-4]


def with_lambda(members: Members) -> None:
    text = members[f"{FOLDER}0.model"]
    members[f"{FOLDER}0.model"] = text.replace(b'"Conv2D"', b'"Lambda"')


WITHOUT: dict[str, tuple[Callable[[Members], object], str]] = {
    "no weights": (lambda m: m.pop(f"{FOLDER}0.weights"), "missing or damaged"),
    "no document": (lambda m: m.pop(f"{FOLDER}0.model"), "missing or damaged"),
    "short weights": (cut, "0.model"),
    "no JSON": (lambda m: m.update({f"{FOLDER}0.model": b"\xff{"}), "0.model: is not a JSON"),
    "a layer with code": (with_lambda, "'Lambda'"),
    "an absurd layer": (with_document(small_model(2, strides=[1, 2**40])), "absurd"),
    "other channels": (with_document(small_model(3)), "not images of 2 channels"),
    "vectors": (with_document(small_model(2, batch_input_shape=[None, 2])), "not images of 2"),
    "another number": (noted(lambda n: n.update(model="7")), "missing or damaged"),
}


@pytest.mark.parametrize("case", WITHOUT)
@pytest.mark.parametrize("folder", [False, True])
def test_a_network_whose_model_cannot_be_had_opens_without_it(
    case: str, folder: bool, tmp_path: Path
) -> None:
    change, trouble = WITHOUT[case]
    path = changed(tmp_path, change, folder=folder)
    with pytest.warns(PiximiWarning) as told:
        project = read_bundle(path)
    text = "\n".join(str(warning.message) for warning in told)
    assert trouble in text
    assert "network 'net'" in text
    assert "saved without them" in text
    before = with_networks(network()).networks[0]
    assert project.networks == (replace(before, model=None, kind=object_kind(project)),)


@pytest.mark.parametrize(
    ("change", "settings_of"),
    [
        ({"settings": {"depth": 99, "tile": "a", "low": float("1e9")}}, UNetSettings()),
        ({"settings": {"depth": True}}, UNetSettings()),
        ({"settings": {"depth": 2, "flips": 1}}, UNetSettings(depth=2)),
        ({"settings": [1]}, UNetSettings()),
    ],
)
def test_settings_that_are_not_valid_are_repaired(
    change: dict[str, Any], settings_of: UNetSettings, tmp_path: Path
) -> None:
    path = changed(tmp_path, noted(lambda n: n.update(change)))
    with pytest.warns(PiximiWarning, match="network 'net'"):
        (found,) = read_bundle(path).networks
    assert found.settings == settings_of
    assert found.model == network().model


def test_what_a_later_version_notes_is_passed_over(tmp_path: Path) -> None:
    def change(note: dict[str, Any]) -> None:
        note["colour"] = "red"
        note["settings"]["blocks"] = 7
        note["scores"][0]["boundary"] = [1]
        note["runs"][0]["host"] = "x"

    (found,) = read_bundle(changed(tmp_path, noted(change))).networks
    assert replace(found, kind="cell") == network()


def test_a_run_that_a_score_names_and_that_is_not_there_is_forgotten(tmp_path: Path) -> None:
    path = changed(tmp_path, noted(lambda n: n["scores"][0].update(run=5)))
    (found,) = read_bundle(path).networks
    assert [score.run for score in found.scores] == [None, None]


@pytest.mark.parametrize("kind", ["gone", "", "Image"])
def test_a_network_of_no_kind_is_left_out(kind: str, tmp_path: Path) -> None:
    path = changed(tmp_path, noted(lambda n: n.update(kind=kind)))
    with pytest.warns(PiximiWarning, match="'net' is left out"):
        assert read_bundle(path).networks == ()


def score_with(**changes: Any) -> Callable[[Members], object]:  # noqa: ANN401
    return noted(lambda n: n["scores"][0].update(changes))


def rows_with(**changes: Any) -> Callable[[Members], object]:  # noqa: ANN401
    return score_with(rows={**rows_values((row("1a"),)), **changes})


def run_with(**changes: Any) -> Callable[[Members], object]:  # noqa: ANN401
    return noted(lambda n: n["runs"][0].update(changes))


def listed(value: object) -> Callable[[Members], object]:
    return lambda m: edit_json(m, NOTE, lambda a: a["napari_piximi"].update(networks=value))


def doubled(members: Members) -> None:
    edit_json(members, NOTE, lambda a: a["napari_piximi"].update(
        networks=a["napari_piximi"]["networks"] * 2))  # fmt: skip


DAMAGED: dict[str, Callable[[Members], object]] = {
    "no list": listed({"net": 1}),
    "a number": listed(3),
    "no objects": listed(["net"]),
    "nothing told": listed([{}]),
    "twice": doubled,
    "no text for a name": noted(lambda n: n.update(name=7)),
    "a path for a name": noted(lambda n: n.update(name="../net")),
    "no name": noted(lambda n: n.update(name=" ")),
    "kind": noted(lambda n: n.update(kind=None)),
    "model": noted(lambda n: n.update(model=["0"])),
    "no channels": noted(lambda n: n.update(channels=[])),
    "absurd channels": noted(lambda n: n.update(channels=[10**9])),
    "negative channels": noted(lambda n: n.update(channels=[-1, 0])),
    "yes for a channel": noted(lambda n: n.update(channels=[True, 0])),
    "runs": noted(lambda n: n.update(runs={})),
    "a run": noted(lambda n: n.update(runs=[1])),
    "columns": run_with(history={"loss": [1.0], "iou": []}),
    "best epoch": run_with(best_epoch=9),
    "scores": noted(lambda n: n.update(scores="x")),
    "a score": noted(lambda n: n.update(scores=[[]])),
    "thresholds": score_with(matched=[1]),
    "no share": score_with(mean_iou=[2.0] * 10),
    "no number": score_with(mean_iou=[None] * 10),
    "more pairs than objects": score_with(matched=[4] * 10),
    "negative pairs": score_with(matched=[-1] * 10),
    "absurd count": score_with(annotated=1 << 60),
    "partition": score_with(partition=1),
    "no columns": score_with(rows=[1]),
    "a column is missing": score_with(rows={"image": ["1a"]}),
    "columns of rows": rows_with(image=["1a", "1b"]),
    "an image": rows_with(image=[1]),
    "pairs of an image": rows_with(found=[0]),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_damage_is_told_in_one_error(case: str, tmp_path: Path) -> None:
    path = changed(tmp_path, DAMAGED[case])
    with pytest.raises(BundleError, match=r"changed\.zip: segmenter/\.zattrs: .*networks"):
        read_bundle(path)


def test_absurd_files_are_refused_before_they_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "tiny.zip"
    write_bundle(with_networks(network()), path)
    monkeypatch.setattr(bundle, "MAX_MODEL", (64 << 20, BYTES - 1))
    with pytest.raises(BundleError, match=f"0.weights has {BYTES} bytes, too many"):
        read_bundle(path)


def test_the_bundle_of_a_project_from_another_one_keeps_its_networks(tmp_path: Path) -> None:
    """Saved over itself, as the window does, and by name again."""
    path = tmp_path / "tiny.zip"
    write_bundle(with_networks(network()), path)
    project = read_bundle(path)
    write_bundle(edits.rename_network(project, "net", "other"), path)
    (found,) = read_bundle(path).networks
    assert replace(found, name="net", kind="cell") == network()
