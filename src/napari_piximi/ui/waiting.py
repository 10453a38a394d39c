"""Work that napari expects to be done when a function returns, while the window lives on."""

from collections.abc import Callable
from typing import Any

from napari_piximi.ui.jobs import Jobs

__all__ = ["wait_for"]


def wait_for(
    jobs: Jobs,
    title: str,
    function: Callable[..., Any],
    *args: Any,  # noqa: ANN401
    **options: Any,  # noqa: ANN401
) -> Any:  # noqa: ANN401
    """Run a function as a job, and return its result when it has ended.

    Raises
    ------
    Exception
        What the function raises; Cancelled if the user cancelled it.
    """
    results: list[Any] = []
    errors: list[BaseException] = []
    job = jobs.run(title, function, *args, done=results.append, failed=errors.append, **options)
    job.wait()
    if errors:
        raise errors[0]
    return results[0]
