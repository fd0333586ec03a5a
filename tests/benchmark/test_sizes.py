import jax
import pytest

from neuralgpu.benchmark.sizes import GROWTH_LENGTHS, Size, growth_sizes, standard_sizes
from neuralgpu.errors import UserError
from neuralgpu.tasks import find_task


def test_a_step_is_the_preset_s_in_one_bucket() -> None:
    config = Size(channels=24, seeds=2, length=11, settings=("memory=sqrt",)).config()
    assert (config.preset, config.memory, config.batch, config.seeds) == ("classic", "sqrt", 32, (0, 1))
    assert (config.model.height, config.model.channels, config.curriculum.training_buckets) == (4, 24, (12,))
    assert Size(preset="fast").config().model.cell == "diagonal"
    assert Size(length=401).config().curriculum.buckets == (401,)
    assert Size(length=41, bucket=41).config().curriculum.buckets == (41,)


@pytest.mark.parametrize(
    ("size", "message"),
    [
        (Size(length=40), "Length 40 is not valid for 'badd'"),
        (Size(preset="fats"), "There is no preset 'fats'"),
        (Size(compute="float8"), "model.compute"),
        (Size(channels=4096, batch=4096), "minutes on two cores"),
        (Size(settings=("epoch",)), "--set takes KEY=VALUE"),
    ],
)
def test_impossible_sizes_are_refused(size: Size, message: str) -> None:
    with pytest.raises(UserError, match=message):
        size.config()


def test_standard_sizes_are_those_of_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = standard_sizes()
    assert {(size.channels, size.seeds, size.length) for size in sizes} == {
        (channels, seeds, length) for channels, seeds in ((24, 1), (24, 4), (128, 1)) for length in (11, 41)
    }
    assert {(size.batch, size.compute) for size in sizes} == {(32, "float32")}
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    assert set(sizes) < set(standard_sizes())
    assert {(size.seeds, size.compute) for size in standard_sizes()} >= {(15, "float32"), (15, "bfloat16")}


def test_growth_is_told_without_padding() -> None:
    assert [size.length for size in growth_sizes()] == list(GROWTH_LENGTHS)
    for size in growth_sizes():
        assert find_task("badd").valid_length(size.length)
        assert size.bucket == size.length
        assert size.purpose == "growth"
