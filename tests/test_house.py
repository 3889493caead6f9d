"""The rules of the house, checked on every file: names, sizes, docstrings, imports."""

from __future__ import annotations

import ast
import functools
import gc
import importlib
import inspect
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src"
FILES = sorted((SOURCE / "skyvet").rglob("*.py"))
BANNED_NAMES = {"utils", "helpers", "misc", "common"}
MAX_FILE_LINES = 500
MAX_FUNCTION_LINES = 40
MAX_POSITIONAL = 3

# What the plain install lacks. Scoring works without; so do reading, records and metrics.
EXTRAS_ONLY = (
    "torch", "lightning", "safetensors", "onnx", "onnxscript", "optuna", "matplotlib", "jinja2",
    "numba", "sklearn", "astropy", "galsim", "httpx", "sqlalchemy", "alembic", "psycopg", "fastapi",
    "uvicorn", "nifty_ls", "light_curve", "xgboost", "dask", "distributed", "lsdb", "astroquery",
    "yaml",
)  # fmt: skip
NEEDS_EXTRAS = (
    "skyvet.cli.score_", "skyvet.io.label_store.", "skyvet.io.light_curve_sources.",
    "skyvet.io.catalogues.", "skyvet.features.light_curves.", "skyvet.features.periods.",
)  # fmt: skip
PLAIN_INSTALL = (
    "core", "records", "scoring", "io", "features", "inference", "models.sequences.pooled",
    "models.sequences.predictor", "cli.main", "cli.score", "cli.embed",
)  # fmt: skip


def _module_of(path: Path) -> str:
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = [_module_of(path) for path in FILES]


@functools.cache
def _tree(path: Path) -> ast.Module:
    # Python 3.11 counts depths wrongly if a collection of garbage switches greenlets meanwhile,
    # as the driver of the browser tests does in this process.
    gc.disable()
    try:
        return ast.parse(path.read_text(encoding="utf-8"))
    finally:
        gc.enable()


def _functions(path: Path) -> list[ast.FunctionDef]:
    return [node for node in ast.walk(_tree(path)) if isinstance(node, ast.FunctionDef)]


def _n_code_lines(function: ast.FunctionDef) -> int:
    """Lines of the body, docstring apart."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return 0 if not body else (body[-1].end_lineno or 0) - body[0].lineno + 1


def _offenders(rule: Callable[[Path], object]) -> dict[str, object]:
    """Return what a rule finds fault with, by module."""
    return {_module_of(path): fault for path in FILES if (fault := rule(path))}


def test_files_are_short_enough_to_read():
    def too_long(path):
        n_lines = len(path.read_text(encoding="utf-8").splitlines())
        return n_lines if n_lines >= MAX_FILE_LINES else None

    assert not _offenders(too_long), "split them: one module holds one idea"


def test_functions_are_short_enough_to_read():
    def too_long(path):
        lengths = {function.name: _n_code_lines(function) for function in _functions(path)}
        return {name: n for name, n in lengths.items() if n >= MAX_FUNCTION_LINES}

    assert not _offenders(too_long), "split them: check, prepare, compute, return"


def test_functions_take_few_positional_arguments():
    def too_many(path):
        return [
            function.name
            for function in _functions(path)
            if not function.name.startswith("_")
            and len([a for a in function.args.args if a.arg not in {"self", "cls"}])
            > MAX_POSITIONAL
        ]

    assert not _offenders(too_many), "put the others after *"


def test_names_of_modules_say_what_they_hold():
    def says_nothing(path):
        return path.stem in BANNED_NAMES or path.stem.endswith(("_v2", "_old", "_new"))

    assert not _offenders(says_nothing)


def test_modules_say_what_they_are_for():
    assert not _offenders(lambda path: ast.get_docstring(_tree(path)) is None)


def test_all_lists_every_public_definition_once():
    def unlisted(path):
        kinds = (ast.FunctionDef, ast.ClassDef)
        names = [node.name for node in _tree(path).body if isinstance(node, kinds)]
        public = {name for name in names if not name.startswith("_")}
        listed = _listed(_tree(path))
        twice = {name for name in listed if listed.count(name) > 1}
        return (public - set(listed)) | twice

    assert not _offenders(unlisted), "name them in __all__ or begin them with _"


def _listed(tree: ast.Module) -> list[str]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return list(ast.literal_eval(node.value))
    return []


def test_public_names_exist_and_are_documented():
    def undocumented(path):
        loaded = importlib.import_module(_module_of(path))
        values = {name: getattr(loaded, name) for name in getattr(loaded, "__all__", [])}
        return [
            name
            for name, value in values.items()
            if (inspect.isclass(value) or inspect.isfunction(value)) and not inspect.getdoc(value)
        ]

    assert not _offenders(undocumented)


@pytest.mark.parametrize(
    "folder", sorted({path.parent.relative_to(SOURCE / "skyvet") for path in FILES}), ids=str
)
def test_every_folder_has_its_tests(folder):
    top = folder.parts[:1]
    if top and any((SOURCE / "skyvet" / top[0]).glob("[!_]*.py")):
        assert any((ROOT / "tests" / top[0]).rglob("test_*.py")), "tests/ mirrors the package"


def _loaded_after(code: str) -> set[str]:
    program = f"import sys, json\n{code}\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout))


def test_importing_skyvet_loads_none_of_its_parts():
    loaded = _loaded_after("import skyvet")
    assert not loaded & {*EXTRAS_ONLY, "numpy", "scipy", "pyarrow", "onnxruntime"}


def test_plain_install_imports_all_that_scoring_needs():
    """Every module of the plain install imports where the extras' packages are not there."""
    modules = [
        module
        for module in MODULES
        if module.removeprefix("skyvet.").startswith(PLAIN_INSTALL)
        and not module.startswith(NEEDS_EXTRAS)
    ]
    code = (
        "class Absent:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name.split('.')[0] in {EXTRAS_ONLY!r}:\n"
        "            raise ModuleNotFoundError(f'{name} is not in the plain install', name=name)\n"
        "sys.meta_path.insert(0, Absent())\n"
        "import importlib\n"
        f"for module in {modules!r}: importlib.import_module(module)"
    )
    assert _loaded_after(code).isdisjoint(EXTRAS_ONLY)
