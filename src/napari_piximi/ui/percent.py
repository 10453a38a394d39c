"""Shares in whole per cent."""

from math import floor

__all__ = ["percent", "percent_below"]

SLACK = 1e-9
"""What arithmetic may have lost: 0.29 × 100 is a little less than 29."""


def percent(share: float) -> str:
    """Write a share in whole per cent; 100% is all of them, and not 9,999 of 10,000."""
    return f"{share if share >= 1 else min(share, 0.99):.0%}"


def percent_below(share: float) -> str:
    """Write a share in whole per cent, rounded down: 80% is nothing that is less than 0.80."""
    return f"{floor(share * 100 + SLACK)}%"
