"""What makes an example Dag a test that pytest runs."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest


def get_test_env_id(env_var_name: str = "SYSTEM_TESTS_ENV_ID") -> str:
    """Return what tells runs of system tests that share a Flyte apart."""
    return os.environ.get(env_var_name, "default")


def get_test_run(dag: Any, **test_kwargs: Any) -> Callable[[], None]:
    """Return the test: one run of the Dag, which has to succeed.

    :param test_kwargs: for ``dag.test``
    """

    @pytest.mark.system
    def test_run() -> None:
        dag_run = dag.test(**test_kwargs)
        states = {ti.task_id: str(ti.state) for ti in dag_run.get_task_instances()}
        assert str(dag_run.state) == "success", f"tasks of {dag.dag_id}: {states}"

    return test_run
