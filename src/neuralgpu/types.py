"""What the parts of the program hand to each other."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int


@dataclass(frozen=True)
class Batch:
    """Examples of one task at one length; symbol 0 is padding."""

    grid: Int[np.ndarray, "batch length rows"]
    """The inputs, one operand a row where the layout is aligned, else one row."""
    target: Int[np.ndarray, "batch length"]
    """The symbols to be written, 0 where nothing is asked for."""
