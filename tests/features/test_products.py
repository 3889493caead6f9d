"""Products in parts are the products."""

from __future__ import annotations

import numpy as np
import pytest

from skyvet.features.products import narrow_product, products_at_once


@pytest.mark.parametrize("n_columns", [0, 1, 400, 5000])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_product_in_parts_is_the_product(n_columns, dtype):
    rng = np.random.default_rng(n_columns)
    left = rng.normal(size=(24, 45)).astype(dtype)
    right = rng.normal(size=(45, n_columns)).astype(dtype)
    found = narrow_product(left, right)
    assert found.dtype == dtype
    np.testing.assert_allclose(found, left @ right, rtol=1e-4, atol=1e-4)


def test_at_least_a_few_columns_are_taken_at_once():
    assert products_at_once(1000, 1000) == 4
