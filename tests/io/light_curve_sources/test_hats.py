"""A HATS catalogue that LSDB wrote is read pixel by pixel."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from tests.io.light_curve_sources.made_tables import FIRST_ID, read_all

from skyvet.core.errors import InvalidInputError
from skyvet.io.light_curve_sources.configs import LightCurveInputConfig
from skyvet.io.light_curve_sources.opening import open_light_curves

N_OBJECTS, N_EPOCHS = 30, 5


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory):
    """Objects all over the sky, with their epochs inside, as ZTF's data releases are published."""
    lsdb, nested = pytest.importorskip("lsdb"), pytest.importorskip("nested_pandas")
    pandas = pytest.importorskip("pandas")
    rng = np.random.default_rng(9)
    ids = FIRST_ID + np.arange(N_OBJECTS)
    objects = nested.NestedFrame(
        {
            "objectid": ids, "filterid": 1 + np.arange(N_OBJECTS) % 2,
            "objra": rng.uniform(0, 360, N_OBJECTS), "objdec": rng.uniform(-60, 80, N_OBJECTS),
        }
    )  # fmt: skip
    epochs = pandas.DataFrame(
        {
            "objectid": np.repeat(ids, N_EPOCHS),
            "hmjd": 58_000 + np.tile(np.arange(N_EPOCHS, dtype=float), N_OBJECTS),
            "mag": 18.0, "magerr": 0.1,
            "catflags": np.tile([0, 0, 0, 0, 32_768], N_OBJECTS),
        }
    )  # fmt: skip
    joined = objects.set_index("objectid").join_nested(epochs.set_index("objectid"), "lightcurve")
    folder = tmp_path_factory.mktemp("hats") / "ztf_lc"
    with warnings.catch_warnings():  # of Dask and pandas, while the catalogue is made
        warnings.simplefilter("ignore")
        made = lsdb.from_dataframe(
            joined.reset_index(), ra_column="objra", dec_column="objdec", catalog_name="ztf_lc"
        )
        made.write_catalog(folder)
    return folder


@pytest.mark.integration
@pytest.mark.filterwarnings("ignore")  # hats on its own dependencies
@pytest.mark.parametrize("form", ["auto", "hats"])
def test_each_object_is_read_once_from_its_pixel(catalogue, form):
    source = open_light_curves([catalogue], LightCurveInputConfig(form=form))
    batches, rejections = read_all(source)
    assert not rejections
    assert len(source.partitions) > 5
    assert len({partition.name for partition in source.partitions}) == len(source.partitions)
    ids = np.concatenate([batch.source_ids for batch in batches])
    assert sorted(ids.tolist()) == (FIRST_ID + np.arange(N_OBJECTS)).tolist()
    assert {n for batch in batches for n in batch.n_epochs.tolist()} == {N_EPOCHS - 1}
    assert sum(partition.n_sources for partition in source.partitions) == N_OBJECTS
    assert {batch.survey for batch in batches} == {"ztf"}


@pytest.mark.integration
@pytest.mark.filterwarnings("ignore")
def test_a_broken_catalogue_is_said_to_be_one(tmp_path):
    pytest.importorskip("hats")
    (tmp_path / "hats.properties").write_text("nothing")
    with pytest.raises(InvalidInputError, match="no HATS catalogue"):
        open_light_curves([tmp_path])
