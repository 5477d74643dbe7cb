"""Symbols to bytes: integer tables and the coder. numpy only."""
