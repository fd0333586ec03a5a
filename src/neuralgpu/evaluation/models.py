"""The models of a run, loaded from its newest checkpoint, and their answers."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import equinox as eqx
import jax
import numpy as np
from jax.sharding import Mesh, PartitionSpec
from jaxtyping import Array, Bool, Int

from neuralgpu.checkpoint import load_latest
from neuralgpu.config import check_room
from neuralgpu.errors import UserError
from neuralgpu.evaluation.suites import Example
from neuralgpu.model.batch_norm import EXAMPLE_AXIS
from neuralgpu.model.config import ModelConfig
from neuralgpu.model.initial import initial_model
from neuralgpu.model.neural_gpu import NeuralGPU
from neuralgpu.model.seeds import over_seeds
from neuralgpu.named_arrays import with_arrays
from neuralgpu.run_directory import RunDirectory
from neuralgpu.tasks import Task, find_task

_STATE_BYTES_AT_ONCE = 32e6
_BUCKETS_APART = 8


@dataclass(frozen=True)
class TrainedModels:
    """All the seeds of a run."""

    model: NeuralGPU
    """With the seeds along the leading axis of every array."""
    seeds: tuple[int, ...]
    step: int
    """Training step of the checkpoint."""
    task: Task
    task_number: int
    """Which of the run's tasks that is, for models that are told it."""
    run: str
    """Name of the run directory."""
    warnings: tuple[str, ...]
    """Damaged checkpoints that were passed over."""
    diverged: Mapping[int, int]
    """Seeds whose numbers were no longer finite, with the step of it: they give answers, but none that they learned."""
    average: bool
    """The seeds answer together, with the symbol of the largest mean probability, instead of each by itself."""

    @property
    def answering(self) -> tuple[int | None, ...]:
        """Who gives answers: every seed, by its number, or None for all of them together."""
        return (None,) if self.average else self.seeds

    @property
    def config(self) -> ModelConfig:
        """Settings of the model."""
        return self.model.config

    @property
    def averaged(self) -> int | None:
        """Number of seeds that answer together, None where each answers by itself."""
        return len(self.seeds) if self.average else None

    def answers(self, texts: Sequence[str]) -> list[list[str]]:
        """Returns the outputs of each that answers, for inputs as people write them, most significant digit first.

        With batch normalisation by the batch, inputs of one length are answered together, and depend on each other.

        Raises:
            UserError: a text is no input of the task.
        """
        lengths = [len(self.task.encode(text)) for text in texts]
        answers = [[""] * len(texts) for _ in self.answering]
        for bucket in sorted(set(map(self._bucket, lengths))):
            chosen = [index for index, length in enumerate(lengths) if self._bucket(length) == bucket]
            grids, mask = self._laid_out([texts[index] for index in chosen], bucket)
            outputs = np.concatenate(list(self.outputs(grids, mask)), axis=1)
            for of_one, symbols in zip(answers, outputs, strict=True):
                for index, row in zip(chosen, symbols, strict=True):
                    of_one[index] = self.task.decode(row[: lengths[index]])
        return answers

    def symbols(self, examples: Sequence[Example], length: int) -> Iterator[Int[np.ndarray, "answering batch length"]]:
        """Yields the output symbols for inputs of a nominal length, batch after batch."""
        return self.outputs(*self._laid_out([example.input for example in examples], length))

    def outputs(
        self, grids: Int[np.ndarray, "input length rows"], mask: Bool[np.ndarray, "input length"]
    ) -> Iterator[Int[np.ndarray, "answering batch length"]]:
        """Yields the output symbols, batch after batch; batches are sized to stay in the cache.

        An input with nothing in its mask counts in no batch. Programs are compiled for few sizes only: batches are
        powers of two on each device, and grids are padded to the next bucket where that changes nothing.
        """
        count, length = mask.shape
        devices = len(self._mesh.devices)
        bucket = self._bucket(length)
        numbers = self.config.numbers_a_position(bucket)
        if self.average:  # the probabilities of all the seeds are kept until the last one has answered
            numbers += self.config.vocabulary
        cells = bucket * numbers * 4 * len(self.seeds)
        room, wanted = int(_STATE_BYTES_AT_ONCE // (cells * devices)), -(-count // devices)
        size = devices * min(1 << max(room, 1).bit_length() - 1, 1 << (wanted - 1).bit_length())
        for start in range(0, count, size):
            part_grids, part_mask = grids[start : start + size], mask[start : start + size]
            missing = size - len(part_grids)
            part_grids = np.pad(part_grids, ((0, missing), (0, bucket - length), (0, 0)))
            part_mask = np.pad(part_mask, ((0, missing), (0, bucket - length)))
            yield np.asarray(self._compiled(self.model, part_grids, part_mask))[:, : size - missing, :length]

    def _bucket(self, length: int) -> int:
        return length if self.config.depends_on_padding else -(-(length - 1) // _BUCKETS_APART) * _BUCKETS_APART + 1

    def _laid_out(self, texts: Sequence[str], length: int) -> tuple[np.ndarray, np.ndarray]:
        grids = np.zeros((len(texts), length, self.task.rows), np.int32)
        mask = np.zeros((len(texts), length), bool)
        for index, text in enumerate(texts):
            grid = self.task.encode(text)
            grids[index, : len(grid)] = grid
            mask[index, : len(grid)] = True
        return grids, mask

    @cached_property
    def _mesh(self) -> Mesh:
        return Mesh(np.array(jax.local_devices()), ("device",))

    @cached_property
    def _compiled(self) -> Callable[[NeuralGPU, np.ndarray, np.ndarray], Array]:
        def logits(model: NeuralGPU, grid: Array, mask: Array) -> Array:
            number = jax.numpy.int32(self.task_number)
            return model(grid, mask, task=number, axes=(EXAMPLE_AXIS, "device"), until_settled=True).logits

        def symbols(model: NeuralGPU, grid: Array, mask: Array) -> Array:
            return jax.numpy.argmax(logits(model, grid, mask), axis=-1)

        def probabilities(model: NeuralGPU, grid: Array, mask: Array) -> Array:
            # A seed that diverged has no say: its numbers are none.
            return jax.numpy.nan_to_num(jax.nn.softmax(logits(model, grid, mask)))

        predicted = probabilities if self.average else symbols

        def of_all_seeds(models: NeuralGPU, grids: Array, masks: Array) -> Array:
            of_examples = jax.vmap(predicted, in_axes=(None, 0, 0), axis_name=EXAMPLE_AXIS)
            each = over_seeds(lambda model: of_examples(model, grids, masks))(models)
            return jax.numpy.argmax(each.mean(axis=0, keepdims=True), axis=-1) if self.average else each

        return jax.jit(
            jax.shard_map(
                of_all_seeds,
                mesh=self._mesh,
                in_specs=(PartitionSpec(), PartitionSpec("device"), PartitionSpec("device")),
                out_specs=PartitionSpec(None, "device"),
                check_vma=False,
            )
        )


def load_models(run: RunDirectory, task: Task | None = None, *, average: bool = False) -> TrainedModels:
    """Loads the newest whole checkpoint of a run.

    Args:
        run: where it is.
        task: what the models are asked; the run's task when None.
        average: whether the seeds answer as one, by the mean of their probabilities, and not each by itself.

    Raises:
        UserError: the models have no room for the task, or there is only one seed to average.
        DamagedRunError: there is no whole checkpoint, or it does not fit the run's settings.
    """
    config = run.config()
    task = task or find_task(config.task)
    check_room(config, task)
    if average and len(config.seeds) == 1:
        raise UserError(
            f"--average takes the mean of several seeds, {run.path} has one; leave it out, or train with --seeds."
        )
    checkpoint, warnings = load_latest(run.checkpoints)

    def template(seed: Array) -> NeuralGPU:
        return initial_model(jax.random.key(seed), config.model)

    shapes = eqx.filter_eval_shape(jax.vmap(template), np.asarray(config.seeds, np.uint32))
    model = with_arrays(shapes, checkpoint.arrays, prefix=".model")
    name = run.path.resolve().name
    number = config.tasks.index(task.name) if task.name in config.tasks else 0
    diverged = {int(seed): step for seed, step in checkpoint.state.get("diverged", {}).items()}
    return TrainedModels(model, config.seeds, checkpoint.step, task, number, name, tuple(warnings), diverged, average)
