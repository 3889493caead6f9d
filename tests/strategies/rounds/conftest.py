"""A small dataset with known truth, and settings that learn it in a second."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from skyvet.models.compact_net import CompactConfig
from skyvet.preprocessing.batches import BatchConfig
from skyvet.preprocessing.normalization import StampConfig
from skyvet.records.identifiers import Identifier
from skyvet.records.labels import LabelValue
from skyvet.strategies.learners.supervised import SupervisedLearner
from skyvet.strategies.rounds.answers import FileAnswers
from skyvet.strategies.rounds.candidates import RoundsCandidates, open_candidates
from skyvet.strategies.rounds.loop import RoundsRun
from skyvet.strategies.rounds.settings import RoundsConfig
from skyvet.training.configs import HardwareConfig, OptimiserConfig, TrainConfig
from skyvet.training.packing import BundleText

STAMPS = StampConfig(size_px=21, with_mask_planes=False)

LEARNER = SupervisedLearner(
    n_folds=2,
    member=TrainConfig(
        network=CompactConfig(widths=(4, 8)),
        n_epochs=1,
        patience=0,
        validation_fraction=0.0,
        optimiser=OptimiserConfig(learning_rate=0.02),
        batches=BatchConfig(size=8, min_epoch_rows=0),
        hardware=HardwareConfig(n_threads=1),
    ),
)


class TruthExpert:
    """Knows the label of every candidate of the fake night; counts how often it is asked."""

    name = "truth"

    def __init__(self, ids: list[int], *, unknown: set[int] | None = None) -> None:
        self._place = {identifier: i for i, identifier in enumerate(ids)}
        self._unknown = unknown or set()
        self.asked: list[Identifier] = []

    def ask(self, candidate_id: Identifier) -> LabelValue:
        self.asked.append(candidate_id)
        place = self._place[int(candidate_id)]
        if place in self._unknown:
            return LabelValue.UNKNOWN
        return LabelValue.REAL if place % 2 == 0 else LabelValue.BOGUS


@pytest.fixture(scope="session")
def candidate_ids() -> list[int]:
    """Identifiers of the fake night, in order; the even ones are real."""
    return [1_095_578_115_815_010_000 + i for i in range(40)]


@pytest.fixture
def expert(candidate_ids: list[int]) -> TruthExpert:
    """An expert who is never wrong."""
    return TruthExpert(candidate_ids)


@pytest.fixture
def make_expert(candidate_ids: list[int]) -> Callable[..., TruthExpert]:
    """The maker of experts."""
    return lambda **changes: TruthExpert(candidate_ids, **changes)


@pytest.fixture
def test_file(tmp_path: Path, candidate_ids: list[int]) -> Path:
    """Label file of the last 10 candidates."""
    path = tmp_path / "test.csv"
    rows = [f"{candidate_ids[i]},{'real' if i % 2 == 0 else 'bogus'}\n" for i in range(30, 40)]
    path.write_text("candidate_id,label\n" + "".join(rows), encoding="utf-8")
    return path


@pytest.fixture
def candidates(dataset: Path, tmp_path: Path, test_file: Path) -> RoundsCandidates:
    """Pool of 30 and test set of 10."""
    return open_candidates(dataset, tmp_path / "run", stamps=STAMPS, test_labels=test_file)


@pytest.fixture
def make_run(tmp_path: Path, expert: TruthExpert) -> Callable[..., RoundsRun]:
    """The maker of runs in one folder."""

    def make(**changes: object) -> RoundsRun:
        config = {"learner": LEARNER, "n_per_round": 6, "n_rounds": 2}
        folder = tmp_path / "run"
        values: dict[str, object] = {
            "folder": folder,
            "stamps": STAMPS,
            "answers": FileAnswers(folder / "answers.csv"),
            "expert": expert,
            "text": BundleText(
                name="tiny", summary="s", surveys=("ztf",), data_description="d", data_licence="l"
            ),
        }
        for name, value in changes.items():
            (config if name in RoundsConfig.model_fields else values)[name] = value
        return RoundsRun(config=RoundsConfig.model_validate(config), **values)  # type: ignore[arg-type]

    return make
