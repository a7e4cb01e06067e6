"""Flyte from Python code in Airflow: :class:`FlyteHook` in tasks, :class:`FlyteAsyncHook` in triggers."""

from __future__ import annotations

from flyte_provider.hooks._asynchronous import FlyteAsyncHook
from flyte_provider.hooks._blocking import ExecutionRef, FlyteHook

__all__ = ["ExecutionRef", "FlyteAsyncHook", "FlyteHook"]
