"""A dataset as a labeller sees it: candidates by key, their stamps, numbers and light curves."""

from __future__ import annotations

import math
from typing import Any
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from skyvet.io.dataset import Dataset
from skyvet.io.surveys.mapping_config import SurveyMapping
from skyvet.io.surveys.registry import adapter_named, all_adapters
from skyvet.records.cutouts import N_CUTOUT_KINDS
from skyvet.services.labelling.messages import Epoch, Item
from skyvet.services.labelling.shown import ShownObjects
from skyvet.services.labelling.shown_numbers import numbers_of_row

__all__ = ["ShownCandidates"]


class ShownCandidates(ShownObjects):
    """Everything that the page may show of a dataset.

    Parameters
    ----------
    dataset : Dataset
        Opened dataset; its stamps stay on disk.

    Raises
    ------
    InvalidInputError
        If it holds no candidate.
    """

    def __init__(self, dataset: Dataset) -> None:
        super().__init__(
            dataset.path.resolve().name,
            surveys=dataset.table["survey"].to_pylist(),
            candidate_ids=dataset.table["candidate_id"].to_pylist(),
            object_ids=dataset.table["object_id"].to_pylist(),
        )
        self.dataset = dataset
        self._pixel_scales = _pixel_scales(dataset)
        self._version = dataset.manifest.content_sha256[:12]

    def stamps(self, row: int) -> NDArray[np.float32]:
        """Return science, template, difference, shape (3, px, px), NaN = missing."""
        pixels = self.dataset.stamps(np.array([row]))[0, :N_CUTOUT_KINDS]
        return np.ascontiguousarray(pixels, dtype="<f4")

    def item(self, row: int, **seen: Any) -> Item:  # noqa: ANN401 - fields of the message
        """Return what the page shows of one candidate; see `ShownObjects.item`."""
        is_blind = bool(seen.pop("is_blind", False))
        values = self.dataset.table.slice(row, 1).to_pylist()[0]
        key = self.keys[row]
        return Item(
            key=key,
            candidate_id=str(self.candidate_ids[row]),
            object_id=str(self.object_ids[row]),
            survey=self.surveys[row],
            band=values.get("band") or "",
            mjd_tai=values["mjd_tai"],
            numbers=numbers_of_row(values, with_survey_score=not is_blind),
            stamps=f"/api/stamps/{quote(key, safe='')}?v={self._version}",
            light_curve=self._light_curve(row, values),
            cutout_px=self.dataset.stamp_px,
            pixel_scale_arcsec=self._pixel_scales.get(self.surveys[row]),
            **{"score": None, **seen},
        )

    def _light_curve(self, row: int, values: dict[str, Any]) -> tuple[Epoch, ...] | None:
        """Return the earlier epochs and the candidate's own, or None without a history."""
        history = self.dataset.light_curve(row)
        if history is None:
            return None
        columns = zip(
            history.band.tolist(),
            history.mjd_tai.tolist(),
            history.flux_njy.tolist(),
            history.flux_err_njy.tolist(),
            history.is_upper_limit.tolist(),
            strict=True,
        )
        earlier = [
            _epoch(b, t, flux, error, is_detection=not limit)
            for b, t, flux, error, limit in columns
        ]
        own = _epoch(
            values.get("band") or "",
            values["mjd_tai"],
            values["flux_njy"],
            values["flux_err_njy"],
        )
        return (*earlier, own.model_copy(update={"is_candidate": True}))


def _epoch(
    band: str, mjd_tai: float, flux: float | None, error: float | None, *, is_detection: bool = True
) -> Epoch:
    return Epoch(
        band=band,
        mjd_tai=mjd_tai,
        flux_njy=_finite(flux),
        flux_error_njy=_finite(error),
        is_detection=is_detection,
    )


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _pixel_scales(dataset: Dataset) -> dict[str, float]:
    """Return the pixel scale [arcsec] of each survey that is known."""
    given = dataset.manifest.settings.get("mappings") or ()
    adapters = all_adapters([SurveyMapping.model_validate(document) for document in given])
    known = {adapter.name: adapter for adapter in adapters}
    return {
        name: adapter_named(name, adapters).pixel_scale_arcsec
        for name in dataset.manifest.surveys
        if name in known
    }
