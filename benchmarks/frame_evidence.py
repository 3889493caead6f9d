"""Are the guilty frames found? Simulated sequences with known guilty frames.

``python -m benchmarks.frame_evidence`` simulates two independent sets of objects, embeds them with
an encoder, trains the default classifier on one set and scores the other. Of the artefacts of a
single frame that are detected (score below 0.5), it counts those whose guilty frame is among the
three most suspicious ones. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections import Counter
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before anything loads OpenMP

import numpy as np

from benchmarks.frame_speed import best_seconds
from skyvet.cli.progress import shown_progress
from skyvet.cli.simulate_frames import simulate_store
from skyvet.core.progress import Progress
from skyvet.inference.configs import EmbedConfig
from skyvet.inference.frame_embedding import embed_frames
from skyvet.io.embedding_store import SequenceTable
from skyvet.io.sequence_sources import read_sequences
from skyvet.models.encoders.bundle import EncoderBundle, load_encoder
from skyvet.models.encoders.embedder import FrameEmbedder
from skyvet.models.sequences.interface import SequenceMember
from skyvet.preprocessing.sequences import LabelledSequences, label_sequences
from skyvet.records.sequences import EmbeddedSequences
from skyvet.scoring.curves import roc_auc
from skyvet.scoring.intervals import wilson_interval
from skyvet.simulation.frames import FrameConfig, simulate_frame_sequence
from skyvet.training.sequences.configs import SequenceTrainConfig
from skyvet.training.sequences.train import train_sequences

_N_TOP = 3
_LONG = 455


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=500, help="objects of each set")
    parser.add_argument("--median-epochs", type=float, default=120.0)
    parser.add_argument("--encoder", default="default", help="folder or name")
    arguments = parser.parse_args()
    started = time.monotonic()
    encoder = load_encoder(arguments.encoder)
    with shown_progress() as progress, tempfile.TemporaryDirectory() as folder:
        train, test = (
            _embedded(
                FrameConfig(seed=seed, median_epochs=arguments.median_epochs),
                arguments.n,
                Path(folder) / str(seed),
                encoder=encoder,
                progress=progress,
            )
            for seed in (1001, 1002)
        )
        trained = train_sequences(train[0], SequenceTrainConfig(), progress=progress)
    milliseconds = _milliseconds_of_one(trained.members[0], encoder)
    labelled, table = test
    scores = trained.calibration.calibrator.probability(trained.logits(labelled.sequences))
    found = _found(trained.members[0], labelled, table, scores)
    hits, total = Counter(k for k, hit in found if hit), Counter(k for k, _ in found)
    for kind, n in sorted(total.items()):
        print(f"{kind:12} {hits[kind]:4d} of {n:4d} guilty frames among the first {_N_TOP}")
    rate = wilson_interval(hits.total(), total.total())
    print(f"all: {hits.total()} of {total.total()} [{rate.low:.3f}, {rate.high:.3f}]")
    document = {
        "top_3": round(hits.total() / max(total.total(), 1), 4),
        "n_detected": total.total(),
        "milliseconds_of_455_frames": round(milliseconds, 1),
        "auc": round(roc_auc(scores, labelled.labels), 4),
        "seconds": round(time.monotonic() - started, 1),
    }
    print(json.dumps(document))


def _embedded(
    config: FrameConfig, n: int, folder: Path, *, encoder: EncoderBundle, progress: Progress
) -> tuple[LabelledSequences, SequenceTable]:
    """Simulate and embed; the table holds the same objects in the same order."""
    simulate_store(config, n, folder / "frames", n_workers=os.cpu_count() or 1, progress=progress)
    embed_frames(
        folder / "frames", folder / "embedded", encoder=encoder, config=EmbedConfig(),
        progress=progress,
    )  # fmt: skip
    table = read_sequences(folder / "embedded")
    labelled, _ = label_sequences(table)
    return labelled, table


def _milliseconds_of_one(member: SequenceMember, encoder: EncoderBundle) -> float:
    """Return the time to embed and classify one long object [ms]."""
    embedder = FrameEmbedder(encoder)
    config = FrameConfig(min_epochs=_LONG, max_epochs=_LONG, median_epochs=_LONG)
    frames = simulate_frame_sequence(config, 0).sequence.frames

    def score() -> None:
        values = embedder.embed(frames).values
        sequences = EmbeddedSequences(
            values=values,
            offsets=np.array([0, len(values)]),
            object_ids=np.array(["one"]),
            mjd_tai=np.full(len(values), np.nan),
            n_latent=embedder.n_latent,
        )
        member.logits(sequences)

    return 1e3 * best_seconds(score, n_rounds=10)


def _found(
    member: SequenceMember,
    labelled: LabelledSequences,
    table: SequenceTable,
    scores: np.ndarray,
) -> list[tuple[str, bool]]:
    """Return kind and success for each detected artefact of a single frame."""
    evidence = member.frame_evidence(labelled.sequences)
    guilty = table.guilty_mask
    if evidence is None or guilty is None:
        raise SystemExit("neither evidence nor guilty masks: nothing to compare")
    offsets = labelled.sequences.offsets
    found = []
    for i in np.flatnonzero((labelled.labels == 0) & (scores < 0.5)):
        is_guilty = guilty[offsets[i] : offsets[i + 1]]
        if is_guilty.sum() == 1:
            top = np.argsort(-evidence[i], kind="stable")[:_N_TOP]
            found.append((labelled.tags[i][0], bool(is_guilty[top].any())))
    return found


if __name__ == "__main__":
    main()
