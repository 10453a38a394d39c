"""Where the real files lie that the real Piximi wrote, for those who have them."""

from pathlib import Path

import pytest

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


def shared(path: str) -> Path:
    """Return a real file, or skip the test by name where it is absent."""
    found = DATA / path
    if not found.exists():
        pytest.skip(f"../shared/data/{path} is absent: a newcomer's checkout has no shared/")
    return found
