"""What a user chooses about rounds, and how a run folder remembers it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field

from skyvet.core.configs import changed_settings
from skyvet.core.errors import DatasetError
from skyvet.core.files import write_json_atomic
from skyvet.strategies.learners.registry import LearnerConfig
from skyvet.strategies.learners.supervised import SupervisedLearner
from skyvet.strategies.queries.least_confidence import LeastConfidenceQuery
from skyvet.strategies.queries.registry import QueryConfig
from skyvet.training.calibrating import CalibrationConfig

__all__ = ["RUN_KIND", "RoundsConfig", "claim_run_folder"]

RUN_KIND = "skyvet-rounds"
_SETTINGS = "rounds.json"
_MAY_CHANGE = ("hardware",)


class RoundsConfig(CalibrationConfig):
    """Rounds of asking and learning."""

    strategy: QueryConfig = Field(
        default=LeastConfidenceQuery(), description="which candidates are asked for"
    )
    learner: LearnerConfig = Field(
        default=SupervisedLearner(),
        description="what learns; its settings are the table [learner] of --config (the guide "
        "'Learn from few labels' lists them, with the best recipe)",
    )
    n_per_round: int = Field(default=50, ge=1, description="labels asked for in a round")
    n_first: int | None = Field(
        default=None,
        ge=1,
        description="labels asked for at random where there are none yet; none = as a round",
    )
    n_rounds: int = Field(
        default=4, ge=0, description="rounds of asking; may be raised to go on with a run"
    )
    n_scored: int = Field(
        default=20_000,
        ge=0,
        description="candidates that are scored in a round, drawn at random; 0 = the whole pool",
    )
    bundle_every_round: bool = Field(
        default=False, description="write a bundle after each round, not after the last one alone"
    )
    seed: int = Field(default=0, ge=0, description="of all that is drawn and of the learner")


def claim_run_folder(path: Path, settings: Mapping[str, Any]) -> None:
    """Write the settings into a new run folder, or compare them with those of an old one.

    Parameters
    ----------
    path : Path
        Run folder; a new or empty one is made.
    settings : mapping
        All that the result depends on, as JSON knows it. What is named ``hardware`` may change.

    Raises
    ------
    DatasetError
        If the folder holds something else, or a run with other settings; the message says which.
    """
    file = path / _SETTINGS
    wanted = {"kind": RUN_KIND, "settings": json.loads(json.dumps(settings))}
    if not file.is_file():
        if path.exists() and any(entry.name != ".lock" for entry in path.iterdir()):
            raise DatasetError(f"{path} exists and is no run of rounds; choose another folder")
        write_json_atomic(file, wanted)
        return
    try:
        found = json.loads(file.read_bytes())
        is_run = found["kind"] == RUN_KIND and isinstance(found["settings"], dict)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DatasetError(f"{file} cannot be read: {error}; choose another folder") from error
    if not is_run:
        raise DatasetError(f"{path} is no run of rounds; choose another folder")
    changed = changed_settings(found["settings"], wanted["settings"], may_change=_MAY_CHANGE)
    if changed:
        raise DatasetError(
            f"{path} was begun with other settings: {changed}. Give the same ones to go on, or "
            "another folder to begin anew"
        )
