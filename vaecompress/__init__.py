"""vaecompress: a learned image and video codec."""
