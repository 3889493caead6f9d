"""How light curves were read: recorded, and followed where other light curves look alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from skyvet.core.errors import BundleError, InvalidInputError
from skyvet.io.light_curve_sources.column_plan import ColumnPlan, plan_columns, preset_of
from skyvet.io.light_curve_sources.configs import LightCurveInputConfig
from skyvet.io.light_curve_sources.opening import first_table_schema
from skyvet.io.light_curve_sources.presets import (
    PRESETS,
    TIME_SCALE_OF_NAME,
    UNIT_OF_NAME,
)

__all__ = ["reading_settings", "recorded_reading"]

_RECORDED = ("preset", "brightness", "zero_point_mag", "time_scale")
_CERTAIN_TIMES = ("mjd_tai", "midpointmjdtai", "hmjd")


def reading_settings(config: LightCurveInputConfig) -> dict[str, Any]:
    """Return what a person said of the meaning of the numbers, as JSON; empty for nothing.

    Examples
    --------
    >>> reading_settings(LightCurveInputConfig(preset="eros", sources_per_partition=10))
    {'preset': 'eros'}
    """
    document = config.model_dump(mode="json", include=set(_RECORDED))
    default = LightCurveInputConfig().model_dump(mode="json")
    return {name: document[name] for name in _RECORDED if document[name] != default[name]}


def recorded_reading(
    recorded: Mapping[str, Any], config: LightCurveInputConfig, inputs: Sequence[str | Path]
) -> tuple[LightCurveInputConfig, str]:
    """Return how to read light curves: as recorded, where their columns allow it.

    Parameters
    ----------
    recorded : mapping
        From `reading_settings`; may be empty.
    config : LightCurveInputConfig
        What a person asks for. Only what was set explicitly counts.
    inputs : sequence of str or Path
        Light curves, as for `skyvet.io.light_curve_sources.opening.open_light_curves`.

    Returns
    -------
    config : LightCurveInputConfig
        As given, with what is recorded laid over where the input's columns do not speak against
        it: a column `flux_njy` holds no magnitudes, whatever is recorded.
    note : str
        What was done, for a person; empty for nothing.

    Raises
    ------
    InvalidInputError
        If something that was set explicitly contradicts what is recorded, of columns that allow
        both.
    BundleError
        If this version of skyvet does not know a setting that is recorded.
    """
    if not recorded:
        return config, ""
    own = _known(recorded)
    words = ", ".join(f"{name}={recorded[name]}" for name in _RECORDED if name in recorded)
    schema = first_table_schema(inputs, config)
    if schema is None:
        return config, ""
    plan = plan_columns(schema, config, where=str(inputs[0]))
    if against := _spoken_against(own, plan, survey=preset_of(schema)):
        return config, (
            f"the bundle learned from light curves read with {words}, but {against}: this input "
            "is read by its own names and the options given"
        )
    _check_agreement(own, recorded, config, words=words)
    given = {name: getattr(config, name) for name in config.model_fields_set}
    read = LightCurveInputConfig.model_validate({**given, **recorded})
    return read, f"light curves are read with {words}, as those that the bundle learned from"


def _known(recorded: Mapping[str, Any]) -> LightCurveInputConfig:
    try:
        return LightCurveInputConfig.model_validate(dict(recorded))
    except ValidationError as error:
        raise BundleError(
            "the bundle records a way of reading light curves that this version of skyvet does "
            f"not know ({error.errors()[0]['msg']}); use the version that trained it, or train "
            "again"
        ) from error


def _spoken_against(own: LightCurveInputConfig, plan: ColumnPlan, *, survey: str) -> str:
    """Return what in a table's names contradicts a way of reading; empty where nothing does."""
    if own.preset != "auto" and survey not in {"generic", own.preset}:
        return f"these have the columns of the preset {survey}"
    value, time = (plan.places[thing] for thing in ("brightness", "time"))
    unit = UNIT_OF_NAME.get(value.lower().rpartition(".")[2], "")
    kind = _brightness_of(own)
    if unit and kind not in {"auto", unit.split()[0]}:
        return f"the column {value} holds {unit}"
    default = LightCurveInputConfig().zero_point_mag
    if unit == "flux in nJy" and own.zero_point_mag != default:
        return f"the column {value} holds {unit}"
    name = time.lower().rpartition(".")[2]
    if own.time_scale not in {"auto", TIME_SCALE_OF_NAME.get(name)} and name in _CERTAIN_TIMES:
        return f"the column {time} holds {TIME_SCALE_OF_NAME[name]}"
    return ""


def _brightness_of(config: LightCurveInputConfig) -> str:
    if config.brightness != "auto" or config.preset == "auto":
        return config.brightness
    return PRESETS[config.preset].brightness


def _check_agreement(
    own: LightCurveInputConfig,
    recorded: Mapping[str, Any],
    config: LightCurveInputConfig,
    *,
    words: str,
) -> None:
    """Refuse explicit options that contradict what is recorded."""
    asked = reading_settings(config)
    other = [name for name in asked if name in recorded and asked[name] != recorded[name]]
    kinds = {_brightness_of(own), _brightness_of(config)} - {"auto"}
    if "brightness" not in other and len(kinds) > 1:
        other += [name for name in ("brightness", "preset") if name in asked][:1]
    if other:
        given = ", ".join(f"{name}={asked[name]}" for name in dict.fromkeys(other))
        raise InvalidInputError(
            f"the bundle learned from light curves read with {words}, which {given} contradicts; "
            "leave these options out, or name the column by what it holds (flux_njy, mag) if "
            "these light curves are of another kind"
        )
