"""What the encoder does unless asked otherwise."""

DEFAULT_EFFORT = 3

DEFAULT_GROUP = 128
"""Frames from one that is coded on its own to the next at most."""
