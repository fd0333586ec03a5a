"""The command line: one module a command. Nothing here imports JAX before a command needs it."""

from neuralgpu.cli.app import main

__all__ = ["main"]
