"""What the model and the training step are called with."""

import numpy as np
from jaxtyping import Array

AnyArray = Array | np.ndarray
"""Of either kind: made on the host, used on the device."""
