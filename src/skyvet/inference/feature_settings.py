"""How features were computed: recorded with tables and bundles, and held to when scoring.

A classifier knows features of one way of computing them: of these periods, these bands, this
thinning of epochs. `skyvet features` writes the way into its table, training copies it into the
bundle, and scoring of light curves follows it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from skyvet.core.configs import changed_settings
from skyvet.core.errors import BundleError, InvalidInputError
from skyvet.features.light_curves.configs import FeatureConfig
from skyvet.io.light_curve_sources.configs import LightCurveInputConfig
from skyvet.io.light_curve_sources.recorded_reading import reading_settings
from skyvet.preprocessing.light_curve_cuts import CutConfig

__all__ = ["READING", "changed_feature_settings", "feature_settings", "recorded_settings"]

_FEATURES, _CUTS = "features", "cuts"
READING = "light_curves"
"""Group of the settings that say how light curves were read; see `recorded_reading`."""

_OF_EPOCHS = ("min_cadence_min", "max_magnitude_err", "min_epochs_per_band")


def feature_settings(
    config: FeatureConfig,
    cuts: CutConfig | None = None,
    *,
    light_curves: LightCurveInputConfig | None = None,
) -> dict[str, dict[str, Any]]:
    """Return what shapes the features of a source, as JSON.

    Parameters
    ----------
    config : FeatureConfig
        What is computed.
    cuts : CutConfig, optional
        Of what. Cuts that choose sources or a span of time are not recorded: they say which data
        there are, not how a source is measured.
    light_curves : LightCurveInputConfig, optional
        How these were read. What was left to be found out is not recorded.

    Examples
    --------
    >>> feature_settings(FeatureConfig(), CutConfig(min_cadence_min=0.0))["cuts"]["min_cadence_min"]
    0.0
    """
    document = {_FEATURES: config.model_dump(mode="json")}
    if cuts is not None:
        document[_CUTS] = cuts.model_dump(mode="json", include=set(_OF_EPOCHS))
    if light_curves is not None and (reading := reading_settings(light_curves)):
        document[READING] = reading
    return document


def recorded_settings(
    recorded: Mapping[str, Mapping[str, Any]], config: FeatureConfig, cuts: CutConfig
) -> tuple[FeatureConfig, CutConfig]:
    """Return the settings recorded; where none are, those given.

    Parameters
    ----------
    recorded : mapping
        From `feature_settings`; may be empty.
    config : FeatureConfig
        What a person asks for. Only what was set explicitly counts.
    cuts : CutConfig
        Likewise; what `recorded` does not hold is kept.

    Raises
    ------
    InvalidInputError
        If something that was set explicitly contradicts what is recorded.
    BundleError
        If this version of skyvet does not know a setting that is recorded.

    Examples
    --------
    >>> recorded = feature_settings(FeatureConfig(has_dmdt=False))
    >>> recorded_settings(recorded, FeatureConfig(), CutConfig())[0].has_dmdt
    False
    >>> recorded_settings(recorded, FeatureConfig(has_dmdt=True), CutConfig())
    Traceback (most recent call last):
    ...
    skyvet.core.errors.InvalidInputError: the bundle learned from features of other settings than...
    """
    given = {
        _FEATURES: config.model_dump(mode="json", exclude_unset=True),
        _CUTS: cuts.model_dump(mode="json", exclude_unset=True, include=set(_OF_EPOCHS)),
    }
    asked = _laid_over(recorded, {name: given[name] for name in recorded if name in given})
    if changed := changed_settings(recorded, asked):
        raise InvalidInputError(
            f"the bundle learned from features of other settings than those given ({changed}); "
            "leave these options out: the settings come with the bundle"
        )
    try:
        return (
            FeatureConfig.model_validate(recorded[_FEATURES]) if _FEATURES in recorded else config,
            CutConfig.model_validate({**cuts.model_dump(), **recorded.get(_CUTS, {})}),
        )
    except ValidationError as error:
        raise BundleError(
            "the bundle records settings of features that this version of skyvet does not know "
            f"({error.errors()[0]['msg']}); use the version that trained it, or train again"
        ) from error


def changed_feature_settings(
    trained: Mapping[str, Mapping[str, Any]], table: Mapping[str, Mapping[str, Any]]
) -> str:
    """Say how a table's settings differ from those trained on; empty where none do, or none known.

    Bands are passed over: a bundle takes its own of all the bands of a table. So is how light
    curves were read, which says what a file was like.

    Examples
    --------
    >>> trained, table = (feature_settings(FeatureConfig(has_snad=has)) for has in (True, False))
    >>> changed_feature_settings(trained, table)
    'features.has_snad was true, now false'
    """
    shared = [name for name in trained if name in table and name != READING]
    return changed_settings(
        {name: trained[name] for name in shared},
        {name: table[name] for name in shared},
        may_change=("bands",),
    )


def _laid_over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Return nested settings in which those of `above` win."""
    joined = {
        name: _laid_over(below.get(name, {}), value) if isinstance(value, Mapping) else value
        for name, value in above.items()
    }
    return {**below, **joined}
