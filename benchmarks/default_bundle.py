"""Make the bundle that ships with skyvet: ``python -m benchmarks.default_bundle --data DIR``.

``--figures FILE`` trains nothing: it takes the last line that ``python -m benchmarks.triplets``
printed (the same recipe under cross-validation) into the bundle and its card.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from benchmarks.recipe import FINE_TUNING, STAMPS, pre_train, start_state
from benchmarks.ztf_data import load_labelled, load_taught
from skyvet.cli.progress import shown_progress
from skyvet.models.bundle import Bundle, load_bundle
from skyvet.scoring.curves import roc_auc
from skyvet.training.card import CardText
from skyvet.training.members import train_ensemble
from skyvet.training.packing import BundleText, add_metrics, pack_ensemble
from skyvet.training.prediction import predict_logits

_SHIPPED = Path("src/skyvet/models/shipped/default")

_CARD = CardText(
    intended_use=(
        "First look at ZTF alerts: real or bogus, from the three 63-px cutouts. A start for "
        "training on labels of your own (`skyvet train triplet --start-from default`). Not for "
        "telling kinds of sources apart, not for other surveys (their alerts are scored, marked "
        "uncalibrated, and left for review), and not as the only judge of a rare object."
    ),
    procedure=(
        "One network was trained on 12,000 simulated ZTF triplets (`skyvet simulate night`), half "
        "of them real. Five copies were fine-tuned on folds of the labelled triplets, split by "
        "object, with unlabelled alerts whose packet carries `drb` as soft targets (weak "
        "teacher). Scores are the mean logit of the five, calibrated on the triplets that each "
        "copy had not seen. `rb`, `drb`, magnitudes, positions and histories are not inputs. To "
        "repeat: `python -m benchmarks.default_bundle --data DIR`; the figures named `cv_` are "
        "those of the whole recipe under an outer 5-fold cross-validation by object "
        "(`python -m benchmarks.triplets --data DIR`)."
    ),
    label_trust=(
        "REAL: asteroids by ephemeris (high trust), objects of transient and variable catalogues "
        "(high to medium), confident visual calls. BOGUS: an automated visual inspection of "
        "contact sheets, one pass, not reviewed by a person (medium). Most bogus were looked for "
        "where drb < 0.5 or rb < 0.4, so that the sample is not a fair draw of a night."
    ),
    limits=(
        "The choice to use masks and the weak teacher, and the priors of the simulation, were "
        "made while looking at the same labelled triplets: all figures are slightly optimistic. "
        "Few bogus labels: every figure on bogus has a wide interval, and kinds that are rare in "
        "them (ghosts, dark spots, satellite trails) are the least certain. The labelled sample "
        "is mostly real; at the natural fraction of real candidates of a raw difference-image "
        "stream the purity is far lower: state it with `--prior`. Bogus are brighter than real "
        "here. Run `python -m benchmarks.triplets --data DIR` for the slices by label source and "
        "by kind of bogus. Cutouts whose candidate is off centre were rare in training."
    ),
)


def main() -> None:
    """Make the bundle, or add figures to it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="folder with ztf_triplets and ztf_alerts")
    parser.add_argument("--out", type=Path, default=_SHIPPED, help="bundle folder")
    parser.add_argument("--n-simulated", type=int, default=12_000, help="triplets to pre-train on")
    parser.add_argument("--figures", type=Path, help="last line of benchmarks.triplets")
    arguments = parser.parse_args()
    if arguments.figures:
        figures = _read_figures(arguments.figures)
        bundle = add_metrics(load_bundle(arguments.out), figures, card=_CARD)
    elif arguments.data is None:
        parser.error("--data is needed to train")
    else:
        bundle = make_bundle(arguments.data, arguments.out, arguments.n_simulated)
    print(json.dumps({"bundle": bundle.label, **bundle.info.metrics}))


def make_bundle(data: Path, out: Path, n_simulated: int) -> Bundle:
    """Train the recipe on all labelled triplets and write the bundle."""
    triplets = load_labelled(data)
    labelled = triplets.arrays(STAMPS)
    weak = load_taught(data, STAMPS, without=triplets.candidate_ids)
    with shown_progress() as progress:
        pre_trained = pre_train(n_simulated, progress=progress)
        alone = predict_logits(pre_trained.build(), labelled.stamps)
        print(f"simulation alone, on the labelled triplets: AUC {roc_auc(alone, labelled.labels)}")
        trained = train_ensemble(
            labelled,
            FINE_TUNING,
            weak=weak,
            initial_state=start_state(pre_trained),
            progress=progress,
        )
    text = BundleText(
        name="default",
        version="1",
        summary="ZTF real/bogus from cutouts: simulation, 519 labels, drb as a weak teacher",
        surveys=("ztf",),
        data_description=(
            "519 labelled triplets of the public ZTF alert stream, and 328 unlabelled ones of it "
            "with their packet's drb as a soft target."
        ),
        data_licence=(
            "ZTF public alert stream; cite Bellm et al. 2019, Masci et al. 2019, Patterson et al. "
            "2019, and Duev et al. 2019 for drb. The bundle holds weights, no alert"
        ),
        card=_CARD,
    )
    return pack_ensemble(out, trained, labelled, stamps=STAMPS, config=FINE_TUNING, text=text)


def _read_figures(path: Path) -> dict[str, float | int | str | None]:
    """Return the cross-validated figures of the recipe, named ``cv_``."""
    document = json.loads(path.read_text(encoding="utf-8").splitlines()[-1])
    return {f"cv_{name}": value for name, value in document.items() if name not in {"rb", "drb"}}


if __name__ == "__main__":
    main()
