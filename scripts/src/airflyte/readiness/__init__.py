"""When a stack is ready: a real call has worked through every door, and the answer came from this stack."""
