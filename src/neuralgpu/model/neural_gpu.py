"""The Neural GPU: a grid of symbols in, as many steps as it is long, symbols out."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PyTree, UInt32

from neuralgpu.model.arrays import AnyArray
from neuralgpu.model.cell import Cell, Disturbance, State, hard_tanh, initial_cell, prepared, saturation_cost
from neuralgpu.model.config import ModelConfig
from neuralgpu.model.global_operation import GlobalOperation, initial_operation
from neuralgpu.model.noise import dropout, gaussian, random_bits
from neuralgpu.model.unroll import unroll

_BEFORE_THE_FIRST_STEP = 2**32 - 1
"""Stands for the number of a step where the input's dropout is drawn."""
_OPERATION_STREAM = 0x4F5045
"""Of the random numbers that a global operation is drawn with, beside those of all other weights."""


class Training(NamedTuple):
    """What a training step gives an example beside its grid; without it the model is deterministic."""

    seed: UInt32[AnyArray, ""]
    """Decides this example's dropout and noise in this training step."""
    dropout: Float[AnyArray, ""]
    """Dropout rate."""
    noise: Float[AnyArray, ""]
    """Standard deviation of the noise on the state."""


class Output(NamedTuple):
    """What the model makes of one example."""

    logits: Float[Array, "length symbol"]
    saturation: Float[Array, ""]
    """Saturation cost, summed over steps, positions and channels; 0 outside training."""


class NeuralGPU(eqx.Module):
    """The model, acting on one example; batch and seed axes come from `vmap`."""

    embedding: Float[Array, "symbol channel"]
    """Row 0, padding, counts as zero whatever it holds."""
    cells: tuple[Cell, ...]
    """The layers of a step, each with the relaxed copies along the leading axis of its arrays."""
    global_operation: GlobalOperation | None = eqx.field(default=None, kw_only=True)
    """Applied after the layers of a step; relaxed copies as the cells have them. None where the settings have none."""
    readout: Float[Array, "channel symbol"]
    readout_bias: Float[Array, "symbol"]
    config: ModelConfig = eqx.field(static=True)

    @property
    def relaxed(self) -> PyTree:
        """The parameters of which there are relaxed copies, along the leading axis of every array."""
        return self.cells, self.global_operation

    def with_relaxed(self, relaxed: PyTree) -> "NeuralGPU":
        """Returns the model with other relaxed copies."""
        return eqx.tree_at(lambda model: model.relaxed, self, relaxed, is_leaf=lambda part: part is None)

    def __call__(
        self,
        grid: Int[AnyArray, "length rows"],
        mask: Bool[AnyArray, "length"],
        training: Training | None = None,
        steps: int | None = None,
    ) -> Output:
        """Runs the model on a grid that fills a bucket.

        Args:
            grid: symbols; rows beyond the given ones are padding.
            mask: the positions that the input or its target uses; the state is zero elsewhere.
            training: randomness and noise of a training step, None to evaluate.
            steps: number of steps, rounded up to whole rounds of the copies; the bucket's length when None.
        """
        (state, saturation), _ = self._run(grid, mask, training, steps, keep_states=False)
        return Output(state[:, 0] @ self.readout + self.readout_bias, saturation)

    def trace(
        self, grid: Int[AnyArray, "length rows"], mask: Bool[AnyArray, "length"]
    ) -> Float[Array, "step length height channel"]:
        """Returns the state after every step, in evaluation."""
        _, states = self._run(grid, mask, None, None, keep_states=True)
        return states.reshape(-1, *states.shape[2:])

    def _run(
        self,
        grid: Int[AnyArray, "length rows"],
        mask: Bool[AnyArray, "length"],
        training: Training | None,
        steps: int | None,
        *,
        keep_states: bool,
    ):
        config = self.config
        last_step = jnp.sum(mask)
        weight = mask[:, None, None].astype(self.embedding.dtype)
        state, saturation = self._embed(grid, weight, training)
        if training is not None and config.input_dropout:
            seed = random_bits(training.seed ^ random_bits(jnp.uint32(_BEFORE_THE_FIRST_STEP), ()), ())
            state = dropout(state, jnp.asarray(config.input_dropout), seed)

        def step(carry: tuple[State, Array], inputs: tuple[tuple[tuple[Cell, ...], GlobalOperation | None], Array]):
            (new, total), ((cells, global_operation), number) = carry, inputs
            seeds = None
            if training is not None:
                seeds = random_bits(training.seed ^ random_bits(number.astype(jnp.uint32), ()), (config.layers + 2,))
                if config.cell == "cgru" and config.dropout:
                    new = dropout(new, training.dropout, seeds[-1])
            for layer, cell in enumerate(cells):
                disturbance = None if training is None or seeds is None else Disturbance(training.dropout, seeds[layer])
                new, cost = cell(new, disturbance)
                new, total = new * weight, total + cost
            if global_operation is not None:
                new = global_operation(new, mask)
            if training is not None and seeds is not None and config.noise:
                new = new + training.noise * gaussian(seeds[-2], new.shape) * weight
            if config.stop == "length":
                new, total = jax.tree.map(lambda *pair: jnp.where(number <= last_step, *pair), (new, total), carry)
            return (new, total), (new if keep_states else None)

        cells = tuple(jax.vmap(lambda cell: prepared(cell, config.height))(cell) for cell in self.cells)
        rounds = config.rounds(grid.shape[0] if steps is None else steps)
        return unroll(
            step,
            (state, saturation),
            (cells, self.global_operation),
            rounds,
            rematerialise=training is not None,
            last_step=last_step if config.stop == "length" and not keep_states else None,
        )

    def _embed(self, grid: AnyArray, weight: AnyArray, training: Training | None) -> tuple[State, Float[Array, ""]]:
        table = self.embedding.at[0].set(0)
        grid = jnp.pad(grid, ((0, 0), (0, self.config.height - grid.shape[1])))
        embedded = table[grid]
        if self.config.cell == "cgru":
            return jnp.tanh(embedded), jnp.zeros(())
        saturation = jnp.zeros(())
        if training is not None:
            saturation = saturation_cost(embedded, self.config.saturation_limit) * grid.shape[0]
        return hard_tanh(embedded) * weight, saturation


def initial_model(key: Array, config: ModelConfig) -> NeuralGPU:
    """Draws a model's weights; every copy and layer on its own.

    'cgru': embedding U(-1.7, 1.7) as published. 'diagonal': Glorot uniform throughout.
    """
    embedding_key, readout_key, cells_key = jax.random.split(key, 3)
    limit = 1.7 if config.cell == "cgru" else (6 / (config.vocabulary + config.channels)) ** 0.5
    readout_limit = (
        1.8 * (3 / config.channels) ** 0.5
        if config.cell == "cgru"
        else (6 / (config.vocabulary + config.channels)) ** 0.5
    )
    cells = tuple(
        jax.vmap(lambda key: initial_cell(key, config))(jax.random.split(layer_key, config.copies))
        for layer_key in jax.random.split(cells_key, config.layers)
    )
    global_operation = None
    if config.global_operation != "none":
        operation_keys = jax.random.split(jax.random.fold_in(key, _OPERATION_STREAM), config.copies)
        global_operation = jax.vmap(lambda key: initial_operation(key, config))(operation_keys)
    return NeuralGPU(
        embedding=jax.random.uniform(embedding_key, (config.vocabulary, config.channels), minval=-limit, maxval=limit),
        cells=cells,
        readout=jax.random.uniform(
            readout_key, (config.channels, config.vocabulary), minval=-readout_limit, maxval=readout_limit
        ),
        readout_bias=jnp.zeros(config.vocabulary),
        config=config,
        global_operation=global_operation,
    )
