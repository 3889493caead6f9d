"""Settings of consolidation; importing this loads nothing heavy."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from skyvet.core.configs import FiniteConfig

__all__ = ["ConsolidationConfig", "Rule"]

Rule = Literal["mean", "median", "max", "min", "sum", "lead", "all", "any"]
"""How the values of one source's light curves become one."""


class ConsolidationConfig(FiniteConfig):
    """Which light curves are one source, and how their rows become one.

    Examples
    --------
    >>> ConsolidationConfig(rules=("score=max",)).rule_of("score")
    'max'
    """

    by: Literal["ids", "position", "ids_or_position"] = Field(
        default="ids_or_position",
        description="What makes light curves one source: an identifier of a catalogue, their "
        "position, or the position where there is no identifier.",
    )
    id_columns: tuple[str, ...] = Field(
        default=("Gaia_EDR3___id", "AllWISE___id", "PS1_DR1___id"),
        description="Columns with identifiers of catalogues, the most trusted first.",
    )
    radius_arcsec: float = Field(
        default=1.5, gt=0, description="Largest distance of two light curves of a source [arcsec]."
    )
    numbers: Literal["mean", "median", "max"] = Field(
        default="mean", description="How probabilities and other plain numbers become one."
    )
    rules: tuple[str, ...] = Field(
        default=(),
        description="Rules of single columns, as column=rule (mean, median, max, min, sum, lead, "
        "all, any).",
    )

    @field_validator("rules")
    @classmethod
    def _are_rules(cls, rules: tuple[str, ...]) -> tuple[str, ...]:
        for text in rules:
            column, sign, rule = text.rpartition("=")
            if not (column and sign and rule in Rule.__args__):  # type: ignore[attr-defined]
                raise ValueError(f"a rule such as score=max is needed, got {text!r}")
        return rules

    def rule_of(self, column: str) -> Rule | None:
        """Return the rule that the user gave for a column; None = none."""
        given = dict(text.rsplit("=", 1) for text in self.rules)
        return given.get(column)  # type: ignore[return-value]
