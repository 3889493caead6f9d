"""Random changes of training stamps that leave their class alone; whole batches at a time.

Stamps come from `skyvet.preprocessing.normalization.prepare_stamps`: planes 0 to 2 are values with
0 at missing pixels; planes 3 to 5, where they are masks, are 1 at valid pixels; all others
(variances) move with the values and are otherwise left alone.
"""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor

from skyvet.core.configs import Config
from skyvet.records.cutouts import N_CUTOUT_KINDS, CutoutKind

__all__ = ["AugmentationConfig", "augment", "dihedral_views"]

N_DIHEDRAL = 8
N_FLIPS = 4  # the first codes: no rotation among them
_SIGMA_PER_MAD = 1.4826
_SIGMA_STEP_PX = 3  # the scatter of a plane is measured on every third row and column


class AugmentationConfig(Config):
    """How often, and how much, training stamps are changed."""

    flips_and_rotations: bool = Field(
        default=True, description="one of the 8 flips and right-angle rotations, all alike likely"
    )
    with_rotations: bool = Field(
        default=True, description="false leaves the 4 flips without rotation, as RB-C1000 has them"
    )
    shift_rate: float = Field(
        default=0.5, ge=0, le=1, description="share of triplets that are shifted"
    )
    max_shift_px: int = Field(
        default=1, ge=0, description="largest whole-pixel shift along each axis"
    )
    subpixel_rate: float = Field(
        default=0.25,
        ge=0,
        le=1,
        description="share of triplets shifted by a fraction of a pixel (bilinear)",
    )
    noise_rate: float = Field(
        default=0.3, ge=0, le=1, description="share of triplets with added noise"
    )
    max_noise_sigma: float = Field(
        default=0.5,
        ge=0,
        description="largest added noise, in units of each plane's own robust scatter",
    )
    gain_rate: float = Field(
        default=0.3, ge=0, le=1, description="share of triplets with changed gain"
    )
    max_gain_change: float = Field(
        default=0.1, ge=0, lt=1, description="largest relative change of a plane's values"
    )
    missing_edge_rate: float = Field(
        default=0.05, ge=0, le=1, description="share of triplets that lose a band along one edge"
    )
    max_missing_fraction: float = Field(
        default=0.3,
        ge=0,
        lt=0.5,
        description="largest lost band, as a fraction of the stamp's side",
    )

    @classmethod
    def off(cls) -> AugmentationConfig:
        """Return a config that changes nothing."""
        rates = {name: 0.0 for name in cls.model_fields if name.endswith("_rate")}
        return cls.model_validate({"flips_and_rotations": False, **rates})

    @classmethod
    def weak(cls) -> AugmentationConfig:
        """Return flips, rotations and whole-pixel shifts: changes that cost no information."""
        rates = ("subpixel_rate", "noise_rate", "gain_rate", "missing_edge_rate")
        return cls.model_validate(dict.fromkeys(rates, 0.0))

    @classmethod
    def strong(cls) -> AugmentationConfig:
        """Return all changes, so often and so far that the class is just still there."""
        return cls(
            shift_rate=0.75,
            max_shift_px=2,
            subpixel_rate=0.5,
            noise_rate=0.75,
            max_noise_sigma=1.0,
            gain_rate=0.5,
            max_gain_change=0.2,
            missing_edge_rate=0.2,
        )


def augment(
    stamps: Tensor,
    config: AugmentationConfig,
    generator: torch.Generator,
    *,
    has_masks: bool = True,
) -> Tensor:
    """Return a randomly changed copy of a batch.

    Parameters
    ----------
    stamps : Tensor, shape (n, n_planes, size, size), float32
        Prepared stamps; see the module's head for what the planes hold.
    config : AugmentationConfig
        Rates and sizes of the changes.
    generator : torch.Generator
        Source of randomness, on the device of `stamps`; same state, same result.
    has_masks : bool, default True
        Whether planes 3 to 5 are masks, where there are more than 3.

    Returns
    -------
    Tensor, shape (n, n_planes, size, size), float32
        In the memory format of the input. Pixels that move in from outside are missing: value 0,
        and 0 in the mask planes.

    Examples
    --------
    >>> stamps = torch.rand(4, 3, 9, 9)
    >>> same = augment(stamps, AugmentationConfig.off(), torch.Generator().manual_seed(1))
    >>> bool((same == stamps).all())
    True
    """
    draw = _Draws(len(stamps), generator, stamps.device)
    has_masks = has_masks and stamps.shape[1] > N_CUTOUT_KINDS
    result = stamps
    if config.flips_and_rotations or (config.shift_rate and config.max_shift_px):
        result = _move(result, config, draw)
    if config.subpixel_rate:
        result = _shift_subpixel(result, config, draw, has_masks=has_masks)
    if config.gain_rate or config.noise_rate:
        result = _change_values(result, config, draw, has_masks=has_masks)
    if config.missing_edge_rate:
        result = _lose_edge(result, config, draw)
    if stamps.is_contiguous(memory_format=torch.channels_last):
        return result.contiguous(memory_format=torch.channels_last)
    return result


def dihedral_views(stamps: Tensor) -> list[Tensor]:
    """Return the 8 flips and right-angle rotations of a batch, the batch itself first.

    Examples
    --------
    >>> len(dihedral_views(torch.zeros(2, 3, 9, 9)))
    8
    """
    both = (stamps, stamps.transpose(2, 3))
    return [
        torch.flip(view, axes) if axes else view
        for view in both
        for axes in ((), (2,), (3,), (2, 3))
    ]


class _Draws:
    """Random numbers of one batch, from one generator."""

    def __init__(self, n_rows: int, generator: torch.Generator, device: torch.device) -> None:
        self.n_rows = n_rows
        self._generator = generator
        self._device = device

    def uniform(self, *shape: int) -> Tensor:
        """Return numbers in [0, 1) of shape (n, *shape)."""
        size = (self.n_rows, *shape)
        return torch.rand(size, generator=self._generator, device=self._device)

    def happens(self, rate: float) -> Tensor:
        """Return True for a random share of the rows."""
        return self.uniform() < rate

    def normal(self, like: Tensor) -> Tensor:
        """Return standard normal numbers of the shape of `like`."""
        size = tuple(like.shape)
        return torch.randn(size, generator=self._generator, device=self._device)


def _move(stamps: Tensor, config: AugmentationConfig, draw: _Draws) -> Tensor:
    """Flip, rotate and shift by whole pixels: one gather for the batch."""
    n_rows, n_planes, size, _ = stamps.shape
    shift = torch.floor(draw.uniform(2) * (2 * config.max_shift_px + 1)) - config.max_shift_px
    shift = shift * draw.happens(config.shift_rate)[:, None]
    n_codes = N_DIHEDRAL if config.with_rotations else N_FLIPS
    code = torch.floor(draw.uniform() * n_codes).long() * config.flips_and_rotations
    pixel = torch.arange(size, device=stamps.device)
    along = pixel - shift.long()[:, :, None]  # (n, 2, size): source row, source column
    inside = (along >= 0) & (along < size)
    along = along.clamp(0, size - 1)
    flipped = torch.stack([code & 1, (code >> 1) & 1], dim=1)[:, :, None] > 0
    along = torch.where(flipped, size - 1 - along, along)
    rows, columns = along[:, 0, :, None], along[:, 1, None, :]
    straight, turned = rows * size + columns, columns * size + rows
    index = torch.where((code >> 2 > 0)[:, None, None], turned, straight)
    flat = stamps.reshape(n_rows, n_planes, size * size)
    moved = flat.gather(2, index.flatten(1)[:, None].expand(-1, n_planes, -1))
    valid = inside[:, 0, :, None] & inside[:, 1, None, :]
    return moved.reshape(stamps.shape) * valid[:, None]


def _shift_subpixel(
    stamps: Tensor, config: AugmentationConfig, draw: _Draws, *, has_masks: bool
) -> Tensor:
    """Shift by up to half a pixel along each axis: two linear interpolations."""
    fraction = (draw.uniform(2) - 0.5) * draw.happens(config.subpixel_rate)[:, None]
    shifted = stamps
    for i_axis, axis in enumerate((2, 3)):
        step = fraction[:, i_axis, None, None, None]
        neighbour = torch.where(
            step > 0, _roll_in_zeros(shifted, 1, axis), _roll_in_zeros(shifted, -1, axis)
        )
        shifted = torch.lerp(shifted, neighbour, step.abs())
    masks = slice(N_CUTOUT_KINDS, 2 * N_CUTOUT_KINDS)
    if not has_masks:
        return shifted
    shifted[:, masks] = (shifted[:, masks] > 1 - 1e-4).to(shifted.dtype)
    shifted[:, :N_CUTOUT_KINDS] *= shifted[:, masks]
    return shifted


def _roll_in_zeros(stamps: Tensor, n_px: int, axis: int) -> Tensor:
    """Shift by one pixel; what comes in is 0."""
    rolled = torch.roll(stamps, n_px, dims=axis)
    rolled.narrow(axis, 0 if n_px > 0 else stamps.shape[axis] - 1, 1).zero_()
    return rolled


def _valid_values(stamps: Tensor, *, has_masks: bool) -> Tensor:
    """Return 1 where a value plane holds a measurement, else 0."""
    if has_masks:
        return stamps[:, N_CUTOUT_KINDS : 2 * N_CUTOUT_KINDS]
    return (stamps[:, :N_CUTOUT_KINDS] != 0).to(stamps.dtype)


def _robust_sigma(values: Tensor) -> Tensor:
    """Return 1.4826 MAD of each plane, from a ninth of its pixels; shape (n, planes, 1, 1).

    Missing pixels count as the 0 that they hold.
    """
    flat = values[..., ::_SIGMA_STEP_PX, ::_SIGMA_STEP_PX].flatten(2)
    median = flat.median(dim=2, keepdim=True).values
    return _SIGMA_PER_MAD * (flat - median).abs().median(dim=2).values[..., None, None]


def _change_values(
    stamps: Tensor, config: AugmentationConfig, draw: _Draws, *, has_masks: bool
) -> Tensor:
    """Change the gain of each value plane and add noise to its valid pixels."""
    changed = stamps.clone()
    values = changed[:, :N_CUTOUT_KINDS]
    n_planes = values.shape[1]
    if config.noise_rate:
        share = draw.uniform() * config.max_noise_sigma * draw.happens(config.noise_rate)
        sigma = _robust_sigma(values) * share[:, None, None, None]
        values += draw.normal(values) * (sigma * _valid_values(stamps, has_masks=has_masks))
    if config.gain_rate:
        change = (2 * draw.uniform(n_planes) - 1) * config.max_gain_change
        change = change * draw.happens(config.gain_rate)[:, None]
        values *= 1 + change[..., None, None]
    return changed


def _lose_edge(stamps: Tensor, config: AugmentationConfig, draw: _Draws) -> Tensor:
    """Make a band along one edge missing, as at the edge of a detector.

    Science and difference always lose it; every second time the template does too.
    """
    n_rows, n_planes, size, _ = stamps.shape
    width = draw.uniform() * config.max_missing_fraction * size
    width = torch.ceil(width) * draw.happens(config.missing_edge_rate)
    side = torch.floor(draw.uniform() * 4).long()
    pixel = torch.arange(size, device=stamps.device)
    distance = torch.where((side & 1 > 0)[:, None], size - 1 - pixel, pixel)
    lost = distance < width[:, None]  # (n, size) along the axis of the edge
    is_row = (side >> 1 > 0)[:, None, None]
    lost_pixels = torch.where(is_row, lost[:, :, None], lost[:, None, :])
    loses = torch.ones((n_rows, n_planes), dtype=torch.bool, device=stamps.device)
    loses[:, CutoutKind.TEMPLATE :: N_CUTOUT_KINDS] = draw.happens(0.5)[:, None]
    return stamps.masked_fill(lost_pixels[:, None] & loses[:, :, None, None], 0.0)
