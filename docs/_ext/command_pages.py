"""Write the pages that are made from the package: API by layer, commands by their help."""

from __future__ import annotations

import pkgutil
import types
from pathlib import Path
from typing import Any

import typer
from typer.testing import CliRunner

import skyvet
from skyvet.cli.main import COMMANDS, build_app

LAYERS = (
    "core", "records", "scoring", "simulation", "io", "preprocessing", "evaluation", "models",
    "training", "inference", "cli",
)  # fmt: skip


def public_modules() -> list[str]:
    """Every module of skyvet whose name does not begin with an underscore."""
    return [
        module.name
        for module in pkgutil.walk_packages(skyvet.__path__, "skyvet.")
        if not module.ispkg and "._" not in module.name and "__main__" not in module.name
    ]


def api_page() -> str:
    """List all public modules, layer by layer."""
    lines = ["# Python API", "", "Lower layers come first; a layer imports only from those above."]
    for layer in LAYERS:
        modules = [name for name in public_modules() if name.startswith(f"skyvet.{layer}.")]
        if modules:
            listed = [f"   {name}" for name in modules]
            lines += ["", f"## {layer}", "", "```{eval-rst}", ".. autosummary::"]
            lines += ["   :toctree: modules", "", *listed, "```"]
    return "\n".join(lines) + "\n"


def commands_page() -> str:
    """Show the help of every command, as the terminal does."""
    lines = ["# Commands", "", "What `skyvet COMMAND --help` says.", ""]
    for row in COMMANDS:
        text = help_of(build_app(row.words.split()), row.words)
        lines += [f"## skyvet {row.words}", "", "```text", text, "```", ""]
    return "\n".join(lines)


def help_of(app: typer.Typer, words: str) -> str:
    """Return what a command says to ``--help``."""
    line = [*words.split(), "--help"]
    result = CliRunner().invoke(app, line, prog_name="skyvet", terminal_width=96)
    if result.exit_code != 0:
        raise RuntimeError(f"skyvet {words} --help failed: {result.output}")
    return result.output.rstrip()


def skip_aliases(*event: Any) -> bool | None:
    """Leave type aliases such as ``tuple[int, str]`` out: autodoc takes them for classes."""
    value = event[3]
    return True if isinstance(value, types.GenericAlias) else None


def write_pages(app: Any, _config: object) -> None:
    """Write both pages where Sphinx finds them; unchanged pages keep their time stamp."""
    folder = Path(app.srcdir) / "api" / "generated"
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in (("python.md", api_page()), ("commands.md", commands_page())):
        path = folder / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def setup(app: Any) -> dict[str, bool]:
    """Connect to Sphinx, before it looks for the pages that there are."""
    app.connect("config-inited", write_pages)
    app.connect("autodoc-skip-member", skip_aliases)
    return {"parallel_read_safe": True}
