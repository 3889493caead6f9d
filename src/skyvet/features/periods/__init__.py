"""Periods of light curves; needs the extra ``light-curves``."""
