"""The command ``napari-piximi``: a project without a window."""

import sys
import warnings
from collections.abc import Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated

import typer

from napari_piximi.cli.demo import demo
from napari_piximi.cli.evaluating import evaluate
from napari_piximi.cli.info import info
from napari_piximi.cli.learning import fit
from napari_piximi.cli.networks import fit_own, score
from napari_piximi.cli.predicting import predict
from napari_piximi.cli.segmenting import segment
from napari_piximi.cli.stopping import INTERRUPTED, UNSAVED
from napari_piximi.cli.terminal import Bundle, check_out, progress_bar
from napari_piximi.cli.window import open_window
from napari_piximi.errors import Cancelled, PiximiError, PiximiWarning

__all__ = ["app", "main"]

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Segment and classify microscopy images and objects in Piximi's project bundles.",
)
for command in (info, segment, fit, predict, evaluate, demo):
    app.command()(command)
app.command("fit-network")(fit_own)
app.command("score")(score)
app.command("open")(open_window)


@app.command()
def convert(
    source: Bundle,
    target: Annotated[Path, typer.Argument(metavar="OUT", help="Where to write it")],
    compress: Annotated[bool, typer.Option(help="Deflate pixels that are new")] = False,
) -> None:
    """Write a project of any version in the newest form, or a model.json in one shard."""
    if source.suffix in (".json", ".bin"):
        from napari_piximi.io.tfjs import read_model, write_model

        write_model(read_model(source), target)
        return
    check_out(target)
    from napari_piximi.io.bundle import read_bundle, write_bundle

    with progress_bar() as progress:
        write_bundle(read_bundle(source), target, compress=compress, progress=progress)


@app.callback()
def _common(
    debug: Annotated[bool, typer.Option("--debug", help="Show where an error came from")] = False,
) -> None:
    """Segment and classify microscopy images and objects in Piximi's project bundles."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command and exit: 0 done, 1 an error, 2 wrong usage, 130 interrupted."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in given
    for stream in (sys.stdout, sys.stderr):
        # A name that the terminal cannot show is no reason to fail.
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    with warnings.catch_warnings():
        warnings.simplefilter("always", PiximiWarning)
        warnings.showwarning = _show_warning
        try:
            app([argument for argument in given if argument != "--debug"])
        except Cancelled as stopped:
            print(f"napari-piximi: {stopped}", file=sys.stderr)
            sys.exit(INTERRUPTED)
        except (PiximiError, OSError) as error:
            if debug:
                raise
            print(f"napari-piximi: error: {' '.join(str(error).split())}", file=sys.stderr)
            sys.exit(1)
        except SystemExit as end:
            if end.code == INTERRUPTED:  # what typer makes of KeyboardInterrupt
                print(f"napari-piximi: {UNSAVED}", file=sys.stderr)
            raise


def _show_warning(
    message: Warning | str, category: type[Warning], *_where: object, **_more: object
) -> None:
    """Print our own warnings on a line each; libraries' are for developers."""
    if issubclass(category, PiximiWarning):
        print(f"napari-piximi: warning: {message}", file=sys.stderr)
