"""Records to numbers that a learner takes: one fixed-length row for each object."""
