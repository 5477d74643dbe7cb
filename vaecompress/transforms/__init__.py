"""The networks (Flax): exact layers, blocks, analysis, synthesis, hyperprior, context, model."""
