"""Fit, score, ask, refit: rounds that a killed process takes up where they were."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from skyvet.core.progress import Progress, SilentProgress
from skyvet.evaluation.label_curve import LabelCurve
from skyvet.preprocessing.normalization import StampConfig
from skyvet.records.identifiers import Identifier
from skyvet.records.labels import Label, LabelValue
from skyvet.strategies.learners.networks import NetworkClassifier
from skyvet.strategies.packing import FewLabelStory, pack_few_label
from skyvet.strategies.rounds.answers import AnswerBook
from skyvet.strategies.rounds.candidates import RoundsCandidates
from skyvet.strategies.rounds.learning import LearntRound, labels_of_pool, learn_round
from skyvet.strategies.rounds.records import (
    RoundRecord,
    freeze_labels,
    read_ask,
    read_labels_of_round,
    read_round,
    round_folder,
    work_folder,
    write_round,
    written_round,
)
from skyvet.strategies.rounds.settings import RoundsConfig
from skyvet.training.packing import BundleText

__all__ = ["Expert", "RoundsResult", "RoundsRun", "run_rounds"]


class Expert(Protocol):
    """Answers at once: a simulated person, another model, a catalogue."""

    @property
    def name(self) -> str:
        """Who it is, with its error rate where it has one."""

    def ask(self, candidate_id: Identifier) -> LabelValue:
        """Return the label; asked again, the same one."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RoundsRun:
    """All that a run needs beside its candidates.

    Parameters
    ----------
    folder : Path
        Run folder, held by this process and claimed for these settings.
    config : RoundsConfig
        Settings.
    stamps : StampConfig
        Preparation of the stamps.
    answers : AnswerBook
        Where labels stand and answers go.
    expert : Expert or None
        None = people, whose labels appear in `answers` by themselves.
    text : BundleText
        Of the bundle.
    wait : callable, optional
        Called again and again while labels of people are awaited, with the number that is still
        missing; returns False to stop waiting. Without it, nothing is waited for.
    """

    folder: Path
    config: RoundsConfig
    stamps: StampConfig
    answers: AnswerBook
    expert: Expert | None
    text: BundleText
    wait: Callable[[int], bool] | None = None

    @property
    def labelled_by(self) -> str:
        """Who labels, in words."""
        return (
            "people, through the label store or file" if self.expert is None else self.expert.name
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RoundsResult:
    """State of a run.

    Parameters
    ----------
    records : tuple of RoundRecord
        Finished rounds.
    curve : LabelCurve
        Their figures.
    n_missing : int
        Labels of people that are missing before the next round; 0 = the run is complete.
    bundle : Path or None
        Bundle of the last round that has one.
    """

    records: tuple[RoundRecord, ...]
    curve: LabelCurve
    n_missing: int
    bundle: Path | None


def run_rounds(
    candidates: RoundsCandidates, run: RoundsRun, *, progress: Progress | None = None
) -> RoundsResult:
    """Do all rounds that can be done, taking up those that are there.

    Parameters
    ----------
    candidates : RoundsCandidates
        Pool and test set.
    run : RoundsRun
        The rest.
    progress : Progress, optional
        Told of the rounds and their stages.

    Returns
    -------
    RoundsResult

    Raises
    ------
    DatasetError
        If the run folder is damaged or cannot be written.
    """
    told = progress or SilentProgress()
    told.start("Rounds", run.config.n_rounds + 1)
    records: list[RoundRecord] = []
    n_missing = 0
    for i_round in range(run.config.n_rounds + 1):
        record = read_round(run.folder, i_round)
        if record is None:
            record = _make_round(candidates, run, i_round, told)
        records.append(record)
        told.advance()
        if i_round == run.config.n_rounds or record.n_asked == 0:
            break
        n_missing = _collect(run, i_round)
        if n_missing:
            break
    told.finish()
    with_bundle = [record.i_round for record in records if record.has_bundle]
    name = f"{run.config.learner.kind}, {run.config.strategy.kind}"
    return RoundsResult(
        records=tuple(records),
        curve=LabelCurve(name=name, points=tuple(record.point for record in records)),
        n_missing=n_missing,
        bundle=round_folder(run.folder, with_bundle[-1]) / "bundle" if with_bundle else None,
    )


def _make_round(
    candidates: RoundsCandidates, run: RoundsRun, i_round: int, progress: Progress
) -> RoundRecord:
    """Learn and write one round."""
    work = work_folder(run.folder, i_round)
    standing = freeze_labels(work, dict(run.answers.standing()))
    labels = labels_of_pool(candidates.pool, standing)
    learnt = learn_round(
        candidates,
        labels,
        run.config,
        i_round=i_round,
        work_dir=work / "checkpoints",
        progress=progress,
    )
    with written_round(run.folder, i_round) as draft:
        has_bundle = _pack(draft / "bundle", candidates, run, learnt)
        record = learnt.record.model_copy(update={"has_bundle": has_bundle})
        asked = candidates.pool.candidate_ids[learnt.asked]
        write_round(draft, record, asked=asked, scores=learnt.asked_scores)
    return record


def _pack(path: Path, candidates: RoundsCandidates, run: RoundsRun, learnt: LearntRound) -> bool:
    """Write the round's bundle where one is wanted and can be made."""
    config, record = run.config, learnt.record
    is_last = record.i_round == config.n_rounds or record.n_asked == 0
    if not (is_last or config.bundle_every_round):
        return False
    if learnt.calibration is None or not isinstance(learnt.classifier, NetworkClassifier):
        return False
    pack_few_label(
        path,
        learnt.classifier,
        candidates.pool.labelled(learnt.labels.bought),
        calibration=learnt.calibration,
        config=config,
        story=FewLabelStory(
            n_labels=learnt.labels.n_spent,
            n_unknown=learnt.labels.n_unknown,
            n_pool=len(candidates.pool),
            strategy=f"`{config.strategy.kind}`, at random while nothing was learnt",
            expert=run.labelled_by,
            learner=config.learner,
        ),
        stamps=run.stamps,
        text=run.text,
        stored_px=candidates.stored_px,
    )
    return True


def _collect(run: RoundsRun, i_round: int) -> int:
    """Get the answers to a round; return how many are still missing."""
    asked = read_ask(run.folder, i_round)
    if run.expert is not None:
        answered = run.answers.standing()
        for identifier in asked:
            if str(identifier) not in answered:
                value = run.expert.ask(identifier)
                run.answers.add(Label(candidate_id=identifier, value=value, source=run.expert.name))
        return 0
    before = read_labels_of_round(round_folder(run.folder, i_round))
    while True:
        n_new = len(set(run.answers.standing()) - set(before))
        n_missing = max(len(asked) - n_new, 0)
        if n_missing == 0 or run.wait is None or not run.wait(n_missing):
            return n_missing
