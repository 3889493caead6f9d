"""HATS catalogues, as LSDB reads and writes them: one partition a pixel of the sky.

A catalogue says itself which pixels it has and where their files lie; these are Parquet with one
row a source and its epochs inside (ZTF data releases; Rubin's objects with ``objectForcedSource``),
and are read row group by row group like any other table. A row stands in one pixel only, so that
nothing has to be gone through beforehand. Margins and indices are not read.
"""

from __future__ import annotations

from pathlib import Path

from skyvet.core.errors import DatasetError, InvalidInputError
from skyvet.core.optional import require

__all__ = ["hats_files", "is_hats"]

_PROPERTIES = ("hats.properties", "properties", "collection.properties")


def is_hats(path: str) -> bool:
    """Return whether a path is that of a HATS catalogue: a remote one, or a folder with its marks.

    Examples
    --------
    >>> is_hats("https://data.lsdb.io/hats/ztf_dr22/ztf_lc"), is_hats("light_curves.csv")
    (True, False)
    """
    if "://" in path:
        return True
    return any((Path(path) / name).is_file() for name in _PROPERTIES)


def hats_files(path: str) -> tuple[str, ...]:
    """Return the Parquet files of a catalogue, pixel after pixel.

    Parameters
    ----------
    path : str
        Folder or address of a catalogue, or of a collection, whose main catalogue is meant.

    Raises
    ------
    MissingDependencyError
        If the package hats is not installed.
    InvalidInputError
        If it is no catalogue of objects or sources.
    """
    hats = require("hats", extra="cluster")
    paths = require("hats.io.paths", extra="cluster")
    try:
        catalogue = hats.read_hats(path)
        catalogue = getattr(catalogue, "main_catalog", catalogue)
        pixels = catalogue.get_healpix_pixels()
        base = catalogue.catalog_base_dir
        suffix = getattr(catalogue.catalog_info, "npix_suffix", ".parquet") or ".parquet"
    except (OSError, ValueError, AttributeError, KeyError) as error:
        raise InvalidInputError(f"{path} is no HATS catalogue that can be read: {error}") from error
    found: list[str] = []
    for pixel in pixels:
        file = paths.pixel_catalog_file(base, pixel, npix_suffix=suffix)
        if suffix == "/":
            found.extend(sorted(str(inner) for inner in file.iterdir()))
        else:
            found.append(str(file))
    if not found:
        raise DatasetError(f"the catalogue {path} has no pixels")
    return tuple(found)
