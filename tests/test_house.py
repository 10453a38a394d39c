"""The rules of the house that no linter knows: sizes, names, layers at run time, privacy."""

import ast
import importlib
import inspect
import json
import re
import statistics
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import napari_piximi

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "napari_piximi"
MODULES = sorted(SOURCE.rglob("*.py"))

FORBIDDEN = {
    "manager", "handler", "helper", "utils", "common", "misc", "tools", "base", "wrapper",
    "processor",
}  # fmt: skip
HEAVY = ("tensorflow", "keras", "sklearn", "skimage", "qtpy", "napari", "torch", "jax")

Function = ast.FunctionDef | ast.AsyncFunctionDef


# --- sizes ---------------------------------------------------------------------------------


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def docstring_lines(node: ast.Module | ast.ClassDef | Function) -> set[int]:
    if ast.get_docstring(node) is None:
        return set()
    first = node.body[0]
    assert first.end_lineno is not None
    return set(range(first.lineno, first.end_lineno + 1))


def size(path: Path, node: ast.Module | Function) -> int:
    """Count lines that are neither blank nor docstring; comments count."""
    lines = path.read_text("utf-8").splitlines()
    start, end = (1, len(lines)) if isinstance(node, ast.Module) else (node.lineno, node.end_lineno)
    assert end is not None
    documented = set[int]()
    for inner in ast.walk(node):
        if isinstance(inner, ast.Module | ast.ClassDef | Function):
            documented |= docstring_lines(inner)
    return sum(
        bool(lines[number - 1].strip()) and number not in documented
        for number in range(start, end + 1)
    )


def functions() -> Iterator[tuple[Path, Function]]:
    for path in MODULES:
        for node in ast.walk(tree(path)):
            if isinstance(node, Function):
                yield path, node


def test_modules_are_small() -> None:
    """None above 400 lines, all told; median at most 150 without docstrings and blank lines.

    numpydoc asks for sections of parameters, errors and warnings; they are to be written,
    not saved on, so they do not count against the typical module or function.
    """
    lengths = {
        path.relative_to(SOURCE): len(path.read_text("utf-8").splitlines()) for path in MODULES
    }
    assert {path: lines for path, lines in lengths.items() if lines > 400} == {}
    assert statistics.median(size(path, tree(path)) for path in MODULES) <= 150


def test_functions_are_small() -> None:
    """Median at most 10 lines, none above 50, docstrings and blank lines not counted."""
    sizes = {
        f"{path.relative_to(SOURCE)}:{node.lineno} {node.name}": size(path, node)
        for path, node in functions()
    }
    assert statistics.median(sizes.values()) <= 10
    assert {name: lines for name, lines in sizes.items() if lines > 50} == {}


def words(name: str) -> set[str]:
    """Split snake_case and CamelCase."""
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ModelManager", {"model", "manager"}),
        ("io_utils", {"io", "utils"}),
        ("TFJSBase", {"tfjs", "base"}),
    ],
)
def test_the_splitting_of_names(name: str, expected: set[str]) -> None:
    assert words(name) == expected


def test_no_module_or_class_has_a_name_that_says_nothing() -> None:
    names = {part for path in MODULES for part in path.relative_to(SOURCE).with_suffix("").parts}
    for path in MODULES:
        names |= {node.name for node in ast.walk(tree(path)) if isinstance(node, ast.ClassDef)}
    assert {name for name in names if words(name) & FORBIDDEN} == set()


def test_nothing_is_printed_but_by_the_command_line() -> None:
    printing = {
        path.relative_to(SOURCE).parts[0]
        for path in MODULES
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "print"
    }
    assert printing == {"cli"}


def test_sources_are_plain_utf_8() -> None:
    for path in MODULES:
        with path.open("rb") as file:
            encoding, _ = tokenize.detect_encoding(file.readline)
        assert encoding == "utf-8"


# --- the public face -----------------------------------------------------------------------


def test_the_face_has_at_most_twelve_names() -> None:
    assert 0 < len(napari_piximi.__all__) <= 12


@pytest.mark.keras
def test_each_name_of_the_face_is_there() -> None:
    for name in napari_piximi.__all__:
        assert getattr(napari_piximi, name) is not None


def test_a_name_that_the_face_lacks_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'napari_piximi' has no attribute 'measuring'"):
        _ = napari_piximi.measuring


def definitions(path: Path) -> dict[str, ast.ClassDef | Function]:
    return {
        node.name: node for node in tree(path).body if isinstance(node, ast.ClassDef | Function)
    }


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_what_a_module_offers_has_docstrings(path: Path) -> None:
    """Read over `ast`, so that no module of Keras needs to be imported here."""
    assert ast.get_docstring(tree(path)), "the module itself"
    offered = set(exported(path))
    for name, node in definitions(path).items():
        if name in offered:
            assert ast.get_docstring(node), name
            for method in node.body:
                if isinstance(method, Function) and not method.name.startswith("_"):
                    is_method = isinstance(node, ast.ClassDef)
                    assert ast.get_docstring(method) or not is_method, f"{name}.{method.name}"


def exported(path: Path) -> list[str]:
    for node in tree(path).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return list(ast.literal_eval(node.value)) if isinstance(node.value, ast.List) else []
    return []


@pytest.mark.parametrize(
    "path",
    [path for path in MODULES if path.name != "__init__.py"],
    ids=lambda path: str(path.relative_to(SOURCE)),
)
def test_every_module_says_what_it_offers(path: Path) -> None:
    """That each name exists is ruff's F822."""
    assert exported(path), "no __all__"


def test_edits_offers_every_edit_of_its_parts() -> None:
    edits, kinds, classifiers = (
        importlib.import_module(f"napari_piximi.model.{name}")
        for name in ("edits", "kinds", "classifiers")
    )
    assert set(kinds.__all__) | set(classifiers.__all__) <= set(edits.__all__)
    for name in edits.__all__:
        parameters = list(inspect.signature(getattr(edits, name)).parameters)
        assert parameters[0] == "project", name


# --- what is imported ----------------------------------------------------------------------


def loaded_by(code: str) -> set[str]:
    """Return the top-level modules that a fresh interpreter has loaded after `code`."""
    report = "import json, sys; print(json.dumps(sorted({m.split('.')[0] for m in sys.modules})))"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{report}"],
        capture_output=True, text=True, check=True, cwd=ROOT / "src",
    )  # fmt: skip
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_importing_the_package_loads_nothing_heavy() -> None:
    loaded = loaded_by("import napari_piximi")
    assert "napari_piximi" in loaded
    assert loaded.isdisjoint([*HEAVY, "numpy", "typer"])


def test_the_model_and_bundles_need_nothing_heavy() -> None:
    loaded = loaded_by(
        "from napari_piximi import Classifier, Session, Settings, edits, read_bundle, write_bundle"
    )
    assert "numpy" in loaded
    assert loaded.isdisjoint(HEAVY)


def test_info_loads_no_tensorflow(tmp_path: Path) -> None:
    path = tmp_path / "small.zip"
    loaded = loaded_by(
        "from napari_piximi.io.bundle import write_bundle\n"
        "from napari_piximi.model.project import new_project\n"
        f"write_bundle(new_project(), {str(path)!r})\n"
        "from napari_piximi.cli import main\n"
        f"try: main(['info', {str(path)!r}])\n"
        "except SystemExit as end: assert not end.code, end.code"
    )
    assert "typer" in loaded
    assert loaded.isdisjoint(HEAVY)


# --- the plugin and the repository -----------------------------------------------------------


def test_the_manifest_is_valid_and_found_at_the_top() -> None:
    from npe2 import PluginManifest

    manifest = PluginManifest.from_file(SOURCE / "napari.yaml")
    assert manifest.name == "napari-piximi"
    link = ROOT / "napari.yaml"
    assert link.resolve() == (SOURCE / "napari.yaml").resolve()


def tracked() -> list[Path]:
    """Return the files that git would keep."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        capture_output=True, text=True, cwd=ROOT, check=False,
    )  # fmt: skip
    if listed.returncode:
        pytest.skip("this is no git checkout")
    return [ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def test_no_tracked_file_names_the_machine_it_was_made_on() -> None:
    # put together here, so that this file does not find itself
    places = ["/" + "work/", "/tmp/" + "dev", "/" + "root/", "/home/" + "user", "index" + "-url"]
    hosts = ["https?://[^/ ]+/[^ ]*simp" + "le/?", "(pypi|npm|registry)[a-z0-9.-]*:[0-9]{2,5}/"]
    needles = re.compile("|".join([*map(re.escape, places), *hosts]).encode())
    found = {
        str(path.relative_to(ROOT)): match.group().decode()
        for path in tracked()
        for match in needles.finditer(path.read_bytes())
    }
    assert found == {}


def test_the_only_addresses_in_the_source_are_the_ones_we_tell_of() -> None:
    """It works offline and sends nothing: an address needs a line in the README."""
    address = re.compile(r"https?://([a-z0-9.-]+)")
    hosts = {host for path in MODULES for host in address.findall(path.read_text("utf-8"))}
    readme = (ROOT / "README.md").read_text("utf-8")
    assert {host for host in hosts if host not in readme} == set()


# --- edits ---------------------------------------------------------------------------------


def test_whoever_changes_the_project_settles_first() -> None:
    """An undo that waits for its views would otherwise be lost to the edit that overtakes it."""
    changing = re.compile(r"\bsession\.(apply|amend)\(")
    places = [path for path in MODULES if path.parent.name == "ui"]
    found = {
        f"{path.stem}.{node.name}": "settle()" in text
        for path in places
        if changing.search(path.read_text("utf-8"))
        for node in ast.walk(tree(path))
        if isinstance(node, Function) and changing.search(text := ast.unparse(node))
    }
    assert len(found) > 5
    assert [name for name, settles in found.items() if not settles] == []


# --- benchmarks ----------------------------------------------------------------------------


BENCHMARKS = sorted((ROOT / "benchmarks").glob("bench_*.py"))


@pytest.mark.parametrize("path", BENCHMARKS, ids=lambda path: path.stem)
def test_a_benchmark_is_known_to_make_and_runs_as_a_script(path: Path) -> None:
    """A script sees what lies beside it only, until it says where the tests are."""
    text = path.read_text("utf-8")
    assert f"benchmarks/{path.name}" in (ROOT / "Makefile").read_text("utf-8")
    if taken := re.search(r"^from tests", text, re.MULTILINE):
        assert "sys.path.insert(" in text[: taken.start()]
