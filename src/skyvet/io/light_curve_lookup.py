"""Light curves of named sources, out of files of any form."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from skyvet.io.light_curve_sources.configs import LightCurveInputConfig
from skyvet.io.light_curve_sources.opening import open_light_curves
from skyvet.records.light_curve import LightCurve

__all__ = ["LightCurveLookup"]


class LightCurveLookup:
    """Finds light curves by the identifiers of their sources.

    Parameters
    ----------
    path : Path
        File or folder of light curves, as `skyvet features` reads them.
    config : LightCurveInputConfig, optional
        What it holds.

    Raises
    ------
    InvalidInputError
        If the path does not exist or columns are missing.
    """

    def __init__(self, path: Path, config: LightCurveInputConfig | None = None) -> None:
        self._source = open_light_curves([path], config)

    def __call__(self, source_ids: Sequence[int | str]) -> list[LightCurve | None]:
        """Return the light curve of each source, None where there is none.

        Partitions are read one after the other until all are found; identifiers are compared as
        text.
        """
        wanted = {str(one) for one in source_ids}
        found: dict[str, LightCurve] = {}
        for partition in self._source.partitions:
            if len(found) == len(wanted):
                break
            batch, _ = self._source.read(partition)
            for i_source, one in enumerate(batch.source_ids.tolist()):
                if str(one) in wanted:
                    found[str(one)] = batch.light_curve(i_source)
        return [found.get(str(one)) for one in source_ids]
