"""What a search for settings leaves behind: a file for ``--config``, and what is shown."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skyvet.cli.console import note
from skyvet.core.files import atomic_path

if TYPE_CHECKING:
    from skyvet.training.search import SearchResult

__all__ = ["search_document", "settings_text", "write_settings"]


def write_settings(out: Path, settings: Mapping[str, Any]) -> None:
    """Write settings as a TOML file, whole or not at all; see `settings_text`."""
    with atomic_path(out) as draft:
        draft.write_text(settings_text(settings), encoding="utf-8")


def settings_text(settings: Mapping[str, Any]) -> str:
    """Return settings as TOML that ``--config`` reads.

    Parameters
    ----------
    settings : mapping of str to value
        Scalars, None, lists and tables of them, lists of tables; names may be dotted.

    Returns
    -------
    str
        Tables become dotted names, lists of tables ``[[name]]`` at the end, None ``"none"``.

    Examples
    --------
    >>> print(settings_text({"a": {"b": 1, "c": None}, "d": [{"e": "f"}]}), end="")
    a.b = 1
    a.c = "none"
    <BLANKLINE>
    [[d]]
    e = "f"
    """
    is_table_list = {name: _is_table_list(value) for name, value in settings.items()}
    lines = [*_lines({name: v for name, v in settings.items() if not is_table_list[name]})]
    for name in (name for name, is_list in is_table_list.items() if is_list):
        for table in settings[name]:
            lines += [*([""] if lines else []), f"[[{name}]]", *_lines(table)]
    return "".join(f"{line}\n" for line in lines)


def search_document(result: SearchResult[Any], *, out: Path, n_trials: int) -> dict[str, Any]:
    """Return what ``--json`` prints of a search; notes where most trials were given up.

    Parameters
    ----------
    result : SearchResult
        What was found.
    out : Path
        Where the settings were written.
    n_trials : int
        Trials asked for.
    """
    if result.n_finished < n_trials // 2:
        note("note: more than half of the trials were given up early; the ranges may be too wide")
    return {
        "out": str(out),
        "settings": result.settings,
        "value": result.value,
        "n_finished": result.n_finished,
        "n_pruned": result.n_pruned,
    }


def _lines(settings: Mapping[str, Any], above: str = "") -> Iterator[str]:
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from _lines(value, f"{above}{name}.")
        else:
            yield f"{above}{name} = {_value(value)}"


def _value(value: object) -> str:
    """Return a scalar or a list of scalars as TOML writes it."""
    if value is None:
        return '"none"'
    if isinstance(value, list | tuple):
        return f"[{', '.join(_value(item) for item in value)}]"
    if isinstance(value, bool | str):
        return json.dumps(value, ensure_ascii=False)
    return repr(value)


def _is_table_list(value: object) -> bool:
    return isinstance(value, list | tuple) and any(isinstance(item, Mapping) for item in value)
