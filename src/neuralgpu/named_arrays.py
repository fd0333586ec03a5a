"""Pytrees as arrays with names, as checkpoints hold them.

JAX is imported where a pytree is taken apart or put together.
"""

from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np

from neuralgpu.errors import DamagedRunError

Tree = TypeVar("Tree")


def named_arrays(tree: Any) -> dict[str, np.ndarray]:
    """Returns a pytree's arrays by their path in it."""
    import jax

    leaves = jax.tree_util.tree_flatten_with_path(tree)[0]
    return {jax.tree_util.keystr(path): np.asarray(leaf) for path, leaf in leaves}


def with_arrays(template: Tree, arrays: Mapping[str, np.ndarray], prefix: str = "") -> Tree:
    """Returns a pytree of the template's structure that holds the named arrays.

    Raises:
        DamagedRunError: an array is missing or has another shape or type than the template's.
    """
    import jax

    def find(path: tuple[Any, ...], leaf: Any) -> np.ndarray:
        name = prefix + jax.tree_util.keystr(path)
        array = arrays.get(name)
        if array is None or array.shape != leaf.shape or array.dtype != leaf.dtype:
            found = "none" if array is None else f"{array.dtype}{list(array.shape)}"
            raise DamagedRunError(
                f"The checkpoint does not fit its configuration: {name} should be {leaf.dtype}{list(leaf.shape)}, "
                f"found {found}. Was config.toml edited?"
            )
        return array

    return jax.tree_util.tree_map_with_path(find, template)
