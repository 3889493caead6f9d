"""Records to model-ready arrays: stamps, normalisation, augmentation, batches."""
