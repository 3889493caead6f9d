"""The same classifier on parts of the sample, to show where it is weak."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skyvet.core.arrays import BoolArray
from skyvet.core.errors import InvalidInputError
from skyvet.evaluation.configs import EvaluationConfig
from skyvet.evaluation.estimates import (
    NO_ESTIMATE,
    auc_of,
    completeness_of,
    false_positive_rate_of,
    purity_at_prior_of,
)
from skyvet.evaluation.facts import Slice, SliceGroup
from skyvet.evaluation.tables import Sample
from skyvet.records.flags import CandidateFlag
from skyvet.records.ztf_oid import parse_ztf_oid

__all__ = ["make_slices"]

_SNR_EDGES = (-np.inf, 5.0, 6.0, 10.0, 20.0, np.inf)
_EDGE_PX_EDGES = (-np.inf, 32.0, 100.0, np.inf)
_N_FRAMES_EDGES = (-np.inf, 50.0, 100.0, 200.0, 400.0, 600.0, 800.0, np.inf)
_MAX_TEXT_SLICES = 16
_LEAST_OF_A_CLASS = 5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Cut:
    """One way to cut the sample: names and masks that do not overlap."""

    key: str
    title: str
    about: str
    parts: tuple[tuple[str, BoolArray], ...]


def make_slices(
    sample: Sample, config: EvaluationConfig, *, threshold: float
) -> tuple[SliceGroup, ...]:
    """Measure the sample by band, magnitude, S/N, edge, survey, bright star and label.

    Objects with sequences are cut by tag, number of frames and field in place of what only alerts
    have.

    Parameters
    ----------
    sample : Sample
        Labelled candidates.
    config : EvaluationConfig
        Prior, confidence level, smallest slice with an AUC.
    threshold : float
        ``score >= threshold`` is taken for REAL.

    Returns
    -------
    tuple of SliceGroup
        Only properties that the table gives; slices of a group add up to the sample, those by
        tag apart. A rate whose class is missing in a slice is None and the slice's note says so.
    """
    n_least = 1 if sample.subject == "object" else 0  # one part alone says nothing new
    return tuple(
        SliceGroup(
            key=cut.key,
            title=cut.title,
            about=cut.about,
            slices=tuple(
                _slice(name, sample.take(rows), config, threshold) for name, rows in cut.parts
            ),
        )
        for cut in _cuts(sample)
        if len(sample) and len(cut.parts) > n_least
    )


def _slice(name: str, part: Sample, config: EvaluationConfig, threshold: float) -> Slice:
    n_real = int(part.is_real.sum())
    level = config.confidence
    is_small = len(part) < config.min_slice or min(n_real, len(part) - n_real) < _LEAST_OF_A_CLASS
    return Slice(
        name=name,
        n=len(part),
        n_real=n_real,
        n_bogus=len(part) - n_real,
        completeness=completeness_of(part, threshold=threshold, level=level),
        false_positive_rate=false_positive_rate_of(part, threshold=threshold, level=level),
        auc=NO_ESTIMATE if is_small else auc_of(part, level=level),
        purity_at_prior=purity_at_prior_of(
            part, threshold=threshold, prior=config.prior, level=level
        ),
        note=_note(n_real, len(part) - n_real, is_small=is_small),
    )


def _note(n_real: int, n_bogus: int, *, is_small: bool) -> str:
    if n_bogus == 0:
        return "real only"
    if n_real == 0:
        return "bogus only"
    if not is_small:
        return ""
    is_one_rare = min(n_real, n_bogus) < _LEAST_OF_A_CLASS
    return "too few of a class for an AUC" if is_one_rare else "too few for an AUC"


def _cuts(sample: Sample) -> Iterator[_Cut]:
    yield _by_text("survey", "Survey", "", sample.survey)
    yield _by_text("band", "Band", "Filter of the exposure.", sample.band)
    yield from _cuts_of_objects(sample) if sample.subject == "object" else _cuts_of_alerts(sample)
    yield _by_text(
        "label_source", "Source of the label", "Who says so; some are surer.", sample.label_source
    )


def _cuts_of_objects(sample: Sample) -> Iterator[_Cut]:
    yield _by_tag(sample.label_subclass)
    yield _Cut(
        key="n_frames",
        title="Number of frames",
        about="Frames of the object that were used.",
        parts=_binned(sample.n_frames, np.array(_N_FRAMES_EDGES), "{:g} to {:g}"),
    )
    fields = np.array([_field_of(i) for i in sample.object_ids.tolist()], dtype=object)
    yield _by_text("field", "Field", "ZTF's pointing, from the identifier.", fields)


def _cuts_of_alerts(sample: Sample) -> Iterator[_Cut]:
    yield _Cut(
        key="magnitude",
        title="Magnitude",
        about="AB magnitude of the difference flux; larger is fainter.",
        parts=_binned(sample.magnitude, _magnitude_edges(sample.magnitude), "{:g} to {:g}"),
    )
    yield _Cut(
        key="snr",
        title="Signal-to-noise ratio",
        about="Difference flux over its error.",
        parts=_binned(sample.snr, np.array(_SNR_EDGES), "{:g} to {:g}"),
    )
    yield _Cut(
        key="edge",
        title="Distance to the detector's edge",
        about="Close to an edge a cutout lacks pixels.",
        parts=_binned(sample.edge_distance_px, np.array(_EDGE_PX_EDGES), "{:g} to {:g} px"),
    )
    yield _by_flag("cut_by_edge", "Cutout cut by an edge", sample, CandidateFlag.EDGE)
    yield _by_flag("bright_star", "Near a bright star", sample, CandidateFlag.NEAR_BRIGHT_STAR)
    yield _by_flag("missing", "Missing pixels", sample, CandidateFlag.MISSING_PIXELS)
    yield _by_flag("solar_system", "Known Solar System object", sample, CandidateFlag.SOLAR_SYSTEM)
    yield _by_flag("negative", "Fainter than before", sample, CandidateFlag.NEGATIVE_DIFFERENCE)
    yield _by_text(
        "label_subclass",
        "Finer class of the label",
        "As the labels give it.",
        sample.label_subclass,
    )


def _by_text(key: str, title: str, about: str, values: NDArray[Any]) -> _Cut:
    """Cut by text, commonest first; rare values beyond a page's width are put together."""
    names, counts = np.unique(values.astype(str), return_counts=True)
    given = [(str(n), int(c)) for n, c in zip(names, counts, strict=True) if n]
    if not given:
        return _Cut(key=key, title=title, about=about, parts=())
    given.sort(key=lambda pair: (-pair[1], pair[0]))
    shown = [name for name, _ in given[:_MAX_TEXT_SLICES]]
    parts = [(name, np.asarray(values == name)) for name in shown]
    others = ~np.isin(values.astype(str), shown) & (values != "")
    rest = (("others", np.asarray(others)), ("not given", np.asarray(values == "")))
    parts += [(name, rows) for name, rows in rest if rows.any()]
    return _Cut(key=key, title=title, about=about, parts=tuple(parts))


def _by_tag(values: NDArray[Any]) -> _Cut:
    """Cut by the tags of the labels; an object stands in the slice of each of its tags."""
    tags = [frozenset(filter(None, map(str.strip, str(text).split(",")))) for text in values]
    counts = Counter(tag for own in tags for tag in own)
    commonest = sorted(counts, key=lambda tag: (-counts[tag], tag))[:_MAX_TEXT_SLICES]
    parts = [(tag, np.array([tag in own for own in tags])) for tag in commonest]
    untagged = np.array([not own for own in tags])
    if parts and untagged.any():
        parts.append(("none given", untagged))
    about = "As the labels give them; an object may carry several."
    return _Cut(key="tag", title="Tag", about=about, parts=tuple(parts))


def _field_of(identifier: int | str) -> str:
    try:
        return str(parse_ztf_oid(identifier).field)
    except InvalidInputError:
        return ""


def _by_flag(key: str, title: str, sample: Sample, flag: CandidateFlag) -> _Cut:
    has_flag = np.asarray((sample.flags & flag.value) != 0)
    parts = (("yes", has_flag), ("no", ~has_flag)) if has_flag.any() else ()
    about = "Flag of the score table."
    return _Cut(key=key, title=title, about=about, parts=parts)


def _magnitude_edges(magnitude: NDArray[np.float64]) -> NDArray[np.float64]:
    """Whole magnitudes, with all that is beyond the 2nd and 98th percentile in the end bins."""
    finite = magnitude[np.isfinite(magnitude)]
    if not finite.size:
        return np.array([-np.inf, np.inf])
    low, high = np.floor(np.percentile(finite, [2, 98]))
    return np.concatenate([[-np.inf], np.arange(low + 1, max(high, low + 1) + 1), [np.inf]])


def _binned(
    values: NDArray[np.float64], edges: NDArray[np.float64], pattern: str
) -> tuple[tuple[str, BoolArray], ...]:
    is_given = np.isfinite(values)
    if not is_given.any():
        return ()
    parts = []
    for low, high in itertools.pairwise(edges.tolist()):
        rows = is_given & (values >= low) & (values < high)
        if rows.any():
            parts.append((_range_name(low, high, pattern), rows))
    if not is_given.all():
        parts.append(("not given", ~is_given))
    return tuple(parts)


def _range_name(low: float, high: float, pattern: str) -> str:
    unit = pattern.rsplit("}", maxsplit=1)[1]
    if np.isinf(high):
        return f"{low:g}{unit} and more"
    if np.isinf(low):
        return f"below {high:g}{unit}"
    return pattern.format(low, high)
