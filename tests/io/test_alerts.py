"""Reading alerts of any survey from any kind of input."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from skyvet.io.alerts import read_alerts
from skyvet.records.candidate import Candidate
from skyvet.records.rejections import RejectionReason


def test_every_real_ztf_record_becomes_a_candidate_or_a_rejection(shared_data: Path) -> None:
    readings = list(read_alerts([shared_data / "ztf_alerts"]))
    outcomes = Counter(
        "candidate" if isinstance(reading.item, Candidate) else reading.item.reason
        for reading in readings
    )
    # 901 alerts in 899 files; 5 early test packets carry JPEG images in place of FITS.
    assert outcomes == {"candidate": 896, RejectionReason.UNREADABLE_CUTOUT: 5}
