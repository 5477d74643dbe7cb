"""Bytes: the container and its chunks. Standard library only; FORMAT.md is normative."""
