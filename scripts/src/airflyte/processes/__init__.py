"""The processes of a stack: which are ours, how they are started and watched, and how they are ended."""
