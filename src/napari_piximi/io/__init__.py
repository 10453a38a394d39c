"""Piximi's files: bundles, classifiers, and later images and annotations."""
