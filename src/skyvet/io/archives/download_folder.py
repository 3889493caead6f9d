"""What was downloaded and waits for its object to be complete.

::

    downloads/
    ├── failures.jsonl             what could not be had, one JSON object a line
    └── 633207400004730/           one folder an object, gone once the store has the object
        ├── exposures.json         the finder's list
        └── 58202.3577286.fits     frames by heliocentric time; whole or absent
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from skyvet.core.errors import DatasetError
from skyvet.core.files import atomic_path, write_json_atomic
from skyvet.io.archives.ztf_finder import Exposure, ExposureList
from skyvet.records.rejections import RejectionReason

__all__ = ["DownloadFolder", "FailureCount", "FailureLog", "FetchFailure"]

_LIST = "exposures.json"
_SCHEMA = pa.schema(
    [
        ("object_id", pa.string()),
        ("hmjd", pa.float64()),
        ("url", pa.string()),
        ("reason", pa.string()),
        ("detail", pa.string()),
        ("is_permanent", pa.bool_()),
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchFailure:
    """One thing that could not be had.

    Parameters
    ----------
    object_id : str
        The object.
    reason : RejectionReason
        Why.
    detail : str
        What happened, for a person.
    is_permanent : bool
        False where the next run tries again.
    hmjd : float
        Time of the frame; NaN where the whole object failed.
    url : str
        What was asked for.
    """

    object_id: str
    reason: RejectionReason
    detail: str
    is_permanent: bool
    hmjd: float = math.nan
    url: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """Object and time; the time is empty for a whole object."""
        return self.object_id, "" if math.isnan(self.hmjd) else f"{self.hmjd:.7f}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureCount:
    """How often something failed in one way.

    Parameters
    ----------
    kind : str
        The reason, with ``(permanent)`` or ``(try again)``.
    n : int
        How often.
    example : str
        What happened the last time.
    """

    kind: str
    n: int
    example: str


class DownloadFolder:
    """Frames on their way into the store.

    Parameters
    ----------
    path : Path
        Folder; created when something is saved. Drafts of a killed run are removed.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        for draft in path.glob("*/.*.part"):
            draft.unlink(missing_ok=True)

    def object_ids(self) -> list[str]:
        """Return the objects of which something is here."""
        return sorted(p.name for p in self._path.glob("*") if p.is_dir())

    def exposure_list(self, oid: int) -> ExposureList | None:
        """Return the saved list of an object; None where there is none, or a damaged one."""
        try:
            document = json.loads((self._path / str(oid) / _LIST).read_bytes())
            exposures = tuple(Exposure(hmjd=hmjd, url=url) for hmjd, url in document["exposures"])
            return ExposureList(
                ra_deg=document["ra_deg"],
                dec_deg=document["dec_deg"],
                exposures=exposures,
                n_unusable=document["n_unusable"],
            )
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def save_exposure_list(self, oid: int, found: ExposureList) -> None:
        """Keep the list of an object."""
        document = {
            "ra_deg": found.ra_deg,
            "dec_deg": found.dec_deg,
            "n_unusable": found.n_unusable,
            "exposures": [[exposure.hmjd, exposure.url] for exposure in found.exposures],
        }
        write_json_atomic(self._path / str(oid) / _LIST, document)

    def frame_path(self, oid: int, exposure: Exposure) -> Path:
        """Return where a frame is, or will be."""
        return self._path / str(oid) / f"{exposure.key}.fits"

    def save_frame(self, oid: int, exposure: Exposure, data: bytes) -> None:
        """Keep a frame; it is there as a whole or not at all."""
        with atomic_path(self.frame_path(oid, exposure)) as draft:
            draft.write_bytes(data)

    def remove(self, object_id: str) -> None:
        """Remove what was kept of an object."""
        shutil.rmtree(self._path / object_id, ignore_errors=True)


class FailureLog:
    """What could not be had, remembered from run to run.

    Parameters
    ----------
    path : Path
        File of JSON lines; a last line that a killed run cut off is ignored.
    forget_permanent : bool, default False
        Start empty, so that permanent failures are tried again too.

    Raises
    ------
    DatasetError
        If the file cannot be read or written.
    """

    def __init__(self, path: Path, *, forget_permanent: bool = False) -> None:
        self._path = path
        kept = [] if forget_permanent else [f for f in _read_lines(path) if f.is_permanent]
        self._failures = {failure.key: failure for failure in kept}
        self._keys_before = frozenset(self._failures)
        if path.exists():
            self._rewrite()

    def __contains__(self, key: tuple[str, str]) -> bool:
        """Say whether an object, or a frame of it, has failed for good."""
        failure = self._failures.get(key)
        return failure is not None and failure.is_permanent

    @property
    def failures(self) -> list[FetchFailure]:
        """All failures: the permanent ones of every run, the others of this one."""
        return list(self._failures.values())

    def add(self, failures: Iterable[FetchFailure]) -> None:
        """Remember failures."""
        new = {failure.key: failure for failure in failures}
        self._failures.update(new)
        if not new:
            return
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a", encoding="utf-8") as sink:
                sink.writelines(map(_to_line, new.values()))
                sink.flush()
                os.fsync(sink.fileno())
        except OSError as error:
            raise DatasetError(f"cannot write {self._path}: {error.strerror}") from error

    def doubt_this_run(self) -> None:
        """Make the permanent failures of this run ones to try again: the archive was not itself."""
        new = [f for key, f in self._failures.items() if key not in self._keys_before]
        for failure in new:
            self._failures[failure.key] = dataclasses.replace(failure, is_permanent=False)
        if new:
            self._rewrite()

    def _rewrite(self) -> None:
        with atomic_path(self._path) as draft:
            draft.write_text("".join(map(_to_line, self.failures)), encoding="utf-8")

    def counts(self) -> list[FailureCount]:
        """Return the failures by kind, most frequent first, each with an example."""
        kinds: dict[str, list[FetchFailure]] = {}
        for failure in self._failures.values():
            ending = "permanent" if failure.is_permanent else "try again"
            kinds.setdefault(f"{failure.reason.value} ({ending})", []).append(failure)
        counts = [
            FailureCount(kind=kind, n=len(failures), example=failures[-1].detail)
            for kind, failures in kinds.items()
        ]
        return sorted(counts, key=lambda count: (-count.n, count.kind))

    def write_table(self, path: Path) -> None:
        """Write all failures as a Parquet table: object_id, hmjd, url, reason, detail, ..."""
        rows = [dataclasses.asdict(failure) for failure in self.failures]
        for row in rows:
            row["reason"] = row["reason"].value
            row["hmjd"] = None if math.isnan(row["hmjd"]) else row["hmjd"]
        with atomic_path(path) as draft:
            pq.write_table(pa.Table.from_pylist(rows, schema=_SCHEMA), draft)


def _to_line(failure: FetchFailure) -> str:
    document = dataclasses.asdict(failure)
    document["hmjd"] = None if math.isnan(failure.hmjd) else failure.hmjd
    return json.dumps(document) + "\n"


def _read_lines(path: Path) -> list[FetchFailure]:
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise DatasetError(f"cannot read {path}: {error.strerror}") from error
    found = []
    for line in lines:
        try:
            document = json.loads(line)
            document["reason"] = RejectionReason(document["reason"])
            hmjd = document.pop("hmjd")
            found.append(FetchFailure(hmjd=math.nan if hmjd is None else hmjd, **document))
        except (ValueError, KeyError, TypeError):
            continue
    return found
