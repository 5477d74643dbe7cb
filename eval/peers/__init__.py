"""Codecs to compare with, ours among them."""
