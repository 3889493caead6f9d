"""Phase bins of many points at 64 trial frequencies at once, and how often each occurs.

A histogram that is filled point by point waits for its own stores. Here a *lane* is a trial
frequency, and 64 lanes go through each step together: phases are unsigned 32-bit integers (one
turn is 2**32, so that wrapping is free) and advance by one addition on an even grid; a bin is
counted by comparing 64 bytes at once, without a store a point. Rounded steps drift by at most
``RESEED_AFTER / 2**33`` turns (1e-6) before the phases are computed afresh in float64.
"""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from skyvet.features.periods.compiled import compiled

__all__ = [
    "BINS_AT_ONCE",
    "LANES",
    "LEVELS_AT_ONCE",
    "MAX_PHASE_BINS",
    "RESEED_AFTER",
    "count_at_least",
    "count_equal",
    "even_phase_bins",
    "exact_phase_bins",
    "phase_words",
]

LANES = 64
"""Trial frequencies that are worked on together."""
RESEED_AFTER = 8192
"""Frequencies of an even grid after which phases are computed afresh; a multiple of `LANES`."""
BINS_AT_ONCE = 4
"""Bins that one pass over the points counts: as many as fit the registers of a plain CPU."""
LEVELS_AT_ONCE = 4
"""Levels that one pass over the counts compares with."""
MAX_PHASE_BINS = 200
"""Bins are bytes, and some values are spare."""

_BYTES = ir.VectorType(ir.IntType(8), LANES)
_INDEX = ir.IntType(64)


@compiled(nogil=True)
def phase_words(time, frequency, words):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Write the phases of times at one frequency, a turn being 2**32, rounded."""
    for i in range(len(time)):
        turns = time[i] * frequency
        turns -= np.floor(turns)
        words[i] = np.uint32(np.uint64(turns * 4294967296.0 + 0.5))


@compiled(nogil=True)
def even_phase_bins(phases, points, bins):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Write the bins of some points at 64 frequencies of an even grid.

    Parameters
    ----------
    phases : (ndarray uint32, ndarray uint32, int)
        Phases at the last reseeding, their steps, and how many steps ago that was.
    points : (int, int, int)
        First point, last point (exclusive), number of phase bins.
    bins : ndarray, shape (>= points, 64), uint8
        Filled from row 0.
    """
    words, steps, n_steps = phases
    first, last, n_bins = points
    for i in range(first, last):
        step = steps[i]
        word = np.uint32(words[i] + np.uint32(n_steps) * step)
        row = bins[i - first]
        for lane in range(LANES):
            row[lane] = np.uint8(
                np.uint32(np.uint32(word >> np.uint32(8)) * np.uint32(n_bins)) >> 24
            )
            word = np.uint32(word + step)


@compiled(nogil=True)
def exact_phase_bins(phases, points, bins):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Write the bins of some points at 64 arbitrary frequencies, in float64.

    Parameters
    ----------
    phases : (ndarray float64, ndarray float64)
        Times [d] of all points, and 64 frequencies [1/d].
    points : (int, int, int)
        First point, last point (exclusive), number of phase bins.
    bins : ndarray, shape (>= points, 64), uint8
        Filled from row 0.
    """
    time, frequencies = phases
    first, last, n_bins = points
    for i in range(first, last):
        row = bins[i - first]
        for lane in range(LANES):
            turns = time[i] * frequencies[lane]
            row[lane] = np.uint8((turns - np.floor(turns)) * n_bins)


def _count_equal(_typing_context, bins, rows, counts):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Count, in each lane, how many of some rows hold `BINS_AT_ONCE` successive bins.

    `bins` is (n, 64) uint8; `rows` is (first row, last row, first bin, where in `counts`), all
    int64, at most 255 rows; `counts` is (m, 64) uint8 and gets one row a bin.
    """
    signature = types.void(bins, rows, counts)

    def _generate(context, builder, signature, args):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
        first, last, first_bin, where = cgutils.unpack_tuple(builder, args[1], 4)
        first_bin = builder.trunc(first_bin, ir.IntType(8))
        _count(
            builder,
            "==",
            BINS_AT_ONCE,
            (_data(context, builder, signature.args[0], args[0]), first, last, first_bin),
            (_data(context, builder, signature.args[2], args[2]), where),
        )
        return context.get_dummy_value()

    return signature, _generate


count_equal: Any = intrinsic(_count_equal)


def _count_at_least(_typing_context, counts, cells, levels):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Count, in each lane, how many of some cells reach `LEVELS_AT_ONCE` successive levels.

    `counts` is (n, 64) uint8; `cells` is (first cell, last cell, first level), all int64, at most
    255 cells; `levels` is (`LEVELS_AT_ONCE`, 64) uint8 and gets one row a level.
    """
    signature = types.void(counts, cells, levels)

    def _generate(context, builder, signature, args):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
        first, last, level = cgutils.unpack_tuple(builder, args[1], 3)
        level = builder.trunc(level, ir.IntType(8))
        _count(
            builder,
            ">=",
            LEVELS_AT_ONCE,
            (_data(context, builder, signature.args[0], args[0]), first, last, level),
            (_data(context, builder, signature.args[2], args[2]), ir.Constant(_INDEX, 0)),
        )
        return context.get_dummy_value()

    return signature, _generate


count_at_least: Any = intrinsic(_count_at_least)


def _count(builder, relation, n_values, rows, into):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Emit a loop over rows that keeps `n_values` byte counters a lane in registers."""
    source, first, last, value = rows
    target, where = into
    zeros = ir.Constant(_BYTES, [0] * LANES)
    counters = [cgutils.alloca_once_value(builder, zeros) for _ in range(n_values)]
    values = [
        _in_all_lanes(builder, builder.add(value, ir.Constant(ir.IntType(8), i)))
        for i in range(n_values)
    ]
    with cgutils.for_range_slice(builder, first, last, ir.Constant(_INDEX, 1), _INDEX) as (row, _):
        cells = builder.load(_row(builder, source, row), align=1)
        for counter, wanted in zip(counters, values, strict=True):
            # A true comparison is -1 when widened: subtracting it counts.
            holds = builder.sext(builder.icmp_unsigned(relation, cells, wanted), _BYTES)
            builder.store(builder.sub(builder.load(counter), holds), counter)
    for i, counter in enumerate(counters):
        row = builder.add(where, ir.Constant(_INDEX, i))
        builder.store(builder.load(counter), _row(builder, target, row), align=1)


def _data(context, builder, kind, array):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    return context.make_array(kind)(context, builder, array).data


def _row(builder, data, row):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    offset = builder.mul(row, ir.Constant(_INDEX, LANES))
    return builder.bitcast(builder.gep(data, [offset]), _BYTES.as_pointer())


def _in_all_lanes(builder, value):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    undefined = ir.Constant(_BYTES, ir.Undefined)
    zero = ir.Constant(ir.IntType(32), 0)
    first = builder.insert_element(undefined, value, zero)
    everywhere = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
    return builder.shuffle_vector(first, undefined, everywhere)
