"""Frozen values that make a project, and the pure functions that change it."""
