"""Training: presets, data, loss, optimiser, loop, checkpoints, learning curves, freezing."""
