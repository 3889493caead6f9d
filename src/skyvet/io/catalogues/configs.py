"""Settings of cross-matches, and which columns of which catalogue are taken."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from skyvet.core.configs import FiniteConfig

__all__ = ["CATALOGUES", "Catalogue", "CatalogueName", "CrossMatchConfig"]

CatalogueName = Literal["gaia", "allwise", "ps1"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """What is taken of a catalogue.

    Parameters
    ----------
    title : str
        Name in the columns of tables: ``<title>__<column>``, ``<title>___id``.
    vizier : str
        Its table at VizieR.
    vizier_columns : tuple of str
        What is asked of it there, in its own spelling.
    id_names, ra_names, dec_names : tuple of str
        Names of identifier and position in files and at VizieR, in lower case.
    columns : mapping of str to tuple of str
        Column to its names in use, in lower case, the usual one first.
    """

    title: str
    vizier: str
    vizier_columns: tuple[str, ...]
    id_names: tuple[str, ...]
    ra_names: tuple[str, ...]
    dec_names: tuple[str, ...]
    columns: Mapping[str, tuple[str, ...]]


CATALOGUES: Mapping[str, Catalogue] = {
    "gaia": Catalogue(
        title="Gaia_EDR3",
        vizier="I/350/gaiaedr3",
        vizier_columns=(
            "Source",
            "RA_ICRS",
            "DE_ICRS",
            "Gmag",
            "BPmag",
            "RPmag",
            "Plx",
            "e_Plx",
            "pmRA",
            "e_pmRA",
            "pmDE",
            "e_pmDE",
            "epsi",
            "E(BR/RP)",
        ),
        id_names=("source_id", "_id", "source", "id", "gaia_edr3___id"),
        ra_names=("ra", "ra_icrs", "ra_deg"),
        dec_names=("dec", "de_icrs", "dec_deg"),
        columns={
            "phot_g_mean_mag": ("phot_g_mean_mag", "gmag"),
            "phot_bp_mean_mag": ("phot_bp_mean_mag", "bpmag"),
            "phot_rp_mean_mag": ("phot_rp_mean_mag", "rpmag"),
            "parallax": ("parallax", "plx"),
            "parallax_error": ("parallax_error", "e_plx"),
            "pmra": ("pmra",),
            "pmra_error": ("pmra_error", "e_pmra"),
            "pmdec": ("pmdec", "pmde"),
            "pmdec_error": ("pmdec_error", "e_pmde"),
            "astrometric_excess_noise": ("astrometric_excess_noise", "epsi"),
            "phot_bp_rp_excess_factor": (
                "phot_bp_rp_excess_factor",
                "e(br/rp)",
                "e_br_rp_",
                "e_br/rp_",
            ),
        },
    ),
    "allwise": Catalogue(
        title="AllWISE",
        vizier="II/328/allwise",
        vizier_columns=(
            "AllWISE",
            "RAJ2000",
            "DEJ2000",
            "W1mag",
            "W2mag",
            "W3mag",
            "W4mag",
            "e_W1mag",
            "e_W2mag",
            "e_W3mag",
            "e_W4mag",
            "qph",
        ),
        id_names=("cntr", "_id", "source_id", "designation", "allwise", "id", "allwise___id"),
        ra_names=("ra", "raj2000", "ra_deg"),
        dec_names=("dec", "dej2000", "dec_deg"),
        columns={
            **{f"w{i}mpro": (f"w{i}mpro", f"w{i}mag") for i in range(1, 5)},
            **{f"w{i}sigmpro": (f"w{i}sigmpro", f"e_w{i}mag") for i in range(1, 5)},
            "ph_qual": ("ph_qual", "qph"),
        },
    ),
    "ps1": Catalogue(
        title="PS1_DR1",
        vizier="II/349/ps1",
        vizier_columns=(
            "objID",
            "RAJ2000",
            "DEJ2000",
            "gmag",
            "rmag",
            "imag",
            "zmag",
            "ymag",
            "e_gmag",
            "e_rmag",
            "e_imag",
            "e_zmag",
            "e_ymag",
            "Qual",
        ),
        id_names=("objid", "_id", "objectid", "id", "ps1_dr1___id"),
        ra_names=("ramean", "raj2000", "ra", "ra_deg"),
        dec_names=("decmean", "dej2000", "dec", "dec_deg"),
        columns={
            **{f"{b}MeanPSFMag": (f"{b}meanpsfmag", f"{b}mag") for b in "grizy"},
            **{f"{b}MeanPSFMagErr": (f"{b}meanpsfmagerr", f"e_{b}mag") for b in "grizy"},
            "qualityFlag": ("qualityflag", "qual"),
        },
    ),
}
"""Catalogues by short name; columns are those of SCoPe."""


class CrossMatchConfig(FiniteConfig):
    """How sources are matched with a catalogue.

    Examples
    --------
    >>> CrossMatchConfig(catalogue="allwise").radius_arcsec
    2.0
    """

    catalogue: CatalogueName = Field(default="gaia", description="Which catalogue.")
    radius_arcsec: float = Field(
        default=2.0, gt=0, description="Largest separation of a counterpart [arcsec]."
    )
    path: str = Field(
        default="",
        description="Parquet or CSV file of the catalogue; empty asks VizieR over the network.",
    )
    batch_size: int = Field(default=500, gt=0, description="Positions of one request to VizieR.")
