"""The network: what one step does to the state, and how steps are run."""
