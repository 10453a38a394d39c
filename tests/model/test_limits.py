from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from napari_piximi.model.limits import first_trouble


def told(default: Any, **limits: Any) -> Any:  # noqa: ANN401
    return field(default=default, metadata=limits)


@dataclass(frozen=True)
class Chosen:
    share: float = told(0.5, min=0.0, max=1.0)
    count: int = told(3, min=1, max=9)
    method: str = told("plain", choices=("plain", "fine"))
    names: tuple[str, ...] = told((), choices=("a", "b"))
    quick: bool = told(True)
    path: str = told("")
    threshold: float | None = told(None, min=0.1, max=0.9, usual=0.3)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"share": 0.0, "count": 9},
        {"share": 1, "count": np.int64(1)},
        {"share": np.float32(0.25), "quick": False},
        {"method": "fine", "names": ("b", "a"), "path": "any"},
        {"threshold": 0.9},
    ],
)
def test_what_may_be_is_no_trouble(changes: dict[str, Any]) -> None:
    assert first_trouble(Chosen(**changes)) == ""


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"share": 1.01}, "share cannot be 1.01; it goes from 0.0 to 1.0"),
        ({"share": float("nan")}, "share cannot be nan; it goes from 0.0 to 1.0"),
        ({"share": float("-inf")}, "share cannot be -inf; it goes from 0.0 to 1.0"),
        ({"share": "0.5"}, "share cannot be '0.5'; it is a number"),
        ({"share": None}, "share cannot be None; it is a number"),
        ({"count": 0}, "count cannot be 0; it goes from 1 to 9"),
        ({"count": 2.5}, "count cannot be 2.5; it is a whole number"),
        ({"count": True}, "count cannot be True; it is a whole number"),
        ({"method": "odd"}, "method cannot be 'odd'; choose one of plain, fine"),
        ({"method": ["plain"]}, "method cannot be ['plain']; choose one of plain, fine"),
        ({"names": ("a", "c")}, "names cannot be 'c'; choose one of a, b"),
        ({"quick": "no"}, "quick cannot be 'no'; it is True or False"),
        ({"threshold": "none"}, "threshold cannot be 'none'; it is a number"),
        ({"threshold": 1.0}, "threshold cannot be 1.0; it goes from 0.1 to 0.9"),
        ({"path": 3}, "path cannot be 3; it is a text"),
        ({"count": 0, "share": 2.0}, "share cannot be 2.0; it goes from 0.0 to 1.0"),
    ],
)
def test_the_first_wrong_one_is_told(changes: dict[str, Any], text: str) -> None:
    assert first_trouble(Chosen(**changes)) == text
