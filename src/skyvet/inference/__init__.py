"""Running a bundle over much data."""
