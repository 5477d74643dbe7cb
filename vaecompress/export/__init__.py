"""Flax modules to model files and back."""
