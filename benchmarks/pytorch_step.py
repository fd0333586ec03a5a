"""The classic preset's training step in PyTorch, eager or compiled, for `step_time.py` to compare ours with."""

from typing import Any

import jax
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from neuralgpu.config import RunConfig
from neuralgpu.model.cell import CGRU
from neuralgpu.model.neural_gpu import NeuralGPU
from neuralgpu.training.objective import Examples

_OF_A_LAYER = 4
"""Kernel and bias of the gates and of the candidate."""


class PyTorch:
    """The step of several seeds, one after the other; states are [batch, channels, length, height], channels last.

    Steps of the model compute with `config.model.compute`, all the rest is in single precision. Compiled, the function
    that `torch.compile` is given is a step of the model (dropout, both layers, the choice of the stop): its backward
    pass is compiled, too, what is elementwise is fused around oneDNN's convolutions, and it compiles in seconds where
    the whole loop takes minutes.
    """

    def __init__(self, config: RunConfig, examples: Examples, model: NeuralGPU, *, compiled: bool = False):
        self.seeds = [_Seed(config, examples, model, number) for number in range(len(config.seeds))]
        if compiled:
            advance = torch.compile(_advance, dynamic=False)
            for seed in self.seeds:
                seed.advance = advance

    def run(self) -> float:
        """Takes one step and returns the first seed's loss."""
        losses = [seed.run() for seed in self.seeds]
        return losses[0]

    def warm_up(self) -> None:
        """Takes a step of one seed: what is compiled is compiled for all."""
        self.seeds[0].run()


class _Seed:
    def __init__(self, config: RunConfig, examples: Examples, model: NeuralGPU, number: int):
        self.parameters = [weight.requires_grad_() for weight in torch_weights(model, number)]
        self.advance: Any = _advance
        self._config = config
        self._dtype = getattr(torch, config.model.compute)
        self._grid = _tensor(examples.grid[number, :, :, 0]).long()
        self._target = _tensor(examples.target[number]).long()
        self._bucket = float(examples.bucket[number])
        mask = (self._grid != 0) | (self._target != 0)
        self._mask = mask[:, None, :, None].float()
        last_step = mask.sum(dim=1)[:, None, None, None]
        steps = min(int(examples.steps[number]), int(last_step.max()) + 1)
        self._taken = [number <= last_step for number in range(steps)]
        # Its epsilon joins a bias-corrected root, ours one that is not: other numbers, the same work.
        self._adam = torch.optim.Adam(
            self.parameters, lr=config.optimiser.learning_rate, eps=config.optimiser.epsilon, fused=True
        )

    def run(self) -> float:
        self._adam.zero_grad()
        loss = self._loss()
        distance = torch.stack([((weight - weight.mean(dim=0)) ** 2).sum() for weight in self.parameters[3:]]).sum()
        (loss + self._config.optimiser.pull * distance).backward()
        torch.nn.utils.clip_grad_norm_(self.parameters, self._config.optimiser.max_grad_norm)
        self._adam.step()
        return loss.item()

    def _loss(self) -> Tensor:
        model, batch, bucket = self._config.model, len(self._grid), self._bucket
        embedding, readout, readout_bias, *cells = self.parameters
        copies = list(zip(*(weight.to(self._dtype).unbind() for weight in cells), strict=True))
        row = torch.tanh(functional.embedding(self._grid, embedding, padding_idx=0)).permute(0, 2, 1)[..., None]
        state = functional.pad(row, (0, model.height - 1)).to(self._dtype)
        state, mask = state.contiguous(memory_format=torch.channels_last), self._mask.to(self._dtype)
        for number, taken in enumerate(self._taken):
            weights = copies[number % model.copies]
            state = self.advance(state, weights, mask, taken, model.dropout * 8 / bucket, model.sigmoid_cutoff)
        logits = state[..., 0].transpose(1, 2).float() @ readout + readout_bias
        entropy = functional.cross_entropy(logits.flatten(0, 1), self._target.flatten(), reduction="none")
        return (entropy * self._mask.flatten()).sum() / (batch * bucket)


def _advance(
    state: Tensor, weights: tuple[Tensor, ...], mask: Tensor, taken: Tensor, dropout: float, cutoff: float
) -> Tensor:
    new = functional.dropout(state, dropout) if dropout else state
    for layer in range(0, len(weights), _OF_A_LAYER):
        gates, gates_bias, candidate, candidate_bias = weights[layer : layer + _OF_A_LAYER]
        gate = torch.sigmoid(functional.conv2d(new, gates, gates_bias + 1, padding="same"))
        reset, update = gate.mul(cutoff).sub((cutoff - 1) / 2).clamp(0, 1).chunk(2, dim=1)
        proposed = torch.tanh(functional.conv2d(reset * new, candidate, candidate_bias, padding="same"))
        new = torch.lerp(proposed, new, update) * mask
    return torch.where(taken, new, state)


def torch_weights(model: NeuralGPU, seed: int = 0) -> list[Tensor]:
    """Returns a seed's weights, or a gradient of their structure, with PyTorch's order of axes.

    Embedding, readout, its bias; then kernel and bias of gates and candidate of each layer, the copies first.
    """
    embedding = _tensor(model.embedding[seed])
    embedding[0] = 0  # padding
    weights = [embedding, _tensor(model.readout[seed]), _tensor(model.readout_bias[seed])]
    cells = [cell for cell in model.cells if isinstance(cell, CGRU)]
    parts: list[Any] = [part for cell in cells for part in (cell.gates, cell.candidate)]
    for part in parts:
        kernel = _tensor(part.kernel[seed]).permute(0, 4, 1, 2, 3).contiguous()
        weights += [kernel.permute(0, 1, 4, 2, 3), _tensor(part.bias[seed])]
    return weights


def _tensor(array: jax.Array | np.ndarray) -> Tensor:
    return torch.tensor(np.asarray(array))
