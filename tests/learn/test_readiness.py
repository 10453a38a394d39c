"""What would stop or spoil a fit: found before, in agreement with what the fit itself refuses."""

import warnings
from dataclasses import replace
from pathlib import Path

import pytest
from tests.ui.gallery_project import gallery_project

from napari_piximi.errors import FitError, PiximiWarning
from napari_piximi.learn.plans import plan_fit
from napari_piximi.learn.readiness import Trouble, readiness
from napari_piximi.learn.splits import split_things
from napari_piximi.model import edits
from napari_piximi.model.project import Project
from napari_piximi.model.things import Partition
from napari_piximi.model.training import (
    FOREST,
    GRAPH_FORMAT,
    LAYERS_FORMAT,
    Classifier,
    ModelArtifact,
    Settings,
)


@pytest.fixture
def project() -> Project:
    """Return twenty cells, eight of them round and eight long."""
    made = gallery_project(20)
    made = edits.categorize(made, [f"cell-{i}" for i in range(8)], "1round")
    return edits.categorize(made, [f"cell-{i}" for i in range(8, 16)], "1long")


def kind_of(project: Project) -> str:
    return project.find_kind("cells").id


def model(project: Project, **changes: object) -> Classifier:
    made = Classifier(
        "M 1",
        kind_of(project),
        channels=3,
        model=ModelArtifact({"format": LAYERS_FORMAT, "classes": ["round", "long"]}, b""),
        class_map=("1round", "1long"),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def look(
    project: Project, settings: Settings | None = None, base: Classifier | None = None
) -> tuple[Trouble, ...]:
    return readiness(project, kind_of(project), settings or Settings(batch_size=8), base)


def stops(found: tuple[Trouble, ...]) -> list[Trouble]:
    return [trouble for trouble in found if trouble.severity == "stop"]


def test_all_is_well(project: Project) -> None:
    assert look(project) == ()
    assert look(project, base=model(project))[0].severity == "spoil"  # nothing validates it
    split = edits.set_partition(project, ["cell-0", "cell-8"], Partition.VALIDATION)
    assert look(split, base=model(project)) == ()


def test_a_kind_that_is_not_there_has_no_troubles(project: Project) -> None:
    assert readiness(project, "gone", Settings()) == ()


def test_no_label() -> None:
    (found,) = stops(look(gallery_project()))
    assert "has a category yet" in found.text
    assert found.remedy is not None
    assert found.remedy.action == "unlabelled"


def test_one_class(project: Project) -> None:
    one = edits.categorize(gallery_project(), ["cell-1", "cell-2"], "1round")
    (found,) = stops(look(one))
    assert "All labelled things are 'round'" in found.text


def test_all_in_validation(project: Project) -> None:
    ids = [f"cell-{i}" for i in range(16)]
    held = edits.set_partition(project, ids, Partition.VALIDATION)
    (found,) = stops(look(held))
    assert "none can train" in found.text
    assert found.remedy is not None
    assert found.remedy.action == "unassign"
    with pytest.raises(FitError, match="none can train"):
        plan_fit(held, kind_of(held), "M", Settings())


def test_what_is_refused_is_what_stops(project: Project) -> None:
    """Whatever readiness lets pass, the plan of the fit does not refuse; and the other way."""
    none, one = gallery_project(), edits.categorize(gallery_project(), ["cell-1"], "1round")
    stranger = edits.create_category(project, kind_of(project), "third", category_id="1third")
    stranger = edits.categorize(stranger, ["cell-17"], "1third")
    bad = Settings(height=20, width=30, quarter_turns=True)
    cases = [
        (none, Settings(), None, True),
        (one, Settings(), None, True),
        (project, bad, None, True),
        (project, Settings(epochs=0), None, True),
        (project, Settings(), model(project), False),
        (stranger, Settings(), model(project), True),
        (project, Settings(), model(project, class_map=()), True),
        (project, Settings(), model(project, model=None), True),
        (project, Settings(), None, False),
    ]
    for case, settings, base, stopped in cases:
        refused = False
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", PiximiWarning)
                plan_fit(case, kind_of(case), "M 1", settings, base)
        except FitError:
            refused = True
        assert (bool(stops(look(case, settings, base))), refused) == (stopped, stopped)


def test_the_split_is_foreseen(project: Project) -> None:
    """The number of things that validate is the same as in the split of the fit."""
    labelled = edits.set_partition(project, ["cell-0", "cell-1"], Partition.TRAINING)
    for share in (0.05, 0.5, 0.75, 0.95, 1.0):
        settings = Settings(training_percentage=share, batch_size=1)
        split = split_things(labelled, kind_of(labelled), settings)
        missing = {"1round", "1long"} - {thing.category for thing in split.validation}
        told = [t for t in look(labelled, settings) if "left to validate" in t.text]
        assert bool(missing) == bool(told), share


def test_share_of_all_is_mended(project: Project) -> None:
    (found,) = look(project, Settings(training_percentage=1.0, batch_size=8))
    assert found.remedy is not None
    assert found.remedy.changes == {"training_percentage": 0.75}
    assert look(project, Settings(batch_size=8, **found.remedy.changes)) == ()


def test_input(project: Project) -> None:
    (found,) = look(project, Settings(height=10, width=20, batch_size=8))
    assert found.severity == "stop"
    assert found.remedy is not None
    assert found.remedy.changes == {"height": 16, "width": 20}
    assert look(project, Settings(architecture=FOREST, height=10, width=20)) == ()
    (found,) = look(project, Settings(height=20, width=30, quarter_turns=True, batch_size=8))
    assert found.remedy is not None
    assert found.remedy.changes == {"height": 30, "width": 30}


def test_input_of_a_model_cannot_be_mended(project: Project) -> None:
    split = edits.set_partition(project, ["cell-0", "cell-8"], Partition.VALIDATION)
    small = model(project, settings=Settings(height=8, width=8))
    (found,) = stops(look(split, base=small))
    assert found.remedy is not None
    assert found.remedy.action == "new"
    long = model(project, settings=Settings(height=20, width=30))
    (found,) = stops(look(split, Settings(quarter_turns=True, batch_size=8), long))
    assert found.remedy is not None
    assert found.remedy.changes == {"quarter_turns": False}


@pytest.mark.parametrize(
    ("changes", "words", "action"),
    [
        ({"channels": 1}, "takes 1 channel, but the images have 3", "new"),
        ({"model": None}, "files of 'M 1' are missing", "new"),
        ({"model": ModelArtifact({"format": GRAPH_FORMAT}, b"")}, "not be fitted", "new"),
        ({"class_map": ("1round", "gone")}, "1 of the classes", "map"),
        ({"class_map": ()}, "all of the classes", "map"),
        ({"class_map": ("1round",)}, "does not know 'long'", "new"),
    ],
)
def test_models_that_do_not_suit(
    project: Project, changes: dict[str, object], words: str, action: str
) -> None:
    (found,) = stops(look(project, base=model(project, **changes)))
    assert words in found.text
    assert found.remedy is not None
    assert found.remedy.action == action


def test_few_and_uneven() -> None:
    project = gallery_project(40)
    project = edits.categorize(project, [f"cell-{i}" for i in range(30)], "1round")
    project = edits.categorize(project, ["cell-31", "cell-32"], "1long")
    few, uneven = look(project)
    assert "Fewer than 5 examples of 'long'" in few.text
    assert "'round' has 15 times as many" in uneven.text
    assert uneven.remedy is not None
    assert uneven.remedy.changes == {"class_weights": True}


def test_batch(project: Project) -> None:
    (found,) = look(project, Settings(batch_size=32))
    assert found.severity == "note"
    assert found.remedy is not None
    assert found.remedy.changes == {"batch_size": 8}  # twelve train


def test_weights(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NAPARI_PIXIMI_CACHE", str(tmp_path))
    mobile = Settings(architecture="MobileNet", batch_size=8)
    (found,) = look(project, mobile)
    assert found.severity == "note"
    (tmp_path / "mobilenet_v1_0.25_224").mkdir()
    (tmp_path / "mobilenet_v1_0.25_224" / "model.json").write_text("{}")
    assert look(project, mobile) == ()
    assert look(project, replace(mobile, weights="random")) == ()
    (found,) = look(project, replace(mobile, weights=str(tmp_path / "none.json")))
    assert (found.severity, found.remedy and found.remedy.changes) == ("stop", {"weights": ""})


def test_a_limit(project: Project) -> None:
    (found,) = stops(look(project, Settings(learning_rate=float("nan"), batch_size=8)))
    assert "learning_rate cannot be nan" in found.text


def test_many_names_are_counted(project: Project) -> None:
    for number in range(6):
        project = edits.create_category(project, kind_of(project), f"c{number}")
    (found,) = look(project)
    assert "'c0', 'c1', 'c2' and 3 more: no example" in found.text


def test_counts_that_are_known_are_taken(project: Project) -> None:
    counts = {"1round": {Partition.UNASSIGNED: 60_000}, "1long": {Partition.TRAINING: 40_000}}
    found = readiness(project, kind_of(project), Settings(), None, counts)
    assert [trouble.text for trouble in found] == [
        "Nothing of 'long' is left to validate: nobody will see how it does on new things"
    ]
