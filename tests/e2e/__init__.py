"""The end-to-end stories: what a user of the whole stack may rely on, told with real processes.

One story per file; its docstring is the rule that it proves. ``conftest`` gives a story the stacks it needs,
``harness`` is how it talks to them: through make, Airflow's REST API and Flyte's gRPC, as any user could.
``dags`` and ``workflows`` are the stories' own, and are added to the copy of the checkout that they run in.
"""
