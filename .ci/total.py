"""Add up the test reports of a folder and print one line: passed, failed, skipped."""

import sys
from pathlib import Path
from xml.etree import ElementTree


def main(folder: Path) -> int:
    """Print the totals; fail if a test failed, or none ran."""
    totals = dict.fromkeys(("tests", "failures", "errors", "skipped"), 0)
    for report in sorted(folder.glob("*.xml")):
        for suite in ElementTree.parse(report).getroot().iter("testsuite"):
            for name in totals:
                totals[name] += int(suite.get(name, 0))
    failed = totals["failures"] + totals["errors"]
    passed = totals["tests"] - failed - totals["skipped"]
    print(f"{passed} passed, {failed} failed, {totals['skipped']} skipped")
    return int(failed > 0 or passed == 0)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
