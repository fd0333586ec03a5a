"""The step loop as two GPU kernels, one forwards and one backwards, which run all the steps of an example at once."""

from neuralgpu.model.fused.batch import run_fused as run_fused
from neuralgpu.model.fused.batch import why_not_fused as why_not_fused
