"""Models of anybody's: a Python function, a program, or a chat model behind an address."""
