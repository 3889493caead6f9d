"""Definitions of the features of a source as a whole and of two bands of it."""

from __future__ import annotations

from skyvet.features.light_curves.catalogues import CATALOGUE_COLORS
from skyvet.features.light_curves.definition import FeatureDefinition, Scope, definitions
from skyvet.features.light_curves.folded import N_BINS

__all__ = ["SOURCE_DEFINITIONS"]

_ANY, _UP, _UNIT = "(-inf, inf)", "[0, inf)", "[0, 1]"
_SCOPE = "SCoPe: Healy et al. 2024, arXiv:2312.00143"

_PAIRS = definitions(
    [
        ("color_median", "median of the bluer band - median of the redder", "mag", _ANY),
        ("range_ratio", "i80r of the bluer band / i80r of the redder", "-", _UP),
        ("n_pairs", "measurements of both bands within 0.1 d, each used once", "-", _UP),
        ("pair_correlation", "Pearson correlation of the pairs", "-", "[-1, 1]"),
        ("pair_slope", "slope of the bluer on the redder band over the pairs", "-", _ANY),
        ("pair_color_std", "deviation of the colour over the pairs", "mag", _UP),
        ("pair_stetson_j", "mean of sign(P) sqrt(abs(P)), P the product of the two residuals "
         "from wmean in units of their errors", "-", _ANY),
    ],
    group="band pairs", scope=Scope.PAIR, reference="Welch and Stetson 1993; Stetson 1996",
    missing="a band without 4 points; pair_*: fewer than 5 pairs",
) + definitions(
    [
        ("f1_amp_ratio", "f1_amp of the bluer band / f1_amp of the redder", "-", _UP),
        ("f1_phase_lag", "(f1_phi0 of the bluer band - that of the redder) / 2 pi", "cycles",
         "[-0.5, 0.5)"),
    ],
    group="band pairs at the period", scope=Scope.PAIR, reference="skyvet",
    missing="no period, or no harmonic in one of the bands",
)  # fmt: skip

_SHAPES = (
    ("power", "f1_power of all bands together, each about its median in units of i90r", "-",
     _UNIT),
    ("relamp1", "f1_relamp1 of all bands together", "-", _UP),
    ("cos_phi1", "f1_cos_phi1 of all bands together", "-", "[-1, 1]"),
    ("sin_phi1", "f1_sin_phi1 of all bands together", "-", "[-1, 1]"),
    ("rise_fraction", "phase from least to greatest light of the series of all bands", "-",
     "[0, 1)"),
    ("bright_fraction", "fraction of phases brighter than the middle of that series' extremes",
     "-", _UNIT),
    ("skew", "skewness of that series over phase", "-", _ANY),
)  # fmt: skip

_FOLDED = definitions(
    [
        *((f"fold_{name}", text, unit, values) for name, text, unit, values in _SHAPES),
        ("fold_odd_fraction", "share of odd harmonics in a series at twice the period", "-",
         _UNIT),
        ("fold_depth_primary", "deepest of 32 medians at twice the period below their brightest "
         "tenth", "i90r", _UP),
        ("fold_depth_secondary", "the same for the deepest at least a quarter turn away", "i90r",
         _ANY),
        ("fold_minima_distance", "their distance in phase of twice the period", "cycles",
         "[0.25, 0.5]"),
        ("fold_dip_width", "fraction of the 32 medians deeper than half of the primary depth",
         "-", _UNIT),
        ("fold_eta", "von Neumann ratio around the phase circle", "-", _UP),
        ("fold_eta_double", "the same at twice the period", "-", _UP),
        ("fold_residual_ratio", "median deviation without the fitted series / with it", "-", _UP),
        *(
            (f"fold_bin_{k:02d}", f"median of phases {k}/{N_BINS} to {k + 1}/{N_BINS} after "
             "greatest light", "i90r", _ANY)
            for k in range(N_BINS)
        ),
    ],
    group="folded shape", scope=Scope.SOURCE, reference="skyvet",
    missing="no period, fewer than 8 points, an empty phase bin; shapes where no harmonic fits",
)  # fmt: skip

_AT_OTHER_PERIODS = definitions(
    [
        (f"{kind}_{name}", f"{definition}, at {where}", unit, values)
        for kind, where in (("alias", "the likeliest alias"), ("double", "twice the period"))
        for name, definition, unit, values in _SHAPES
    ],
    group="shape at other periods", scope=Scope.SOURCE, reference="skyvet",
    missing="no period, fewer than 8 points; shapes where no harmonic fits",
)  # fmt: skip

_ALERTS = definitions(
    [
        ("n_ztf_alerts", "number of ZTF alerts at the position", "-", _UP),
        ("mean_ztf_alert_braai", "mean real/bogus score of these alerts; 0 for no alert", "-",
         _UNIT),
    ],
    group="alerts", scope=Scope.SOURCE, reference=_SCOPE, missing="alerts were not looked up",
)  # fmt: skip

_WISE = definitions(
    [
        *((f"AllWISE__w{k}mpro", f"magnitude W{k} (Vega)", "mag", _ANY) for k in range(1, 5)),
        *((f"AllWISE__w{k}sigmpro", f"error of W{k}", "mag", _UP) for k in range(1, 5)),
    ],
    group="AllWISE", scope=Scope.SOURCE, reference="AllWISE: Cutri et al. 2013",
    missing="no counterpart, or no value",
)  # fmt: skip

_GAIA = definitions(
    [
        *(
            (f"Gaia_EDR3__phot_{band}_mean_mag", f"mean magnitude {name} (Vega)", "mag", _ANY)
            for band, name in (("g", "G"), ("bp", "BP"), ("rp", "RP"))
        ),
        ("Gaia_EDR3__parallax", "parallax", "mas", _ANY),
        ("Gaia_EDR3__pmra", "proper motion in right ascension, times cos(dec)", "mas/yr", _ANY),
        ("Gaia_EDR3__pmdec", "proper motion in declination", "mas/yr", _ANY),
        ("Gaia_EDR3__parallax_error", "error of the parallax", "mas", _UP),
        ("Gaia_EDR3__pmra_error", "error of pmra", "mas/yr", _UP),
        ("Gaia_EDR3__pmdec_error", "error of pmdec", "mas/yr", _UP),
        ("Gaia_EDR3__astrometric_excess_noise", "excess noise of the astrometric fit", "mas", _UP),
        ("Gaia_EDR3__phot_bp_rp_excess_factor", "(flux BP + flux RP) / flux G", "-", _UP),
    ],
    group="Gaia EDR3", scope=Scope.SOURCE, reference="Gaia EDR3: Gaia Collaboration 2021",
    missing="no counterpart, or no value",
)  # fmt: skip

_PS1 = definitions(
    [
        *((f"PS1_DR1__{b}MeanPSFMag", f"mean PSF magnitude {b} (AB)", "mag", _ANY)
          for b in "grizy"),
        *((f"PS1_DR1__{b}MeanPSFMagErr", f"error of mean PSF magnitude {b}", "mag", _UP)
          for b in "grizy"),
    ],
    group="PS1 DR1", scope=Scope.SOURCE, reference="PS1 DR1: Chambers et al. 2016",
    missing="no counterpart, or no value",
)  # fmt: skip

_COLORS = definitions(
    [
        *(
            (name, f"{blue} - {red}", "mag", _ANY)
            for name, (blue, red) in CATALOGUE_COLORS.items()
        ),
        ("absolute_mag_g", "G + 5 log10(parallax / 100 mas)", "mag", _ANY),
        ("reduced_proper_motion_g", "G + 5 log10(proper motion in arcsec/yr) + 5", "mag", _ANY),
    ],
    group="catalogue colours", scope=Scope.SOURCE, reference="skyvet",
    missing="one of the catalogue values is missing, or parallax or motion is not above 0",
)  # fmt: skip

SOURCE_DEFINITIONS: tuple[FeatureDefinition, ...] = (
    *_PAIRS, *_FOLDED, *_AT_OTHER_PERIODS, *_ALERTS, *_WISE, *_GAIA, *_PS1, *_COLORS,
)  # fmt: skip
"""All features of pairs of bands and of sources, those of periods apart."""
