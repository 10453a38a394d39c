"""What both readers of annotation files need: fields with errors that name them, and a tally."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from napari_piximi.errors import AnnotationFileError
from napari_piximi.io._warn import listed

__all__ = ["AnnotationFile", "Row", "shown"]

Row = Mapping[str, Any]
T = TypeVar("T")
PLAIN = {str: "a text", int: "a whole number", float: "a number", list: "a list"}


def shown(value: object) -> str:
    """Write a value for a message, cut short."""
    if isinstance(value, list | dict) and len(value) > 8:
        return f"a {type(value).__name__} of {len(value):,}"
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}…"


@dataclass(frozen=True, slots=True)
class AnnotationFile:
    """A parsed file, and what of it had to be left out.

    Attributes
    ----------
    path : str
        For messages.
    document : dict
    skipped : dict of reason to (count of annotations, examples)
    """

    path: str
    document: dict[str, Any]
    skipped: dict[str, tuple[int, dict[str, None]]] = field(default_factory=dict)

    def error(self, member: str, trouble: str) -> AnnotationFileError:
        """Make an error that names the file and the member."""
        return AnnotationFileError(f"{self.path}: {member}: {trouble}")

    def rows(self, table: str) -> list[Row]:
        """Return a list of objects at the top; an absent one is empty.

        Raises
        ------
        AnnotationFileError
            If it is no list, or holds something else.
        """
        rows = self.document.get(table, [])
        if not isinstance(rows, list):
            raise self.error(table, f"is {shown(rows)}, not a list")
        for number, row in enumerate(rows):
            if type(row) is not dict:
                raise self.error(f"{table}[{number}]", f"is {shown(row)}, not an object")
        return rows

    def get(self, table: str, number: int, key: str, row: Row, kind: type[T]) -> T:
        """Return a field of a row.

        Raises
        ------
        AnnotationFileError
            If it is missing or of another type.
        """
        value = row.get(key)
        if type(value) is kind:
            return value
        member = f"{table}[{number}].{key}"
        raise self.error(
            member, f"is {shown(value)}, not {PLAIN[kind]}" if key in row else "misses"
        )

    def whole(self, table: str, number: int, key: str, row: Row, default: int) -> int:
        """Return a whole number, which may be written as 1.0; `default` if it is absent."""
        value = row.get(key, default)
        if type(value) is float and value.is_integer():
            value = int(value)
        if type(value) is int:
            return value
        raise self.error(f"{table}[{number}].{key}", f"is {shown(value)}, not a whole number")

    def box(self, number: int, key: str, row: Row) -> list[float]:
        """Return the four finite numbers of an annotation's box."""
        box = self.get("annotations", number, key, row, list)
        if len(box) == 4 and all(type(v) in (int, float) and math.isfinite(v) for v in box):
            return box
        raise self.error(f"annotations[{number}].{key}", f"is {shown(box)}, not four numbers")

    def skip(self, reason: str, example: str = "") -> None:
        """Note that an annotation is left out."""
        count, examples = self.skipped.get(reason, (0, {}))
        if example:
            examples[example] = None
        self.skipped[reason] = count + 1, examples

    def summary(self, total: int) -> str:
        """Tell in one text what was left out of `total` annotations."""
        parts = []
        for reason, (count, examples) in self.skipped.items():
            names = f" ({listed(list(examples))})" if examples else ""
            parts.append(f"{count} of {total} annotations left out, {reason}{names}")
        return f"{self.path}: {'; '.join(parts)}"
