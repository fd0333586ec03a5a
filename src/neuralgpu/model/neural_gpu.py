"""The Neural GPU: a grid of symbols in, as many steps as it is long, symbols out."""

from functools import partial
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PyTree, UInt32

from neuralgpu.model.arrays import AnyArray, at_least_single
from neuralgpu.model.batch_norm import BatchNorm, Company, Moments
from neuralgpu.model.cell import Cell, Context, Disturbance, State, excess, hard_tanh, prepared
from neuralgpu.model.config import ModelConfig
from neuralgpu.model.embedding import embedded
from neuralgpu.model.global_operation import GlobalOperation
from neuralgpu.model.memory import STEP, STORE, Memory
from neuralgpu.model.moving import unroll_where_moving
from neuralgpu.model.noise import dropout, gaussian, random_bits
from neuralgpu.model.results import Results
from neuralgpu.model.rounding import rounded, rounded_step
from neuralgpu.model.unroll import unroll, unroll_until_settled

_LONG = 101
"""Positions from which an evaluation computes only what moves, where the settings let states come to rest."""
_BEFORE_THE_FIRST_STEP = 2**32 - 1
"""Stands for the number of a step where the input's dropout is drawn."""


class Training(NamedTuple):
    """What a training step gives an example beside its grid; without it the model is deterministic."""

    seed: UInt32[AnyArray, ""]
    """Decides this example's dropout and noise in this training step."""
    dropout: Float[AnyArray, ""]
    """Dropout rate."""
    noise: Float[AnyArray, ""]
    """Standard deviation of the noise on the state."""
    steps: Int[AnyArray, ""] | int = 2**31 - 1
    """Most steps that an example takes that stops at its length."""


class Output(NamedTuple):
    """What the model makes of one example."""

    logits: Float[Array, "length symbol"]
    saturation: Float[Array, ""]
    """Saturation cost, summed over steps, positions and channels; 0 outside training."""
    running: Moments | None = None
    """What the batch changes the running moments by; in training, with batch normalisation."""
    movement: Float[Array, ""] | None = None
    """What units changed by in a step beyond the limit, summed as the cost is; in training, where it is counted."""


class Begin(NamedTuple):
    """What the steps of an example begin with."""

    state: State
    weight: Float[AnyArray, "length 1 1"]
    """1 where the mask is on, 0 elsewhere."""
    last_step: Int[Array, ""]
    """Number of the last step that changes an example which stops at its length."""
    saturation: Float[Array, ""]


class _Progress(NamedTuple):
    """What goes from step to step."""

    state: State
    saturation: Float[Array, ""]
    summed: State | None = None
    """Sum of the states so far, where that is read out."""
    movement: Float[Array, ""] | None = None
    """Movement so far, where it is counted."""


class _Copy(NamedTuple):
    """The weights of a step, one of the relaxed copies."""

    cells: tuple[Cell, ...]
    global_operation: GlobalOperation | None
    batch_norm: BatchNorm | None


class NeuralGPU(eqx.Module):
    """The model, acting on one example; batch and seed axes come from `vmap`."""

    embedding: Float[Array, "symbol channel"]
    """Row 0, padding, counts as zero whatever it holds."""
    cells: tuple[Cell, ...]
    """The layers of a step, each with the relaxed copies along the leading axis of its arrays."""
    readout: Float[Array, "channel symbol"]
    readout_bias: Float[Array, "symbol"]
    config: ModelConfig = eqx.field(static=True)
    global_operation: GlobalOperation | None = None
    """Applied after the layers of a step, with the relaxed copies along the leading axis, too; None where it is off."""
    batch_norm: BatchNorm | None = None
    """Applied after that, with the relaxed copies along the leading axis, too; None where it is off."""
    probe: Float[Array, "symbol channel"] | None = None
    """Where the model is differentiated: its gradient is the sum of squares of the slices that the embedding's adds."""

    @property
    def relaxed(self) -> PyTree:
        """The parameters of which there are relaxed copies, along the leading axis of every array."""
        norm = self.batch_norm
        return self.cells, self.global_operation, None if norm is None else (norm.scale, norm.offset)

    def with_relaxed(self, relaxed: PyTree) -> "NeuralGPU":
        """Returns the model with other relaxed copies."""
        return eqx.tree_at(lambda model: jax.tree.leaves(model.relaxed), self, jax.tree.leaves(relaxed))

    def __call__(
        self,
        grid: Int[AnyArray, "length rows"],
        mask: Bool[AnyArray, "length"],
        training: Training | None = None,
        steps: int | Int[Array, ""] | None = None,
        task: Int[AnyArray, ""] | None = None,
        axes: tuple[str, ...] = (),
        memory: Memory = STEP,
        *,
        until_settled: bool = False,
    ) -> Output:
        """Runs the model on a grid that fills a bucket.

        Args:
            grid: symbols; rows beyond the given ones are padding.
            mask: the positions that the input or its target uses; without batch normalisation the state is zero
                elsewhere, with it an example without any does not count in the batch.
            training: randomness and noise of a training step, None to evaluate.
            steps: number of steps, rounded up to whole rounds of the copies; what the settings say for the bucket
                when None.
            task: number of the example's task, for a model that is told it; None means 0.
            axes: names of the mapped axes along which the examples of a batch lie, for batch normalisation; without
                any, the example is a batch of its own.
            memory: what is kept in training for the backward pass.
            until_settled: whether, outside training, the steps end where they change no example of a `vmap` any more,
                and are taken only where a long state moves, if it is rounded. The answer is that of all the steps,
                which may be traced then; it has no gradient. What the settings make depend on every step, a sum of the
                states or a batch's moments, takes all of them.
        """
        last, _, moments = self._run(
            grid, mask, training, steps, task, axes, memory, keep_states=False, until_settled=until_settled
        )
        state = last.state if last.summed is None else last.summed
        running = None if self.batch_norm is None or moments is None else self.batch_norm.change_by(moments)
        return Output(self.read(state), last.saturation, running, last.movement)

    def trace(
        self,
        grid: Int[AnyArray, "length rows"],
        mask: Bool[AnyArray, "length"],
        task: Int[AnyArray, ""] | None = None,
    ) -> Float[Array, "step length height channel"]:
        """Returns the state after every step, in evaluation, where the example is a batch of its own."""
        _, states, _ = self._run(grid, mask, None, None, task, (), STORE, keep_states=True)
        return states.reshape(-1, *states.shape[2:]).astype(self.embedding.dtype)

    def _run(
        self,
        grid: Int[AnyArray, "length rows"],
        mask: Bool[AnyArray, "length"],
        training: Training | None,
        steps: int | Int[Array, ""] | None,
        task: Int[AnyArray, ""] | None,
        axes: tuple[str, ...],
        memory: Memory,
        *,
        keep_states: bool,
        until_settled: bool = False,
    ) -> tuple[_Progress, Any, Any]:
        config = self.config
        state, weight, last_step, saturation = self.begin(grid, mask, training)
        dtype = state.dtype
        code = self._task_code(task, weight)
        company = self._company(mask, axes, training)
        stops = config.stop == "length" and config.output == "last"
        # With batch moments every round counts: an example that has stopped is still counted with the others.
        skips = stops and company is None and not keep_states

        def step(
            progress: _Progress, inputs: tuple[_Copy, Array], results: Results | None = None
        ) -> tuple[_Progress, tuple[State | None, Moments | None] | None]:
            (copy, number), moments, seeds = inputs, None, None
            new, total, movement = progress.state, progress.saturation, progress.movement
            if training is not None:
                seeds = random_bits(training.seed ^ random_bits(number.astype(jnp.uint32), ()), (config.layers + 2,))
                if config.cell != "diagonal" and config.dropout:
                    new = dropout(new, training.dropout, seeds[-1])
            context = Context(new, code, results)
            for layer, cell in enumerate(copy.cells):
                disturbance = None if training is None or seeds is None else Disturbance(training.dropout, seeds[layer])
                new, cost = cell(new, disturbance, context)
                new, total = new * weight, total + cost
            if copy.global_operation is not None:
                new = copy.global_operation(new, mask)
            if copy.batch_norm is not None:
                moments = copy.batch_norm.running if company is None else company.moments(new)
                new = copy.batch_norm(new, moments)
            if movement is not None:
                movement = movement + excess(new - progress.state, config.movement_limit)
            if training is not None and seeds is not None and config.noise:
                new = (new + training.noise * gaussian(seeds[-2], new.shape) * weight).astype(dtype)
            if config.rounding and (training is None or config.rounded == "always"):
                new = rounded(new, config.rounding)
            if stops:
                new, total, movement = jax.tree.map(
                    lambda *pair: jnp.where(number <= last_step, *pair),
                    (new, total, movement),
                    (progress.state, progress.saturation, progress.movement),
                )
            summed = None if progress.summed is None else progress.summed + new
            kept = None if skips else (new if keep_states else None, None if training is None else moments)
            return _Progress(new, total, summed, movement), kept

        cells = tuple(jax.vmap(lambda cell: prepared(cell, config.height, dtype))(cell) for cell in self.cells)
        # Once for all the steps; batch normalisation keeps its precision.
        cells, operation = jax.tree.map(lambda leaf: leaf.astype(dtype), (cells, self.global_operation))
        copies = _Copy(cells, operation, self.batch_norm)
        made: Any = config.steps(grid.shape[0]) if steps is None else steps
        rounds = -(-made // config.copies)  # whole ones
        if until_settled and training is None and company is None and config.output == "last":
            if config.rests_in_parts and len(state) >= _LONG:
                one = jax.tree.map(lambda leaf: leaf[0], cells)
                made = jnp.minimum(last_step + 1, rounds) if stops else rounds
                advance = partial(rounded_step, rounding=config.rounding)
                state = unroll_where_moving(advance, one, state, (weight, code), made, config.reach)
                return _Progress(state, saturation), None, None
            return unroll_until_settled(step, _Progress(state, saturation), copies, rounds), None, None
        last, kept = unroll(
            step,
            _Progress(
                state,
                saturation,
                jnp.zeros_like(at_least_single(state)) if config.output == "sum" else None,
                jnp.zeros(()) if training is not None and config.movement_limit else None,
            ),
            copies,
            rounds,
            memory=STORE if training is None else memory,
            last_step=last_step if skips else None,
            example_axis=axes[0] if company is not None and axes else None,
            noting=step if axes else None,
        )
        states, moments = kept or (None, None)
        return last, states, moments

    def begin(
        self, grid: Int[AnyArray, "length rows"], mask: Bool[AnyArray, "length"], training: Training | None
    ) -> Begin:
        """Returns what the step loop of an example begins with."""
        config, last_step = self.config, jnp.sum(mask)
        if config.steps_scale != 1:
            last_step = jnp.round(config.steps_scale * last_step).astype(int)
        if training is not None:
            last_step = jnp.minimum(last_step, training.steps - 1)
        weight = mask[:, None, None].astype(self.embedding.dtype)
        state, saturation = self._embed(grid, weight, training)
        if training is not None and config.input_dropout:
            seed = random_bits(training.seed ^ random_bits(jnp.uint32(_BEFORE_THE_FIRST_STEP), ()), ())
            state = dropout(state, jnp.asarray(config.input_dropout), seed)
        dtype = jnp.bfloat16 if config.compute == "bfloat16" else self.embedding.dtype
        return Begin(state.astype(dtype), weight.astype(dtype), last_step, saturation)

    def read(self, state: State) -> Float[Array, "length symbol"]:
        """Returns the logits of every position, from its first row."""
        return state[:, 0].astype(self.readout.dtype) @ self.readout + self.readout_bias

    def _embed(self, grid: AnyArray, weight: AnyArray, training: Training | None) -> tuple[State, Float[Array, ""]]:
        grid = jnp.pad(grid, ((0, 0), (0, self.config.height - grid.shape[1])))
        if self.probe is None:
            state = self.embedding.at[0].set(0)[grid]
        else:
            state = embedded(self.embedding, self.probe, grid)
        if self.config.cell != "diagonal":
            return jnp.tanh(state), jnp.zeros(())
        saturation = jnp.zeros(())
        if training is not None:
            saturation = excess(state, self.config.saturation_limit) * grid.shape[0]
        return hard_tanh(state) * weight, saturation

    def _task_code(self, task: AnyArray | None, weight: AnyArray) -> Float[Array, "length height task"] | None:
        count = self.config.task_channels
        if not count:
            return None
        code = jax.nn.one_hot(0 if task is None else task, count, dtype=weight.dtype) * weight
        return jnp.broadcast_to(code, (len(weight), self.config.height, count))

    def _company(self, mask: AnyArray, axes: tuple[str, ...], training: Training | None) -> Company | None:
        """Returns whose moments the batch normalisation takes; None where it takes the running ones, or is off."""
        kind = self.config.batch_norm
        if kind == "off" or (training is None and self.config.batch_norm_evaluation == "running"):
            return None
        counted = mask if kind == "masked" else jnp.broadcast_to(jnp.any(mask), mask.shape)
        return Company(counted[:, None, None].astype(self.embedding.dtype), axes)
