"""`skyvet label` refuses what it cannot serve, before any work and in one line."""

from __future__ import annotations

import pytest

from skyvet.cli.main import main
from skyvet.core.errors import InvalidInputError


def run(*words):
    with pytest.raises(SystemExit) as caught:
        main(["label", *map(str, words)])
    return caught.value.code


def test_help_names_every_choice(capsys):
    assert run("--help") == 0
    shown = capsys.readouterr().out
    for option in (
        "--data", "--labels", "--bundle", "--strategy", "--labeller", "--host", "--port", "--blind",
        "--subclasses", "--audit", "--refit-every", "--candidates", "--no-browser",
    ):  # fmt: skip
        assert option in shown


def test_other_machines_are_not_let_in_without_an_account(dataset, tmp_path, capsys):
    words = ("--data", dataset, "--labels", tmp_path / "l.db", "--port", 0, "--host", "0.0.0.0")
    assert run(*words) == 3
    assert "labels add-labeller" in capsys.readouterr().err
    assert not dataset.with_name("dataset.labelling").exists(), "refused before any work"


def test_alerts_are_not_labelled_before_they_are_ingested(night, tmp_path, capsys):
    assert run("--data", night, "--labels", tmp_path / "l.db") == 3
    assert "skyvet ingest" in capsys.readouterr().err
    assert not (tmp_path / "l.db").exists()


def test_port_that_is_taken_is_said(dataset, tmp_path, capsys):
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert run("--data", dataset, "--labels", tmp_path / "l.db", "--port", port) == 3
    assert "choose another --port" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "value"),
    [("--strategy", "tarot"), ("--refit-every", "0"), ("--lease-s", "-1"), ("--subclasses", "no")],
)
def test_unusable_setting_is_refused(dataset, tmp_path, capsys, option, value):
    words = ("--data", dataset, "--labels", tmp_path / "l.db", "--port", 0, option, value)
    assert run(*words) == 3
    assert capsys.readouterr().err.startswith("error:")


def test_conventions_of_light_curves_reach_the_reader(tmp_path, monkeypatch):
    """Magnitudes in a column called flux must not be drawn upside down."""
    from skyvet.services.labelling import source_opening

    seen = {}

    def stop(*args, inputs, **rest):
        seen["preset"] = inputs.preset
        raise InvalidInputError("far enough")

    monkeypatch.setattr(source_opening, "open_source_session", stop)
    words = ("--data", tmp_path, "--labels", tmp_path / "l.db", "--port", 0)
    assert run(*words, "--taxonomy", "ontological", "--light-curves.preset", "eros") == 3
    assert seen == {"preset": "eros"}


def test_conventions_of_light_curves_are_refused_for_packets(dataset, tmp_path, capsys):
    words = ("--data", dataset, "--labels", tmp_path / "l.db", "--port", 0)
    assert run(*words, "--light-curves.preset", "eros") == 3
    assert "--taxonomy" in capsys.readouterr().err
