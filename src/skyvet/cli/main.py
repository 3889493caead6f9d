"""The program `skyvet`: a table of commands, each imported only when it is called.

To add a command, write ``cli/<name>.py`` with one function and add one row to `COMMANDS`.
The function is an ordinary Typer command; `skyvet.cli.options` turns its config classes into
options. Its first docstring line equals the row's help.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from skyvet import __version__
from skyvet.cli.errors import reported_errors
from skyvet.cli.options import with_config_options

__all__ = ["COMMANDS", "COMMANDS_OF_BARE_GROUPS", "GROUPS", "CommandRow", "build_app", "main"]


@dataclass(frozen=True, slots=True)
class CommandRow:
    """One command of the program.

    Parameters
    ----------
    words : str
        How a person calls it, without ``skyvet``: ``"train triplet"``.
    target : str
        Where its function stands: ``"train_triplet:train_triplet"`` below `skyvet.cli`.
    help : str
        One line; the same as the first line of the function's docstring.
    """

    words: str
    target: str
    help: str

    def load(self) -> Callable[..., Any]:
        """Import the command's module and return its function."""
        module, function = self.target.split(":")
        loaded: Callable[..., Any] = getattr(
            importlib.import_module(f"skyvet.cli.{module}"), function
        )
        return loaded


GROUPS: dict[str, str] = {
    "train": "Train classifiers of alerts, frames and sources.",
    "tune": "Search for settings of a training on validation folds.",
    "labels": "Keep labels in a store that several people share.",
    "models": "Show the saved models that are at hand.",
    "bench": "Measure speed and memory on this machine.",
    "simulate": "Make survey data of known truth.",
    "fetch": "Download frames and light curves from archives.",
}
"""Help of the commands that have commands below them."""

COMMANDS_OF_BARE_GROUPS: dict[str, str] = {"tune": "triplet"}
"""Groups that were commands: what is meant where an option follows the group's name."""

COMMANDS: tuple[CommandRow, ...] = (
    CommandRow("ingest", "ingest:ingest_command", "Turn alert packets into a dataset folder."),
    CommandRow(
        "score",
        "score:score_command",
        "Score alerts, frame sequences or light curves with a bundle.",
    ),
    CommandRow("features", "features:features_command", "Compute features of light curves."),
    CommandRow("periods", "periods:periods_command", "Search light curves for periods."),
    CommandRow(
        "train triplet",
        "train_triplet:train_triplet_command",
        "Train a calibrated real/bogus classifier on labelled triplets.",
    ),
    CommandRow(
        "train encoder",
        "train_encoder:train_encoder_command",
        "Train an encoder that compresses survey frames.",
    ),
    CommandRow("embed", "embed:embed_command", "Turn frames into embeddings with an encoder."),
    CommandRow(
        "train sequence",
        "train_sequence:train_sequence_command",
        "Train a calibrated classifier of frame sequences.",
    ),
    CommandRow(
        "train sources",
        "train_sources:train_sources_command",
        "Train a calibrated classifier of sources on features and labels.",
    ),
    CommandRow(
        "rounds",
        "rounds:rounds_command",
        "Learn from few labels in rounds: fit, score, ask, refit.",
    ),
    CommandRow(
        "tune triplet",
        "tune_triplet:tune_triplet_command",
        "Search for the training settings that validate best.",
    ),
    CommandRow(
        "tune sources",
        "tune_sources:tune_sources_command",
        "Search for settings of learners of sources that validate best.",
    ),
    CommandRow(
        "consolidate",
        "consolidate:consolidate_command",
        "Join light curves of one source: curves, features or scores.",
    ),
    CommandRow(
        "evaluate", "evaluate:evaluate_command", "Judge scores by labels and write a report."
    ),
    CommandRow("label", "label:label_command", "Label candidates in the browser."),
    CommandRow("audit", "audit:audit_command", "Rank labels by how likely they are wrong."),
    CommandRow(
        "labels import",
        "labels_exchange:labels_import_command",
        "Bring labels or a whole history into a label store.",
    ),
    CommandRow(
        "labels export",
        "labels_exchange:labels_export_command",
        "Write a label store's history or labels to a file.",
    ),
    CommandRow(
        "labels choose",
        "labels_choose:labels_choose_command",
        "Choose the sources to label next, class by class.",
    ),
    CommandRow(
        "labels show",
        "labels_show:labels_show_command",
        "Show what a label store holds, or one candidate's history.",
    ),
    CommandRow(
        "labels agreement",
        "labels_agreement:labels_agreement_command",
        "Show how far labellers agree, and each with their consensus.",
    ),
    CommandRow(
        "labels consensus",
        "labels_agreement:labels_consensus_command",
        "Write the labels on which labellers agree (Dawid-Skene).",
    ),
    CommandRow(
        "labels add-labeller",
        "labels_accounts:labels_add_labeller_command",
        "Give a labeller a token, which is shown this once.",
    ),
    CommandRow(
        "labels revoke",
        "labels_accounts:labels_revoke_command",
        "End a labeller's token; the labels stay.",
    ),
    CommandRow("models list", "models:models_list", "List bundles and encoders."),
    CommandRow("models show", "models:models_show", "Show the card of a bundle or encoder."),
    CommandRow(
        "bench score",
        "bench_score:bench_score_command",
        "Measure how fast this machine decodes and scores alerts.",
    ),
    CommandRow("inject", "inject:inject", "Put sources of chosen significance into real alerts."),
    CommandRow(
        "simulate night",
        "simulate_night:simulate_night_command",
        "Simulate a night of alert packets with known truth.",
    ),
    CommandRow(
        "simulate frames",
        "simulate_frames:simulate_frames",
        "Simulate sequences of science frames with known artefacts.",
    ),
    CommandRow(
        "simulate light-curves",
        "simulate_light_curves:simulate_light_curves_command",
        "Simulate light curves of known kind.",
    ),
    CommandRow(
        "fetch ztf-frames",
        "fetch_ztf_frames:fetch_ztf_frames_command",
        "Fetch cutouts of ZTF light curves into a frame store.",
    ),
    CommandRow(
        "fetch ztf-light-curves",
        "fetch_ztf_light_curves:fetch_ztf_light_curves_command",
        "Fetch light curves of ZTF objects into one table.",
    ),
)
"""Every command of `skyvet`, in the order of the help."""

# Help as plain text: units in brackets are not taken for markup, and it starts faster.
_PLAIN: dict[str, Any] = {"rich_markup_mode": None, "pretty_exceptions_enable": False}


def build_app(
    words: Sequence[str] | None = None,
    *,
    debug: bool = False,
    commands: Sequence[CommandRow] | None = None,
) -> typer.Typer:
    """Return the program with one command loaded and all others known by name and help.

    Parameters
    ----------
    words : sequence of str, optional
        The command line. The command that its first words call is imported; None imports all
        (slow; for the documentation).
    debug : bool, default False
        Print tracebacks of expected errors.
    commands : sequence of CommandRow, optional
        Rows to use in place of `COMMANDS`.

    Returns
    -------
    typer.Typer
    """
    app = typer.Typer(no_args_is_help=True, help=_root_help(), **_PLAIN)
    app.callback()(_root_options)
    groups: dict[str, typer.Typer] = {}
    for row in COMMANDS if commands is None else commands:
        *above, name = row.words.split()
        is_called = words is None or list(words[: len(above) + 1]) == [*above, name]
        function = _runnable(row, debug=debug) if is_called else _placeholder
        _parent(app, groups, above).command(name, help=None if is_called else row.help)(function)
    return app


def _parent(app: typer.Typer, groups: dict[str, typer.Typer], above: list[str]) -> typer.Typer:
    if not above:
        return app
    name = above[0]
    if name not in groups:
        groups[name] = typer.Typer(no_args_is_help=True, help=GROUPS.get(name), **_PLAIN)
        app.add_typer(groups[name], name=name)
    return groups[name]


def _runnable(row: CommandRow, *, debug: bool) -> Callable[..., Any]:
    function = with_config_options(row.load())

    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - what the command takes
        with reported_errors(debug=debug):
            function(*args, **kwargs)

    run.__signature__ = inspect.signature(function, eval_str=True)  # type: ignore[attr-defined]
    return run


def _placeholder() -> None:
    """Stand for a command that is not called this time."""


def _root_help() -> str:
    return (
        "Decide what in a time-domain sky survey is real. "
        "Exit codes: 0 done, 1 bug, 2 usage, 3 bad input or settings, 4 bundle, 5 output, "
        "6 missing optional package, 7 partly done, 130 interrupted."
    )


def _show_version(is_asked: bool) -> None:  # noqa: FBT001 - Typer calls it so
    if is_asked:
        typer.echo(f"skyvet {__version__}")
        raise typer.Exit


def _root_options(
    *,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the traceback of an error, too.")
    ] = False,
) -> None:
    pass


def _words_to_complete() -> list[str]:
    """Return the command line that a shell asks to complete, if it does."""
    line = os.environ.get("_TYPER_COMPLETE_ARGS") or os.environ.get("COMP_WORDS") or ""
    return line.split()[1:]


def _with_whole_words(args: list[str]) -> list[str]:
    """Complete ``tune --data ...`` to ``tune triplet --data ...``; help is left to the group."""
    is_bare = len(args) > 1 and args[1].startswith("-") and args[1] not in ("--help", "-h")
    meant = COMMANDS_OF_BARE_GROUPS.get(args[0]) if is_bare else None
    return args if meant is None else [args[0], meant, *args[1:]]


def main(argv: Sequence[str] | None = None) -> None:
    """Run the program; ends with SystemExit and a documented code (`ExitCode`).

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments without the program's name; default those of the process.
    """
    # Threads of PyTorch that wait must sleep: on a shared machine, spinning ones take several
    # times the processor time. Read when PyTorch is first imported, by the command itself.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    given = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in given
    args = _with_whole_words([word for word in given if word != "--debug"])
    with reported_errors(debug=debug):
        app = build_app(args or _words_to_complete(), debug=debug)
        app(args=args, prog_name="skyvet")


if __name__ == "__main__":
    main()
