"""The encoder's free choices: goals, effort, rounding, searches. FORMAT.md leaves them open."""
