"""The step loop: order of copies and steps, what comes out, and that storing or computing again gives one gradient."""

import re
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Array

from neuralgpu.errors import UserError
from neuralgpu.model.memory import OFFLOAD, SQRT, STEP, STORE, Memory, treeverse
from neuralgpu.model.results import Results
from neuralgpu.model.unroll import unroll, unroll_until_settled

COPIES = jnp.array([[1.0], [10.0], [100.0]])


@pytest.mark.parametrize("memory", [STORE, SQRT, treeverse(2)], ids=str)
def test_copies_take_turns_and_steps_are_numbered_from_0(memory: Memory) -> None:
    def step(carry: Array, inputs: tuple[Array, Array]) -> tuple[Array, tuple[Array, Array]]:
        copy, number = inputs
        return carry + copy, (copy[0], number)

    carry, (copies, numbers) = unroll(step, jnp.zeros(1), COPIES, 2, memory=memory)
    assert np.array_equal(carry, [222])
    assert np.array_equal(copies, [[1, 10, 100]] * 2)
    assert np.array_equal(numbers, [[0, 1, 2], [3, 4, 5]])


@cache
def gradients(memory: Memory, stops: bool, notes: bool = False) -> list[np.ndarray]:
    """Returns the gradients of a batch by the copies, the first states and something that the step closes over."""
    rng = np.random.default_rng(0)
    weights, bias = jnp.asarray(rng.uniform(0.1, 0.4, (2, 3, 3)), jnp.float32), jnp.full((), 0.1)
    starts, last_steps = jnp.asarray(rng.normal(size=(4, 3)), jnp.float32), jnp.array([4, 8, 6, 5])

    def loss(weights: Array, starts: Array, bias: Array) -> Array:
        def of_example(start: Array, last_step: Array) -> Array:
            def step(
                carry: Array, inputs: tuple[Array, Array], results: Results | None = None
            ) -> tuple[Array, Array | None]:
                copy, number = inputs
                product = copy @ carry if results is None else results.of(lambda state: copy @ state, carry)
                new = jnp.tanh(product + bias)
                return (jnp.where(number <= last_step, new, carry), None) if stops else (new, new + number)

            asked = {"memory": memory, "last_step": last_step if stops else None, "noting": step if notes else None}
            last, outputs = unroll(step, start, weights, 7, **asked)
            return last if outputs is None else jnp.sum(outputs[2:4], axis=(0, 1))

        return jnp.sum(jax.vmap(of_example)(starts, last_steps) ** 2 * jnp.arange(1.0, 4))

    quickly = {"xla_backend_optimization_level": 0}
    found = jax.jit(jax.grad(loss, argnums=(0, 1, 2)), compiler_options=quickly)(weights, starts, bias)
    return [np.asarray(part) for part in found]


def check_equal(gradient: list[np.ndarray], stored: list[np.ndarray]) -> None:
    assert min(np.abs(part).max() for part in stored) > 0.01
    for one, other in zip(stored, gradient, strict=True):
        assert np.abs(one - other).max() < 1e-5 * np.abs(one).max()


@pytest.mark.parametrize("memory", [STEP, SQRT, OFFLOAD, *map(treeverse, (1, 3, 100))], ids=str)
@pytest.mark.parametrize("stops", [False, True], ids=["all-steps", "stops"])
def test_a_batch_s_gradient_is_that_of_storing_everything(memory: Memory, stops: bool) -> None:
    check_equal(gradients(memory, stops), gradients(STORE, stops))


@pytest.mark.parametrize("stops", [False, True], ids=["all-steps", "stops"])
def test_a_step_that_notes_results_has_the_same_gradient(stops: bool) -> None:
    check_equal(gradients(STEP, stops, notes=True), gradients(STORE, stops))


def test_results_are_kept_and_not_computed_again_where_there_is_room(monkeypatch: pytest.MonkeyPatch) -> None:
    starts, last_steps = jnp.linspace(-1, 1, 6).reshape(3, 2), jnp.array([3, 1, 2])
    weights = jnp.linspace(0.1, 0.5, 8).reshape(2, 2, 2)

    def loss(weights: Array) -> Array:
        def of_example(start: Array, last_step: Array) -> Array:
            def step(
                carry: Array, inputs: tuple[Array, Array], results: Results | None = None
            ) -> tuple[Array, Array | None]:
                assert results is not None
                # The gradient of the square needs the product.
                return results.of(lambda state: inputs[0] @ state, carry) ** 2, None

            return unroll(step, start, weights, 2, memory=STEP, last_step=last_step, noting=step)[0]

        return jnp.sum(jax.vmap(of_example)(starts, last_steps))

    def products(room: int) -> int:
        monkeypatch.setattr("neuralgpu.model.flat._MOST_BYTES", room)
        compiled = jax.jit(jax.grad(lambda weights: loss(weights))).lower(weights).compile()
        return len(re.findall(r" dot\(", compiled.as_text() or ""))

    kept = products(1 << 20)
    assert kept > 0
    assert products(0) == kept + 1


@pytest.mark.parametrize("memory", [SQRT, treeverse(3)], ids=str)
def test_steps_may_look_along_the_axis_of_the_examples(memory: Memory) -> None:
    weights, starts = jnp.linspace(0.1, 0.5, 4).reshape(2, 1, 2), jnp.linspace(-1, 1, 6).reshape(3, 2)

    def loss(weights: Array, memory: Memory) -> Array:
        def of_example(start: Array) -> Array:
            def step(carry: Array, inputs: tuple[Array, Array]) -> tuple[Array, None]:
                return jnp.tanh(inputs[0][0] * carry + jax.lax.pmean(carry**2, "example")), None

            return unroll(step, start, weights, 3, memory=memory, example_axis="example")[0]

        return jnp.sum(jax.vmap(of_example, axis_name="example")(starts) ** 2)

    stored, again = (np.asarray(jax.grad(loss)(weights, choice)) for choice in (STORE, memory))
    assert np.abs(stored).min() > 1e-4
    assert stored == pytest.approx(again, rel=1e-5)


def test_a_treeverse_of_an_example_without_a_batch_runs_and_its_gradient_is_refused() -> None:
    def last(weights: Array) -> Array:
        return unroll(lambda carry, inputs: (carry + inputs[0], None), jnp.zeros(1), weights, 2, memory=treeverse(2))[0]

    assert np.array_equal(last(COPIES), [222])
    with pytest.raises((NotImplementedError, ValueError)):
        jax.grad(lambda weights: last(weights)[0])(COPIES)


def test_a_device_without_host_memory_says_what_to_use(monkeypatch: pytest.MonkeyPatch) -> None:
    class Device:
        def addressable_memories(self) -> list["Device"]:
            return [self]

        kind = "device"

    monkeypatch.setattr(jax, "local_devices", lambda: [Device()])
    with pytest.raises(UserError, match=r"needs a device that reaches pinned_host memory, this one has device; use "):
        unroll(lambda carry, inputs: (carry, None), jnp.zeros(1), COPIES, 1, memory=OFFLOAD)


def test_steps_end_where_a_whole_round_changes_nothing_for_anybody() -> None:
    """With so many rounds the test would not come to its own end."""

    def settled(start: Array) -> Array:
        def step(carry: Array, inputs: tuple[Array, Array]) -> tuple[Array, None]:
            return carry // inputs[0], None

        return unroll_until_settled(step, start, jnp.array([1, 2, 1]), 2_000_000_000)

    assert np.array_equal(jax.jit(jax.vmap(settled))(jnp.array([0, 1, 1000])), [0, 0, 0])


@pytest.mark.parametrize("last_step", [4, 5])
def test_a_round_that_comes_back_to_its_start_is_not_at_rest(last_step: int) -> None:
    def step(carry: Array, inputs: tuple[Array, Array]) -> tuple[Array, None]:
        copy, number = inputs
        return jnp.where(number <= last_step, carry + copy, carry), None

    copies = jnp.array([1, -1])
    expected, _ = unroll(step, jnp.zeros((), int), copies, 9, memory=STORE)
    assert unroll_until_settled(step, jnp.zeros((), int), copies, jnp.asarray(9)) == expected == (last_step == 4)
