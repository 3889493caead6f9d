"""Rounds of a labelling session: learn from the labels, rank again, never in the page's way."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from skyvet.core.arrays import IntArray
from skyvet.core.errors import SkyvetError
from skyvet.services.labelling.messages import RoundMessage
from skyvet.services.labelling.rankers import Ranker
from skyvet.services.labelling.settings import LabellingConfig
from skyvet.services.labelling.standing import Verdicts
from skyvet.services.labelling.suspects import Suspicion, find_suspects
from skyvet.strategies.queries.interface import Opinion, QuerySettings, QueryState

__all__ = ["AUTO_STRATEGY", "Round", "RoundKeeper"]

AUTO_STRATEGY = "auto"
_UNCERTAIN, _DIVERSE = "margin", "k_center"
_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Round:
    """What was learned in one round, and the orders that follow from it.

    Parameters
    ----------
    number : int
        0 before the first refit.
    opinion : Opinion
        Of every candidate of the dataset.
    verdicts : Verdicts
        The labels that it was learned from.
    suspicion : Suspicion
        Labels that look wrong.
    """

    number: int
    opinion: Opinion
    verdicts: Verdicts
    suspicion: Suspicion
    orders: dict[str, IntArray] = field(default_factory=dict)


class RoundKeeper:
    """Keeps the present round and makes the next one in a thread of its own.

    Parameters
    ----------
    ranker : Ranker
        Learns from the labels.
    strategies : mapping of str to QuerySettings
        By kind.
    groups : ndarray, shape (n,)
        Number of the object of each candidate.
    config : LabellingConfig
        When to refit and how far ahead to rank.
    """

    def __init__(
        self,
        ranker: Ranker,
        *,
        strategies: Mapping[str, QuerySettings],
        groups: IntArray,
        config: LabellingConfig,
    ) -> None:
        self._ranker = ranker
        self.strategies = strategies
        self._groups = groups
        self._config = config
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._present: Round | None = None
        self._n_base = 0
        self.history: list[RoundMessage] = []

    @property
    def present(self) -> Round:
        """The round whose orders are given out."""
        if self._present is None:
            raise RuntimeError("the first round was not begun")
        return self._present

    @property
    def is_refitting(self) -> bool:
        """Whether the next round is being made."""
        return self._thread is not None and self._thread.is_alive()

    def begin(self, verdicts: Verdicts) -> None:
        """Make the first round from the labels that are there, at once.

        Its number follows from the labels that were given on the page, so that it goes on after a
        restart; imported labels make one round, however many they are.
        """
        number = max(verdicts.n_here // self._config.refit_every, int(bool(verdicts.n_labels)))
        self._present = self._make(number, verdicts)
        self._n_base = verdicts.n_labels

    def n_labels_to_next(self, n_labels: int) -> int:
        """Return how many labels are missing for the next round.

        It is due, too, when as many of the labels that the present one learned from were taken
        back; fewer of them never move the next one further away.
        """
        self._n_base = min(self._n_base, n_labels)
        if self.present.verdicts.n_labels - n_labels >= self._config.refit_every:
            return 0
        return max(0, self._config.refit_every - (n_labels - self._n_base))

    def is_due(self, n_labels: int) -> bool:
        """Say whether enough labels came for the next round, and none is being made."""
        return self.n_labels_to_next(n_labels) == 0 and not self.is_refitting

    def consider(self, verdicts: Verdicts) -> bool:
        """Begin the next round in the background if it is due; say whether it began."""
        with self._lock:
            if not self.is_due(verdicts.n_labels):
                return False
            self._thread = threading.Thread(
                target=self._advance, args=(verdicts,), name="skyvet-refit", daemon=True
            )
            self._thread.start()
            return True

    def wait(self, timeout_s: float = 60.0) -> None:
        """Wait for a refit that runs."""
        thread = self._thread
        if thread is not None:
            thread.join(timeout_s)

    def order(self, kind: str) -> IntArray:
        """Return all rows, those that the strategy asks for first in front; shape (n,)."""
        present = self.present
        chosen = self.strategy_in_use(kind)
        if chosen not in present.orders:
            present.orders[chosen] = self._order(chosen, present)
        return present.orders[chosen]

    def strategy_in_use(self, kind: str) -> str:
        """Return the strategy that stands behind ``auto`` in the present round."""
        if kind != AUTO_STRATEGY:
            return kind
        present = self.present
        has_both = {0, 1} <= set(np.unique(present.verdicts.labels).tolist())
        wanted = _UNCERTAIN if self._ranker.knows_before or has_both else _DIVERSE
        return wanted if wanted in self.strategies else next(iter(self.strategies))

    def _advance(self, verdicts: Verdicts) -> None:
        started = time.monotonic()
        before = self.present
        try:
            after = self._make(before.number + 1, verdicts)
            for kind in list(before.orders):
                after.orders[kind] = self._order(kind, after)
        except (SkyvetError, ArithmeticError, ValueError, np.linalg.LinAlgError):
            _logger.exception("the queue could not be ranked again; the last order stays")
            return
        is_new = (verdicts.labels >= 0) & (before.verdicts.labels < 0)
        foreseen = (before.opinion.logits[is_new] > 0) == (verdicts.labels[is_new] == 1)
        self.history.append(
            RoundMessage(
                round=after.number,
                n_labels=verdicts.n_labels,
                n_real=int((verdicts.labels == 1).sum()),
                n_bogus=int((verdicts.labels == 0).sum()),
                agreement=float(foreseen.mean()) if is_new.any() else None,
                seconds=round(time.monotonic() - started, 3),
            )
        )
        self._n_base = verdicts.n_labels
        self._present = after

    def _make(self, number: int, verdicts: Verdicts) -> Round:
        bought = verdicts.bought()
        return Round(
            number=number,
            opinion=self._ranker.fit(bought, seed=self._config.seed),
            verdicts=verdicts,
            suspicion=find_suspects(
                self._ranker, bought, groups=self._groups, seed=self._config.seed
            ),
        )

    def _order(self, kind: str, made: Round) -> IntArray:
        """Rank the first part by the strategy, and what follows by uncertainty."""
        state = QueryState(
            opinion=made.opinion, labels=made.verdicts.labels, is_available=~made.verdicts.is_done
        )
        rng = np.random.default_rng([self._config.seed, made.number])
        first = self.strategies[kind].rank(state, self._config.ahead, rng=rng)
        rest = np.setdiff1d(np.arange(len(made.opinion)), first)
        rest = rest[np.argsort(np.abs(made.opinion.logits[rest]), kind="stable")]
        return np.concatenate([first, rest]).astype(np.intp)
