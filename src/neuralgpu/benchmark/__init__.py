"""What `neuralgpu bench` measures: training steps of given sizes, beside the matrix products of the same machine."""
