"""The settings of a run, checked once."""

from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, Literal

from neuralgpu.curriculum import CurriculumConfig
from neuralgpu.errors import UserError, shown
from neuralgpu.model.config import ModelConfig
from neuralgpu.model.memory import Auto, Memory, parse_memory
from neuralgpu.tasks import Task, find_task


@dataclass(frozen=True, kw_only=True)
class OptimiserConfig:
    """How gradients become updates; the defaults are the paper's program."""

    name: Literal["adam", "adamax"] = "adam"
    """'adam': in TensorFlow's form, whose epsilon is not bias-corrected. 'adamax': without bias correction, gradients
    clipped to +-(1.2 v + 1e-4), v the maximum of past gradients, which decays (Freivalds & Liepins 2017)."""
    learning_rate: float = 0.001
    """At the start. adamax: at 48 channels, scaled by 48 / channels."""
    epsilon: float = 1e-4
    """Added to adam's root of the second moment."""
    maximum_decay: float = 0.01
    """adamax: share by which the maximum falls in a step (1 - beta2), at the start."""
    maximum_decay_floor: float = 5e-4
    """adamax: the share falls to this one; the same as `maximum_decay` keeps it constant."""
    maximum_decay_half_life: int = 2000
    """adamax: number of steps in which the share halves."""
    embedding_gradient: Literal["slices", "dense"] = "slices"
    """adam: 'slices' squares what each place of the grid adds to the embedding's gradient one by one, padding included,
    for the global norm and the second moment, as the published program does; it costs no time that can be measured.
    'dense' squares the sum, as other gradients are."""
    max_grad_norm: float = 1.0
    """adam: gradients are scaled down to this global norm; 0 turns that off."""
    schedule: Literal["published", "falling"] = "published"
    """'published': adam's rate falls by 2% when the epoch's perplexity is above the last three, adamax's by 30% when
    it stops improving. 'falling': constant until the longest training inputs are learned, then linearly to 0, where
    the seed is done; by the last step at the latest."""
    fall_below: float = 0.1
    """falling: the longest inputs count as learned when an epoch's sequence error on them is not above this."""
    fall_steps: int = 1000
    """falling: number of steps that the fall takes."""
    gradient_noise: float = 0.0
    """Size of the noise on every gradient; 0 turns it off. What it measures is the form's. adam: added after the norm
    is limited. adamax: added before gradients are clipped."""
    gradient_noise_form: Literal["decaying", "rate"] = "decaying"
    """'decaying': Gaussian of variance gradient_noise / (1 + step) ** gradient_noise_decay (Neelakantan et al. 2015).
    'rate': normal, cut off at two deviations of gradient_noise * learning rate (Freivalds & Liepins 2017: 1e-4)."""
    gradient_noise_decay: float = 0.55
    """decaying: power of the step by which the noise's variance falls."""
    pull: float = 0.0005
    """Weight of the relaxed copies' distance at the start; grows by 1.2 in each epoch whose error allows moving on."""
    saturation_weight: float = 1e-3
    """diagonal: weight of the saturation cost at the start and at most; 0 turns it off."""
    saturation_schedule: Literal["adapted", "constant"] = "adapted"
    """'adapted': after every epoch the weight becomes learning rate * loss / saturation cost, as published."""
    saturation_until: Literal["end", "opened", "learned"] = "end"
    """diagonal: how long there is a saturation cost. 'end': to the last step. 'opened': until the curriculum has
    reached its longest inputs. 'learned': until these are learned, where the falling rate begins to fall."""
    movement_weight: float = 0.0
    """Weight of what units change by in a step beyond `model.movement_limit`, a mean over positions and steps, summed
    over rows and channels: it makes a model come to rest."""
    loss_over: Literal["mask", "bucket"] = "mask"
    """'mask': cross-entropy where the input or target has a symbol. 'bucket': everywhere, padding included."""

    @property
    def sliced(self) -> bool:
        """Whether the squared slices of the embedding's gradient are asked for."""
        return self.name == "adam" and self.embedding_gradient == "slices"


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """All the settings of a training run; written to config.toml in the run directory."""

    task: str
    """Name of the task, see 'neuralgpu tasks'."""
    preset: str = "classic"
    """The preset that the other settings started from."""
    seeds: tuple[int, ...] = (0,)
    """One training run each; they share a compiled step."""
    steps: int = 40_000
    """Training steps, at most: with the schedule 'falling' a run ends when every seed is done."""
    batch: int = 32
    """Inputs in a bucket of a step."""
    memory: str = "step"
    """What a training step keeps for the backward pass: 'store', 'step', 'sqrt', 'treeverse:K' or 'offload'; 'auto' or
    'auto:12GB' for the fastest that fits, which is settled when a run begins."""
    microbatch: int = 0
    """At most so many inputs of a seed are worked on at once by a device; 0 means all of them. Divides the batch."""
    fused: Literal["auto", "on", "off"] = "auto"
    """Whether kernels of our own run all the steps of an input at once: 'auto' on a GPU, for models of at most 128
    channels that they know, unless `memory` names a strategy that keeps less than they do or so many seeds are worked
    on at once (`group`) that they could not count what they keep. 'on' elsewhere runs them by an interpreter, for
    tests."""
    group: int = 0
    """Most seeds that are worked on at once; the others take their turn. 0: all of them, on a CPU one a core."""
    epoch: int = 200
    """Steps between two looks at the training error, which drive curriculum and learning rate."""
    carry_share: float = 0.0
    """Addition: share of the training sums that hold a carry over a run of digits of uniformly drawn length."""
    repeat_share: float = 0.0
    """Addition: share of the training sums in which operands repeat one digit over a stretch of columns, of uniformly
    drawn length; often 0 or the highest digit."""
    model: ModelConfig = field(default_factory=ModelConfig)
    curriculum: CurriculumConfig = field(default_factory=CurriculumConfig)
    optimiser: OptimiserConfig = field(default_factory=OptimiserConfig)

    def __post_init__(self) -> None:
        for name in self.tasks:
            find_task(name)
        if self.tasks[-1] != self.task:
            raise UserError(
                f"The last task of a chain is the run's task: curriculum.tasks ends with {self.tasks[-1]!r}, "
                f"the task is {self.task!r}; put it last."
            )
        _check_ranges(self)
        if 0 < self.model.task_channels < len(self.tasks):
            raise UserError(
                f"model.task_channels must be at least the number of tasks, {len(self.tasks)}, to tell them apart, "
                f"or 0; got {self.model.task_channels}."
            )
        parse_memory(self.memory)
        if self.fused == "on" and (unknown := self.model.not_fusible):
            raise UserError(
                f"The fused kernels do not run a model with model.{unknown}={getattr(self.model, unknown)!r}; "
                "leave fused at 'auto', or set it to 'off'."
            )
        if self.microbatch and self.batch % self.microbatch:
            raise UserError(f"microbatch must divide the batch of {self.batch}, got {self.microbatch}.")
        if self.microbatch and self.model.batch_norm != "off":
            raise UserError("model.batch_norm normalises over the whole batch; leave microbatch 0.")
        if not self.seeds or len(set(self.seeds)) != len(self.seeds):
            raise UserError(f"seeds must be different numbers, at least one, got {shown(list(self.seeds))}.")
        if len(self.seeds) > 1 and self.curriculum.kind == "growth" and self.model.depends_on_padding:
            raise UserError(
                "Seeds that grow apart share a padded bucket: model.stop 'bucket', model.output 'sum' and "
                "model.batch_norm would tie them to each other; set curriculum.kind=buckets, or train one seed at a "
                "time."
            )

    @property
    def tasks(self) -> tuple[str, ...]:
        """Names of all the tasks that are learned; the last one is the run's task."""
        return self.curriculum.tasks or (self.task,)

    @property
    def curriculum_text(self) -> str:
        """The tasks as `--curriculum` takes them: "bmul > mul", "badd + bmul", or a single name."""
        return (" + " if self.curriculum.moves == "mixed" else " > ").join(self.tasks)

    @property
    def strategy(self) -> Memory:
        """What `memory` names.

        Raises:
            UserError: it leaves the choice to `training.memory.settled`, which has not been asked.
        """
        memory = parse_memory(self.memory)
        if isinstance(memory, Auto):
            raise UserError(
                f"memory {self.memory!r} is not settled yet; 'neuralgpu train' does it, or name a strategy."
            )
        return memory

    def last_step(self, learned_at: int | None) -> int:
        """Returns the number of steps that a seed makes, as far as it is known now.

        Args:
            learned_at: step at which the seed had learned its longest training inputs, None before that.
        """
        if self.optimiser.schedule == "published" or learned_at is None:
            return self.steps
        return min(self.steps, learned_at + self.optimiser.fall_steps)

    def to_toml(self) -> str:
        """Returns the settings as a TOML document that `--config` reads."""
        import tomli_w  # which only those who write settings need: benchmarks run without it

        return tomli_w.dumps(plain(self))


_RANGES: dict[str, tuple[float, float]] = {
    "seeds": (0, 2**32 - 1),
    "steps": (1, 10_000_000),
    "batch": (1, 65_536),
    "microbatch": (0, 65_536),
    "group": (0, 65_536),
    "epoch": (1, 1_000_000),
    "carry_share": (0, 1),
    "repeat_share": (0, 1),
    "model.channels": (3, 4096),
    "model.height": (1, 64),
    "model.layers": (1, 16),
    "model.copies": (1, 64),
    "model.kernel": (1, 15),
    "model.vocabulary": (2, 1024),
    "model.task_channels": (0, 1024),
    "model.sigmoid_cutoff": (0, 100),
    "model.sigmoid_smooth": (0, 100),
    "model.tanh_cutoff": (0, 100),
    "model.tanh_smooth": (0, 100),
    "model.dropout": (0, 0.95),
    "model.input_dropout": (0, 0.95),
    "model.noise": (0, 10),
    "model.noise_steps": (1, 10_000_000),
    "model.rounding": (0, 1024),
    "model.saturation_limit": (0, 100),
    "model.movement_limit": (0, 100),
    "model.attention_width": (1, 4096),
    "model.steps_scale": (0.1, 100),
    "curriculum.max_length": (1, 2048),
    "curriculum.buckets": (1, 2048),
    "curriculum.proving_bucket": (0, 2048),
    "curriculum.proving_epochs": (1, 1_000_000),
    "curriculum.revisit_share": (0, 1),
    "curriculum.shrink_above": (0, 1),
    "optimiser.learning_rate": (0, 10),
    "optimiser.epsilon": (0, 1),
    "optimiser.maximum_decay": (0, 1),
    "optimiser.maximum_decay_floor": (0, 1),
    "optimiser.maximum_decay_half_life": (1, 10_000_000),
    "optimiser.max_grad_norm": (0, 1_000_000_000),
    "optimiser.fall_below": (0, 1),
    "optimiser.fall_steps": (1, 10_000_000),
    "optimiser.gradient_noise": (0, 1000),
    "optimiser.gradient_noise_decay": (0, 10),
    "optimiser.pull": (0, 1_000_000),
    "optimiser.saturation_weight": (0, 1_000_000),
    "optimiser.movement_weight": (0, 1_000_000),
}


def check_room(config: RunConfig, task: Task) -> None:
    """Refuses a task that a run's model has no room for, or that it was not told of.

    Raises:
        UserError: the message names what is too small, or the tasks that the model is told.
    """
    model = config.model
    if model.task_channels and task.name not in config.tasks:
        raise UserError(
            f"The model is told which of its tasks ({', '.join(config.tasks)}) it is asked; "
            f"{task.name!r} is none of them."
        )
    for setting, what, needed in (("height", "rows", task.rows), ("vocabulary", "symbols", task.vocabulary)):
        if getattr(model, setting) < needed:
            raise UserError(
                f"{task.name!r} needs {needed} {what}, model.{setting} is {getattr(model, setting)}; "
                f"train with --set model.{setting}={needed}."
            )


def _check_ranges(config: RunConfig) -> None:
    for key, (low, high) in _RANGES.items():
        value: Any = config
        for part in key.split("."):
            value = getattr(value, part)
        for number in value if isinstance(value, tuple) else (value,):
            if not low <= number <= high:
                raise UserError(f"{key} must lie between {low} and {high}, got {shown(number)}.")
    if config.model.kernel % 2 == 0:
        raise UserError(f"model.kernel must be odd, got {config.model.kernel}.")
    if config.optimiser.movement_weight and not config.model.movement_limit:
        raise UserError(
            "optimiser.movement_weight weighs what units change by beyond model.movement_limit, which is 0: "
            "movement is not counted; add --set model.movement_limit=0.25."
        )
    for key, smooth in (("sigmoid", config.model.sigmoid_smooth), ("tanh", config.model.tanh_smooth)):
        if 0 < smooth < 1:
            raise UserError(f"model.{key}_smooth must be 0 or at least 1, got {shown(smooth)}.")


def plain(value: Any) -> Any:
    """Returns settings as dictionaries, lists and single values, as a TOML document holds them."""
    if is_dataclass(value):
        return {entry.name: plain(getattr(value, entry.name)) for entry in fields(value)}
    return list(value) if isinstance(value, tuple) else value
