"""Nights on disk: same bytes for any number of workers, continued when killed, never mixed."""

from __future__ import annotations

import hashlib
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from skyvet.core.errors import DatasetError, InvalidInputError
from skyvet.io.alerts import read_alerts
from skyvet.io.nights import read_truth, write_night
from skyvet.io.surveys.lsst_packets import encode_lsst_alert
from skyvet.io.surveys.ztf_packets import encode_ztf_alert
from skyvet.records.candidate import Candidate
from skyvet.simulation.night import NightConfig, simulate_chunk

CONFIG = NightConfig(n=230, seed=5, prior=0.4)


def bare_chunk(start: int, stop: int) -> list:
    return [
        (
            Candidate(
                survey="ztf", candidate_id=1000 + i, object_id=f"ZTF{i}", mjd_tai=60000.0 + i,
                band="r", flux_njy=1e4, flux_err_njy=1e3,
            ),
            {},
            {"i_candidate": i, "candidate_id": 1000 + i, "label": "real"},
        )
        for i in range(start, stop)
    ]  # fmt: skip


def write(folder: Path, *, n: int = 230, make_chunk=bare_chunk, seed: int = 1):
    return write_night(
        folder, n=n, make_chunk=make_chunk, encode=encode_ztf_alert, settings={"seed": seed}
    )


def digest(folder: Path) -> dict[str, str]:
    files = sorted((folder / "packets").glob("*"))
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.mark.integration
def test_night_does_not_depend_on_the_number_of_workers(tmp_path: Path) -> None:
    for n_workers in (1, 2):
        write_night(
            tmp_path / str(n_workers),
            n=CONFIG.n,
            make_chunk=partial(simulate_chunk, CONFIG),
            encode=encode_ztf_alert,
            settings=CONFIG.model_dump(mode="json"),
            n_workers=n_workers,
        )
    assert digest(tmp_path / "1") == digest(tmp_path / "2")
    assert len(digest(tmp_path / "1")) == CONFIG.n
    one, two = ((tmp_path / name / "truth.parquet").read_bytes() for name in "12")
    assert one == two


def test_truth_has_one_row_a_packet_in_order(tmp_path: Path) -> None:
    summary = write(tmp_path / "night")
    truth = read_truth(tmp_path / "night")
    assert summary.n_written == 230
    assert truth["i_candidate"].to_pylist() == list(range(230))
    assert {f"{i}.avro" for i in truth["candidate_id"].to_pylist()} == set(
        digest(tmp_path / "night")
    )


def test_killed_run_continues_and_equals_an_undisturbed_one(tmp_path: Path) -> None:
    def killed(start: int, stop: int) -> list:
        if start >= 100:
            raise KeyboardInterrupt
        return bare_chunk(start, stop)

    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "a", make_chunk=killed)
    with pytest.raises(DatasetError, match="run it again"):
        read_truth(tmp_path / "a")
    assert write(tmp_path / "a").n_written == 130
    write(tmp_path / "b")
    assert digest(tmp_path / "a") == digest(tmp_path / "b")
    assert read_truth(tmp_path / "a").equals(read_truth(tmp_path / "b"))


def test_failed_packet_leaves_no_half_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full_disk(self: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full_disk)
    (tmp_path / "night" / "packets").mkdir(parents=True)
    (tmp_path / "night" / "night.json").write_text(
        '{"kind": "night", "version": 1, "n": 3, "is_complete": false, "settings": {"seed": 1}}'
    )
    with pytest.raises(DatasetError, match="run again to continue"):
        write(tmp_path / "night", n=3)
    assert list((tmp_path / "night" / "packets").iterdir()) == []


def test_complete_night_is_left_alone(tmp_path: Path) -> None:
    write(tmp_path / "night", n=3)
    assert write(tmp_path / "night", n=3).n_written == 0


@pytest.mark.parametrize("change", [{"seed": 2}, {"n": 4}])
def test_folder_with_another_night_is_refused(tmp_path: Path, change: dict[str, int]) -> None:
    write(tmp_path / "night", n=3)
    with pytest.raises(DatasetError, match=r"another night .*there, .*asked for"):
        write(tmp_path / "night", **{"n": 3, **change})


def test_foreign_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("important")
    with pytest.raises(DatasetError, match="choose another folder"):
        write(tmp_path, n=3)


def test_damaged_manifest_is_refused(tmp_path: Path) -> None:
    (tmp_path / "night.json").write_text("{")
    with pytest.raises(DatasetError, match="remove the folder"):
        write(tmp_path, n=3)


def test_wrong_counts_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="at least 1"):
        write(tmp_path / "night", n=0)
    with pytest.raises(InvalidInputError, match="must return 3 items"):
        write(tmp_path / "night", n=3, make_chunk=lambda _start, _stop: [])


@pytest.mark.parametrize(
    ("survey", "encode"), [("ztf", encode_ztf_alert), ("lsst", encode_lsst_alert)]
)
def test_readers_give_back_what_was_simulated(tmp_path: Path, survey: str, encode) -> None:
    config = NightConfig(survey=survey, n=25, seed=8, prior=0.5)
    made = simulate_chunk(config, 0, config.n)
    write_night(
        tmp_path / "night", n=config.n, make_chunk=partial(simulate_chunk, config), encode=encode,
        settings=config.model_dump(mode="json"),
    )  # fmt: skip
    read = {r.item.candidate_id: r.item for r in read_alerts([tmp_path / "night" / "packets"])}
    assert len(read) == config.n
    for candidate, _, _ in made:
        again = read[candidate.candidate_id]
        assert (again.object_id, again.band, again.survey) == (
            candidate.object_id, candidate.band, candidate.survey,
        )  # fmt: skip
        # Times go through a JD: 1e-4 s of rounding; fluxes through float32 magnitudes.
        assert again.mjd_tai == pytest.approx(candidate.mjd_tai, abs=2e-9)
        assert again.flux_njy == pytest.approx(candidate.flux_njy, rel=1e-5)
        assert again.snr == pytest.approx(candidate.snr, rel=1e-5)
        assert again.flags & candidate.flags == candidate.flags
        assert set(again.features) == set(candidate.features)
        for (_, before), (_, after) in zip(
            candidate.cutouts.items(), again.cutouts.items(), strict=True
        ):
            expected = np.where(np.abs(before.pixels) > 1e30, np.nan, before.pixels)
            np.testing.assert_array_equal(after.pixels, expected)
            if before.variance is not None:
                np.testing.assert_array_equal(after.variance, before.variance)
