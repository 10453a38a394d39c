"""A window that is killed in the middle of work loses next to nothing."""

from pathlib import Path

import pytest
from tests.ui.window_kill import kill_and_recover


@pytest.mark.parametrize(("moment", "in_save"), [(0.7, False), (0.02, True)])
def test_a_killed_window_is_recovered(tmp_path: Path, moment: float, in_save: bool) -> None:
    assert kill_and_recover(tmp_path, 7, moment, in_save=in_save) <= 1.0
