"""Models trained in Flyte."""
