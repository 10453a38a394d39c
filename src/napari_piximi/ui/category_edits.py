"""What the Categories panel does to the project: each act is one undoable edit."""

from collections.abc import Callable
from typing import Any

from napari_piximi.errors import EditError
from napari_piximi.model import edits
from napari_piximi.model.project import Project
from napari_piximi.ui import messages
from napari_piximi.ui.category_target import target_of
from napari_piximi.ui.shown_names import one_line
from napari_piximi.ui.workspace import Workspace, numbered_categories

__all__ = ["CategoryEdits"]

GONE = "This category has gone meanwhile; choose another"

MANY = 100
"""Deleting a category of more things than this is told of, since undo brings it back."""


class CategoryEdits:
    """Create, change, move, delete and give categories of the kind on show.

    Parameters
    ----------
    workspace : Workspace
    complain : callable
        Gets what is wrong, in words; None when nothing is any more.
    """

    def __init__(self, workspace: Workspace, complain: Callable[[str | None], None]) -> None:
        self._workspace = workspace
        self._complain = complain

    @property
    def kind(self) -> str:
        """Id of the kind on show."""
        return self._workspace.gallery.query.kind

    def create(self, name: str) -> str | None:
        """Create a category; return its id, or None if it cannot be."""
        if not name:
            self._complain("Type the name of the new category first")
        elif self._edit(f"Create category {name}", edits.create_category, self.kind, name):
            return self._workspace.project.kinds[self.kind].categories[-1]
        return None

    def rename(self, category: str, name: str) -> bool:
        """Give a category another name."""
        label = f"Rename category {self._name(category)} to {name}"
        return self._edit(label, edits.edit_category, category, name=name)

    def check_name(self, category: str, name: str) -> None:
        """Say what is wrong with a name while it is typed."""
        if category not in self._workspace.project.categories:
            self._complain(GONE)
            return
        try:
            edits.edit_category(self._workspace.project, category, name=name)
        except EditError as error:
            self._complain(str(error))
        else:
            self._complain(None)

    def recolor(self, category: str, color: str) -> None:
        """Give a category another colour."""
        label = f"Recolour category {self._name(category)}"
        self._edit(label, edits.edit_category, category, color=color)

    def turn_visible(self, category: str) -> None:
        """Hide the things of a category, or show them again."""
        old = self._workspace.project.categories.get(category)
        if old is None:
            self._complain(GONE)
            return
        label = f"{'Hide' if old.visible else 'Show'} category {old.name}"
        self._edit(label, edits.edit_category, category, visible=not old.visible)

    def delete(self, category: str) -> bool:
        """Delete a category; its things go to Unknown."""
        if category == self._workspace.project.kinds[self.kind].unknown:
            self._complain("Unknown stays: it is what things have before they get a category")
            return False
        name = self._name(category)
        count = sum(self._workspace.gallery.counts().get(category, {}).values())
        if not self._edit(f"Delete category {name}", edits.delete_category, category):
            return False
        if count > MANY:
            shown = one_line(name)
            messages.info(f"{shown}: its {count:,} things are Unknown now; undo brings it back")
        return True

    def move(self, category: str, place: int) -> bool:
        """Put a category at a place among the others, counted without Unknown, which stays."""
        kind = self._workspace.project.kinds[self.kind]
        known = list(self._workspace.project.known_categories(self.kind))
        if category not in known:
            return False
        known.remove(category)
        known.insert(min(max(place, 0), len(known)), category)
        known.insert(kind.categories.index(kind.unknown), kind.unknown)
        label = f"Move category {self._name(category)}"
        return self._edit(label, edits.reorder_categories, self.kind, known)

    def step(self, category: str, by: int) -> bool:
        """Move a category up (-1) or down (1)."""
        known = self._workspace.project.known_categories(self.kind)
        return category in known and self.move(category, known.index(category) + by)

    def give(self, category: str) -> None:
        """Give a category to what is selected."""
        target = target_of(self._workspace)
        if category not in self._workspace.project.categories:
            self._complain(GONE)
        elif target.ids:
            self._complain(None)
            self._workspace.categorize(target.ids, category)
        else:
            self._complain("Select things in the gallery, or a layer of the project, first")

    def give_number(self, number: int) -> None:
        """Give what is selected the category of a number key; 0 is Unknown."""
        numbered = numbered_categories(self._workspace.project, self.kind)
        if number < len(numbered):
            self.give(numbered[number])

    # --- within ------------------------------------------------------------------------------

    def _name(self, category: str) -> str:
        found = self._workspace.project.categories.get(category)
        return category if found is None else found.name

    def _edit(
        self,
        label: str,
        function: Callable[..., Project],
        *args: Any,  # noqa: ANN401
        **options: Any,  # noqa: ANN401
    ) -> bool:
        """Do an edit; if it cannot be done, say so."""
        self._workspace.settle()
        try:
            after = function(self._workspace.project, *args, **options)
        except EditError as error:
            gone = args[0] not in (self.kind, *self._workspace.project.categories)
            self._complain(GONE if gone else str(error))
            return False
        self._complain(None)
        self._workspace.session.apply(after, label)
        return True
