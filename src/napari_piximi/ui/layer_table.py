"""The features table of a Labels layer: what napari tells of the label under the mouse."""

from collections.abc import Collection, Mapping, Set
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_piximi.model.project import Project
from napari_piximi.model.raster import Raster
from napari_piximi.model.things import Annotation
from napari_piximi.progress import Progress
from napari_piximi.ui.rest import Rest

if TYPE_CHECKING:
    import pandas as pd
    from napari.layers import Labels

    from napari_piximi.ui.workspace import Workspace

__all__ = ["LabelTable", "features_of"]

DELAY = 150
"""Milliseconds without another change before the table tells of it."""
FEW = 100
"""Rows that are set one by one, where there are many."""
MANY = 2_000
"""Rows from which on a table is made in a thread."""


class LabelTable:
    """Lets the features of a layer tell of the annotations that it shows.

    Parameters
    ----------
    workspace : Workspace
    layer : Labels
    """

    def __init__(self, workspace: "Workspace", layer: "Labels") -> None:
        self._workspace = workspace
        self._layer = layer
        self._raster: Raster | None = None
        self._rows: Mapping[str, int] = {}
        self._categories: object = None
        self._stale: set[str] = set()
        self._soon = Rest(self._renew, DELAY)
        self._given: pd.DataFrame | None = None
        self._give_soon = Rest(self._give, 0)

    def put(self, raster: Raster, table: "pd.DataFrame") -> None:
        """Show a table.

        Parameters
        ----------
        raster : Raster
            Whose annotations it tells of, as the current project has them.
        table : pandas.DataFrame
            As :func:`features_of` makes it.
        """
        self._soon.forget()
        self._raster, self._rows, self._stale = raster, raster.rows, set()
        self._categories = self._workspace.project.categories
        self._given = table
        self._give_soon.ask()
        if len(raster) < MANY:
            self._give_soon.flush()

    def _give(self) -> None:
        """Hand a table to napari, which copies it; of many rows in a turn of its own."""
        table, self._given = self._given, None
        if table is not None:
            self._layer.features = table

    def ask(self, touched: Set[str]) -> None:
        """Tell of an edit soon.

        Parameters
        ----------
        touched : set of str
            Ids of the things that may differ.
        """
        self._stale |= touched
        self._soon.ask()

    def flush(self) -> None:
        """Tell of it now, if anything is to be told."""
        self._give_soon.flush()
        self._soon.flush()

    def forget(self) -> None:
        """Tell of nothing any more."""
        self._give_soon.forget()
        self._soon.forget()
        self._raster = None

    def _renew(self) -> None:
        raster, project = self._raster, self._workspace.project
        if raster is None or raster.image not in project.things or raster.kind not in project.kinds:
            return
        if len(raster) < MANY:
            self.put(raster, features_of(project, raster))
        elif self._is_alike(project, raster) and len(self._stale) <= FEW:
            self._set_rows(project, raster)
        else:
            copy, _ = raster.followed(project, ())  # which nobody changes meanwhile
            label = f"List {len(copy):,} objects"
            self._workspace.run(label, _listed, project, copy, done=self._deliver)

    def _is_alike(self, project: Project, raster: Raster) -> bool:
        """Tell whether the table has the same rows, and categories are called the same."""
        return self._rows is raster.rows and self._categories is project.categories

    def _set_rows(self, project: Project, raster: Raster) -> None:
        """Set some rows in their places: to set all takes long."""
        self._give_soon.flush()
        table = self._layer.features
        things = [raster.things[key] for key in self._stale if key in raster.things]
        places = [self._rows[thing.id] + 1 for thing in things]
        for column, values in _told(project, things).items():
            if things and column in table:
                table.loc[places, column] = values
        self._stale = set()
        self._layer.events.features()

    def _deliver(self, found: "tuple[Project, Raster, pd.DataFrame]") -> None:
        """Show a table that was made in a thread, or have it made again."""
        project, copy, table = found
        now, raster = self._workspace.project, self._raster
        if raster is None or (copy.image, copy.kind) != (raster.image, raster.kind):
            return
        if project.things is now.things and project.categories is now.categories:
            self.put(raster, table)
        else:
            self._soon.ask()


def features_of(project: Project, raster: Raster) -> "pd.DataFrame":
    """Return what napari's features table shows: a row for each annotation, after one for 0.

    Parameters
    ----------
    project : Project
    raster : Raster
    """
    import pandas as pd

    told = _told(project, raster.things.values())
    return pd.DataFrame(
        {
            "index": np.concatenate(([0], raster.numbers())),
            "id": ["", *raster.rows],
            "name": ["background", *told["name"]],
            "category": ["", *told["category"]],
            "partition": ["", *told["partition"]],
            "prediction": ["", *told["prediction"]],
            "probability": np.append(np.nan, told["probability"]),
        }
    )


def _told(project: Project, things: Collection[Annotation]) -> dict[str, Any]:
    """Return the columns that may differ after an edit that leaves all objects where they are."""
    names = {key: category.name for key, category in project.categories.items()}
    said = [thing.prediction for thing in things]
    return {
        "name": [thing.name for thing in things],
        "category": [names.get(thing.category, "") for thing in things],
        "partition": [thing.partition.value for thing in things],
        "prediction": [names.get(p.category, "") if p else "" for p in said],
        "probability": np.array([p.probability if p else None for p in said], float),
    }


def _listed(
    project: Project, raster: Raster, progress: Progress
) -> "tuple[Project, Raster, pd.DataFrame]":
    progress(0, 0)
    return project, raster, features_of(project, raster)
