"""All saved models at hand, whatever their kind, for lists and cards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skyvet.core.errors import BundleError
from skyvet.models.bundle import Bundle, find_bundles, load_bundle
from skyvet.models.bundle_folder import is_bundle_folder
from skyvet.models.encoders.bundle import EncoderBundle, find_encoders, load_encoder
from skyvet.models.sequence_bundle import SequenceBundle, load_sequence_bundle
from skyvet.models.source_bundle import SourceBundle, is_source_bundle, load_source_bundle

__all__ = ["SavedModel", "list_models", "open_model"]

_AnyBundle = Bundle | SequenceBundle | SourceBundle | EncoderBundle


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedModel:
    """What is said of any saved model.

    Parameters
    ----------
    path : Path
        Its folder.
    kind : str
        ``triplets``, ``frame sequences``, ``sources`` or ``encoder of frames``.
    takes : str
        Its input in a few words.
    summary, version, surveys : str
        From the model itself; surveys are empty for encoders.
    sha256 : str
        Identifies it.
    card : str
        Model card (Markdown).
    document : dict
        All that it says of itself, for machines.
    """

    path: Path
    kind: str
    takes: str
    summary: str
    version: str
    surveys: str
    sha256: str
    card: str
    document: dict[str, Any]


def list_models(folder: Path | None = None) -> list[SavedModel]:
    """Return the models in a folder; the default is those shipped with skyvet.

    Raises
    ------
    BundleError
        If one of them was altered.

    Examples
    --------
    >>> [model.kind for model in list_models()][0]
    'triplets'
    """
    if folder is None:
        paths = [*find_bundles().values(), *find_encoders().values()]
    else:
        paths = sorted(path for path in folder.glob("*") if is_bundle_folder(path))
    return [_open(path) for path in paths]


def open_model(path_or_name: str) -> SavedModel:
    """Open a model by its folder, or by the name of one that ships with skyvet.

    Bundles come before encoders where both have the name; ``encoder:NAME`` means the encoder.

    Raises
    ------
    BundleError
        If there is none, or a file was altered.
    """
    path = Path(path_or_name)
    if path.is_dir():
        return _open(path)
    if path_or_name.startswith("encoder:"):
        return _open(load_encoder(path_or_name.removeprefix("encoder:")).path)
    return _open(load_bundle(path_or_name).path)


def _open(path: Path) -> SavedModel:
    """Open a folder by the file that says what it is."""
    if (path / "encoder.json").is_file():
        return _described(load_encoder(path), "encoder of frames", _encoder_input)
    if (path / "bundle.json").is_file() and (path / "model.onnx").is_file():
        return _described(load_bundle(path), "triplets", _triplet_input)
    if is_source_bundle(path):
        return _described(load_source_bundle(path), "sources", _source_input)
    if (path / "bundle.json").is_file():
        return _described(load_sequence_bundle(path), "frame sequences", _sequence_input)
    raise BundleError(f"{path} is no saved model: it has neither bundle.json nor encoder.json")


def _described(bundle: _AnyBundle, kind: str, takes: Callable[[Any], str]) -> SavedModel:
    info = bundle.info
    return SavedModel(
        path=bundle.path,
        kind=kind,
        takes=takes(info),
        summary=info.summary,
        version=info.version,
        surveys=", ".join(getattr(info, "surveys", ())),
        sha256=bundle.sha256,
        card=bundle.card,
        document=info.model_dump(mode="json"),
    )


def _encoder_input(info: Any) -> str:  # noqa: ANN401 - the info of its kind
    return f"{info.scaling.size_px} px"


def _triplet_input(info: Any) -> str:  # noqa: ANN401 - the info of its kind
    return f"{info.stamps.size_px} px"


def _sequence_input(info: Any) -> str:  # noqa: ANN401 - the info of its kind
    features = f" and {len(info.light_curve_names)} features" if info.light_curve_names else ""
    return f"{info.n_columns} columns{features}"


def _source_input(info: Any) -> str:  # noqa: ANN401 - the info of its kind
    images = f" and {len(info.dmdt_names)} images" if info.dmdt_names else ""
    return f"{len(info.names)} features{images}"
