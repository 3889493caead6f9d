"""Every kind of saved model is listed and shown by what it is."""

from __future__ import annotations

import shutil

import pytest

from skyvet.core.errors import BundleError
from skyvet.models.catalogue import list_models, open_model


def test_a_triplet_bundle_is_named_as_one(bundle_path) -> None:
    (model,) = [m for m in list_models(bundle_path.parent) if m.path == bundle_path]
    assert (model.kind, model.surveys) == ("triplets", "ztf")
    assert open_model(str(bundle_path)).card == model.card


def test_what_ships_can_be_opened_by_the_name_listed() -> None:
    for model in list_models():
        name = model.path.name
        asked = f"encoder:{name}" if model.kind == "encoder of frames" else name
        assert open_model(asked).sha256 == model.sha256


def test_an_altered_model_is_not_listed_as_if_it_were_whole(bundle_path, tmp_path) -> None:
    shutil.copytree(bundle_path, tmp_path / "b")
    (tmp_path / "b" / "card.md").write_text("other")
    with pytest.raises(BundleError, match="altered"):
        list_models(tmp_path)


def test_a_folder_of_something_else_is_no_model(tmp_path) -> None:
    with pytest.raises(BundleError, match="no saved model"):
        open_model(str(tmp_path))
