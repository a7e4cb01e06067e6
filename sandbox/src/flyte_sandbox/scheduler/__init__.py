"""Launches active launch plans when their schedules fall due: ``times`` says when, ``loop`` does it.

Source: flyteadmin scheduler/.
"""

from flyte_sandbox.scheduler.loop import Scheduler

__all__ = ["Scheduler"]
