import jax.numpy as jnp
import numpy as np
import pytest

from neuralgpu.errors import DamagedRunError
from neuralgpu.named_arrays import named_arrays, with_arrays


def test_arrays_are_put_back_by_name() -> None:
    tree = {"weights": (jnp.ones((2, 3)), jnp.zeros(2, jnp.int32)), "rate": jnp.float32(0.5)}
    arrays = named_arrays(tree)
    assert sorted(arrays) == ["['rate']", "['weights'][0]", "['weights'][1]"]
    back = with_arrays(tree, {f".x{name}": np.asarray(array + 1) for name, array in arrays.items()}, prefix=".x")
    np.testing.assert_array_equal(back["weights"][0], np.full((2, 3), 2.0))
    np.testing.assert_array_equal(back["rate"], 1.5)


@pytest.mark.parametrize(
    ("array", "found"),
    [
        (None, "none"),
        (np.ones((3, 2), np.float32), r"float32\[3, 2\]"),
        (np.ones((2, 3), np.float16), r"float16\[2, 3\]"),
        (np.ones(6, np.float32), r"float32\[6\]"),
    ],
)
def test_arrays_of_other_settings_are_refused(array: np.ndarray | None, found: str) -> None:
    arrays = {} if array is None else {"['w']": array}
    with pytest.raises(DamagedRunError, match=rf"\['w'\] should be float32\[2, 3\], found {found}\. Was config"):
        with_arrays({"w": jnp.ones((2, 3))}, arrays)
