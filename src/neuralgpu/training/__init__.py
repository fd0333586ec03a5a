"""Learning: objective, optimiser, compiled step, loop."""
