"""Scoring of light curves, or of their features, as `skyvet score` does it."""

from __future__ import annotations

import dataclasses
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from skyvet.cli.console import note, show_result
from skyvet.cli.light_curve_inputs import LightCurveChoice, PartitionWork, run_rows
from skyvet.cli.partitioned import check_all_done
from skyvet.core.errors import BundleError, DatasetError
from skyvet.features.light_curves.configs import FeatureConfig
from skyvet.inference.partitions.configs import ClusterConfig

if TYPE_CHECKING:
    from collections.abc import Sequence

    from skyvet.inference.partitions.task import Partition, PartitionTask
    from skyvet.models.source_bundle import SourceBundle

__all__ = ["SourceScoring", "is_for_sources"]

_MAX_CLASSES_SHOWN = 12


def is_for_sources(bundle: str) -> bool:
    """Say whether a bundle classifies sources."""
    from skyvet.models.source_bundle import is_source_bundle

    return is_source_bundle(Path(bundle))


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceScoring:
    """What is scored, how, and where."""

    choice: LightCurveChoice
    out: Path
    bundle: str
    features: FeatureConfig
    where: ClusterConfig
    survey: str = ""

    def run(self, *, is_dry_run: bool, as_json: bool) -> None:
        """Score, or say what scoring would cost.

        Raises
        ------
        BundleError
            If the bundle does not classify sources.
        DatasetError
            If the output is a folder.
        """
        from skyvet.inference.partitions.sources import join_source_score_parts
        from skyvet.io.inputs import check_output_apart
        from skyvet.models.source_bundle import load_source_bundle

        if self.out.is_dir():
            raise DatasetError(
                f"{self.out} is a folder; give a file, such as {self.out / 'scores.parquet'}"
            )
        if not is_for_sources(self.bundle):
            raise BundleError(
                f"bundle {self.bundle!r} does not classify light curves; name the folder of one "
                "that `skyvet train sources` made"
            )
        bundle = load_source_bundle(Path(self.bundle))
        check_output_apart(self.choice.inputs, self.out, models=[bundle.path])
        parts = self.out.with_name(self.out.name + ".parts")
        task, partitions = self._task(bundle)
        work = PartitionWork(task=task, partitions=partitions, folder=parts, where=self.where)
        if is_dry_run:
            work.show_cost(as_json=as_json)
            return
        run, seconds = work.run(as_json=as_json)
        called = join_source_score_parts(parts, self.out).to_pylist()
        if run.is_complete:
            shutil.rmtree(parts, ignore_errors=True)
        _warn(self.out, bundle)
        often = sorted(called, key=lambda row: -row["n"])[:_MAX_CLASSES_SHOWN]
        more = [(f"  called {row['tag']}", row["n"]) for row in often if row["n"]]
        document, table = run_rows(run, seconds, title=f"Scored by {bundle.label}", more=more)
        beside = self.out.with_name(f"{self.out.stem}.rejections.parquet")
        facts = {"bundle": bundle.label, "scores": self.out, "rejected": beside}
        document |= {**facts, "called": {row["tag"]: row["n"] for row in called}}
        closing = f"Scores: {self.out}\nRejections: {beside}"
        show_result(document, table, closing, as_json=as_json)
        check_all_done([failed.name for failed in run.failed], self.out)

    def _task(self, bundle: SourceBundle) -> tuple[PartitionTask, tuple[Partition, ...]]:
        from skyvet.inference.feature_settings import READING, recorded_settings
        from skyvet.inference.partitions.sources import (
            LightCurveScoreTask,
            bands_of_bundle,
            feature_partitions,
            is_feature_table,
        )
        from skyvet.io.light_curve_sources.recorded_reading import recorded_reading

        paths = [Path(text) for text in self.choice.inputs]
        if all(is_feature_table(path) for path in paths):
            _note_on_settings(paths, bundle)
            return feature_partitions(paths, bundle=bundle, survey=self.survey)
        recorded = bundle.info.feature_settings
        config, cuts = recorded_settings(recorded, self.features, self.choice.cuts)
        if not recorded:
            note(
                "note: the bundle does not record how its features were computed; --features.* and "
                "--cuts.* must be those of its training"
            )
        reading, said = recorded_reading(recorded.get(READING, {}), self.choice.config, paths)
        if said:
            note(f"note: {said}")
        opened = dataclasses.replace(self.choice, config=reading, cuts=cuts).open()
        bands = config.bands or bands_of_bundle(bundle.info)
        task = LightCurveScoreTask(
            reading=opened.reading,
            config=config.model_copy(update={"bands": bands}),
            bundle=str(bundle.path.absolute()),
            bundle_sha256=bundle.sha256,
            survey=self.survey,
        )
        return task, opened.partitions


def _note_on_settings(paths: Sequence[Path], bundle: SourceBundle) -> None:
    """Say where features were computed otherwise than those that the bundle learned from."""
    from skyvet.inference.feature_settings import changed_feature_settings
    from skyvet.io.feature_tables import feature_files, read_feature_layout

    for file in (file for path in paths for file in feature_files(path)):
        settings = read_feature_layout(file).settings
        if changed := changed_feature_settings(bundle.info.feature_settings, settings):
            note(
                f"warning: the features of {file} were computed with other settings than those "
                f"that the bundle learned from ({changed}): the probabilities may be wrong"
            )


def _warn(scores: Path, bundle: SourceBundle) -> None:
    """Say how many scores the bundle's calibration does not hold for."""
    import pyarrow.parquet as pq

    if "is_calibrated" not in pq.read_schema(scores).names:
        return
    column = pq.read_table(scores, columns=["is_calibrated"])["is_calibrated"]
    n_open = len(column) - column.to_pylist().count(True)
    if n_open:
        known = ", ".join(name or "not stated" for name in bundle.info.surveys)
        note(
            f"warning: {n_open} sources are of a survey that the bundle is not calibrated for "
            f"({known}): probabilities are given, but no class is called; --survey NAME says which "
            "survey they are of"
        )
