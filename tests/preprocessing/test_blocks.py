"""Every alert of a stream is in exactly one block, as a candidate or a rejection."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from tests.conftest import make_candidate, make_triplet_pixels

from skyvet.io.alerts import AlertReading
from skyvet.preprocessing.blocks import BlockConfig, SeenIdentifiers, read_blocks
from skyvet.preprocessing.stamps import restore_stamps
from skyvet.records.rejections import Rejection, RejectionReason


def readings(n: int, *, repeat: int = 0) -> Iterator[AlertReading]:
    for i in range(n):
        item = make_candidate(i)
        if i % 7 == 3:
            item = Rejection(
                source=f"f{i}", reason=RejectionReason.TRUNCATED_PACKET, detail="cut", survey="ztf"
            )
        yield AlertReading(source=f"f{i}", i_file=i, i_record=0, item=item)
    for i in range(repeat):
        yield AlertReading(source=f"r{i}", i_file=n + i, i_record=0, item=make_candidate(i))


@pytest.mark.parametrize("size", [1, 5, 20, 1000])
def test_counts_add_up_for_any_block_size(size: int) -> None:
    config = BlockConfig(size_px=63, n_per_block=size)
    blocks = list(read_blocks(readings(20), config, seen=SeenIdentifiers()))
    n_candidates = sum(len(b.candidates) for b in blocks)
    n_rejected = sum(len(b.rejections) for b in blocks)
    assert (n_candidates, n_rejected) == (17, 3)
    assert all(len(b.candidates) + len(b.rejections) <= size for b in blocks)
    assert blocks[-1].position == (19, 1)


def test_stamps_are_those_of_their_candidates() -> None:
    (block,) = read_blocks(readings(6), BlockConfig(size_px=63), seen=SeenIdentifiers())
    restored = restore_stamps(block.stamps)
    for candidate, stamps in zip(block.candidates, restored, strict=True):
        i = int(candidate.candidate_id) - int(make_candidate(0).candidate_id)
        # half precision: 5e-4 of a height of at most 100 counts
        np.testing.assert_allclose(stamps, make_triplet_pixels(i), rtol=0, atol=0.06)


def test_images_are_not_kept_in_memory() -> None:
    (block,) = read_blocks(readings(2), BlockConfig(size_px=63), seen=SeenIdentifiers())
    assert all(candidate.cutouts is None for candidate in block.candidates)


def test_a_second_delivery_is_rejected_by_name() -> None:
    (block,) = read_blocks(readings(5, repeat=2), BlockConfig(size_px=63), seen=SeenIdentifiers())
    reasons = [r.reason for r in block.rejections]
    assert reasons.count(RejectionReason.DUPLICATE_CANDIDATE) == 2


def test_no_alert_gives_no_block() -> None:
    assert list(read_blocks(iter(()), BlockConfig(size_px=63), seen=SeenIdentifiers())) == []


def test_identifiers_of_two_surveys_do_not_collide() -> None:
    seen = SeenIdentifiers()
    assert seen.add("ztf", 5)
    assert seen.add("lsst", 5)
    assert not seen.add("ztf", 5)


def test_identifiers_are_remembered_beyond_the_first_set() -> None:
    seen = SeenIdentifiers()
    for i in range(70_000):
        assert seen.add("ztf", i)
    assert not any(seen.add("ztf", i) for i in range(0, 70_000, 997))
