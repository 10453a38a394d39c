"""Classifiers learn categories from things: samples, networks, epochs, predictions."""

import logging
import os

# Before anything imports TensorFlow or JAX: no log noise, and GPU memory that grows on
# demand instead of being taken whole. What the user has set stays.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
# TensorFlow warns when several models are asked in turn, as in cross-validation.
logging.getLogger("tensorflow").setLevel(logging.ERROR)
