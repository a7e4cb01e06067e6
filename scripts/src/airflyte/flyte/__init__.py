"""The embedded Flyte as part of the stack: its two processes, and a client for what the verbs ask of it."""
