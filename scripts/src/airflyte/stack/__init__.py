"""The stack as a whole: what it consists of, what its processes see, and whether it is the one that runs."""
