"""Rows of training at an equal budget, one thing changed in each."""
