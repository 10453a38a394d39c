import csv
from io import StringIO

import numpy as np
from tests.learn.projects import bars

from napari_piximi.cli.tables import write_table
from napari_piximi.model.things import IMAGE_KIND


def test_probabilities_are_as_short_as_reads_back_to_the_same() -> None:
    project = bars(6)
    ids, classes = tuple(project.things), project.known_categories(IMAGE_KIND)
    first = np.array([0.85, 1, 0, 1e-5, 1 / 3, np.nextafter(np.float32(0.5), np.float32(1))])
    rows = np.stack([first, 1 - first], axis=1).astype(np.float32)
    file = StringIO(newline="")
    write_table(file, project, ids, rows, classes)
    file.seek(0)
    _, *written = csv.reader(file)
    assert [row[6] for row in written][:5] == ["0.85", "1.0", "0.0", "1e-05", "0.33333334"]
    assert np.array_equal(np.array([row[6:] for row in written], dtype=np.float32), rows)
    assert [row[5] for row in written] == [
        row[6:][index] for row, index in zip(written, rows.argmax(axis=1).tolist(), strict=True)
    ]
