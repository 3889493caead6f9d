"""Frames and light curves of a few objects by identifier, for reports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from skyvet.core.errors import InvalidInputError
from skyvet.io.frame_folders import read_frame_sources
from skyvet.io.frame_store import StoredSequence
from skyvet.io.light_curve_tables import read_light_curves
from skyvet.io.sequence_inputs import SequenceForm, sequence_form
from skyvet.records.identifiers import Identifier
from skyvet.records.light_curve import LightCurve
from skyvet.records.rejections import Rejection

__all__ = ["FrameLookup", "ObjectFrames"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ObjectFrames:
    """What can be shown of one object.

    Parameters
    ----------
    stored : StoredSequence
        Frames, times and, where known, guilty frames and zero points.
    light_curve : LightCurve, optional
        None where there is none.
    """

    stored: StoredSequence
    light_curve: LightCurve | None = None


class FrameLookup:
    """Finds the frames of objects, and their light curves.

    Parameters
    ----------
    frames : Path
        Frame store, or folder of FITS frames with one folder an object.
    light_curves : Path, optional
        Table of light curves of the same objects (``skyvet fetch ztf-light-curves``).

    Raises
    ------
    InvalidInputError
        If `frames` holds no frames.
    """

    def __init__(self, frames: Path, light_curves: Path | None = None) -> None:
        if sequence_form(frames) is not SequenceForm.FRAMES:
            raise InvalidInputError(
                f"{frames} holds no frames: neither a frame store nor FITS frames in one folder "
                "an object"
            )
        self._frames = frames
        self._light_curves = light_curves

    def __call__(self, object_ids: Sequence[Identifier]) -> list[ObjectFrames | None]:
        """Return what there is of each object, in the order asked; None where there are no frames.

        Raises
        ------
        DatasetError
            If a store or the table of light curves is damaged.
        """
        names = [str(identifier) for identifier in object_ids]
        wanted = frozenset(names)
        found: dict[str, StoredSequence] = {}
        for item in read_frame_sources(self._frames, only=wanted):
            if not isinstance(item, Rejection):
                found.setdefault(str(item.sequence.object_id), item)
        curves = self._curves_of(wanted & found.keys())
        return [
            ObjectFrames(stored=found[name], light_curve=curves.get(name))
            if name in found
            else None
            for name in names
        ]

    def _curves_of(self, names: frozenset[str]) -> dict[str, LightCurve]:
        if self._light_curves is None:
            return {}
        rows = read_light_curves(self._light_curves)
        return {row.object_id: row.light_curve for row in rows if row.object_id in names}
