"""First steps: the smallest workflow, and launch plans. Needs flytekit and nothing else."""
