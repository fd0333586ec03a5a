"""Sweeps: a grid of trainings, packed into jobs that Ray schedules, places and tries again."""
