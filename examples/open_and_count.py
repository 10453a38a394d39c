"""Open a project and count the things in each category."""

import sys
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

from napari_piximi import read_bundle, write_bundle
from napari_piximi.io.samples import digits_project


def count(path: Path) -> None:
    project = read_bundle(path)
    counts = Counter(thing.category for thing in project.things.values())
    print(f"{project.name}: {len(project.things)} things")
    for kind in project.kinds.values():
        for category in map(project.categories.__getitem__, kind.categories):
            print(f"{kind.name:<12}{category.name:<12}{counts[category.id]:>6}")


if __name__ == "__main__":
    if len(sys.argv) == 2:
        count(Path(sys.argv[1]))
    else:
        with TemporaryDirectory() as folder:
            path = Path(folder, "digits.zip")
            write_bundle(digits_project().project, path)
            count(path)
