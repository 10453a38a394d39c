"""What is said of found objects: how many, on how many images, and what went wrong."""

from collections.abc import Iterable

from napari_piximi.errors import Cancelled
from napari_piximi.model.project import Project
from napari_piximi.segment.results import Fate
from napari_piximi.segment.running import Outcome
from napari_piximi.ui.shown_names import one_line

__all__ = ["images_text", "megabytes", "objects_text", "outcome_text"]

NAMED = 4
"""Most images that are named in a message."""
NAME, REASON = 40, 160
MB = 1_000_000

NOTHING = (
    "Try the preview with another channel, a lower threshold or a smaller least size, "
    "or another segmenter"
)


def objects_text(count: int) -> str:
    """Return ``"1 object"`` or ``"1,234 objects"``."""
    return "1 object" if count == 1 else f"{count:,} objects"


def images_text(count: int) -> str:
    """Return ``"1 image"`` or ``"1,234 images"``."""
    return "1 image" if count == 1 else f"{count:,} images"


def megabytes(size: int) -> str:
    """Return a size, for a person."""
    if size < MB // 10:
        return f"{max(size, 1) / 1000:.0f} kB" if size >= 1000 else f"{size} bytes"
    return f"{size / MB:.1f} MB" if size < 10 * MB else f"{size / MB:,.0f} MB"


def outcome_text(
    outcome: Outcome, project: Project, asked: int, fate: Fate | None = None
) -> tuple[str, bool]:
    """Say what came of a run.

    Parameters
    ----------
    outcome : Outcome
    project : Project
        With its objects, where there are any.
    asked : int
        How many images were asked about.
    fate : Fate, optional
        Of the objects that were there before.

    Returns
    -------
    text : str
    bad : bool
        Whether something went wrong.
    """
    finished = list(dict.fromkeys(part.image for part in outcome.parts))
    gone = [key for key in finished if key not in project.things]
    found = {part.image: 0 for part in outcome.parts if part.image in project.things}
    for part in outcome.parts:
        if part.image in found:
            found[part.image] += len(part.found)
    count, fate = sum(found.values()), fate or Fate()
    sentences = [_ended(outcome)]
    if count:
        sentences.append(_found(count, sum(map(bool, found.values())), asked, fate))
        sentences.append(f"Where nothing was found, {fate.saved}" if fate.saved else "")
    elif found:
        so = f", so {fate.saved}" if fate.saved else ""
        sentences += [f"No object was found on {images_text(len(found))}{so}", NOTHING]
    elif not outcome.failures and outcome.ended is not None:
        sentences.append("No image was finished; the project stays as it is")
    if gone:
        left = "is" if len(gone) == 1 else "are"
        sentences.append(f"{images_text(len(gone))} went meanwhile, and {left} left out")
    sentences += _failures(outcome, project)
    bad = bool(outcome.failures or gone) or not count
    return ". ".join(sentence for sentence in sentences if sentence), bad


def _found(count: int, images: int, asked: int, fate: Fate) -> str:
    of = images_text(asked) if images == asked else f"{images:,} of {images_text(asked)}"
    parts = [f"{objects_text(count)} on {of}"]
    if fate.lost:
        parts += [fate.lost, f"Ctrl+Z brings {'it' if fate.replaced == 1 else 'them'} back"]
    else:
        parts.append(f"Ctrl+Z takes {'it' if count == 1 else 'them'} back")
    return "; ".join(parts)


def _ended(outcome: Outcome) -> str:
    if outcome.ended is None:
        return ""
    if isinstance(outcome.ended, Cancelled):
        return "Stopped"
    return f"It ended before all was done: {str(outcome.ended).rstrip('.')}"


def _failures(outcome: Outcome, project: Project) -> Iterable[str]:
    """Say which images failed, those with the same trouble together."""
    if not outcome.failures:
        return []
    reasons: dict[str, list[str]] = {}
    for key, text in outcome.failures:
        thing = project.things.get(key)
        name = thing.name if thing is not None else key
        reasons.setdefault(_reason(text, name), []).append(one_line(name, NAME))
    parts = [f"{_some(names)}: {reason}" for reason, names in reasons.items()]
    more = len(parts) - NAMED
    rest = [f"and {more:,} more"] if more > 0 else []
    return [
        f"{images_text(len(outcome.failures))} could not be segmented: "
        + "; ".join([*parts[:NAMED], *rest])
    ]


def _reason(text: str, name: str) -> str:
    """Leave out the name of the image, which comes before."""
    text = text.removeprefix(repr(name)).lstrip(": ")
    return one_line(text, REASON).rstrip(".")


def _some(names: list[str]) -> str:
    shown = ", ".join(names[:NAMED])
    return shown if len(names) <= NAMED else f"{shown} and {len(names) - NAMED:,} more"
