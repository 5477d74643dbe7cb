"""Evaluation: metrics, BD-rate, peers, reports."""
