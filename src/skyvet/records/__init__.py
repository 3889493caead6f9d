"""Frozen records that carry outside data through skyvet, checked once where it enters."""
