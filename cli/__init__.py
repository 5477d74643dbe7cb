"""The command ``vaecompress``."""
