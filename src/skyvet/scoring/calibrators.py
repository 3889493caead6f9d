"""Fitted calibrators: frozen, JSON-able maps from a logit to a probability of REAL.

None of them reverses a ranking: where one logit is larger, its probability is never smaller.
`skyvet.scoring.calibration` fits them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

from skyvet.core.errors import InvalidInputError

__all__ = [
    "BetaCalibrator",
    "Calibrator",
    "IdentityCalibrator",
    "IsotonicCalibrator",
    "PlattCalibrator",
    "TemperatureCalibrator",
    "calibrator_from_dict",
]

_Array = NDArray[np.float64]


class Calibrator(Protocol):
    """What every fitted calibrator can do."""

    method: ClassVar[str]

    def probability(self, logits: ArrayLike) -> _Array:
        """Turn logits into probabilities of REAL.

        Parameters
        ----------
        logits : array_like, any shape
            Finite raw outputs of a model.

        Returns
        -------
        ndarray, float64
            Same shape, in [0, 1].

        Raises
        ------
        InvalidInputError
            If a logit is NaN or infinite.
        """
        ...

    def to_dict(self) -> dict[str, Any]:
        """Give the fitted state as JSON types; floats come back bit for bit."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityCalibrator:
    """The plain sigmoid: no calibration.

    Examples
    --------
    >>> IdentityCalibrator().probability([0.0])
    array([0.5])
    """

    method: ClassVar[str] = "identity"

    def probability(self, logits: ArrayLike) -> _Array:
        """Sigmoid of the logits; see `Calibrator.probability`."""
        return _expit(_finite(logits))

    def to_dict(self) -> dict[str, Any]:
        """Give the fitted state as JSON types."""
        return _document(self.method, {})


@dataclass(frozen=True, slots=True, kw_only=True)
class TemperatureCalibrator:
    """``expit(slope * logit)`` (Guo et al. 2017); slope is one over the temperature.

    Parameters
    ----------
    slope : float
        >= 0, finite; 0 gives one half to all (scores that carry nothing).

    Examples
    --------
    >>> TemperatureCalibrator(slope=0.5).probability([2.0]).round(3)
    array([0.731])
    """

    method: ClassVar[str] = "temperature"
    slope: float

    def __post_init__(self) -> None:
        """Check the slope."""
        _check_slopes(self.method, self.slope)

    def probability(self, logits: ArrayLike) -> _Array:
        """Probabilities of REAL; see `Calibrator.probability`."""
        return _expit(self.slope * _finite(logits))

    def to_dict(self) -> dict[str, Any]:
        """Give the fitted state as JSON types."""
        return _document(self.method, asdict(self))


@dataclass(frozen=True, slots=True, kw_only=True)
class PlattCalibrator:
    """``expit(slope * logit + intercept)`` (Platt 1999).

    Parameters
    ----------
    slope : float
        >= 0, finite.
    intercept : float
        Finite.

    Examples
    --------
    >>> PlattCalibrator(slope=1.0, intercept=-1.0).probability([1.0])
    array([0.5])
    """

    method: ClassVar[str] = "platt"
    slope: float
    intercept: float

    def __post_init__(self) -> None:
        """Check the parameters."""
        _check_slopes(self.method, self.slope)
        _check_intercept(self.method, self.intercept)

    def probability(self, logits: ArrayLike) -> _Array:
        """Probabilities of REAL; see `Calibrator.probability`."""
        return _expit(self.slope * _finite(logits) + self.intercept)

    def to_dict(self) -> dict[str, Any]:
        """Give the fitted state as JSON types."""
        return _document(self.method, asdict(self))


@dataclass(frozen=True, slots=True, kw_only=True)
class BetaCalibrator:
    """``expit(a ln p - b ln(1 - p) + intercept)`` with ``p = expit(logit)`` (Kull et al. 2017).

    Two slopes let the two tails be over- and underconfident by themselves.

    Parameters
    ----------
    slope_low, slope_high : float
        a (rules p near 0) and b (rules p near 1), >= 0, finite.
    intercept : float
        Finite.

    Examples
    --------
    With both slopes 1 it is the sigmoid:

    >>> BetaCalibrator(slope_low=1.0, slope_high=1.0, intercept=0.0).probability([0.0])
    array([0.5])
    """

    method: ClassVar[str] = "beta"
    slope_low: float
    slope_high: float
    intercept: float

    def __post_init__(self) -> None:
        """Check the parameters."""
        _check_slopes(self.method, self.slope_low, self.slope_high)
        _check_intercept(self.method, self.intercept)

    def probability(self, logits: ArrayLike) -> _Array:
        """Probabilities of REAL; see `Calibrator.probability`."""
        values = _finite(logits)
        low, high = -np.logaddexp(0.0, -values), np.logaddexp(0.0, values)
        return _expit(self.slope_low * low + self.slope_high * high + self.intercept)

    def to_dict(self) -> dict[str, Any]:
        """Give the fitted state as JSON types."""
        return _document(self.method, asdict(self))


@dataclass(frozen=True, slots=True, kw_only=True)
class IsotonicCalibrator:
    """Rising polygon through the blocks of an isotonic regression (Zadrozny & Elkan 2002).

    Outside the logits it was fitted on it holds the value of the outermost block.

    Parameters
    ----------
    knot_logits : tuple of float
        Strictly rising, finite, at least one.
    knot_probabilities : tuple of float
        Never falling, in [0, 1], one a knot.

    Examples
    --------
    >>> fitted = IsotonicCalibrator(knot_logits=(-1.0, 1.0), knot_probabilities=(0.2, 0.8))
    >>> fitted.probability([-9.0, 0.0, 9.0])
    array([0.2, 0.5, 0.8])
    """

    method: ClassVar[str] = "isotonic"
    knot_logits: tuple[float, ...]
    knot_probabilities: tuple[float, ...]

    def __post_init__(self) -> None:
        """Check the knots."""
        logits, values = np.asarray(self.knot_logits), np.asarray(self.knot_probabilities)
        is_sound = (
            logits.shape == values.shape
            and logits.size > 0
            and bool(np.isfinite(logits).all() and (np.diff(logits) > 0).all())
            and bool((np.diff(values) >= 0).all() and values[0] >= 0 and values[-1] <= 1)
        )
        if not is_sound:
            raise InvalidInputError(
                "an isotonic calibrator needs strictly rising finite logits and as many never "
                f"falling probabilities in [0, 1], got {logits.size} and {values.size} knots"
            )

    def probability(self, logits: ArrayLike) -> _Array:
        """Probabilities of REAL; see `Calibrator.probability`."""
        x, y = np.asarray(self.knot_logits), np.asarray(self.knot_probabilities)
        values = np.clip(_finite(logits), x[0], x[-1])
        if len(x) == 1:
            return np.full(values.shape, y[0])
        i_left = np.clip(np.searchsorted(x, values, side="right") - 1, 0, len(x) - 2)
        # Each step rounds monotonically, and the minimum holds the end of the segment.
        part = (values - x[i_left]) / (x[i_left + 1] - x[i_left])
        rising = y[i_left] + (y[i_left + 1] - y[i_left]) * part
        return np.asarray(np.minimum(rising, y[i_left + 1]), dtype=np.float64)

    def to_dict(self) -> dict[str, Any]:
        """Give the fitted state as JSON types."""
        return _document(self.method, {name: list(v) for name, v in asdict(self).items()})


def calibrator_from_dict(document: Mapping[str, Any]) -> Calibrator:
    """Rebuild a calibrator from what its `to_dict` gave.

    Parameters
    ----------
    document : mapping
        Holds "method" and that method's parameters; JSON types.

    Returns
    -------
    Calibrator
        Equal to the original.

    Raises
    ------
    InvalidInputError
        If the method is unknown or a parameter is missing, foreign or out of range.

    Examples
    --------
    >>> calibrator_from_dict({"method": "temperature", "slope": 0.5})
    TemperatureCalibrator(slope=0.5)
    """
    parameters = dict(document)
    method = parameters.pop("method", None)
    if method not in _CLASSES:
        raise InvalidInputError(f"method must be one of {', '.join(_CLASSES)}, got {method!r}")
    try:
        values = {
            name: tuple(map(float, value)) if isinstance(value, (list, tuple)) else float(value)
            for name, value in parameters.items()
        }
        calibrator: Calibrator = _CLASSES[method](**values)
    except (TypeError, ValueError) as error:
        raise InvalidInputError(f"bad parameters of calibrator {method!r}: {error}") from error
    return calibrator


_CLASSES: dict[str, Any] = {
    kind.method: kind
    for kind in (
        IdentityCalibrator,
        TemperatureCalibrator,
        PlattCalibrator,
        BetaCalibrator,
        IsotonicCalibrator,
    )
}


def _document(method: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {"method": method, **parameters}


def _finite(logits: ArrayLike) -> _Array:
    values = np.asarray(logits, dtype=np.float64)
    n_bad = int(np.count_nonzero(~np.isfinite(values)))
    if n_bad:
        raise InvalidInputError(
            f"logits must be finite, got {n_bad} NaN or infinite of {values.size}; "
            "reject those candidates"
        )
    return values


def _expit(values: _Array) -> _Array:
    return np.asarray(expit(values), dtype=np.float64)


def _check_slopes(method: str, *slopes: float) -> None:
    if not all(0 <= slope < math.inf for slope in slopes):
        raise InvalidInputError(f"slopes of {method} must be >= 0 and finite, got {slopes}")


def _check_intercept(method: str, intercept: float) -> None:
    if not math.isfinite(intercept):
        raise InvalidInputError(f"the intercept of {method} must be finite, got {intercept}")
