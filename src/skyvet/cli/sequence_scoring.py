"""Scoring of frame sequences, as the commands that do it choose and show it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from skyvet.cli.console import note
from skyvet.core.errors import BundleError, InvalidInputError
from skyvet.records.scores import Verdict

if TYPE_CHECKING:
    from skyvet.inference.sequences import SequenceScoreSummary
    from skyvet.models.sequence_bundle import SequenceBundle

__all__ = [
    "fitting_sequence_input",
    "note_on_sequences",
    "sequence_rows",
    "uncalibrated_warning",
]


def fitting_sequence_input(
    inputs: Sequence[str], bundle: str, *, is_mapped: bool = False
) -> Path | None:
    """Return the folder of frame sequences among the inputs; None where they are alerts.

    Parameters
    ----------
    inputs : sequence of str
        As given on the command line.
    bundle : str
        Folder or name of a bundle.
    is_mapped : bool, default False
        A mapping file was given, so that a folder of FITS frames may have any layout.

    Raises
    ------
    BundleError
        If inputs and bundle are not of one kind.
    InvalidInputError
        If frame sequences stand beside other inputs.
    """
    from skyvet.io.sequence_inputs import sequence_form
    from skyvet.models.bundle import load_bundle
    from skyvet.models.sequence_bundle import is_sequence_bundle

    folders = [Path(text) for text in inputs if text != "-" and sequence_form(Path(text))]
    is_for_sequences = is_sequence_bundle(Path(bundle))
    if is_for_sequences and is_mapped:
        folders = [Path(text) for text in inputs if Path(text).is_dir()]
    if folders and not is_for_sequences:
        load_bundle(bundle)  # says so, if there is no such bundle at all
        raise BundleError(
            f"{folders[0]} holds frame sequences, but bundle {bundle!r} does not classify them; "
            "name the folder of a classifier of frame sequences with --bundle"
        )
    if is_for_sequences and not folders:
        raise BundleError(
            f"bundle {bundle} classifies frame sequences, but {', '.join(inputs)} holds none: "
            "neither a frame store, FITS frames in one folder an object, a store of embeddings "
            "nor a folder with embeddings.parquet"
        )
    if folders and len(inputs) > 1:
        raise InvalidInputError(f"frame sequences are scored one folder at a time, got {inputs}")
    return folders[0] if folders else None


def sequence_rows(summary: SequenceScoreSummary) -> list[tuple[str, object]]:
    """Return the rows of the terminal's table."""
    return [
        ("objects read", summary.n_read),
        ("scored", summary.n_scored),
        *_verdict_rows(summary),
        ("rejected", summary.n_rejected),
        *((f"  {reason}", count) for reason, count in summary.rejections.items()),
        ("frames used", summary.n_frames),
        ("frames left out (empty or unreadable)", summary.n_unusable_frames),
    ]


def _verdict_rows(summary: SequenceScoreSummary) -> Iterator[tuple[str, object]]:
    """Give the verdicts, and below `bogus` the likely kinds of those called so."""
    for verdict, count in summary.verdicts.items():
        yield f"  {verdict}", count
        if verdict == Verdict.BOGUS.value:
            yield from ((f"    likely {kind}", n) for kind, n in summary.subtypes.items())


def note_on_sequences(summary: SequenceScoreSummary, bundle: SequenceBundle) -> None:
    """Say on standard error what a person must know before trusting the scores."""
    if summary.n_uncalibrated:
        note(uncalibrated_warning(summary.n_uncalibrated, bundle.info.surveys))
    if summary.n_scored and not summary.n_with_evidence:
        note("note: this bundle can say nothing of single frames; no frames are named")


def uncalibrated_warning(n: int, surveys: Sequence[str]) -> str:
    """Return the warning of scores of foreign surveys."""
    return (
        f"warning: {n} scores are of surveys on which the bundle was not calibrated "
        f"(it knows: {', '.join(surveys)}); their verdict is 'review' and is_calibrated is False"
    )
