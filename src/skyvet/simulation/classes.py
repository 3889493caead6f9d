"""The table of classes that can be simulated, with how each prepares a scene."""

from __future__ import annotations

from collections.abc import Callable

from skyvet.records.taxonomy import CandidateClass
from skyvet.simulation.artefacts import dipole
from skyvet.simulation.real import supernova
from skyvet.simulation.scene import Scene

__all__ = ["PREPARE"]

PREPARE: dict[CandidateClass, Callable[[Scene], None]] = {
    CandidateClass.SUPERNOVA: supernova.prepare,
    CandidateClass.DIPOLE: dipole.prepare,
}
"""One function a class; it adds what makes the class to an empty scene."""
