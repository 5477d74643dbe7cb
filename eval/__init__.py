"""Evaluation. A file here is a command; the folders hold its parts."""
