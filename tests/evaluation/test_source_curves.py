"""Pictures of light curves: where the points stand."""

from __future__ import annotations

import re

import numpy as np
import pytest

from skyvet.evaluation.source_curves import draw_folded, draw_raw
from skyvet.records.light_curve import LightCurve


def light_curve(flux: list[float], time: list[float], **given: object) -> LightCurve:
    n = len(flux)
    settings: dict[str, object] = {
        "band": ["r"] * n,
        "is_upper_limit": [False] * n,
        "is_difference": False,
        **given,
    }
    return LightCurve(
        mjd_tai=np.array(time, dtype=float),
        flux_njy=np.array(flux, dtype=float),
        flux_err_njy=np.full(n, 10.0),
        **settings,  # type: ignore[arg-type]
    )


def dots(svg: str) -> list[tuple[float, float]]:
    found = re.findall(r"M([\d.]+) ([\d.]+)h0", svg)
    return [(float(x), float(y)) for x, y in found]


def test_brighter_epochs_stand_higher() -> None:
    (_, faint), (_, bright) = dots(draw_raw(light_curve([1e3, 2e3], [1.0, 2.0]), title="t"))
    assert bright < faint


def test_difference_flux_rises_upwards() -> None:
    curve = light_curve([-50.0, 900.0], [1.0, 2.0], is_difference=True)
    svg = draw_raw(curve, title="t")
    (_, low), (_, high) = dots(svg)
    assert high < low
    assert "nJy" in svg


def test_epochs_one_period_apart_fold_onto_each_other_and_show_twice() -> None:
    found = dots(draw_folded(light_curve([1e3, 1e3, 2e3], [5.0, 7.0, 8.0]), 2.0, title="t"))
    assert len(found) == 6
    x = [place for place, _ in found]
    assert x[0] == x[1]
    assert x[3] == x[4]
    assert x[3] > x[0]


def test_upper_limits_and_negative_fluxes_are_not_drawn() -> None:
    curve = light_curve(
        [1e3, -5.0, 2e3, np.nan], [1.0, 2.0, 3.0, 4.0], is_upper_limit=[False, False, True, False]
    )
    assert len(dots(draw_raw(curve, title="t"))) == 1


@pytest.mark.parametrize("period", [None, 0.0, -1.0, float("nan")])
def test_without_a_period_the_picture_says_so(period: float | None) -> None:
    assert "no period" in draw_folded(light_curve([1e3, 2e3], [1.0, 2.0]), period, title="t")


@pytest.mark.parametrize("time", [[], [5.0], [5.0, 5.0, 5.0]])
def test_few_or_equal_times_are_drawn(time: list[float]) -> None:
    svg = draw_raw(light_curve([1e3] * len(time), time), title="t")
    assert len(dots(svg)) == len(time)
    assert "nan" not in svg
