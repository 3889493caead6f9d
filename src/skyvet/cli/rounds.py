"""`skyvet rounds`: fit, score, ask, refit."""

from __future__ import annotations

import getpass
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from skyvet.cli.console import make_table, note, show_result
from skyvet.cli.options import JsonOption
from skyvet.cli.progress import shown_progress
from skyvet.core.errors import InvalidInputError
from skyvet.preprocessing.normalization import StampConfig
from skyvet.strategies.rounds.settings import RoundsConfig

if TYPE_CHECKING:
    from skyvet.strategies.rounds.answers import AnswerBook
    from skyvet.strategies.rounds.candidates import RoundsCandidates
    from skyvet.strategies.rounds.loop import RoundsResult
    from skyvet.strategies.rounds.truth_expert import TruthExpert

__all__ = ["rounds_command"]

_FILE_SUFFIXES = (".csv", ".parquet")
_POLL_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What the command line says beside the configs."""

    data: Path
    labels: str | None
    out: Path
    expert: Literal["simulated", "person"]
    truth: Path | None
    error_rate: float
    unknown_rate: float
    test: Path | None
    metadata: tuple[str, ...]

    @property
    def takes_file(self) -> bool:
        """Whether labels are in a label file, not in a store."""
        return self.labels is not None and self.labels.lower().endswith(_FILE_SUFFIXES)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Naming:
    """What a person says of the bundle."""

    name: str
    data_licence: str


def rounds_command(
    *,
    data: Annotated[Path, typer.Option(help="Dataset folder (from skyvet ingest).")],
    labels: Annotated[
        str | None,
        typer.Option(
            help="Label store (a file, or postgresql://user@host/database), or a label file to "
            "begin with. Answers of a simulated expert go to the store, else to OUT/answers.csv."
        ),
    ] = None,
    out: Annotated[Path, typer.Option(help="Run folder; the same command goes on with it.")],
    expert: Annotated[
        Literal["simulated", "person"],
        typer.Option(help="Who labels: a simulated expert who knows --truth, or people."),
    ] = "person",
    truth: Annotated[Path | None, typer.Option(help="Label file of the simulated expert.")] = None,
    error_rate: Annotated[
        float, typer.Option(min=0, max=1, help="Share of the expert's answers that are wrong.")
    ] = 0.0,
    unknown_rate: Annotated[
        float, typer.Option(min=0, max=1, help="Share of the expert's answers that are UNKNOWN.")
    ] = 0.0,
    test: Annotated[
        Path | None,
        typer.Option(help="Label file that judges each round; its objects are never learnt from."),
    ] = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait for the labels of people, round after round.")
    ] = False,
    metadata: Annotated[
        str, typer.Option(help="Features for the metadata branch, with commas; none by default.")
    ] = "",
    name: Annotated[str, typer.Option(help="Name of the bundle.")] = "",
    data_licence: Annotated[str, typer.Option(help="Terms of the data.")] = "not stated",
    stamps: StampConfig,
    config: RoundsConfig,
    as_json: JsonOption = False,
) -> None:
    """Learn from few labels in rounds: fit, score, ask, refit.

    A run that was stopped, in whatever way, goes on when the same command is given again; no answer
    is asked for twice. Settings may not change on the way, but for a larger --n-rounds.
    """
    from skyvet.core.files import held_alone
    from skyvet.io.inputs import check_output_apart
    from skyvet.strategies.rounds.results import write_results

    names = tuple(part.strip() for part in metadata.split(",") if part.strip())
    asked = _Asked(
        data=data,
        labels=labels,
        out=out,
        expert=expert,
        truth=truth,
        error_rate=error_rate,
        unknown_rate=unknown_rate,
        test=test,
        metadata=names,
    )
    if expert == "person":
        config = config.model_copy(update={"bundle_every_round": True})
    check_output_apart([path for path in (data, truth, test) if path is not None], out)
    title = _Naming(name=name or out.name, data_licence=data_licence)
    with held_alone(out), shown_progress(quiet=as_json) as progress:
        result, candidates = _run(asked, config, stamps, title=title, waits=wait, progress=progress)
        files = write_results(
            out, result, title=_title(asked, config), settings=_shown_settings(asked, config)
        )
    _show(asked, config, result, candidates, files=files, as_json=as_json)


def _run(
    asked: _Asked,
    config: RoundsConfig,
    stamps: StampConfig,
    *,
    title: _Naming,
    waits: bool,
    progress: Any,  # noqa: ANN401 - a Progress
) -> tuple[RoundsResult, RoundsCandidates]:
    """Do the rounds."""
    from skyvet.strategies.rounds.candidates import open_candidates
    from skyvet.strategies.rounds.loop import RoundsRun, run_rounds
    from skyvet.strategies.rounds.settings import claim_run_folder
    from skyvet.training.packing import BundleText

    expert = _expert(asked, seed=config.seed)
    claim_run_folder(asked.out, _settings(asked, config, stamps))
    candidates = open_candidates(
        asked.data,
        asked.out,
        stamps=stamps,
        test_labels=asked.test,
        metadata_names=asked.metadata,
        askable_ids=None if expert is None else expert.known_ids,
        progress=progress,
    )
    surveys = tuple(sorted(set(candidates.surveys)))
    text = BundleText(
        summary=f"real/bogus for {', '.join(surveys)} from few labels ({config.learner.kind})",
        surveys=surveys,
        data_description=f"Labelled candidates of {asked.data.name}.",
        name=title.name,
        data_licence=title.data_licence,
    )
    with _answers(asked, config, candidates) as answers:
        run = RoundsRun(
            folder=asked.out,
            config=config,
            stamps=stamps,
            answers=answers,
            expert=expert,
            text=text,
            wait=_waiter(asked) if waits else None,
        )
        return run_rounds(candidates, run, progress=progress), candidates


def _expert(asked: _Asked, *, seed: int) -> TruthExpert | None:
    """Return the simulated expert; None where people label."""
    from skyvet.strategies.experts import SimulatedExpert
    from skyvet.strategies.rounds.truth_expert import TruthExpert

    if asked.expert == "person":
        if asked.labels is None:
            raise InvalidInputError(
                "with people, --labels says where their labels appear: a label store (skyvet "
                "label writes it), or a label file that you edit"
            )
        if asked.truth is not None:
            raise InvalidInputError("--truth is for --expert simulated; people know it themselves")
        return None
    if asked.truth is None:
        raise InvalidInputError("--expert simulated needs --truth, the label file it knows")
    simulated = SimulatedExpert(
        real_error_rate=asked.error_rate,
        bogus_error_rate=asked.error_rate,
        unknown_rate=asked.unknown_rate,
        seed=seed,
    )
    return TruthExpert(asked.truth, simulated)


def _settings(asked: _Asked, config: RoundsConfig, stamps: StampConfig) -> dict[str, Any]:
    """Return all that the result depends on."""
    from skyvet.core.files import sha256_of_file
    from skyvet.io.dataset import Dataset

    dataset = Dataset.open(asked.data).manifest
    files = {
        key: None if path is None else sha256_of_file(path)
        for key, path in (("truth", asked.truth), ("test", asked.test))
    }
    is_file = asked.takes_file
    if is_file and asked.labels is not None and asked.expert == "simulated":
        files["labels"] = sha256_of_file(Path(asked.labels))
    return {
        "data": dataset.content_sha256,
        "files": files,
        "takes_labels_from": "nowhere" if asked.labels is None else "file" if is_file else "store",
        "expert": asked.expert,
        "error_rate": asked.error_rate,
        "unknown_rate": asked.unknown_rate,
        "metadata": list(asked.metadata),
        "stamps": stamps.model_dump(mode="json"),
        "rounds": config.model_dump(mode="json", exclude={"n_rounds"}),
    }


@contextmanager
def _answers(
    asked: _Asked, config: RoundsConfig, candidates: RoundsCandidates
) -> Iterator[AnswerBook]:
    """Open the place where labels stand."""
    from skyvet.strategies.rounds.answers import FileAnswers

    own = asked.out / "answers.csv"
    if asked.labels is None or asked.takes_file:
        yield FileAnswers(own, first=None if asked.labels is None else Path(asked.labels))
        return
    from skyvet.io.label_store.store import open_label_store
    from skyvet.strategies.rounds.store_answers import StoreAnswers

    ids = map(str, candidates.pool.candidate_ids.tolist())
    with open_label_store(asked.labels) as store:
        yield StoreAnswers(
            store,
            dict(zip(ids, candidates.surveys, strict=True)),
            strategy=config.strategy.kind,
        )


def _waiter(asked: _Asked) -> Callable[[int], bool]:
    """Return what is called while labels are awaited: says so once a change, then sleeps."""
    said: list[int] = []

    def wait(n_missing: int) -> bool:
        if not said:
            note(f"Label the next candidates: {_next_step(asked)}")
        if not said or said[-1] != n_missing:
            note(f"waiting for {n_missing} more labels (stop with Ctrl-C, go on at any time)")
        said.append(n_missing)
        time.sleep(_POLL_S)
        return True

    return wait


def _next_step(asked: _Asked) -> str:
    """Return what a person types, or does in the label file, to label the round's candidates."""
    newest = sorted(asked.out.glob("round-*"))[-1]
    if asked.takes_file:
        return (
            f"add the candidates of {newest / 'ask.csv'} to {asked.labels}, one a row, with "
            "real, bogus or unknown in its column label"
        )
    words = ["skyvet label", f"--data {asked.data}", f"--labels {asked.labels}"]
    words.append(f"--candidates {newest / 'ask.parquet'}")
    if (newest / "bundle").is_dir():
        words.append(f"--bundle {newest / 'bundle'}")
    words.append(f"--labeller {getpass.getuser()}")
    return " ".join(words)


def _title(asked: _Asked, config: RoundsConfig) -> str:
    learner, strategy = config.learner.kind, config.strategy.kind
    return f"Rounds on {asked.data.name}: learner {learner}, strategy {strategy}"


def _shown_settings(asked: _Asked, config: RoundsConfig) -> str:
    document = {
        "expert": asked.expert,
        "error_rate": asked.error_rate,
        "unknown_rate": asked.unknown_rate,
        **config.model_dump(mode="json"),
    }
    return json.dumps(document, indent=2)


def _show(
    asked: _Asked,
    config: RoundsConfig,
    result: RoundsResult,
    candidates: RoundsCandidates,
    *,
    files: dict[str, str],
    as_json: bool,
) -> None:
    """Say what came of it."""
    from skyvet.strategies.rounds.results import (
        bias_warning,
        last_figures,
        learning_warning,
        round_rows,
    )

    if candidates.n_held_back:
        note(
            f"note: {candidates.n_held_back} candidates stay out of the pool: their object is in "
            "the test set, or they repeat a candidate"
        )
    for warning in (bias_warning(result), learning_warning(result)):
        if warning:
            note(f"warning: {warning}")
    headings, rows = round_rows(result)
    lines = [f"{what}: {path}" for what, path in files.items()]
    document: dict[str, Any] = {
        "run": str(asked.out),
        "n_missing": result.n_missing,
        "is_complete": result.n_missing == 0,
        "rounds": [record.model_dump(mode="json") for record in result.records],
        "files": files,
    }
    if result.n_missing:
        document["next"] = _next_step(asked)
        shown = document["next"].replace(" --", " \\\n    --")  # the terminal breaks no line
        lines.append(
            f"{result.n_missing} more labels complete this round:\n  {shown}\n"
            "and give this command again (or with --wait)."
        )
    table = make_table(_title(asked, config), headings, rows)
    heading, figures = last_figures(result)
    shown = (
        make_table(heading, ["figure", "value", "95% interval"], figures) if figures else heading
    )
    show_result(document, table, shown, *lines, as_json=as_json)
