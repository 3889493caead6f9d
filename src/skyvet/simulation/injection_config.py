"""What a user chooses about injection; light, so that the command's help is fast."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from skyvet.core.configs import Config

__all__ = ["InjectionConfig"]


class InjectionConfig(Config):
    """What to inject; options of the command line are made from it."""

    snr_min: float = Field(default=3.0, gt=0, description="Lowest signal-to-noise ratio.")
    snr_max: float = Field(default=30.0, gt=0, description="Highest signal-to-noise ratio.")
    where: Literal["clean", "centre"] = Field(
        default="clean",
        description="At a clean position of the stamp, which is cut around it anew, or on top of "
        "the candidate itself.",
    )
    max_shift_px: int = Field(
        default=12, ge=0, description="Largest shift of a clean position along each axis [pixels]."
    )
    fwhm_px: float | None = Field(
        default=None, gt=0, description="Width of the PSF [pixels]; found for each stamp if none."
    )
    seed: int = Field(default=1, ge=0, description="One seed gives one result.")

    @model_validator(mode="after")
    def _check_range(self) -> InjectionConfig:
        if self.snr_min > self.snr_max:
            raise ValueError(
                f"snr_min must not exceed snr_max, got {self.snr_min} > {self.snr_max}"
            )
        return self
