"""Frozen records that every room speaks in. No I/O, no clock, no randomness."""
