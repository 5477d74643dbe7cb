"""Damage, hostile input, crashes, long runs, and exactness across engines."""
