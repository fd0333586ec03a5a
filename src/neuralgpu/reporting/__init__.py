"""Turns events and result rows into reports, tables and figures; does without JAX."""
