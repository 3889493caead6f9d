"""Settings of light curves, features and periods that cannot be meant are one clear line."""

from __future__ import annotations

import pytest

from skyvet.cli.main import main

INF = "input should be a finite number, got 'inf'"


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--light-curves.bands", "g,g", "g stands more than once; name each once"),
        ("--light-curves.zero-point-mag", "nan", "finite number, got 'nan'"),
        ("--light-curves.zero-point-mag", "inf", INF),
        ("--light-curves.exposure-s", "inf", INF),
        ("--cuts.min-cadence-min", "inf", INF),
        ("--bands", "r,g,r", "r stands more than once"),
        ("--periods.f-max-per-d", "inf", INF),
        ("--periods.f-max-per-d", "nan", "got 'nan'"),
        ("--periods.alias-penalty", "inf", INF),
    ],
)
def test_a_setting_that_cannot_be_meant_is_refused_by_name(tmp_path, capsys, option, value, said):
    words = ["features", str(tmp_path / "a.parquet"), "--out", str(tmp_path / "o"), option, value]
    with pytest.raises(SystemExit) as end:
        main(words)
    assert end.value.code == 3
    shown = capsys.readouterr().err
    assert option in shown
    assert said in " ".join(shown.split())
    assert "Traceback" not in shown


def test_light_curves_to_consolidate_are_read_with_finite_settings(tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(["consolidate", str(tmp_path / "a.parquet"), "--out", str(tmp_path / "o.parquet"),
              "--radius-arcsec", "inf"])  # fmt: skip
    assert INF in " ".join(capsys.readouterr().err.split())
