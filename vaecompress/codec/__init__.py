"""Bytes to pixels: latents, pictures, tiles, stills, videos. What FORMAT.md binds."""
