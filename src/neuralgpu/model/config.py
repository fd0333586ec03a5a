"""Settings of the network."""

from dataclasses import dataclass
from typing import Any, Literal

_FUSIBLE: dict[str, Any] = {
    "output": "last",
    "batch_norm": "off",
    "global_operation": "none",
    "task_channels": 0,
    "sigmoid_smooth": 0,
    "tanh_smooth": 0,
}
"""Settings that the fused kernels know, each in one form."""
_MOST_FUSIBLE_CHANNELS = 128
"""Sums of wider states do not fit the registers of a multiprocessor."""


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """Shape and nonlinearities of a Neural GPU; the defaults are the paper's classic model."""

    cell: Literal["cgru", "diagonal", "residual"] = "cgru"
    """'cgru': Kaiser & Sutskever 2015, eq. 2. 'diagonal': Freivalds & Liepins 2017 (hard units, diagonal gates).
    'residual': the paper's variant without gates, one relu(convolution) a layer; the last one adds what the step
    began with."""
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
    compute: Literal["float32", "bfloat16"] = "float32"
    """What the steps compute with; weights, embedding, readout, loss and optimiser are single precision anyway."""
    task_channels: int = 0
    """Number of tasks that a model is told apart: a one-hot code of the task, in as many channels, is appended to the
    input of every convolution, where the mask is on. 0: the model is not told its task."""
    sigmoid_cutoff: float = 1.2
    """cgru: gates are clip(c * sigmoid(x) - (c - 1) / 2, 0, 1); 0 means a plain sigmoid."""
    sigmoid_smooth: float = 0.0
    """cgru: what is cut off keeps the gradient that it has with this wider cutoff s, which clips the same
    c * sigmoid(x) - (c - 1) / 2 to [-(s - 1) / 2, 1 + (s - 1) / 2]; from s = c on all of it. At least 1, or 0: no
    gradient outside the cutoff."""
    tanh_cutoff: float = 0.0
    """cgru: candidates are clip(c * tanh(x), -1, 1); 0 means a plain tanh."""
    tanh_smooth: float = 0.0
    """cgru: what is cut off keeps the gradient of clip(c * tanh(x), -s, s), s this setting; from s = c on all of it.
    At least 1, or 0: no gradient outside the cutoff."""
    batch_norm: Literal["off", "everywhere", "masked"] = "off"
    """Batch normalisation of the state after every step, with weights of each copy's own. Means and variances are
    taken over all positions of the batch ('everywhere') or over those that an input or its target uses ('masked')."""
    batch_norm_evaluation: Literal["batch", "running"] = "batch"
    """'batch': an evaluation takes its own batch's means and variances, as published; the answer to an input then
    depends on those that it is answered with. 'running': it takes those that training has kept."""
    dropout: float = 0.15
    """cgru, residual: dropped share of the state before each step, times 8 / bucket. diagonal: dropped share of the
    candidate."""
    input_dropout: float = 0.0
    """Dropped share of the embedded input, before the first step; the published diagonal model's is `dropout`."""
    noise: float = 0.0
    """Standard deviation of the Gaussian noise added to the state after every step in training."""
    noise_schedule: Literal["constant", "rising", "curriculum", "rate"] = "constant"
    """'rising': from 0 to `noise` over the run's first `noise_steps` training steps. 'curriculum': times the share of
    max_length that the curriculum has reached. 'rate': times the share that is left of the first learning rate."""
    noise_steps: int = 1000
    """rising: number of training steps that the rise takes."""
    rounding: int = 0
    """The state is rounded after every step to multiples of 1 / rounding, which undoes what a unit drifts by in a step;
    0: not at all. A model that was trained with noise of about 1 / (2 rounding) bears it."""
    rounded: Literal["evaluation", "always"] = "evaluation"
    """'evaluation': outside training only. 'always': in training as well, after the noise; gradients pass straight
    through."""
    shift: Literal["thirds", "none"] = "thirds"
    """diagonal: what the update gate passes on. 'thirds': a third of the channels come from the left neighbour and a
    third from the right one. 'none': every channel is the position's own."""
    saturation_limit: float = 0.9
    """diagonal: pre-activations beyond this magnitude cost their excess in training."""
    movement_limit: float = 0.0
    """What a unit may change by in a step of training at no cost; what it changes by beyond that costs
    `optimiser.movement_weight`. 0: movement is not counted."""
    global_operation: Literal["none", "shift", "attention"] = "none"
    """Moves data any distance, once a step, after the layers (paper, section 6). 'shift': every channel by learned
    amounts, whatever the input. 'attention': every position reads others that it chooses by their content."""
    attention_width: int = 16
    """attention: length of the vectors by which positions are compared."""
    stop: Literal["length", "bucket"] = "length"
    """'length': an input of n symbols takes n + 1 steps. 'bucket': as many as the bucket is long."""
    steps_scale: float = 1.0
    """Factor of the steps that an input takes: round(factor * n) + 1, or round(factor * bucket)."""
    output: Literal["last", "sum"] = "last"
    """What is read out: the state after the 'last' step, or the 'sum' of the states after every step of the bucket;
    the sum does not stop at an input's length."""

    @property
    def kernel_rows(self) -> int:
        """Rows that the convolution sees."""
        return self.kernel if self.height > 1 else 1

    @property
    def not_fusible(self) -> str | None:
        """Name of a setting that the fused kernels do not know, None where they run the model."""
        if self.cell == "residual":
            return "cell"
        if self.cell == "diagonal" and self.saturation_limit >= 1:
            return "saturation_limit"  # what lies beyond is cut off from the values that they keep
        if self.channels > _MOST_FUSIBLE_CHANNELS:
            return "channels"
        if self.rounding and self.rounded == "always":
            return "rounded"
        if self.movement_limit:
            return "movement_limit"
        return next((name for name, value in _FUSIBLE.items() if getattr(self, name) != value), None)

    @property
    def depends_on_padding(self) -> bool:
        """Whether what the model makes of an input depends on the bucket that it is padded to."""
        return self.stop == "bucket" or self.output == "sum" or self.batch_norm != "off"

    @property
    def rests_in_parts(self) -> bool:
        """Whether a state is on a grid, where parts of it come to rest, and a step is one map of what is near."""
        local = self.global_operation == "none" and self.batch_norm == "off"
        return self.rounding > 0 and self.copies == 1 and local and self.output == "last"

    @property
    def reach(self) -> int:
        """Positions to either side that a step reads, by two convolutions of each layer, one after the other."""
        return self.layers * 2 * (self.kernel // 2)

    def numbers_a_position(self, length: int) -> int:
        """Returns how many numbers a step works on at each position of an input: its window, and what it attends to."""
        attended = length if self.global_operation == "attention" else 0
        return self.height * self.channels * self.kernel + attended

    def steps(self, bucket: int) -> int:
        """Returns the number of steps for a bucket."""
        return bucket if self.steps_scale == 1 else max(1, round(self.steps_scale * bucket))

    def steps_of(self, length: int, bucket: int) -> int:
        """Returns the number of steps that change an input of some length in a bucket of its own."""
        whole = self.rounds(self.steps(bucket)) * self.copies
        return whole if self.depends_on_padding else min(whole, round(self.steps_scale * length) + 1)

    def rounds(self, steps: int) -> int:
        """Returns how many whole rounds of the copies cover the steps."""
        return -(-steps // self.copies)
