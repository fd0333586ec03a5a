"""Answers under what was expected, on a terminal."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from neuralgpu.reporting.digits import Comparison


def print_compared(console: "Console", compared: "Comparison") -> None:
    """Prints what was expected and what was answered, wrong digits underlined."""
    from rich.text import Text

    for label, pieces in (("expected", compared.expected), ("answered", compared.answered)):
        styled = [(piece.text, "bold red underline" if piece.kind == "wrong" else "") for piece in pieces]
        console.print(Text.assemble(f"  {label:<9}", *styled))
