"""Training: presets, loss, optimiser, loop, checkpoints, learning curves."""
