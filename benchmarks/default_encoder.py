"""Make the encoder that ships with skyvet: ``python -m benchmarks.default_encoder --data DIR``.

It is trained on frames simulated here and on the science cutouts of the ZTF alerts in
``DIR/ztf_alerts``, and judged on other simulated objects in which one frame is spoilt: how often is
that frame among the three that lie farthest from the object's usual latent? The figures go into the
encoder's card. ``--check`` trains nothing and judges the encoder in ``--out``. The last line is one
JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before anything loads OpenMP

import numpy as np

from skyvet.cli.progress import shown_progress
from skyvet.core.progress import Progress
from skyvet.evaluation.encoder_page import write_encoder_page
from skyvet.features.frame_distances import frame_distances
from skyvet.features.frame_space import fit_frame_space
from skyvet.io.dataset import Dataset
from skyvet.models.encoders.bundle import EncoderBundle, load_encoder
from skyvet.models.encoders.embedder import FrameEmbedder
from skyvet.preprocessing.ingest import IngestConfig, ingest
from skyvet.records.sequences import EmbeddedSequences
from skyvet.scoring.intervals import wilson_interval
from skyvet.simulation.frame_artefacts import FrameArtefact
from skyvet.simulation.frames import FrameConfig, SimulatedFrames, simulate_frame_sequences
from skyvet.simulation.workers import simulate_in_order
from skyvet.training.encoders.configs import EncoderTrainConfig, recipe_config
from skyvet.training.encoders.fit import FittedEncoder, fit_encoder
from skyvet.training.encoders.frame_sources import FrameSource, SimulatedSource, StampSource
from skyvet.training.encoders.packing import EncoderText, add_encoder_figures, pack_encoder
from skyvet.training.encoders.page_facts import encoder_facts

_SHIPPED = Path("src/skyvet/models/shipped_encoders/default")
_TITLE = "Guilty frames of simulated objects"
_ABOUT = (
    "Objects that the encoder had not seen, with exactly one spoilt frame. Frames are ordered by "
    "the Mahalanobis distance of their latent means to the object's median, no label used; an "
    "object counts as detected if its farthest frame stands out more than that of 95 % of the "
    "clean objects. `python -m benchmarks.default_encoder --check` repeats this."
)
_N_TOP = 3
_FALSE_ALARMS = 0.05

# Few epochs an object: as many different objects as possible.
_GENERAL = FrameConfig(seed=101, median_epochs=20, max_epochs=60, artefact_fraction=0.6)
# Kinds that spoil single frames are rare in long sequences; more of them here.
_RARE = FrameConfig(
    seed=104,
    median_epochs=12,
    max_epochs=30,
    artefact_fraction=0.9,
    artefacts=(
        FrameArtefact.COSMIC_RAY,
        FrameArtefact.DEFOCUSING,
        FrameArtefact.COLUMN,
        FrameArtefact.TRACK,
    ),
)
_TEST = FrameConfig(seed=303, median_epochs=100, max_epochs=300, artefact_fraction=0.8)


def main() -> None:
    """Make the encoder, or judge it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="folder with ztf_alerts")
    parser.add_argument("--out", type=Path, default=_SHIPPED, help="encoder folder")
    parser.add_argument("--page", type=Path, help="HTML page to write")
    parser.add_argument("--check", action="store_true", help="train nothing")
    parser.add_argument("--n-objects", type=int, default=5000, help="simulated for training")
    parser.add_argument("--n-test", type=int, default=1000, help="simulated to judge by")
    parser.add_argument("--n-epochs", type=int, default=10)
    parser.add_argument("--threads", type=int, default=0, help="processor threads; 0 = all")
    arguments = parser.parse_args()
    started = time.monotonic()
    with shown_progress() as progress:
        if arguments.check:
            bundle = load_encoder(arguments.out)
        elif arguments.data is None:
            parser.error("--data is needed to train")
        else:
            config = _config(arguments.n_epochs, arguments.threads)
            bundle, fitted = _make(arguments, config, progress)
            if arguments.page:
                write_encoder_page(encoder_facts(fitted, bundle), arguments.page)
        trained = time.monotonic()
        figures = _planted_figures(bundle, arguments.n_test, progress)
    bundle = add_encoder_figures(bundle, figures, title=_TITLE, about=_ABOUT)
    document = {
        "encoder": bundle.label, **bundle.info.metrics,
        "training_seconds": round(trained - started, 1),
    }  # fmt: skip
    print(json.dumps(document))


def _config(n_epochs: int, n_threads: int) -> EncoderTrainConfig:
    base = recipe_config("default")
    hardware = base.hardware.model_copy(update={"n_threads": n_threads})
    return base.model_copy(update={"n_epochs": n_epochs, "hardware": hardware, "seed": 3})


def _make(
    arguments: argparse.Namespace, config: EncoderTrainConfig, progress: Progress
) -> tuple[EncoderBundle, FittedEncoder]:
    """Train and write the encoder."""
    n_workers = os.cpu_count() or 1
    n_rare = round(0.6 * arguments.n_objects)
    with tempfile.TemporaryDirectory() as folder:
        ingest([arguments.data / "ztf_alerts"], Path(folder) / "alerts", config=IngestConfig())
        alerts = Dataset.open(Path(folder) / "alerts")
        sources: list[FrameSource] = [
            SimulatedSource(_GENERAL, arguments.n_objects, n_workers=n_workers, progress=progress),
            SimulatedSource(_RARE, n_rare, n_workers=n_workers, progress=progress),
            StampSource(alerts),
        ]
        fitted = fit_encoder(sources, config, progress=progress)
        n_alerts = len(alerts)
    text = EncoderText(
        name="default",
        data_description=(
            f"Simulated r-band frames of ZTF ({arguments.n_objects + n_rare} objects; "
            "`python -m benchmarks.default_encoder` makes them again) and the science cutouts of "
            f"{n_alerts} public ZTF alerts (Bellm et al. 2019; Masci et al. 2019)."
        ),
        data_licence="simulation: that of skyvet; alerts: public stream of ZTF",
    )
    return pack_encoder(arguments.out, fitted, text), fitted


def _planted_figures(
    bundle: EncoderBundle, n_objects: int, progress: Progress
) -> dict[str, float | int]:
    """Find the guilty frame of objects with exactly one, by distance in the latent alone."""
    embedder = FrameEmbedder(bundle, n_threads=1)
    progress.start("judging", n_objects)
    clean, planted, values = [], [], []
    for made in _simulated(n_objects):
        embedded = embedder.embed(made.sequence.frames)
        guilty = made.guilty_mask[embedded.is_usable]
        if len(guilty) >= 10 and guilty.sum() <= 1:
            (planted if guilty.any() else clean).append((len(values), guilty, made.tags))
            values.append(embedded.values)
        progress.advance()
    progress.finish()
    sequences = _joined(values, embedder.n_latent)
    space = fit_frame_space(sequences)
    distances = [
        frame_distances(sequences.frames_of(i)[:, space.active].T, space)
        for i in range(len(sequences))
    ]
    limit = np.quantile([_excess(distances[i]) for i, _, _ in clean], 1.0 - _FALSE_ALARMS)
    hits = {i: _is_found(distances[i], guilty) for i, guilty, _ in planted}
    detected = [i for i in hits if _excess(distances[i]) > limit]
    n_hits = sum(hits[i] for i in detected)
    rate = wilson_interval(n_hits, len(detected))
    _print_kinds([(tags[0], hits[i]) for i, _, tags in planted])
    return {
        "n_planted": len(planted), "n_detected": len(detected), "n_clean": len(clean),
        "top_3_of_detected": round(n_hits / max(len(detected), 1), 4),
        "top_3_of_detected_low": round(rate.low, 4),
        "top_3_of_all": round(sum(hits.values()) / max(len(hits), 1), 4),
    }  # fmt: skip


def _simulated(n_objects: int) -> Iterator[SimulatedFrames]:
    made = partial(simulate_frame_sequences, _TEST)
    return simulate_in_order(made, (0, n_objects), n_workers=os.cpu_count() or 1, block_size=4)


def _joined(values: list[np.ndarray], n_latent: int) -> EmbeddedSequences:
    counts = [len(rows) for rows in values]
    return EmbeddedSequences(
        values=np.concatenate(values),
        offsets=np.concatenate([[0], np.cumsum(counts)]),
        object_ids=np.arange(len(values)),
        mjd_tai=np.full(sum(counts), np.nan),
        n_latent=n_latent,
    )


def _excess(distances: np.ndarray) -> float:
    """How far the farthest frame stands out from the others, in their own scatter."""
    middle = np.median(distances)
    return float((distances.max() - middle) / (np.median(np.abs(distances - middle)) + 1e-6))


def _is_found(distances: np.ndarray, guilty: np.ndarray) -> bool:
    return bool(guilty[np.argsort(-distances, kind="stable")[:_N_TOP]].any())


def _print_kinds(found: list[tuple[str, bool]]) -> None:
    for kind in sorted({name for name, _ in found}):
        hits = [hit for name, hit in found if name == kind]
        print(f"{kind:12} {sum(hits):4d} of {len(hits):4d} guilty frames among the first {_N_TOP}")


if __name__ == "__main__":
    main()
