"""What belongs to a workspace: one of each sort, which does not keep the workspace alive."""

import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from napari_piximi.ui.workspace import Workspace

__all__ = ["OfWorkspace", "one_each"]

Made = TypeVar("Made")


class OfWorkspace:
    """Something that belongs to a workspace.

    Parameters
    ----------
    workspace : Workspace
    """

    def __init__(self, workspace: "Workspace") -> None:
        self._workspace = weakref.ref(workspace)

    @property
    def workspace(self) -> "Workspace":
        """The workspace."""
        found = self._workspace()
        assert found is not None
        return found


def one_each(make: "Callable[[Workspace], Made]") -> "Callable[[Workspace], Made]":
    """Return what gives the one thing of a workspace, which is made when it is first asked for.

    Parameters
    ----------
    make : callable
        Makes the thing for a workspace, without keeping that alive.
    """
    made: weakref.WeakKeyDictionary[Workspace, Made] = weakref.WeakKeyDictionary()

    def of(workspace: "Workspace") -> Made:
        if workspace not in made:
            made[workspace] = make(workspace)
        return made[workspace]

    return of
