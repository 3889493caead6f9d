"""Evidence strips: what they show, where, and that no input breaks them."""

from __future__ import annotations

import base64
import re
import struct
import zlib

import numpy as np
import pytest

from skyvet.core.errors import InvalidInputError
from skyvet.evaluation.frame_strips import draw_frame_strip, strip_style
from skyvet.evaluation.stamp_images import stamp_data_uri
from skyvet.evaluation.strip_axes import StripMark, draw_track
from skyvet.evaluation.strip_curve import StripCurve, central_curve, evidence_curve
from skyvet.evaluation.strip_frames import choose_frames, stretch_frames

SIZE = 12


def make_frames(n: int, seed: int = 1) -> np.ndarray:
    """A source of constant brightness on sky noise."""
    rng = np.random.default_rng(seed)
    row, column = np.mgrid[:SIZE, :SIZE] - (SIZE - 1) / 2
    source = 200.0 * np.exp(-(row**2 + column**2) / 4.0)
    return (1000.0 + source + rng.normal(size=(n, SIZE, SIZE)) * 5.0).astype(np.float32)


def decode(uri: str) -> np.ndarray:
    """Grey levels of a PNG that `encode_png` wrote."""
    png = base64.b64decode(uri.split(",")[1])
    width, height = struct.unpack(">II", png[16:24])
    start = png.index(b"IDAT") + 4
    (length,) = struct.unpack(">I", png[start - 8 : start - 4])
    rows = np.frombuffer(zlib.decompress(png[start : start + length]), dtype=np.uint8)
    return rows.reshape(height, width + 1)[:, 1:]


def dots(path: str) -> np.ndarray:
    """Points of a path of dots, shape (n, 2)."""
    found = re.findall(r"M([-\d.]+) ([-\d.]+)h0", path)
    return np.array(found, dtype=float).reshape(-1, 2)


@pytest.mark.parametrize(
    ("n", "n_suspicious", "n_typical"),
    [(1, 1, 0), (2, 2, 0), (3, 2, 1), (6, 4, 2), (14, 10, 4), (300, 10, 4)],
)
def test_ten_suspicious_and_four_typical_frames_or_what_there_is(n, n_suspicious, n_typical):
    evidence = np.random.default_rng(n).random(n)
    chosen = choose_frames(make_frames(n), evidence)
    assert (len(chosen.suspicious), len(chosen.typical)) == (n_suspicious, n_typical)
    assert not set(chosen.suspicious) & set(chosen.typical)
    assert set(chosen.suspicious) == set(np.argsort(-evidence)[:n_suspicious])


def test_suspicious_frames_come_largest_evidence_first_and_unknown_ones_never():
    evidence = np.array([np.nan, 1.0, np.nan, 3.0, 2.0, np.nan])
    assert choose_frames(make_frames(6), evidence).suspicious.tolist() == [3, 4, 1]
    none = choose_frames(make_frames(6), np.full(6, np.nan))
    assert len(none.suspicious) == 0
    assert len(none.typical) == 2


def test_typical_frames_are_those_nearest_the_median():
    frames = make_frames(30)
    odd = np.arange(30)[::2]
    frames[odd, :, :5] += 100.0
    frames[3] += np.linspace(0, 300, SIZE)[:, None]
    frames = np.concatenate([frames, make_frames(10, seed=2)])
    chosen = choose_frames(frames, np.zeros(40), n_top=0)
    assert not set(chosen.typical) & {*odd.tolist(), 3}


def test_typical_frames_show_no_artefact_that_most_frames_are_free_of():
    frames = 1000.0 + 5.0 * np.random.default_rng(2).normal(size=(40, SIZE, SIZE))
    has_ghost = np.arange(40) % 5 < 2
    frames[has_ghost, :, : SIZE // 2] += 400.0  # half of a frame: its own scatter is as large
    chosen = choose_frames(frames, np.full(40, np.nan))
    assert len(chosen.typical) == 4
    assert not has_ghost[chosen.typical].any()


def test_a_frame_of_missing_pixels_is_never_typical():
    frames = make_frames(9)
    frames[[1, 4]] = np.nan
    chosen = choose_frames(frames, np.full(9, np.nan))
    assert len(chosen.typical) == 3
    assert not set(chosen.typical) & {1, 4}


def test_the_same_pixel_is_as_bright_in_every_frame_of_an_object():
    frames = make_frames(5)
    frames[2] += 500.0  # sky
    frames[3, 2, 2] += 1e5
    levels = stretch_frames(frames, frames[:2])
    assert levels[3, 2, 2] == 1.0
    assert abs(np.median(levels[2]) - np.median(levels[0])) < 0.02
    assert levels.min() >= 0.0
    assert levels.max() <= 1.0


@pytest.mark.parametrize("value", [0.0, np.nan, 7.5])
def test_constant_and_missing_frames_can_be_stretched(value):
    levels = stretch_frames(np.full((3, 8, 8), value), np.full((0, 8, 8), value))
    assert np.isnan(levels).all() == np.isnan(value)
    assert not (levels < 0).any()


def test_limits_replace_the_stretch():
    plane = np.array([[0.0, 0.5], [1.0, np.nan]])
    assert decode(stamp_data_uri(plane, limits=(0.0, 1.0))).tolist() == [[255, 0], [1, 128]]


@pytest.mark.parametrize("n", [1, 2, 3, 9, 10, 11, 40])
def test_every_strip_shows_each_frame_once_with_words(n):
    rng = np.random.default_rng(n)
    html = draw_frame_strip(make_frames(n), 59000.0 + np.arange(n), rng.random(n))
    chosen = choose_frames(make_frames(n), rng.random(n))
    images = re.findall(r'<img src="(data:image/png;base64,[^"]+)" alt="Frame MJD [^"]+"', html)
    assert len(images) == html.count("<img") == len(chosen.suspicious) + len(chosen.typical)
    assert all(decode(image).shape == (SIZE, SIZE) for image in images)
    assert "http" not in html
    assert " id=" not in html


def test_frames_stand_in_time_order_and_carry_their_rank():
    evidence = np.zeros(30)
    evidence[[20, 5, 12]] = [3.0, 2.0, 1.0]
    html = draw_frame_strip(make_frames(30), 59000.0 + np.arange(30), evidence, n_top=3)
    assert re.findall(r"</span>|<b>(\d)</b>", html).count("1") == 1
    shown = re.findall(r'--w:(\d+);--n:\d+" title="Frame MJD (\d+)[^"]*evidence [1-9]', html)
    assert shown == [("2", "59005"), ("3", "59012"), ("4", "59020")]
    assert re.findall(r"<b>(\d)</b>", html) == ["2", "3", "1"]


def test_narrow_layout_has_the_five_worst_above_and_the_next_five_below():
    evidence = np.random.default_rng(4).permutation(40).astype(float)
    html = draw_frame_strip(make_frames(40), 59000.0 + np.arange(40), evidence)
    found = re.findall(
        r'strip-suspicious( strip-below)?[^"]*" style="--w:\d+;--n:(\d+).*?<b>(\d+)</b>',
        html,
        flags=re.DOTALL,
    )
    for below, ranks in (("", {1, 2, 3, 4, 5}), (" strip-below", {6, 7, 8, 9, 10})):
        assert [int(n) for b, n, _ in found if b == below] == [2, 3, 4, 5, 6]
        assert {int(rank) for b, _, rank in found if b == below} == ranks


def test_unknown_times_give_numbers_instead():
    mjd = np.full(20, np.nan)
    curve = StripCurve(mjd_tai=np.arange(20.0), values=np.arange(20.0), name="r [mag]")
    html = draw_frame_strip(make_frames(20), mjd, np.arange(20.0), curve=curve)
    assert "MJD" not in html
    assert "nan" not in html
    assert 'alt="Frame number 20, evidence 19.0"' in html
    assert "r [mag]" not in html


def test_known_artefacts_are_marked():
    guilty = np.zeros(30, dtype=bool)
    guilty[[3, 17]] = True
    evidence = np.where(guilty, 5.0, 0.0)
    html = draw_frame_strip(
        make_frames(30), 59000.0 + np.arange(30), evidence, guilty_mask=guilty, n_top=4
    )
    assert html.count("strip-guilty") == 2
    assert "known to be in 2 of 30 frames" in html
    assert "known" not in draw_frame_strip(make_frames(9), np.arange(9.0), np.zeros(9))
    none = draw_frame_strip(
        make_frames(9), np.arange(9.0), np.zeros(9), guilty_mask=guilty[:3].repeat(3) & False
    )
    assert "no artefact is known" in none


def test_text_from_outside_is_escaped():
    curve = StripCurve(mjd_tai=np.arange(9.0), values=np.arange(9.0), name="<script>")
    html = draw_frame_strip(make_frames(9), np.arange(9.0), np.zeros(9), curve=curve)
    assert "<script>" not in html
    assert "&lt;script&gt;" in html


@pytest.mark.parametrize("bad", [{"mjd_tai": 3}, {"evidence": 5}, {"guilty_mask": 2}])
def test_lengths_that_differ_are_refused(bad):
    lengths = {"mjd_tai": 4, "evidence": 4, "guilty_mask": 4, **bad}
    with pytest.raises(InvalidInputError, match=next(iter(bad))):
        draw_frame_strip(
            make_frames(4), np.zeros(lengths["mjd_tai"]), np.zeros(lengths["evidence"]),
            guilty_mask=np.zeros(lengths["guilty_mask"], dtype=bool),
        )  # fmt: skip


def test_no_frame_is_refused():
    with pytest.raises(InvalidInputError, match="needs frames"):
        draw_frame_strip(np.zeros((0, 8, 8)), np.zeros(0), np.zeros(0))


def test_a_mark_sits_on_its_point_and_its_line_ends_there():
    times = 59000.0 + np.arange(50.0)
    curve = StripCurve(mjd_tai=times, values=np.sin(times), name="flux")
    marks = [StripMark(at=times[7], wide_x=0.25, narrow_x=0.5, is_above=True)]
    track = draw_track(curve, marks, np.zeros(0), frames_at=times)
    (mark,) = dots(track.marks)
    assert mark.tolist() in dots(track.points).tolist()
    assert track.wide_stems == f"M{mark[0]} 0.0L{mark[0]} {mark[1]}"
    assert track.wide_links.startswith("M250.0 0C")
    assert track.wide_links.endswith(f"{mark[0]} 100")
    assert track.upper_links.startswith("M500.0 0C")
    assert track.lower_links == ""


def test_brighter_is_higher_whatever_the_unit():
    times = np.array([1.0, 2.0])
    flux = StripCurve(mjd_tai=times, values=np.array([1.0, 9.0]), name="flux")
    mag = StripCurve(mjd_tai=times, values=np.array([19.0, 18.0]), name="mag", is_magnitude=True)
    for curve in (flux, mag):
        first, second = dots(draw_track(curve, [], np.zeros(0), frames_at=times).points)
        assert second[1] < first[1]


def test_one_wild_point_does_not_flatten_the_curve():
    values = np.random.default_rng(1).normal(size=400)
    values[5] = 1e4
    times = np.arange(400.0)
    track = draw_track(
        StripCurve(mjd_tai=times, values=values, name="flux"), [], np.zeros(0), frames_at=times
    )
    assert len(dots(track.points)) == 399
    assert track.beyond.count("M") == 1
    assert np.ptp(dots(track.points)[:, 1]) > 50


@pytest.mark.parametrize("values", [[], [np.nan, np.nan], [3.0], [2.0, 2.0]])
def test_empty_missing_and_constant_curves_are_drawn(values):
    times = np.arange(float(len(values)))
    errors = np.full(len(values), 0.1)
    curve = StripCurve(mjd_tai=times, values=np.array(values), errors=errors, name="flux")
    track = draw_track(curve, [], np.zeros(0), frames_at=np.array([5.0]))
    assert track.n_points == np.isfinite(values).sum()
    assert "nan" not in track.points + track.bars
    assert all(0 <= tick.place <= 100 for tick in (*track.x_ticks, *track.y_ticks))


def test_a_frame_without_a_point_gets_a_line_without_a_dot():
    curve = evidence_curve(np.array([1.0, 2.0]), np.array([1.0, 2.0]))
    mark = StripMark(at=1.5, wide_x=0.5, narrow_x=0.5, is_above=False)
    track = draw_track(curve, [mark], np.zeros(0), frames_at=np.array([1.0, 2.0]))
    assert track.marks == ""
    assert track.lower_stems.endswith("100.0")


def test_central_curve_measures_the_source_and_not_the_sky():
    frames = make_frames(20)
    frames *= np.linspace(1, 1, 20)[:, None, None].astype(np.float32)
    source = frames - 1000.0
    bright = 1000.0 + 2 * source
    both = np.concatenate([frames + 300.0, bright])
    values = central_curve(both, np.arange(40.0)).values
    assert values[20:].mean() / values[:20].mean() == pytest.approx(2.0, rel=0.03)


def test_central_curve_is_in_magnitudes_where_zero_points_are_known():
    frames = make_frames(10)
    zero_point = np.full(10, 25.0)
    curve = central_curve(frames, np.arange(10.0), zero_point_mag=zero_point)
    assert curve.is_magnitude
    # Closed form: a Gaussian of variance 2 and peak 200 within 3 px of its centre.
    expected = 25.0 - 2.5 * np.log10(200.0 * np.pi * 4.0 * (1 - np.exp(-9.0 / 4.0)))
    assert np.median(curve.values) == pytest.approx(expected, abs=0.1)
    unknown = central_curve(frames, np.arange(10.0), zero_point_mag=np.full(10, np.nan))
    assert not unknown.is_magnitude


def test_central_curve_of_missing_pixels_is_missing():
    frames = make_frames(4)
    frames[0] = np.nan
    frames[1, 4:8, :6] = np.nan
    frames[2, 5, 5] = np.nan
    values = central_curve(frames, np.arange(4.0)).values
    assert np.isnan(values).tolist() == [True, True, False, False]
    assert values[2] == pytest.approx(values[3], rel=0.1)


def test_the_style_sheet_touches_strips_alone():
    selectors = re.findall(r"^\s*([^@{}\n][^{}\n]*)\{", strip_style(), flags=re.MULTILINE)
    assert selectors
    for selector in (s for group in selectors for s in group.split(",")):
        assert re.match(r"\s*\.strip\b", selector), selector
