"""Settings of the network."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """Shape and nonlinearities of a Neural GPU; the defaults are the paper's classic model."""

    cell: Literal["cgru", "diagonal"] = "cgru"
    """'cgru': Kaiser & Sutskever 2015, eq. 2. 'diagonal': Freivalds & Liepins 2017 (hard units, diagonal gates)."""
    channels: int = 24
    """Channels of the state (the paper's filters)."""
    height: int = 4
    """Rows of the state; at least the rows of the task's layout (2 for aligned)."""
    layers: int = 2
    """Cells that are applied one after the other in one step."""
    copies: int = 6
    """Relaxed copies of the cells; step t uses copy t mod copies. 1 shares the weights from the start."""
    kernel: int = 3
    """Width of the convolution, in positions and (where height > 1) in rows; odd."""
    vocabulary: int = 33
    """Number of symbols in and out, padding included."""
    sigmoid_cutoff: float = 1.2
    """cgru: gates are clip(c * sigmoid(x) - (c - 1) / 2, 0, 1); 0 means a plain sigmoid."""
    tanh_cutoff: float = 0.0
    """cgru: candidates are clip(c * tanh(x), -1, 1); 0 means a plain tanh."""
    dropout: float = 0.15
    """cgru: dropped share of the state before each step, times 8 / bucket. diagonal: dropped share of the candidate."""
    input_dropout: float = 0.0
    """Dropped share of the embedded input, before the first step; the published diagonal model's is `dropout`."""
    noise: float = 0.0
    """Standard deviation of the Gaussian noise added to the state after every step in training."""
    noise_schedule: Literal["constant", "rising", "curriculum", "rate"] = "constant"
    """'rising': from 0 to `noise` over the run's first `noise_steps` training steps. 'curriculum': times the share of
    max_length that the curriculum has reached. 'rate': times the share that is left of the first learning rate."""
    noise_steps: int = 1000
    """rising: number of training steps that the rise takes."""
    shift: Literal["thirds", "none"] = "thirds"
    """diagonal: what the update gate passes on. 'thirds': a third of the channels come from the left neighbour and a
    third from the right one. 'none': every channel is the position's own."""
    saturation_limit: float = 0.9
    """diagonal: pre-activations beyond this magnitude cost their excess in training."""
    global_operation: Literal["none", "shift", "attention"] = "none"
    """Moves data any distance, once a step, after the layers (paper, section 6). 'shift': every channel by learned
    amounts, whatever the input. 'attention': every position reads others that it chooses by their content."""
    attention_width: int = 16
    """attention: length of the vectors by which positions are compared."""
    stop: Literal["length", "bucket"] = "length"
    """'length': an input of n symbols takes n + 1 steps. 'bucket': as many as the bucket is long."""

    @property
    def kernel_rows(self) -> int:
        """Rows that the convolution sees."""
        return self.kernel if self.height > 1 else 1

    def numbers_a_position(self, length: int) -> int:
        """Returns how many numbers a step works on at each position of an input: its window, and what it attends to."""
        attended = length if self.global_operation == "attention" else 0
        return self.height * self.channels * self.kernel + attended

    def rounds(self, bucket: int) -> int:
        """Returns how many whole rounds of the copies cover a bucket's steps."""
        return -(-bucket // self.copies)
