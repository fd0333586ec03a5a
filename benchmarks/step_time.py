"""Time of a training step: ours against the same step in PyTorch eager, on this machine, in one process.

    python benchmarks/step_time.py [--channels 24] [--length 41] [--batch 32] [--rounds 15] [--json]

The step is the classic preset's: 2 CGRU layers, 6 relaxed copies, dropout, loss, gradient, pull of the copies,
clipping, Adam. Ours is what `neuralgpu train` runs. PyTorch's has oneDNN convolutions on channels-last tensors, both
gates in one convolution, all cores, and ends its loop with the last step that counts. Both must agree on loss and
gradient first; then they take turns, so that whatever else the machine does hits both. The target is a ratio of at
most 1 at the default sizes. On cores that are busy otherwise PyTorch's threads wait for each other: free them.

Needs PyTorch, which nothing else here does: pip install torch
"""

import argparse
import json
import statistics
import sys
import timeit
from dataclasses import replace
from typing import Any

import jax
import numpy as np

from neuralgpu import devices
from neuralgpu.config import RunConfig
from neuralgpu.curriculum import Draw
from neuralgpu.errors import UserError
from neuralgpu.model.cell import CGRU
from neuralgpu.model.neural_gpu import NeuralGPU
from neuralgpu.settings import merged, preset_settings, run_config
from neuralgpu.tasks import find_task
from neuralgpu.training.data import step_examples
from neuralgpu.training.objective import Examples, Weights
from neuralgpu.training.step import compiled_step, initial_learner

try:
    import torch
    from torch import Tensor
    from torch.nn import functional
except ImportError:
    print("This comparison needs PyTorch: pip install torch", file=sys.stderr)
    raise SystemExit(2) from None

_TASK = "badd"
_LOSS_TOLERANCE = 1e-5
_GRADIENT_TOLERANCE = 1e-4
_WARM_UP = 2


class Ours:
    """The compiled step of one seed."""

    def __init__(self, config: RunConfig, examples: Examples):
        self.learner = initial_learner(config)
        self._step = compiled_step(config)
        self._examples = examples
        settings = (config.optimiser.learning_rate, config.optimiser.pull, 0.0, config.model.noise)
        self._weights = Weights(*(np.full(1, setting, np.float32) for setting in settings))

    def run(self) -> float:
        """Takes one step, waits for it and returns its loss."""
        self.learner, (report,) = self._step(self.learner, (self._examples,), self._weights)
        jax.block_until_ready(self.learner)
        return float(report.loss[0])


class Eager:
    """The same step in PyTorch; states are [batch, channels, length, height], channels last in memory."""

    def __init__(self, config: RunConfig, examples: Examples, model: NeuralGPU):
        self.parameters = [weight.requires_grad_() for weight in eager_weights(model)]
        self._config = config
        self._grid = _tensor(examples.grid[0, :, :, 0]).long()
        self._target = _tensor(examples.target[0]).long()
        mask = (self._grid != 0) | (self._target != 0)
        self._mask = mask[:, None, :, None].float()
        self._last_step = mask.sum(dim=1)[:, None, None, None]
        steps = config.model.rounds(mask.shape[1]) * config.model.copies
        self._steps = min(steps, int(self._last_step.max()) + 1)
        # Its epsilon joins a bias-corrected root, ours one that is not: other numbers, the same work.
        self._adam = torch.optim.Adam(
            self.parameters, lr=config.optimiser.learning_rate, eps=config.optimiser.epsilon, fused=True
        )

    def run(self) -> float:
        """Takes one step and returns its loss."""
        self._adam.zero_grad()
        loss = self._loss()
        distance = torch.stack([((weight - weight.mean(dim=0)) ** 2).sum() for weight in self.parameters[3:]]).sum()
        (loss + self._config.optimiser.pull * distance).backward()
        torch.nn.utils.clip_grad_norm_(self.parameters, self._config.optimiser.max_grad_norm)
        self._adam.step()
        return loss.item()

    def _loss(self) -> Tensor:
        model, (batch, bucket) = self._config.model, self._grid.shape
        embedding, readout, readout_bias, *cells = self.parameters
        copies = list(zip(*(weight.unbind() for weight in cells), strict=True))
        row = torch.tanh(functional.embedding(self._grid, embedding, padding_idx=0)).permute(0, 2, 1)[..., None]
        state = functional.pad(row, (0, model.height - 1)).contiguous(memory_format=torch.channels_last)
        for number in range(self._steps):
            new = functional.dropout(state, model.dropout * 8 / bucket) if model.dropout else state
            weights = copies[number % model.copies]
            for layer in range(model.layers):
                new = self._cell(new, weights[4 * layer : 4 * layer + 4]) * self._mask
            state = torch.where(number <= self._last_step, new, state)
        logits = state[..., 0].transpose(1, 2) @ readout + readout_bias
        entropy = functional.cross_entropy(logits.flatten(0, 1), self._target.flatten(), reduction="none")
        return (entropy * self._mask.flatten()).sum() / (batch * bucket)

    def _cell(self, state: Tensor, weights: tuple[Tensor, ...]) -> Tensor:
        gates, gates_bias, candidate, candidate_bias = weights
        cutoff = self._config.model.sigmoid_cutoff
        gate = torch.sigmoid(functional.conv2d(state, gates, gates_bias + 1, padding="same"))
        reset, update = gate.mul(cutoff).sub_((cutoff - 1) / 2).clamp(0, 1).chunk(2, dim=1)
        proposed = torch.tanh(functional.conv2d(reset * state, candidate, candidate_bias, padding="same"))
        return torch.lerp(proposed, state, update)


def eager_weights(model: NeuralGPU) -> list[Tensor]:
    """Returns the first seed's weights, or a gradient of their structure, with PyTorch's order of axes.

    Embedding, readout, its bias; then kernel and bias of gates and candidate of each layer, the copies first.
    """
    embedding = _tensor(model.embedding[0])
    embedding[0] = 0  # padding
    weights = [embedding, _tensor(model.readout[0]), _tensor(model.readout_bias[0])]
    cells = [cell for cell in model.cells if isinstance(cell, CGRU)]
    parts: list[Any] = [part for cell in cells for part in (cell.gates, cell.candidate)]
    for part in parts:
        kernel = _tensor(part.kernel[0]).permute(0, 4, 1, 2, 3).contiguous()
        weights += [kernel.permute(0, 1, 4, 2, 3), _tensor(part.bias[0])]
    return weights


def check_agreement(config: RunConfig, examples: Examples) -> None:
    """Takes one step without dropout with both and compares loss and gradient (pulled and clipped).

    Raises:
        SystemExit: they differ.
    """
    config = replace(config, model=replace(config.model, dropout=0.0))
    ours = Ours(config, examples)
    eager = Eager(config, examples, ours.learner.model)
    our_loss, loss = ours.run(), eager.run()
    gradient = torch.cat([weight.grad.flatten() for weight in eager.parameters if weight.grad is not None])
    # After one step Adam's first moment is a tenth of the gradient.
    our_gradient = 10 * torch.cat([moment.flatten() for moment in eager_weights(ours.learner.moments.first)])
    loss_error = abs(our_loss - loss) / loss
    gradient_error = float((our_gradient - gradient).norm() / gradient.norm())
    finding = f"losses differ by {loss_error:.1e}, gradients by {gradient_error:.1e}"
    if not (loss_error <= _LOSS_TOLERANCE and gradient_error <= _GRADIENT_TOLERANCE):
        raise SystemExit(f"Not the same step: {finding} ({_LOSS_TOLERANCE:.0e}, {_GRADIENT_TOLERANCE:.0e} allowed).")
    print(f"Same weights, no dropout: {finding}.", file=sys.stderr)


def _tensor(array: jax.Array | np.ndarray) -> Tensor:
    return torch.tensor(np.asarray(array))


def main() -> None:
    """Checks the two programs against each other, times them in turn and prints what came out."""
    parser = argparse.ArgumentParser(description="A training step against the same step in PyTorch eager.")
    parser.add_argument("--channels", type=int, default=24, help="channels of the state (default 24)")
    parser.add_argument("--length", type=int, default=41, help="length of the inputs, in symbols (default 41)")
    parser.add_argument("--batch", type=int, default=32, help="inputs in a step (default 32)")
    parser.add_argument("--rounds", type=int, default=15, help="timed steps of each (default 15)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    sizes = parser.parse_args()
    devices.configure()
    torch.set_num_threads(devices.cores())
    settings = {"task": _TASK, "batch": sizes.batch, "model": {"channels": sizes.channels}}
    try:
        config = run_config(merged([preset_settings("classic", "add"), settings]))
        bucket = config.curriculum.bucket_of(sizes.length)
        (examples,) = step_examples(config, (find_task(_TASK),), [[Draw(0, bucket, {sizes.length: sizes.batch})]], 0)
    except UserError as error:
        parser.error(str(error))
    check_agreement(config, examples)
    compiled = Ours(config, examples)
    programs = (compiled, Eager(config, examples, compiled.learner.model))
    seconds = [[timeit.timeit(program.run, number=1) for program in programs] for _ in range(_WARM_UP + sizes.rounds)]
    ours, eager = zip(*seconds[_WARM_UP:], strict=True)
    ratios = [one / other for one, other in zip(ours, eager, strict=True)]
    ratio = statistics.median(ratios)
    versions = {**devices.versions(), "torch": torch.__version__}
    if sizes.json:
        found = {"bucket": bucket, "cores": devices.cores(), "ours": ours, "pytorch": eager, "ratio": ratio}
        return print(json.dumps({**vars(sizes), **found, "versions": versions}))
    print(f"{config.model.channels} channels, batch {sizes.batch}, length {sizes.length} in bucket {bucket}, ", end="")
    print(f"{devices.cores()} cores; " + ", ".join(f"{name} {version}" for name, version in versions.items()))
    print(f"{'seconds a step':16}{'median':>8}{'least':>8}{'most':>8}")
    for name, times in (("ours", ours), ("PyTorch eager", eager)):
        print(f"{name:16}{statistics.median(times):8.3f}{min(times):8.3f}{max(times):8.3f}")
    print(
        f"Ratio ours / PyTorch: {ratio:.2f} ({min(ratios):.2f} to {max(ratios):.2f} over {len(ratios)} rounds); "
        f"the target, at most 1, {'holds' if ratio <= 1 else 'is missed'}."
    )


if __name__ == "__main__":
    main()
