"""Pixels in, pixels out: images, video, padding and tiling. No machine learning."""
