"""What would stop a fit, or spoil it, and what mends it; found without reading a pixel."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from napari_piximi.errors import FitError
from napari_piximi.learn.checks import check_settings
from napari_piximi.learn.plans import INPUT_SETTINGS
from napari_piximi.learn.splits import training_count
from napari_piximi.model.columns import Columns
from napari_piximi.model.project import Project
from napari_piximi.model.things import Partition
from napari_piximi.model.training import FOREST, GRAPH_FORMAT, Classifier, Settings

__all__ = ["Action", "Counts", "Remedy", "Severity", "Trouble", "readiness"]

Counts = Mapping[str, Mapping[Partition, int]]
"""How many things each category has, by partition; see :meth:`Columns.counts`."""

Severity = Literal["stop", "spoil", "note"]
"""No fit is possible; its result will be poor; something to know."""

Action = Literal["settings", "fit", "unlabelled", "new", "unassign", "map", "find"]
"""Change settings; do so and fit; show things without a label; a new model; undo the split; map;
find objects."""

LEAST_INPUT = {"SimpleCNN": 16}
"""Pixels along either side of the input; with less, nothing is left to flatten."""
FEW = 5
"""Examples of a category below which what is learnt of it is mostly chance."""
UNEVEN = 10
"""How many times as many examples the largest category may have as the smallest."""
NAMED = 3
"""Categories that a sentence names; the others are counted."""
MOBILENET_FOLDER = "mobilenet_v1_0.25_224"


@dataclass(frozen=True)
class Remedy:
    """What mends a trouble.

    Attributes
    ----------
    caption : str
        For a button.
    action : Action
    changes : mapping of str to value
        Of settings, for the action ``"settings"``.
    """

    caption: str
    action: Action
    changes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_edit(self) -> bool:
        """Whether it changes the project, so that it can be undone; settings are no part of it."""
        return self.action in ("unassign", "map")


@dataclass(frozen=True)
class Trouble:
    """One thing that is not as it should be before a fit."""

    text: str
    severity: Severity
    remedy: Remedy | None = None


SHOW_UNLABELLED = Remedy("Show unlabelled things", "unlabelled")
NEW_MODEL = Remedy("New model instead", "new")
UNASSIGN = Remedy("Put labelled things back to Unassigned", "unassign")


def readiness(
    project: Project,
    kind: str,
    settings: Settings,
    base: Classifier | None = None,
    counts: Counts | None = None,
) -> tuple[Trouble, ...]:
    """Find what would stop or spoil a fit.

    Parameters
    ----------
    project : Project
    kind : str
        Kind id.
    settings : Settings
    base : Classifier, optional
        The one that is to be continued.
    counts : mapping, optional
        Of the things of the kind, where they are known already.

    Returns
    -------
    tuple of Trouble
        The worst first; empty when all is well.
    """
    if kind not in project.kinds:
        return ()
    if counts is None:
        counts = Columns(project, kind).counts()
    if base is not None:
        fixed = {name: getattr(base.settings, name) for name in INPUT_SETTINGS}
        settings = replace(settings, **fixed)
    look = _Look(project, kind, settings, base, counts)
    found = [*look.model(), *look.labels(), *look.settings_troubles(), *look.balance()]
    order: dict[Severity, int] = {"stop": 0, "spoil": 1, "note": 2}
    return tuple(sorted(found, key=lambda trouble: order[trouble.severity]))


@dataclass(frozen=True)
class _Look:
    """One look at what is to be fitted."""

    project: Project
    kind: str
    settings: Settings
    base: Classifier | None
    counts: Counts

    @property
    def known(self) -> tuple[str, ...]:
        """Ids of the categories that can be learnt."""
        return self.project.known_categories(self.kind)

    def named(self, categories: Iterable[str]) -> str:
        """Return some names, and how many more there are."""
        names = [repr(self.project.categories[key].name) for key in categories]
        more = len(names) - NAMED
        return ", ".join(names[:NAMED]) + (f" and {more} more" if more > 0 else "")

    def split(self) -> dict[str, tuple[int, int]]:
        """Return how many things of each category would train, and validate."""
        found = {}
        for key in self.known:
            parts = self.counts.get(key, {})
            trained = parts.get(Partition.TRAINING, 0)
            validated = parts.get(Partition.VALIDATION, 0)
            free = parts.get(Partition.UNASSIGNED, 0)
            share = free
            if self.base is None:
                share = training_count(
                    self.settings.training_percentage, free, trained > 0, validated > 0
                )
            found[key] = trained + share, validated + free - share
        return found

    # --- the model that is continued ---------------------------------------------------------

    def model(self) -> Iterator[Trouble]:
        """Look at the model that is to be continued."""
        base = self.base
        if base is None:
            return
        name = repr(base.name)
        if base.model is None:
            yield Trouble(f"The files of {name} are missing", "stop", NEW_MODEL)
        elif base.model.document.get("format") == GRAPH_FORMAT:
            yield Trouble(
                f"{name} is a graph model: it can predict, but not be fitted", "stop", NEW_MODEL
            )
        channels = self.project.image_channels
        if channels is not None and base.channels != channels:
            text = f"{name} takes {_channels(base.channels)}, but the images have {channels}"
            yield Trouble(text, "stop", NEW_MODEL)
        yield from self._classes(base)

    def _classes(self, base: Classifier) -> Iterator[Trouble]:
        lost = [key for key in base.class_map if key and key not in self.known]
        if lost or not any(base.class_map):
            number = len(lost) or "all"
            yield Trouble(
                f"{number} of the classes of {base.name!r} stand for no category here",
                "stop",
                Remedy("Map classes…", "map"),
            )
            return
        used = [key for key, sides in self.split().items() if sum(sides)]
        strangers = [key for key in used if key not in base.class_map]
        if strangers:
            text = f"{base.name!r} does not know {self.named(strangers)}"
            yield Trouble(text, "stop", NEW_MODEL)

    # --- what there is to learn from ---------------------------------------------------------

    def labels(self) -> Iterator[Trouble]:
        """Look at the labels, and at which of them train."""
        kind = self.project.kinds[self.kind].name
        sides = self.split()
        used = [key for key, both in sides.items() if sum(both)]
        trained = [key for key, (training, _) in sides.items() if training]
        if not used:
            text = f"No thing of kind {kind!r} has a category yet: label a few of each"
            yield Trouble(text, "stop", SHOW_UNLABELLED)
        elif len(used) == 1:
            yield Trouble(
                f"All labelled things are {self.named(used)}: label some of another category",
                "stop",
                SHOW_UNLABELLED,
            )
        elif not trained:
            text = "All labelled things are in Validation, so none can train"
            yield Trouble(text, "stop", UNASSIGN)
        else:
            yield from self._gaps(used, trained)

    def _gaps(self, used: list[str], trained: list[str]) -> Iterator[Trouble]:
        expected = self.known if self.base is None else self.base.class_map
        empty = [key for key in expected if key not in used and key in self.known]
        if empty:
            text = f"{self.named(empty)}: no example, so the model will not know it"
            yield Trouble(text, "spoil", SHOW_UNLABELLED)
        elsewhere = [key for key in used if key not in trained]
        if elsewhere:
            text = f"All examples of {self.named(elsewhere)} are in Validation, so none trains"
            yield Trouble(text, "spoil", UNASSIGN)
        yield from self._validation(used)

    def _validation(self, used: list[str]) -> Iterator[Trouble]:
        sides = self.split()
        missing = [key for key in used if not sides[key][1]]
        if not missing:
            return
        which = "" if len(missing) == len(used) else f" of {self.named(missing)}"
        text = f"Nothing{which} is left to validate: nobody will see how it does on new things"
        yield Trouble(text, "spoil", self._validation_remedy(missing))

    def _validation_remedy(self, missing: list[str]) -> Remedy | None:
        if self.base is not None:  # its split stays
            return None
        if self.settings.training_percentage >= 1:
            share = Settings().training_percentage
            return Remedy(f"Train with {share:.0%}", "settings", {"training_percentage": share})
        several = [key for key in missing if sum(self.split()[key]) > 1]
        return UNASSIGN if several else SHOW_UNLABELLED

    def balance(self) -> Iterator[Trouble]:
        """Look at how many examples there are of each category."""
        sums = {key: sum(both) for key, both in self.split().items() if sum(both)}
        if len(sums) < 2:
            return
        few = [key for key, number in sums.items() if number < FEW]
        if few:
            text = f"Fewer than {FEW} examples of {self.named(few)}: expect errors"
            yield Trouble(text, "spoil", SHOW_UNLABELLED)
        least, most = min(sums, key=sums.__getitem__), max(sums, key=sums.__getitem__)
        if sums[most] > UNEVEN * sums[least] and not self.settings.class_weights:
            yield Trouble(
                f"{self.named([most])} has {sums[most] / sums[least]:.0f} times as many examples "
                f"as {self.named([least])}",
                "spoil",
                Remedy("Weigh rare categories up", "settings", {"class_weights": True}),
            )

    # --- the settings ------------------------------------------------------------------------

    def settings_troubles(self) -> Iterator[Trouble]:
        """Look at the settings."""
        settings = self.settings
        if settings.architecture != FOREST:
            yield from self._input()
            yield from self._batch()
        if settings.architecture == "MobileNet" and self.base is None:
            yield from _weights(settings.weights)
        try:
            check_settings(replace(settings, quarter_turns=False))
        except FitError as error:
            yield Trouble(str(error), "stop")

    def _input(self) -> Iterator[Trouble]:
        settings = self.settings
        least = LEAST_INPUT.get(settings.architecture, 1)
        height, width = settings.height, settings.width
        if min(height, width) < least:
            text = f"{settings.architecture} needs an input of at least {least} × {least} pixels"
            size = {"height": max(least, height), "width": max(least, width)}
            remedy = Remedy(f"Set input to {size['height']} × {size['width']}", "settings", size)
            yield Trouble(text, "stop", remedy if self.base is None else NEW_MODEL)
        if settings.quarter_turns and height != width:
            side = max(height, width, least)
            square = Remedy(
                f"Set input to {side} × {side}", "settings", {"height": side, "width": side}
            )
            off = Remedy("Do not turn", "settings", {"quarter_turns": False})
            text = f"Quarter turns need a square input, not {height} × {width} pixels"
            yield Trouble(text, "stop", square if self.base is None else off)

    def _batch(self) -> Iterator[Trouble]:
        trained = sum(training for training, _ in self.split().values())
        trained *= self.settings.num_crops if self.settings.crop_schema == "Match" else 1
        if 1 < trained < self.settings.batch_size:
            size = 2 ** (trained.bit_length() - 1)
            text = f"A batch of {self.settings.batch_size} holds all {trained} things that train"
            remedy = Remedy(f"Set batch size to {size}", "settings", {"batch_size": size})
            yield Trouble(text, "note", remedy)


def _weights(choice: str) -> Iterator[Trouble]:
    if choice == "random":
        return
    if choice:
        if not Path(choice).expanduser().is_file():
            remedy = Remedy("Use the published ones", "settings", {"weights": ""})
            yield Trouble(f"There is no file of weights {choice!r}", "stop", remedy)
        return
    from napari_piximi.learn.weights import cache_folder

    if not (cache_folder() / MOBILENET_FOLDER / "model.json").is_file():
        yield Trouble("MobileNet's weights, about 2 MB, are downloaded with the first fit", "note")


def _channels(number: int) -> str:
    return "1 channel" if number == 1 else f"{number} channels"
