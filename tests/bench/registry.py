"""Every row: its name, what it measures, its unit, its goal, and the function that measures it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from . import (
    provider_await,
    provider_cancel,
    provider_overhead,
    provider_parse,
    sandbox_burst,
    sandbox_curve,
    sandbox_edit,
    sandbox_hello,
    sandbox_orchestration,
    sandbox_pima,
    sandbox_rpc,
    sandbox_s3,
    sandbox_start,
    sandbox_tasks,
    stack_figures,
)
from .figures import Goal, Measurement, at_least, at_most
from .workshop import Workshop


@dataclasses.dataclass(frozen=True)
class Row:
    """:param what: in half a sentence, with the reference if there is one."""

    name: str
    what: str
    unit: str
    goal: Goal
    measure: Callable[[Workshop], Measurement]


ROWS = (
    Row(
        "stack.ready.warm",
        "second make up until every door works; reference plain airflow standalone on a migrated database",
        "s",
        Goal(ratio=at_most(0.85)),
        stack_figures.ready_warm,
    ),
    Row(
        "stack.ready.first",
        "first make up, the demo included, with the package cache warm",
        "s",
        Goal(at_most(45)),
        stack_figures.ready_first,
    ),
    Row(
        "stack.memory",
        "PSS of all processes 60 s after a demo run, with one warm template",
        "MB",
        Goal(at_most(1200)),
        stack_figures.memory,
    ),
    Row(
        "stack.processes",
        "how many these are",
        "processes",
        Goal(at_most(26)),
        stack_figures.processes,
    ),
    Row(
        "stack.download",
        "what a first make up fetches with nothing in any cache",
        "MB",
        Goal(at_most(500)),
        stack_figures.download,
    ),
    Row(
        "stack.disk",
        "size of environments and state",
        "MB",
        Goal(at_most(1500)),
        stack_figures.disk,
    ),
    Row(
        "stack.down",
        "make down until no process and no port is left",
        "s",
        Goal(at_most(6)),
        stack_figures.down,
    ),
    Row(
        "sandbox.ready",
        "start of the server to its first answer",
        "s",
        Goal(at_most(0.6)),
        sandbox_start.ready,
    ),
    Row(
        "sandbox.ready.full",
        "the same on a database with 100,000 executions; reference an empty one",
        "s",
        Goal(ratio=at_most(1.15)),
        sandbox_start.ready_full,
    ),
    Row(
        "sandbox.memory",
        "PSS of the server after a few executions, templates apart",
        "MB",
        Goal(at_most(110)),
        sandbox_start.memory,
    ),
    Row(
        "sandbox.hello",
        "two-task workflow, CreateExecution to SUCCEEDED, warm, p50; reference two cold task processes",
        "s",
        Goal(at_most(0.15), at_most(0.10)),
        sandbox_hello.hello,
    ),
    Row(
        "sandbox.tasks",
        "1,000-element map task that does nothing",
        "tasks/s",
        Goal(at_least(40)),
        sandbox_tasks.tasks,
    ),
    Row(
        "sandbox.edit",
        "a line changed, pyflyte run --remote --wait; reference pyflyte run (local) of the same file",
        "s",
        Goal(ratio=at_most(2.0)),
        sandbox_edit.edit,
    ),
    Row(
        "sandbox.templates",
        "PSS of all template processes after 20 edited versions",
        "MB",
        Goal(at_most(300)),
        sandbox_edit.templates,
    ),
    Row(
        "sandbox.orchestration.fanout",
        "one execution with 1,000 leaves that the engine sleeps for 0 s, CreateExecution to SUCCEEDED",
        "s",
        Goal(at_most(5)),
        sandbox_orchestration.fanout,
    ),
    Row(
        "sandbox.orchestration.wide",
        "the same with 6,000 leaves",
        "s",
        Goal(at_most(30)),
        sandbox_orchestration.wide,
    ),
    Row(
        "sandbox.orchestration.chain",
        "500 such nodes in a row",
        "s",
        Goal(at_most(5)),
        sandbox_orchestration.chain,
    ),
    Row(
        "sandbox.orchestration.swarm",
        "5 executions with 2,000 leaves of 1 s, launched at once",
        "s",
        Goal(at_most(40)),
        sandbox_orchestration.swarm,
    ),
    Row(
        "sandbox.orchestration.held",
        "1,000 leaves of 120 s in one execution, memory flat meanwhile",
        "s",
        Goal(at_most(122)),
        sandbox_orchestration.held,
    ),
    Row(
        "sandbox.curve.static",
        "CPU time of the server for a node of a workflow with 1,000 nodes; reference a node of one with 100",
        "ms",
        Goal(ratio=at_most(1.5)),
        sandbox_curve.static,
    ),
    Row(
        "sandbox.curve.dynamic",
        "the same where a dynamic task yields the nodes",
        "ms",
        Goal(ratio=at_most(1.5)),
        sandbox_curve.dynamic,
    ),
    Row(
        "sandbox.burst",
        "what the server grows by while 200 executions are launched at once, eight times after a first one",
        "MB",
        Goal(at_most(10)),
        sandbox_burst.burst,
    ),
    Row(
        "sandbox.pima",
        "pima workflow warm, cache overwritten, a new seed each run, ratio after 0.2 s are taken off; "
        "reference the same workflow called in a warm interpreter",
        "s",
        Goal(ratio=at_most(1.5)),
        sandbox_pima.pima,
    ),
    Row(
        "sandbox.rpc.get",
        "GetExecution a second, 8 in flight, one client process",
        "1/s",
        Goal(at_least(1500)),
        sandbox_rpc.get,
    ),
    Row(
        "sandbox.rpc.list",
        "ListExecutions p95 on 100,000 executions",
        "ms",
        Goal(at_most(50)),
        sandbox_rpc.list_,
    ),
    Row(
        "sandbox.s3.list",
        "S3 list of the outputs of 1,000 executions, all pages",
        "s",
        Goal(at_most(0.5)),
        sandbox_s3.list_,
    ),
    Row(
        "provider.parse.cpu",
        "CPU time of importing operator, sensor, triggers and hook over airflow.sdk alone",
        "ms",
        Goal(at_most(25)),
        provider_parse.cpu,
    ),
    Row(
        "provider.parse.memory",
        "what these imports add to PSS",
        "MB",
        Goal(at_most(2)),
        provider_parse.memory,
    ),
    Row(
        "provider.await.rpc",
        "RPCs for 1,000 deferred executions, each looked at every 10 s",
        "1/s",
        Goal(at_most(10)),
        provider_await.rpc,
    ),
    Row(
        "provider.await.cpu",
        "what these take of a core",
        "%",
        Goal(at_most(3)),
        provider_await.cpu,
    ),
    Row(
        "provider.cancel.deferred",
        "mark failed in Airflow to ABORTING in Flyte, operator in the triggerer, p95",
        "s",
        Goal(at_most(3)),
        provider_cancel.deferred,
    ),
    Row(
        "provider.cancel.sync",
        "the same in a worker's slot, operator and sensor",
        "s",
        Goal(at_most(6)),
        provider_cancel.sync,
    ),
    Row(
        "provider.overhead",
        "Dag with one FlyteOperator (hello), seconds more than a Dag with one no-op Python task",
        "s",
        Goal(at_most(1.0)),
        provider_overhead.overhead,
    ),
    Row(
        "demo.pima",
        "trigger to green through Airflow, stack up, cache overwritten",
        "s",
        Goal(at_most(20)),
        stack_figures.demo_pima,
    ),
)


LATER: dict[str, str] = {}
"""Rows that cannot be measured, with the reason."""
