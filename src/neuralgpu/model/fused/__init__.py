"""The step loop as GPU kernels, one forwards and one backwards, which run all the steps of an example at once."""

from neuralgpu.model.fused.batch import largest_record as largest_record
from neuralgpu.model.fused.batch import run_fused as run_fused
