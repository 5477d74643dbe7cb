"""Probabilities and symbols: likelihoods for the loss, integer tables, the coder."""
