"""Checks the shapes and types of every call into the package while the tests run."""

from jaxtyping import install_import_hook

# The hook rewrites modules as they are imported, so it has to come before the first import of the package.
install_import_hook("neuralgpu", "beartype.beartype")
