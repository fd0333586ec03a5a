from dataclasses import fields, replace
from pathlib import Path

import equinox as eqx
import jax
import numpy as np
import pytest
from jax.sharding import Mesh

from neuralgpu.checkpoint import load_latest
from neuralgpu.errors import DamagedRunError, UserError
from neuralgpu.evaluation import models as models_module
from neuralgpu.evaluation.models import TrainedModels, load_models
from neuralgpu.model.batch_norm import EXAMPLE_AXIS
from neuralgpu.model.neural_gpu import NeuralGPU
from neuralgpu.named_arrays import named_arrays
from neuralgpu.run_directory import RunDirectory
from neuralgpu.tasks import find_task

from .conftest import tiny_run


def everything(models: TrainedModels, grids: np.ndarray) -> np.ndarray:
    return np.concatenate(list(models.outputs(grids, np.ones(grids.shape[:2], bool))), axis=1)


def renewed(models: TrainedModels) -> TrainedModels:
    """The same models with nothing compiled yet."""
    return TrainedModels(**{field.name: getattr(models, field.name) for field in fields(models)})


def test_a_run_is_loaded_with_all_its_seeds(run: RunDirectory, models: TrainedModels) -> None:
    assert (models.seeds, models.step, models.run, models.warnings) == ((3, 9), 20, "tiny", ())
    assert models.task == find_task("badd")
    assert models.config == run.config().model
    saved = load_latest(run.checkpoints)[0].arrays
    loaded = {f".model{name}": array for name, array in named_arrays(models.model).items()}
    assert loaded.keys() == saved.keys()
    assert all(np.array_equal(array, saved[name]) for name, array in loaded.items())


@pytest.mark.parametrize("length", [9, 13])
def test_outputs_are_those_of_the_single_model(models: TrainedModels, length: int) -> None:
    """Also where the length is none that programs are compiled for."""
    grids = models.task.sample(np.random.default_rng(5), length, 11).grid
    outputs = everything(models, grids)
    assert outputs.shape == (2, 11, length)
    mask = np.ones(length, bool)
    single = jax.jit(lambda model, grid: model(grid, mask).logits.argmax(-1))
    for index in range(2):
        model = jax.tree.map(lambda array, index=index: array[index], models.model)
        np.testing.assert_array_equal(outputs[index], [single(model, grid) for grid in grids])
    assert (outputs[0] != outputs[1]).any()


@pytest.mark.parametrize("held", [0, 3, 10**6])
def test_outputs_do_not_depend_on_the_batch_size(
    monkeypatch: pytest.MonkeyPatch, models: TrainedModels, grids: np.ndarray, held: int
) -> None:
    expected = everything(models, grids)
    devices = len(jax.local_devices())
    config = models.config
    bytes_of_an_input = 9 * config.height * config.channels * config.kernel * 4 * 2
    monkeypatch.setattr(models_module, "_STATE_BYTES_AT_ONCE", held * bytes_of_an_input * devices)
    parts = list(models.outputs(grids, np.ones(grids.shape[:2], bool)))
    wanted = -(-11 // devices)
    size = max(2**power for power in range(5) if 2**power <= max(held, 1) and 2**power < 2 * wanted) * devices
    assert [part.shape[1] for part in parts] == [min(size, 11 - start) for start in range(0, 11, size)]
    np.testing.assert_array_equal(np.concatenate(parts, axis=1), expected)


def test_outputs_do_not_depend_on_the_number_of_devices(models: TrainedModels, grids: np.ndarray) -> None:
    if len(jax.local_devices()) == 1:
        pytest.skip("one device only")
    alone = renewed(models)
    alone.__dict__["_mesh"] = Mesh(np.array(jax.local_devices()[:1]), ("device",))
    np.testing.assert_array_equal(everything(alone, grids), everything(models, grids))


def test_batch_normalisation_counts_the_whole_batch_and_nothing_that_fills_it(
    tmp_path: Path, grids: np.ndarray
) -> None:
    """11 inputs do not divide evenly over two devices."""
    models = load_models(tiny_run(tmp_path / "run", batch_norm="everywhere", copies=1))
    outputs, masks = everything(models, grids), np.ones(grids.shape[:2], bool)

    @jax.jit
    def at_once(model: NeuralGPU) -> jax.Array:
        answer = jax.vmap(lambda *one: model(*one, axes=(EXAMPLE_AXIS,)).logits.argmax(-1), axis_name=EXAMPLE_AXIS)
        return answer(grids, masks)

    for index in range(2):
        model = jax.tree.map(lambda array, index=index: array[index], models.model)
        np.testing.assert_array_equal(outputs[index], at_once(model))
    assert not np.array_equal(outputs[:, :5], everything(models, grids[:5]))


def test_answers_are_the_decoded_outputs(models: TrainedModels, grids: np.ndarray) -> None:
    task = models.task
    texts = [task.decode_input(grid) for grid in grids]
    expected = [[task.decode(symbols) for symbols in of_seed] for of_seed in everything(models, grids)]
    assert models.answers(texts) == expected


def test_an_answer_does_not_depend_on_the_other_inputs(models: TrainedModels) -> None:
    texts = ["1+1", "10101+1", "1+1", "0+11111"]
    together = models.answers(texts)
    assert together == [[models.answers([text])[seed][0] for text in texts] for seed in range(2)]
    assert [[row[0] for row in together]] == [[row[2] for row in together]]


def probabilities(models: TrainedModels, grids: np.ndarray) -> np.ndarray:
    """Each seed's, worked out from the logits of its own model: [seed, input, position, symbol]."""
    mask = np.ones(grids.shape[1], bool)
    logits = jax.jit(jax.vmap(lambda model: jax.vmap(lambda grid: model(grid, mask).logits)(grids)))(models.model)
    powers = np.exp(np.asarray(logits, np.float64) - np.max(logits, axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def test_an_average_is_the_symbol_of_the_largest_mean_probability(models: TrainedModels, grids: np.ndarray) -> None:
    of_seeds = probabilities(models, grids)
    together = everything(replace(models, average=True), grids)
    np.testing.assert_array_equal(together, of_seeds.mean(axis=0, keepdims=True).argmax(axis=-1))
    votes = of_seeds.argmax(axis=-1)
    assert (together[0] != votes[0]).any() and (together[0] != votes[1]).any()


def saying(models: TrainedModels, *symbols: int) -> TrainedModels:
    """Models of which each always answers with one symbol, and is sure of it; NaN says nothing sensible."""
    silent = jax.tree.map(lambda array: np.zeros((len(symbols), *array.shape[1:]), array.dtype), models.model)
    sure = np.where(np.arange(models.config.vocabulary) == np.array(symbols)[:, None], 9.0, 0.0).astype(np.float32)
    model = eqx.tree_at(lambda model: model.readout_bias, silent, sure)
    return replace(models, model=model, seeds=tuple(range(len(symbols))), average=True)


def test_a_wrong_seed_of_three_is_outvoted(models: TrainedModels, grids: np.ndarray) -> None:
    assert (everything(saying(models, 4, 7, 4), grids) == 4).all()
    assert (everything(saying(models, 7, 4, 7), grids) == 7).all()


def test_a_seed_that_diverged_has_no_say(models: TrainedModels, grids: np.ndarray) -> None:
    three = saying(models, 4, 7, 4)
    bias = three.model.readout_bias * np.array([[1], [np.nan], [1]], np.float32)
    diverged = replace(three, model=eqx.tree_at(lambda model: model.readout_bias, three.model, bias))
    assert (everything(diverged, grids) == 4).all()


def test_one_seed_has_no_average(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"--average takes the mean of several seeds, .*run has one; leave it out"):
        load_models(tiny_run(tmp_path / "run", seeds=(3,)), average=True)


def test_what_is_no_input_is_refused(models: TrainedModels) -> None:
    with pytest.raises(UserError, match="is no digit of base 2"):
        models.answers(["1+1", "1+2"])


@pytest.mark.parametrize("task", ["addz", "qmule"])
def test_other_layouts_are_answered(tmp_path: Path, task: str) -> None:
    models = load_models(tiny_run(tmp_path / "run", task=task))
    text = models.task.example(7)[0]
    grid = models.task.encode(text)[None]
    assert models.answers([text]) == [[models.task.decode(row)] for row in everything(models, grid)[:, 0]]


def test_a_run_whose_settings_were_edited_is_refused(tmp_path: Path) -> None:
    run = tiny_run(tmp_path / "run")
    text = run.config_file.read_text(encoding="utf-8")
    run.config_file.write_text(text.replace("channels = 5", "channels = 6"), encoding="utf-8")
    with pytest.raises(DamagedRunError, match=r"should be float32\[2, 36, 6\], found float32\[2, 36, 5\]\. Was config"):
        load_models(run)


def test_a_damaged_checkpoint_is_told_of(tmp_path: Path) -> None:
    run = tiny_run(tmp_path / "run")
    older = run.checkpoints / "00000020"
    newer = run.checkpoints / "00000040"
    newer.mkdir()
    for file in older.iterdir():
        (newer / file.name).write_bytes(b"")
    models = load_models(run)
    assert models.step == 20
    assert len(models.warnings) == 1
    assert str(newer) in models.warnings[0]


def test_models_that_are_told_their_task_are_asked_by_it(tmp_path: Path) -> None:
    run = tiny_run(tmp_path / "run", "baddz", seeds=(3,), tasks=("badd", "baddz"), task_channels=2)
    texts = ["1101+1011", "111+101", "1000+1111"]
    [as_last] = load_models(run).answers(texts)
    [by_name] = load_models(run, find_task("baddz")).answers(texts)
    [as_first] = load_models(run, find_task("badd")).answers(texts)
    assert as_last == by_name != as_first
    with pytest.raises(UserError, match=r"\(badd, baddz\) it is asked; 'bmul' is none of them"):
        load_models(run, find_task("bmul"))
