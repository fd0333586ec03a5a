"""The weights that a model begins with."""

import jax
import jax.numpy as jnp
from jaxtyping import Array

from neuralgpu.model.batch_norm import initial_batch_norm
from neuralgpu.model.cell import initial_cell
from neuralgpu.model.config import ModelConfig
from neuralgpu.model.global_operation import initial_operation
from neuralgpu.model.neural_gpu import NeuralGPU

_OPERATION_STREAM = 0x4F5045
"""Of the random numbers that a global operation is drawn with, beside those of all other weights."""


def initial_model(key: Array, config: ModelConfig) -> NeuralGPU:
    """Draws a model's weights; every copy and layer on its own.

    'cgru' and 'residual': embedding U(-1.7, 1.7) as published. 'diagonal': Glorot uniform throughout.
    """
    embedding_key, readout_key, cells_key = jax.random.split(key, 3)
    limit = readout_limit = (6 / (config.vocabulary + config.channels)) ** 0.5
    if config.cell != "diagonal":
        limit, readout_limit = 1.7, 1.8 * (3 / config.channels) ** 0.5
    cells = tuple(
        jax.vmap(lambda key, layer=layer: initial_cell(key, config, layer))(jax.random.split(layer_key, config.copies))
        for layer, layer_key in enumerate(jax.random.split(cells_key, config.layers))
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
        batch_norm=None if config.batch_norm == "off" else initial_batch_norm(config.copies, config.channels),
    )
