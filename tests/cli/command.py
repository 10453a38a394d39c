"""The command line, run in this process."""

from dataclasses import dataclass

import pytest

from napari_piximi.cli import main


@dataclass(frozen=True)
class Outcome:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Command:
    """Runs ``napari-piximi`` with arguments."""

    capture: pytest.CaptureFixture[str]

    def __call__(self, *arguments: object) -> Outcome:
        self.capture.readouterr()
        with pytest.raises(SystemExit) as end:
            main([str(argument) for argument in arguments])
        captured = self.capture.readouterr()
        code = end.value.code
        assert code is None or isinstance(code, int)
        return Outcome(code or 0, captured.out, captured.err)

    def works(self, *arguments: object) -> str:
        """Run what must end well and say nothing but its result."""
        outcome = self(*arguments)
        assert (outcome.code, outcome.err) == (0, "")
        return outcome.out

    def fails(self, *arguments: object) -> str:
        """Run what must end in one line of error, and return it."""
        outcome = self(*arguments)
        assert (outcome.code, outcome.out) == (1, "")
        assert outcome.err.count("\n") == 1
        assert outcome.err.startswith("napari-piximi: error: ")
        return outcome.err.removeprefix("napari-piximi: error: ").rstrip("\n")
