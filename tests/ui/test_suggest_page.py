from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from pytestqt.qtbot import QtBot
from tests.ui.gallery_project import CELLS, gallery_project

from napari_piximi.learn.label_errors import Suspicion, Suspicions
from napari_piximi.model import edits
from napari_piximi.model.gallery import Ranking, SortKey
from napari_piximi.model.query import Query
from napari_piximi.model.things import IMAGE_KIND, Partition
from napari_piximi.model.training import LAYERS_FORMAT, Classifier, ModelArtifact
from napari_piximi.ui.classifier_panel import ClassifierPanel
from napari_piximi.ui.gallery_panel import GalleryPanel
from napari_piximi.ui.suggest_page import SUSPICIOUS, SuggestPage
from napari_piximi.ui.workspace import Workspace

WRONG = Suspicions(
    (
        Suspicion("cell-2", "1round", "1long", 0.01, 0.9),
        Suspicion("cell-4", "1long", "1round", 0.05, 0.8),
    ),
    4,
    0.5,
)


class Asked:
    """What the engine was asked for; answered at once."""

    def __init__(self, answer: object) -> None:
        self.answer = answer
        self.title, self.function = "", ""
        self.args: tuple[Any, ...] = ()
        self.options: dict[str, Any] = {}

    def run(self, title: str, function: str, *args: Any, **options: Any) -> None:  # noqa: ANN401
        self.title, self.function, self.args, self.options = title, function, args, options
        options["done"](self.answer)


@pytest.fixture
def page(workspace: Workspace, qtbot: QtBot) -> SuggestPage:
    project = gallery_project()
    kind = project.find_kind(CELLS).id
    project = edits.categorize(project, ["cell-2", "cell-3"], "1round")
    project = edits.categorize(project, ["cell-4", "cell-5"], "1long")
    workspace.open_project(project)
    workspace.gallery.set_query(Query(kind))
    panel = ClassifierPanel(workspace.viewer)
    qtbot.addWidget(panel)
    made = SuggestPage(panel)
    qtbot.addWidget(made)
    return made


def choose_model(page: SuggestPage, **changes: Any) -> None:  # noqa: ANN401
    kind = page.panel.choice.kind
    model = ModelArtifact({"format": LAYERS_FORMAT, "classes": ["round", "long"]}, b"")
    net = Classifier("net", kind, channels=3, model=model, class_map=("1round", "1long"))
    page.panel.workspace.edit("fit", edits.put_classifier, replace(net, **changes))
    page.panel.choice.choose("net")


def ask(page: SuggestPage, answer: object, monkeypatch: pytest.MonkeyPatch) -> Asked:
    asked = Asked(answer)
    monkeypatch.setattr(page.panel.learning, "run", asked.run)
    page.suggest()
    return asked


RANKING = Ranking("margin", ("cell-9", "cell-7", "cell-0"), np.array([0.2, 0.9, 0.5]))


def test_without_a_model_one_is_sent_to_fit_one(page: SuggestPage) -> None:
    assert "There is no model yet: fit one" in page.line.text.text()
    assert page.start.isHidden()
    assert page.line.mend.text() == "Go to Fit"
    assert page.suggest() is None
    page.line.mend.click()
    assert page.panel.pages.tabText(page.panel.pages.currentIndex()) == "Fit"
    choose_model(page)
    assert page.line.isHidden()
    assert not page.start.isHidden()


@pytest.mark.parametrize(
    ("changes", "words", "button"),
    [
        ({"model": None}, "The files of net are missing", ""),
        ({"channels": 1}, "net takes 1 channel, but the images have 3", ""),
        ({"class_map": ("1round", "deleted")}, "map its classes first", "Map classes…"),
    ],
)
@pytest.mark.parametrize("method", ["Uncertain (margin)", "Diverse"])
def test_models_that_do_not_suit_are_not_asked(
    page: SuggestPage, changes: dict[str, Any], words: str, button: str, method: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    page.method.setCurrentText(method)
    choose_model(page, **changes)
    assert words in page.line.text.text()
    assert page.start.isHidden()
    assert page.line.mend.isHidden() is (button == "")
    asked = ask(page, RANKING, monkeypatch)
    assert asked.function == ""
    if button:
        assert page.line.mend.text() == button
        page.line.mend.click()
        page.refresh()
        assert page.line.isHidden()
        assert page.panel.choice.classifier is not None
        assert page.panel.choice.classifier.class_map == ("1round", "1long")


def test_there_must_be_something_to_rank(page: SuggestPage) -> None:
    choose_model(page)
    workspace = page.panel.workspace
    ids = [thing.id for thing in workspace.project.of_kind(page.panel.choice.kind)]
    workspace.edit("Label", edits.categorize, ids, "1round")
    page.refresh()
    assert page.line.text.text().startswith("There is no thing without a label")
    page.among.setCurrentText("All things")
    assert page.line.isHidden()
    assert not page.start.isHidden()
    workspace.edit("Delete", edits.delete_things, ids)
    page.refresh()
    assert page.line.text.text().startswith("There is no thing of this kind")


def test_suspicions_need_labels(page: SuggestPage, qtbot: QtBot) -> None:
    page.method.setCurrentText(SUSPICIOUS)
    workspace = page.panel.workspace
    page.panel.resize(360, 800)
    page.panel.show()
    page.setParent(None)
    page.show()
    assert page.start.isVisible()
    workspace.edit("Label", edits.categorize, ["cell-4", "cell-5"], "1round")
    qtbot.waitUntil(page.line.isVisible)
    assert "two labelled things of at least two categories" in page.line.text.text()
    assert not page.start.isVisible()
    assert page.suggest() is None
    page.line.mend.click()
    assert workspace.gallery.query.labelled is False
    workspace.undo()
    qtbot.waitUntil(page.start.isVisible)
    ids = ["cell-2", "cell-3", "cell-4", "cell-5"]
    workspace.edit("Split", edits.set_partition, ids, Partition.VALIDATION)
    page.refresh()
    assert page.start.isVisible(), "how things are split plays no part"
    settings = replace(page.panel.choice.settings, height=8, width=8)
    page.panel.choice.set_settings(settings)
    assert page.line.text.text().startswith("SimpleCNN needs an input of at least")
    assert page.line.mend.text() == "Go to Fit"


def test_the_gallery_is_sorted_by_suggestions(
    page: SuggestPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose_model(page)
    gallery = page.panel.workspace.gallery
    asked = ask(page, RANKING, monkeypatch)
    assert (asked.title, asked.function.split(":")[1]) == ("Rank things", "rank")
    assert asked.args[3] == "margin"
    assert asked.options["unlabelled"] is True
    assert asked.options["count"] == 20
    assert gallery.query.sort == SortKey.SUGGESTED
    assert list(gallery.ids)[:4] == ["cell-7", "cell-0", "cell-9", "cell-1"]
    assert not {"cell-2", "cell-3", "cell-4", "cell-5"} & set(gallery.ids)
    assert gallery.selection == {"cell-7"}
    assert page.outcome.text().startswith("3 things ranked")
    page.count.setValue(2)
    page.select.click()
    assert gallery.selection == {"cell-7", "cell-0"}


def test_all_things_can_be_ranked(page: SuggestPage, monkeypatch: pytest.MonkeyPatch) -> None:
    choose_model(page)
    page.among.setCurrentText("All things")
    page.method.setCurrentText("Mixed")
    asked = ask(page, RANKING, monkeypatch)
    assert asked.args[3] == "mixed"
    assert asked.options["unlabelled"] is False
    assert len(page.panel.workspace.gallery.ids) == 12


@pytest.mark.parametrize("among", ["All things", "Things without a label"])
def test_keys_walk_down_the_suggestions(
    page: SuggestPage, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot, among: str
) -> None:
    choose_model(page)
    workspace = page.panel.workspace
    shown = GalleryPanel(workspace.viewer)
    qtbot.addWidget(shown)
    shown.jump.setChecked(True)
    page.among.setCurrentText(among)
    ask(page, RANKING, monkeypatch)
    assert shown.sort.currentText() == "Suggested: margin"
    walked: list[str] = []
    for _ in range(4):
        walked.extend(workspace.gallery.selection)
        shown.categorize_by_number(1)
    assert walked == ["cell-7", "cell-0", "cell-9", "cell-1"]


def test_suggestions_go_with_their_kind(page: SuggestPage, monkeypatch: pytest.MonkeyPatch) -> None:
    choose_model(page)
    ask(page, RANKING, monkeypatch)
    gallery = page.panel.workspace.gallery
    page.refresh()
    assert not page._batch.isHidden()
    kind = gallery.query.kind
    gallery.set_query(Query(IMAGE_KIND))
    page.refresh()
    assert page._batch.isHidden()
    page.show_ranking("gone", RANKING, unlabelled=True)
    assert gallery.query.kind == IMAGE_KIND
    page.show_ranking(kind, RANKING, unlabelled=True)
    assert gallery.query.kind == kind


def test_suspicious_labels_are_listed_and_shown(
    page: SuggestPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    page.method.setCurrentText(SUSPICIOUS)
    assert page.line.isHidden()  # needs labels, not a model
    asked = ask(page, WRONG, monkeypatch)
    assert asked.function.endswith(":suspect")
    assert asked.options["folds"] == 5
    gallery, lines = page.panel.workspace.gallery, page.suspicious.lines
    assert list(gallery.ids) == ["cell-2", "cell-4"]
    assert gallery.selection == {"cell-2"}
    item = lines.topLevelItem(0)
    assert item is not None
    row = [item.text(column) for column in range(5)]
    assert row == ["cell 2", "round", "0.01", "long", "0.90"], "each with its own probability"
    head = lines.headerItem()
    assert head is not None
    assert "the label that it has" in head.toolTip(2)
    assert "what they say it is" in head.toolTip(4)
    assert "agree with 50% of 4 labels. 2 left" in page.suspicious.summary.text()


def test_suspicious_labels_are_kept_or_changed(
    page: SuggestPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    page.method.setCurrentText(SUSPICIOUS)
    ask(page, WRONG, monkeypatch)
    workspace, listed = page.panel.workspace, page.suspicious
    assert listed.change_button.text() == "Change to long"
    listed.change_button.click()
    assert workspace.project.things["cell-2"].category == "1long"
    assert [found.thing for found in listed.listed] == ["cell-4"]
    workspace.undo()
    assert workspace.project.things["cell-2"].category == "1round"
    assert [found.thing for found in listed.listed] == ["cell-2", "cell-4"]
    listed.lines.setCurrentItem(listed.lines.topLevelItem(1))
    assert workspace.gallery.selection == {"cell-4"}
    listed.show_button.click()
    assert workspace.shown == "a"
    listed.keep_button.click()
    assert [found.thing for found in listed.listed] == ["cell-2"]
    workspace.edit("delete", edits.delete_things, ["cell-2"])
    assert listed.listed == ()
    assert not listed.change_button.isEnabled()


def test_no_suspicion_is_said(page: SuggestPage, monkeypatch: pytest.MonkeyPatch) -> None:
    page.method.setCurrentText(SUSPICIOUS)
    ask(page, Suspicions((), 7, 1.0), monkeypatch)
    assert "None looks wrong" in page.suspicious.summary.text()


def test_the_choices_are_remembered(page: SuggestPage, qtbot: QtBot) -> None:
    page.method.setCurrentText("Diverse")
    page.count.setValue(7)
    again = SuggestPage(page.panel)
    qtbot.addWidget(again)
    assert (again.method.currentText(), again.count.value()) == ("Diverse", 7)
