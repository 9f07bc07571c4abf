"""Augmentation: from one labelled picture the many that a camera could have seen. Reading order: geometry, mosaic, colour, chain."""
