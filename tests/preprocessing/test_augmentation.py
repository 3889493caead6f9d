"""Augmentation: what may change, what must not, and where missing pixels go."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from skyvet.preprocessing.augmentation import AugmentationConfig, augment, dihedral_views

SIZE = 11
OFF = AugmentationConfig.off()


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def stamps(n_rows: int = 40, *, with_masks: bool = False, n_missing: int = 0) -> torch.Tensor:
    """Prepared stamps: 0 and mask 0 where missing."""
    values = torch.randn(n_rows, 3, SIZE, SIZE, generator=generator(7)) + 5
    valid = torch.ones_like(values)
    valid[:, :, :n_missing] = 0
    values = values * valid
    return torch.cat([values, valid], dim=1) if with_masks else values


def only(**changes) -> AugmentationConfig:
    return OFF.model_copy(update=changes)


EVERYTHING = AugmentationConfig(
    shift_rate=0.7, subpixel_rate=0.7, noise_rate=0.7, gain_rate=0.7, missing_edge_rate=0.5
)


@pytest.mark.parametrize("n_planes", [3, 6, 9])
def test_shape_and_memory_format_stay_and_the_input_is_left_alone(n_planes):
    batch = torch.rand(4, n_planes, SIZE, SIZE).contiguous(memory_format=torch.channels_last)
    before = batch.clone()
    result = augment(batch, EVERYTHING, generator())
    assert result.shape == batch.shape
    assert result.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(batch, before)
    assert torch.isfinite(result).all()


def test_the_generator_decides():
    batch = stamps()
    assert torch.equal(
        augment(batch, EVERYTHING, generator(1)), augment(batch, EVERYTHING, generator(1))
    )
    assert not torch.equal(
        augment(batch, EVERYTHING, generator(1)), augment(batch, EVERYTHING, generator(2))
    )


def test_no_rate_no_change():
    batch = stamps(with_masks=True, n_missing=2)
    assert torch.equal(augment(batch, OFF, generator()), batch)


def test_flips_without_rotations_are_the_four_of_numpy():
    one = torch.randn(1, 3, SIZE, SIZE, generator=generator(1))
    config = only(flips_and_rotations=True, with_rotations=False)
    turned = augment(one.repeat(400, 1, 1, 1), config, generator())
    expected = [np.flip(one[0].numpy(), axes) for axes in ((), (1,), (2,), (1, 2))]
    counts = [sum(np.array_equal(view, wanted) for view in turned.numpy()) for wanted in expected]
    assert sum(counts) == 400
    assert min(counts) > 60


def test_flips_and_rotations_are_the_eight_of_numpy_and_alike_likely():
    one = stamps(1)
    views = [np.rot90(image, k, (-2, -1)) for image in (one, one.flip(-1)) for k in range(4)]
    turned = augment(one.repeat(4000, 1, 1, 1), only(flips_and_rotations=True), generator())
    which = [[np.array_equal(view[0], row) for view in views].index(True) for row in turned]
    counts = np.bincount(which, minlength=8)
    assert (abs(counts - 500) < 5 * np.sqrt(500)).all()


def test_all_planes_turn_and_shift_together():
    plane = torch.randn(50, 1, SIZE, SIZE, generator=generator(3))
    config = only(flips_and_rotations=True, shift_rate=1.0, max_shift_px=2, subpixel_rate=0.0)
    result = augment(plane.repeat(1, 3, 1, 1), config, generator())
    assert torch.equal(result[:, 0], result[:, 1])
    assert torch.equal(result[:, 0], result[:, 2])


def test_shifts_move_by_whole_pixels_and_what_comes_in_is_missing():
    batch = stamps(300, with_masks=True)
    result = augment(batch, only(shift_rate=1.0, max_shift_px=1), generator())
    found = set()
    for row, original in zip(result, batch, strict=True):
        for dy in (-1, 0, 1):
            for dx in (-1, 0, 1):
                expected = torch.zeros_like(original)
                target = (
                    slice(max(dy, 0), SIZE + min(dy, 0)),
                    slice(max(dx, 0), SIZE + min(dx, 0)),
                )
                source = (
                    slice(max(-dy, 0), SIZE + min(-dy, 0)),
                    slice(max(-dx, 0), SIZE + min(-dx, 0)),
                )
                expected[:, *target] = original[:, *source]
                if torch.equal(row, expected):
                    found.add((dy, dx))
                    break
            else:
                continue
            break
        else:
            pytest.fail("a row is no shift of its original")
    assert len(found) == 9


def test_subpixel_shift_moves_the_centroid_of_a_star_by_up_to_half_a_pixel():
    pixel = torch.arange(SIZE) - SIZE // 2
    star = torch.exp(-(pixel[:, None] ** 2 + pixel[None, :] ** 2) / 4.0)
    batch = star.repeat(500, 3, 1, 1)
    result = augment(batch, only(subpixel_rate=1.0), generator())[:, 0]
    flux = result.sum(dim=(1, 2))
    row = (result.sum(dim=2) * pixel).sum(dim=1) / flux
    torch.testing.assert_close(flux, star.sum().expand(500), rtol=1e-2, atol=0)  # light is kept
    assert row.abs().max() <= 0.5 + 1e-3
    assert row.abs().max() > 0.45
    assert row.mean().abs() < 0.05


def test_a_pixel_mixed_with_a_missing_one_is_missing():
    flat = stamps(with_masks=True, n_missing=3)
    flat[:, :3] = 5 * flat[:, 3:]
    result = augment(flat, only(subpixel_rate=1.0), generator())
    values, masks = result[:, :3], result[:, 3:]
    assert set(masks.unique().tolist()) == {0.0, 1.0}
    assert (values[masks == 0] == 0).all()
    torch.testing.assert_close(
        values[masks == 1], torch.full_like(values[masks == 1], 5), atol=1e-2, rtol=0
    )  # a mask counts as whole down to 1 - 1e-4, a value is then right to 5e-4


def test_noise_follows_the_scatter_of_each_plane_and_spares_missing_pixels():
    config = only(noise_rate=1.0, max_noise_sigma=1.0)
    holed = stamps(20, n_missing=2)
    assert torch.equal(augment(holed, config, generator()) == holed, holed == 0)
    batch = stamps(400)
    batch[:, 1] *= 10
    added = augment(batch, config, generator()) - batch
    scatter = added.std(dim=(0, 2, 3))
    # the square of a uniform share has mean 1/3; the scatter comes from 16 pixels of a plane
    assert scatter[0] == pytest.approx(1 / 3**0.5, rel=0.25)
    assert scatter[1] / scatter[0] == pytest.approx(10, rel=0.1)


def test_gain_scales_whole_planes_within_its_bounds():
    batch = stamps(200)
    ratio = augment(batch, only(gain_rate=1.0, max_gain_change=0.1), generator()) / batch
    spread = ratio.amax(dim=(2, 3)) - ratio.amin(dim=(2, 3))
    assert spread.max() < 1e-5  # float32
    gains = ratio.mean(dim=(2, 3))
    assert gains.min() >= 0.9 - 1e-5
    assert gains.max() <= 1.1 + 1e-5
    assert gains.std() > 0.03


def test_a_lost_edge_is_a_band_of_missing_pixels_in_values_and_masks():
    config = only(missing_edge_rate=1.0, max_missing_fraction=0.3)
    result = augment(stamps(400, with_masks=True), config, generator())
    lost = result[:, 0] == 0
    assert torch.equal(result[:, 3] == 0, lost)
    assert torch.equal(result[:, 2] == 0, lost)
    sides = [lost[:, 0].all(1), lost[:, -1].all(1), lost[:, :, 0].all(1), lost[:, :, -1].all(1)]
    n_lost = lost.sum(dim=(1, 2))
    assert (torch.stack(sides).sum(dim=0) == (n_lost > 0)).all()
    assert (n_lost % SIZE == 0).all()
    assert n_lost.max() <= np.ceil(0.3 * SIZE) * SIZE
    assert all(side.sum() > 60 for side in sides)
    template_lost = (result[:, 1] == 0).any(dim=2).any(dim=1)
    assert 0.4 < template_lost.float().mean() / (n_lost > 0).float().mean() < 0.6
    assert torch.equal(result[:, 4] == 0, result[:, 1] == 0)


def test_the_rate_is_the_share_of_changed_rows():
    batch = stamps(4000)
    result = augment(batch, only(noise_rate=0.25), generator())
    share = (result != batch).flatten(1).any(dim=1).float().mean()
    assert share == pytest.approx(0.25, abs=5 * (0.25 * 0.75 / 4000) ** 0.5)


def test_eight_views_are_all_different_and_begin_with_the_stamp_itself():
    one = stamps(2)
    views = dihedral_views(one)
    assert torch.equal(views[0], one)
    assert len({view.contiguous().numpy().tobytes() for view in views}) == 8


def test_blank_stamps_and_empty_batches_pass():
    assert augment(torch.zeros(2, 3, SIZE, SIZE), EVERYTHING, generator()).eq(0).all()
    assert augment(torch.zeros(0, 3, SIZE, SIZE), EVERYTHING, generator()).shape[0] == 0


def test_variance_planes_are_not_taken_for_masks():
    batch = torch.cat([stamps(30), torch.randn(30, 3, SIZE, SIZE, generator=generator(4))], dim=1)
    config = only(subpixel_rate=1.0, noise_rate=1.0, gain_rate=1.0)
    result = augment(batch, config, generator(), has_masks=False)
    inner = result[:, 3:, 1:-1, 1:-1]
    assert len(inner.unique()) > 1000
    assert (result[:, :3, 1:-1, 1:-1] != 0).all()
    moved = augment(batch, only(noise_rate=1.0, gain_rate=1.0), generator(), has_masks=False)
    assert torch.equal(moved[:, 3:], batch[:, 3:])
