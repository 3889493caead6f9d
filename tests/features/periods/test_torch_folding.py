"""PyTorch's folding gives what the compiled loops give; here on the CPU device."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from skyvet.core.errors import InvalidInputError, MissingDependencyError
from skyvet.features.periods import (
    bin_sums,
    box_least_squares,
    conditional_entropy,
    folding,
    template_matching,
)
from skyvet.features.periods.folding import torch_device
from skyvet.features.periods.interface import FrequencyGrid
from skyvet.features.periods.registry import get_finder

torch = pytest.importorskip("torch")

from skyvet.features.band_series import BandSeries  # noqa: E402
from skyvet.features.periods.torch_folding import FoldingTask, explained, phase_sums  # noqa: E402

GRID = FrequencyGrid(f_min=1.4, step=1 / 900, n=9000)
SOME = np.random.default_rng(5).uniform(0.02, 20, 70)


def make_series(band, *, n, seed):
    rng = np.random.default_rng([seed, n])
    time = np.sort(rng.uniform(0, 150, n))
    errors = rng.uniform(0.02, 0.08, n)
    magnitude = 18 + 0.3 * np.sin(2 * np.pi * time / 0.6371) + errors * rng.normal(size=n)
    return BandSeries(band=band, time_d=time, magnitude=magnitude, magnitude_err=errors)


BANDS = (make_series("g", n=30, seed=1), make_series("r", n=50, seed=2))


@pytest.fixture
def with_torch(monkeypatch):
    """Fold with PyTorch on its CPU device from now on."""

    def switch():
        for module in (bin_sums, box_least_squares, conditional_entropy, template_matching):
            monkeypatch.setattr(module, "torch_device", lambda device: "cpu")

    return switch


@pytest.mark.parametrize("kind", ["ce", "aov", "fpw", "bls", "mf"])
def test_folds_are_those_of_the_compiled_loops(kind, with_torch):
    finder = get_finder({"kind": kind, "n_phase_bins": 12})
    grid = FrequencyGrid(f_min=1.4, step=1 / 900, n=1500)
    before = finder.periodogram(BANDS, grid), finder.statistic(BANDS, SOME)
    with_torch()
    after = finder.periodogram(BANDS, grid), finder.statistic(BANDS, SOME)
    assert after[0].dtype == before[0].dtype
    # The loops of box least squares run in float32 on a grid.
    np.testing.assert_allclose(after[0], before[0], rtol=1e-3 if kind == "bls" else 1e-9, atol=1e-9)
    np.testing.assert_allclose(after[1], before[1], rtol=1e-9, atol=1e-12)


def test_phases_are_reseeded_as_in_the_compiled_loops():
    points = bin_sums.weighted_points(folding.points_of(BANDS, min_points=2), is_weighted=True)
    tail = bin_sums.explained(points, GRID, n_bins=5)
    task = FoldingTask(frequencies=GRID, n_bins=5, device="cpu")
    np.testing.assert_allclose(explained(points, task).chi2, tail.chi2, rtol=1e-12)


def test_memory_of_a_chunk_changes_nothing():
    points = bin_sums.weighted_points(folding.points_of(BANDS, min_points=2), is_weighted=True)
    grid = FrequencyGrid(f_min=1.4, step=1 / 900, n=300)
    large, small = (
        explained(points, FoldingTask(frequencies=grid, n_bins=5, device="cpu", max_elements=size))
        for size in (2**20, 1000)
    )
    np.testing.assert_array_equal(large.chi2, small.chi2)


def test_sums_are_direct_fourier_sums():
    rng = np.random.default_rng(7)
    time, strengths = rng.uniform(0, 100, 40), rng.normal(size=(2, 40))
    grid = FrequencyGrid(f_min=0.3, step=0.01, n=50)
    expected = strengths @ np.exp(-2j * np.pi * np.outer(time, grid.frequencies))
    found = phase_sums(time, strengths, grid, device="cpu")
    np.testing.assert_allclose(found, expected, atol=1e-10)


def test_cuda_without_a_gpu_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InvalidInputError, match="finds no GPU"):
        get_finder({"kind": "ce", "device": "cuda"}).statistic(BANDS, SOME)
    assert torch_device("cpu") is None


def test_cuda_without_pytorch_names_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingDependencyError, match=r"skyvet\[train\]"):
        torch_device("cuda")


@pytest.mark.parametrize("has_driver", [False, True])
def test_auto_takes_a_gpu_where_there_is_one(monkeypatch, tmp_path, has_driver):
    driver = tmp_path / "driver"
    if has_driver:
        driver.touch()
    monkeypatch.setattr(folding, "_DRIVERS", (str(driver),))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    folding._has_gpu.cache_clear()
    try:
        assert torch_device("auto") == ("cuda" if has_driver else None)
    finally:
        folding._has_gpu.cache_clear()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")
@pytest.mark.parametrize("kind", ["ce", "aov", "fpw", "bls", "mf"])
def test_gpu_gives_what_the_cpu_gives(kind):
    on_cpu, on_gpu = (get_finder({"kind": kind, "device": device}) for device in ("cpu", "cuda"))
    np.testing.assert_allclose(
        on_gpu.periodogram(BANDS, GRID), on_cpu.periodogram(BANDS, GRID), rtol=2e-3
    )


def test_finders_do_not_load_pytorch_without_a_gpu():
    code = (
        "import sys; from skyvet.features.periods import folding; folding._DRIVERS = ();"
        "from skyvet.features.periods.registry import get_finder;"
        "[get_finder(kind) for kind in ('ce', 'aov', 'fpw', 'bls', 'mf')];"
        "assert folding.torch_device('auto') is None; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
