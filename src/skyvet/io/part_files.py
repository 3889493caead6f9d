"""One part of a folder that is made part by part: there as a whole, or not at all.

The files of a part are written into a draft folder beside it, which is renamed into place once
they and ``part.json`` (counts and hashes) are on disk. See `skyvet.io.parts` for the folder.
"""

from __future__ import annotations

import re
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from skyvet.core.configs import Config
from skyvet.core.errors import DatasetError
from skyvet.core.files import sha256_of_file, write_json_atomic
from skyvet.records.rejections import Rejection

__all__ = [
    "PART_MANIFEST",
    "PartManifest",
    "drafted_part",
    "finished_parts",
    "part_name",
    "read_part_manifest",
    "remove_drafts",
    "seal_part",
]

PART_MANIFEST = "part.json"
_PART_NAME = re.compile(r"part-[0-9]{5,}")


class PartManifest(Config):
    """What one part holds, and what it was made of.

    A part of a stream says where the input stood after it; a part that was made of one partition
    of the input has the partition's name, and what the work took.
    """

    next_file: int = 0
    next_record: int = 0
    partition: str = ""
    n_candidates: int
    n_rejected: int
    rejections: dict[str, int]
    surveys: tuple[str, ...] = ()
    counts: dict[str, int] = Field(default_factory=dict)
    seconds: float = 0.0
    peak_memory_mb: float = 0.0
    worker: str = ""
    sha256: dict[str, str]


def part_name(i_part: int) -> str:
    """Return the folder name of a part.

    Examples
    --------
    >>> part_name(7)
    'part-00007'
    """
    return f"part-{i_part:05d}"


def finished_parts(path: Path) -> dict[int, Path]:
    """Return the finished parts of a folder by number, in order.

    Examples
    --------
    >>> import tempfile
    >>> finished_parts(Path(tempfile.mkdtemp()))
    {}
    """
    found = {int(p.name[5:]): p for p in path.glob("part-*") if _PART_NAME.fullmatch(p.name)}
    return {i_part: found[i_part] for i_part in sorted(found)}


def read_part_manifest(part: Path) -> PartManifest:
    """Read what one part says of itself.

    Raises
    ------
    DatasetError
        If it cannot be read.
    """
    try:
        return PartManifest.model_validate_json((part / PART_MANIFEST).read_bytes())
    except (OSError, ValidationError) as error:
        raise DatasetError(f"{part / PART_MANIFEST} cannot be read: {error}") from error


@contextmanager
def drafted_part(path: Path, i_part: int, *, owner: str = "") -> Iterator[Path]:
    """Yield a draft folder that becomes part `i_part` of `path` when the block ends well.

    When it does not, nothing of it stays. A part that is there already is kept as it is.

    Parameters
    ----------
    path : Path
        Folder of parts; it is created.
    i_part : int
        Number of the part.
    owner : str, default ""
        Tells the drafts of several processes apart.

    Raises
    ------
    OSError
        If the disk is full or the folder not writable.
    """
    part = path / part_name(i_part)
    draft = path / f".{part.name}{owner}.draft"
    try:
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        yield draft
        if not part.exists():
            draft.rename(part)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def remove_drafts(path: Path) -> None:
    """Remove what killed processes left half done; nobody else may be writing parts."""
    for draft in path.glob(".part-*.draft"):
        shutil.rmtree(draft, ignore_errors=True)


def seal_part(
    draft: Path, *, n_candidates: int, rejections: Sequence[Rejection], facts: Mapping[str, Any]
) -> PartManifest:
    """Write the manifest of a draft whose files are complete, with the hash of each.

    Parameters
    ----------
    draft : Path
        From `drafted_part`.
    n_candidates : int
        Rows that became a result.
    rejections : sequence of Rejection
        Inputs that did not.
    facts : mapping
        Further fields of `PartManifest`.

    Returns
    -------
    PartManifest
    """
    manifest = PartManifest(
        n_candidates=n_candidates,
        n_rejected=len(rejections),
        rejections=dict(sorted(Counter(r.reason.value for r in rejections).items())),
        sha256={file.name: sha256_of_file(file) for file in sorted(draft.iterdir())},
        **facts,
    )
    write_json_atomic(draft / PART_MANIFEST, manifest.model_dump(mode="json"))
    return manifest
