"""Every place where this sandbox knowingly differs from Flyte v1.16.8: one table, and the page made of it.

A row comes with the code that differs. What the real Flyte refuses is refused here too; a row under
:attr:`Effect.LENIENT` is an exception to that and needs a good reason. ``docs/differences.md`` is what
``python -m flyte_sandbox.differences`` prints.
"""

from __future__ import annotations

import enum
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass


class Effect(enum.Enum):
    """What a difference means for somebody who moves code to a cluster, or from one."""

    LENIENT = "Works here, and may fail on a cluster"
    REFUSED = "Refused here, and works on a cluster"
    NOT_YET = "Not there yet: fails here, and works on a cluster"
    OTHER = "Works on both, and looks or behaves otherwise"


@dataclass(frozen=True)
class Difference:
    """One row.

    :param rule: what it is about, in a few words.
    :param real: what Flyte v1.16.8 does.
    :param ours: what the sandbox does.
    :param why: the reason, or what will change it.
    :param where: the file that differs, below ``flyte_sandbox/``.
    """

    effect: Effect
    rule: str
    real: str
    ours: str
    why: str
    where: str


@dataclass(frozen=True)
class MissingCalls:
    """RPCs that answer UNIMPLEMENTED.

    :param service: of ``flyteidl.service``.
    :param purpose: what a user cannot do without them.
    """

    service: str
    purpose: str
    names: tuple[str, ...]


KINDS_OF_NODES = "Kinds of nodes"
"""The rule of the row that names, in flyteidl's words, the kinds that the engine does not run."""

DIFFERENCES: tuple[Difference, ...] = (
    # ---- lenient
    Difference(
        Effect.LENIENT,
        "Nodes of a workflow",
        "100 at most, unless its configuration says otherwise",
        "10,000 at most (`max_nodes`)",
        "The limit keeps Kubernetes objects small, and there are none here; 100 finds out beforehand",
        "config.py",
    ),
    Difference(
        Effect.LENIENT,
        "Size of a request over gRPC",
        "4 MiB, the default of its gRPC library",
        "256 MiB",
        "Workflows up to the limit of nodes above have to fit",
        "rpc/server.py",
    ),
    Difference(
        Effect.LENIENT,
        "Pod templates",
        "All containers run, with the pod's settings",
        "The primary container runs as any task; what was left out is said on the attempt",
        "There are no pods",
        "engine/tasks/pods.py",
    ),
    Difference(
        Effect.LENIENT,
        "Mapping over a launch plan",
        "Refused when the workflow is registered (flyteorg/flyte#6236)",
        "Each item becomes an execution of its own",
        "flytekit offers it, and Union's Flyte runs it; on other clusters `pyflyte register` says so at once",
        "compiler/nodes.py",
    ),
    Difference(
        Effect.LENIENT,
        "Container images",
        "Each task runs in its image",
        "The task runs in the environment of the image's name, else in the default one, which the attempt's "
        "reasons say; with strict images it fails",
        "No containers: what the image lacks may be installed here, and the other way round",
        "engine/tasks/parity.py",
    ),
    Difference(
        Effect.LENIENT,
        "`ImageSpec`",
        "Built as a container image with what it names",
        "Built as an environment by uv, on the machine that registers: packages, requirements, Python, "
        "variables, files and a base; apt, conda, CUDA, commands and entrypoint are left out, which the "
        "attempt's reasons say",
        "No containers; a client without our plugin of flytekit builds nothing, and its tasks run in the "
        "default environment",
        "flytekit_plugin/recipes.py",
    ),
    Difference(
        Effect.LENIENT,
        "Resources",
        "Requests are scheduled, limits enforced; a pod that fits nowhere waits for ever",
        "Requests are scheduled. By default one beyond this machine counts as all of it and a GPU is done "
        "without, both noted on the attempt; limits end nobody. With `resources = enforce` an impossible "
        "request fails (`ResourceRequestsExceedLimits`), and more private memory than the limit ends the "
        "attempt (`OOMKilled`). CPU limits and ephemeral storage have no effect",
        'Code with `mem="64Gi", gpu="1"` runs unchanged on a laptop',
        "engine/resources/claims.py",
    ),
    Difference(
        Effect.LENIENT,
        "Isolation of a task",
        "A pod with its own files, network and service account",
        "A process of the user who started the sandbox, in a session, folder and home of its own; under root "
        "as uid 61000 where that can enter all it needs, else as root, which the attempt's reasons say",
        "No containers: do not run what you would not run in a terminal",
        "runner/template/isolation.py",
    ),
    Difference(
        Effect.LENIENT,
        "Identity and placement",
        "Service accounts, IAM roles, cluster pools, labels and annotations reach the pod",
        "They are checked, stored and shown, and have no effect, whether they come with a request or from "
        "matchable attributes; the attempt's reasons name the account",
        "There is no pod to give them to",
        "engine/tasks/parity.py",
    ),
    Difference(
        Effect.LENIENT,
        "Who may call",
        "OAuth where it is switched on, as on most clusters",
        "Nobody is asked who they are; the services for that answer UNIMPLEMENTED, as the real ones do "
        "with it off",
        "Only this machine's user reaches the port, see the rows about connections",
        "web/peers.py",
    ),
    # ---- refused
    Difference(
        Effect.REFUSED,
        "Other origins (CORS)",
        "All origins may call the HTTP API",
        "A request with a foreign Origin is refused (403), and no CORS headers are sent, unless "
        "`cors_origins` names the origin",
        "Reaching the API means running code as the user; any page in the browser could",
        "web/security.py",
    ),
    Difference(
        Effect.REFUSED,
        "Name in the Host header",
        "Any",
        "`localhost`, `127.0.0.1`, `[::1]` or one of `allowed_hosts`, with our port; else 421",
        "A foreign name may have been rebound to this machine",
        "web/security.py",
    ),
    Difference(
        Effect.REFUSED,
        "Content type of a body over HTTP",
        "Unknown ones are read as JSON",
        "`application/json` or `application/octet-stream`, else 415; signed uploads take any",
        "A plain HTML form can send the others without being asked for permission",
        "web/security.py",
    ),
    Difference(
        Effect.REFUSED,
        "Size and pace of a request over HTTP",
        "Headers up to 1 MiB; as long as it takes",
        "Headers up to 64 KiB, a body of the API up to 64 MiB, an upload up to 5 GiB; after 30 seconds a "
        "client has to have sent 1 KiB a second",
        "One process serves everybody, and whoever says nothing would hold a place in it for ever",
        "web/protocol.py",
    ),
    Difference(
        Effect.REFUSED,
        "Connections of other users of the machine",
        "Accepted",
        "Closed on Linux, unless `allow_other_users`; root is let in",
        "Loopback alone does not tell users apart",
        "web/peers.py",
    ),
    Difference(
        Effect.REFUSED,
        "Archives of fast registration",
        "Unpacked by `tar`",
        "Unpacked by the rules of Python's `data` filter, and nothing is written through a symbolic link",
        "They are unpacked beside the user's files, not in a pod",
        "runner/template/archives.py",
    ),
    Difference(
        Effect.REFUSED,
        "Filters on serialised columns",
        "`spec`, `closure`, `digest` and the like can be compared, as bytes",
        "INVALID_ARGUMENT, as for a column that does not exist",
        "The bytes are another release's matter, and no client asks for them",
        "db/listing.py",
    ),
    # ---- not there yet
    Difference(
        Effect.NOT_YET,
        "Kinds of tasks",
        "ContainerTasks, connectors (SQL, sensors …), distributed types (Spark, Ray …) and map tasks of "
        "`flytekit.core.legacy_map_task` run",
        "They register; the node fails with `TaskTypeUnsupported`, without a retry, and says what to do",
        "They need containers, services or operators that are not there, or nobody writes them any more",
        "engine/tasks/task_types.py",
    ),
    # ---- other
    Difference(
        Effect.OTHER,
        "Secrets",
        "From Kubernetes or a cloud's manager; a group's version is not looked at",
        "From `secrets.toml` (mode 0600) on this machine; a group may have versions, which flytekit asks for",
        "There is no cluster to keep them",
        "engine/tasks/secrets.py",
    ),
    Difference(
        Effect.OTHER,
        "Logs of tasks",
        "Kept by the cluster's log service, whatever their length",
        "A file per attempt; the middle of one beyond 64 MiB is left out, which stands in it",
        "A task that prints without end must not fill the disk",
        "runner/template/long_logs.py",
    ),
    Difference(
        Effect.OTHER,
        "GetExecution of a new execution",
        "Answers at once",
        "For one that is younger than 1 s and not at its end, waits for the end, for 0.5 s altogether; to a "
        "caller that gives it 50 s or more (flytekit's `wait` and `sync`), for one younger than 5 s, 5 s "
        "altogether. Never for what an eager task has launched",
        "flytekit's `wait` looks once and then sleeps for 30 s: a run of 2 s would take half a minute",
        "rpc/first_look.py",
    ),
    Difference(
        Effect.OTHER,
        "Stopping the server while tasks run",
        "Pods run on; one that is deleted uses a system retry",
        "An orderly stop ends them, and the next start begins the same attempt again, from its checkpoint "
        "if it left one, without using a retry; after a kill -9 they run on and are adopted",
        "A laptop is switched off at night",
        "engine/tasks/attempts.py",
    ),
    Difference(
        Effect.OTHER,
        "When a task's module is imported",
        "After the tasks before it have ended",
        "Perhaps while the last one of them runs: its process is forked ahead of time, runs its command up "
        "to the moment when the inputs are asked for, and waits there. Not with `warm: off`",
        "The import is a third of a small task; code at the top of a module that reads what another task "
        "leaves outside Flyte may come too early",
        "runner/template/prepared.py",
    ),
    Difference(
        Effect.OTHER,
        "`core-sleep` over a restart",
        "The plugin keeps the start in memory: a restart of propeller begins the sleep anew",
        "The time counts from the attempt's start",
        "A restart of a laptop shall not prolong what is measured or demonstrated",
        "engine/tasks/sleeping.py",
    ),
    Difference(
        Effect.OTHER,
        "A task's process that vanished without a trace",
        "`ResourceDeletedExternally` (SYSTEM)",
        "`Interrupted` (SYSTEM); the budget of retries is the same",
        "There is no resource that could have been deleted",
        "engine/tasks/outcomes.py",
    ),
    Difference(
        Effect.OTHER,
        "A process that ends with another code than 0",
        "The message starts with `Pod failed. No message received from kubernetes.`",
        "The message starts with what follows that sentence; code, kind and retries are the same",
        "There is no pod",
        "engine/tasks/outcomes.py",
    ),
    Difference(
        Effect.OTHER,
        "Error of a map task",
        "Only the message says anything; code and kind are empty",
        "Code and kind of the first element that failed, the message as there",
        "Whoever reads the code should not find nothing",
        "engine/deciding/nodes/array.py",
    ),
    Difference(
        Effect.OTHER,
        "Patience with a task that is stopped",
        "Kubernetes waits 30 s between SIGTERM and SIGKILL",
        "2 s (`grace_seconds`)",
        "Somebody is waiting in front of a terminal",
        "config.py",
    ),
    Difference(
        Effect.OTHER,
        "Beginning of a task's process",
        "A container starts an interpreter",
        "Forked from a process that has flytekit and the libraries loaded, unless `--cold`; macOS is "
        "always cold",
        "0.03 s instead of 0.8 to 2.5 s; what a fork would share (random state, event loops, temporary "
        "folders) is made anew",
        "runner/template/children.py",
    ),
    Difference(
        Effect.OTHER,
        "Variables of a task",
        "The image's, then Flyte's",
        "PATH, LANG, TZ=UTC, a HOME and a TMPDIR of the sandbox's own, PYTHONUNBUFFERED, then Flyte's; "
        "nothing of the shell that started the server",
        "An execution must not depend on who typed `up`",
        "runner/environment.py",
    ),
    Difference(
        Effect.OTHER,
        "Current folder of a task, and `--dest-dir` of fast registration",
        "The image's working folder; code is unpacked to where the client says, often `/root`",
        "A fresh folder per attempt; a destination outside of it means that folder",
        "Folders of the image do not exist, and this machine's are not ours to write to",
        "runner/template/commands.py",
    ),
    Difference(
        Effect.OTHER,
        "Addresses inside a task",
        "`s3://my-s3-bucket/…`",
        "Absolute paths of this machine; clients see `s3://my-s3-bucket/…` everywhere",
        "No copies and no S3 client between a task and its data",
        "engine/tasks/attempts.py",
    ),
    Difference(
        Effect.OTHER,
        "Phases of a task execution before it runs",
        "QUEUED, INITIALIZING or WAITING_FOR_RESOURCES with Kubernetes' reasons, RUNNING",
        "QUEUED until there is room and the process exists, then RUNNING; with `resources = enforce` "
        "WAITING_FOR_RESOURCES while there is no room",
        "There is no pod that could be pulled or pending",
        "engine/deciding/nodes/task.py",
    ),
    Difference(
        Effect.OTHER,
        "A failure handler in a recovered execution",
        "Is taken over like any node when it had succeeded",
        "Runs again",
        "It cleans up, or tells somebody, and there is something new to clean up and to tell",
        "engine/deciding/flow.py",
    ),
    Difference(
        Effect.OTHER,
        "What counts against a timeout",
        "The whole attempt, the time in which its pod waits for a machine included",
        "An attempt from the start of its process; waiting for a slot does not count",
        "A laptop has two slots where a cluster has hundreds, and the same code has to end well on both",
        "engine/deciding/deadlines.py",
    ),
    Difference(
        Effect.OTHER,
        "Delay before a retry",
        "Until the engine's next round, up to 30 s",
        "None",
        "One thread is told when an attempt ends and has no rounds",
        "engine/deciding/nodes/task.py",
    ),
    Difference(
        Effect.OTHER,
        "Time until a changed schedule counts",
        "Up to 30 s, the period of its scheduler; a rate counts from then",
        "At once; a rate counts from the activation",
        "The scheduler is told, and need not look",
        "scheduler/loop.py",
    ),
    Difference(
        Effect.OTHER,
        "Times of a schedule that were missed while the machine slept",
        "Lost until a restart; what was missed while it was down is launched then, each plan's oldest first",
        "Launched when it wakes, as after a restart; oldest first over all plans",
        "Laptops sleep",
        "scheduler/loop.py",
    ),
    Difference(
        Effect.OTHER,
        "A scheduled launch that is refused (archived project, unbound input)",
        "Tried 30 times within an hour, then given up; during catch-up the scheduler stops",
        "Given up at once, with the reason in the server's log; failures of the server itself are retried "
        "until they pass",
        "The same request would be refused again",
        "scheduler/loop.py",
    ),
    Difference(
        Effect.OTHER,
        "Time zone of schedules without one",
        "The scheduler's own, or UTC where its configuration says so; in the usual images that is UTC too",
        "UTC",
        "An execution must not depend on the machine",
        "scheduler/times.py",
    ),
    Difference(
        Effect.OTHER,
        "Interruptible tasks",
        "Run on machines that can be taken away; `instance_class` says so",
        "`instance_class` says so, and nothing is taken away",
        "One machine",
        "engine/deciding/interruptible.py",
    ),
    Difference(
        Effect.OTHER,
        "An error file beside an exit code that is not 0 (`FLYTE_FAIL_ON_ERROR`)",
        "The file is not read: `Interrupted` (SYSTEM), three more attempts",
        "The file says what went wrong, and how often it is tried again",
        "The user's own error is what the user wants to see",
        "engine/tasks/outcomes.py",
    ),
    Difference(
        Effect.OTHER,
        "Notifications",
        "Sent by e-mail where that is configured; in its sandbox it is not",
        "Checked, stored and shown, never sent; the server's log says who would have been told",
        "A laptop sends no mail",
        "admin/events/notifications.py",
    ),
    Difference(
        Effect.OTHER,
        "Reservations of serialised caching (`cache_serialize`)",
        "One that failed keeps the others waiting until its heartbeat is 30 s old",
        "Ends with the node that holds it, whatever its end; the next one begins at once",
        "One server knows whether its nodes still work, without heartbeats",
        "catalog/reservations.py",
    ),
    Difference(
        Effect.OTHER,
        "A catalog that cannot be read",
        "The round of the engine fails and is repeated",
        "A miss, shown as CACHE_LOOKUP_FAILURE while the task runs",
        "A cache must not keep anybody from working",
        "engine/caching/lookups.py",
    ),
    Difference(
        Effect.OTHER,
        "Two entries for one cache key",
        "The first one stays, unless the execution overwrites the cache",
        "The later one replaces it",
        "Both were made from the same inputs; one row per key needs no tags that move",
        "catalog/artifacts.py",
    ),
    Difference(
        Effect.OTHER,
        "CreateExecution under a name that is taken",
        "Refused after the inputs of the first execution have been overwritten",
        "Refused before anything is written",
        "What is refused must leave no trace",
        "admin/launching/creating.py",
    ),
    Difference(
        Effect.OTHER,
        "Message about a version that exists with another structure",
        "Lists values that changed",
        "Lists values that were added or removed too, fifty at most",
        "An added node is the usual case",
        "compiler/difference.py",
    ),
    Difference(
        Effect.OTHER,
        "Generated launch plan of a single task (`.flytegen.…`)",
        "Its `workflow_id` has the task's name",
        "Its `workflow_id` names the generated workflow",
        "Whoever follows it finds something",
        "admin/launching/single_tasks.py",
    ),
    Difference(
        Effect.OTHER,
        "`contains` and `not_like` in filters",
        "Upper and lower case differ (PostgreSQL)",
        "With SQLite they do not differ for ASCII letters; with PostgreSQL they do",
        "What the database's LIKE does",
        "db/listing.py",
    ),
    Difference(
        Effect.OTHER,
        "Signed addresses",
        "Of the object store, with its headers",
        "On our own port below `/signed/`, without further headers; digests are those of the file as it is",
        "Tasks write into the folder without us, so remembered digests would be wrong",
        "blobs/signing.py",
    ),
    Difference(
        Effect.OTHER,
        "The S3 endpoint of the sandbox",
        "MinIO",
        "Our own, for what clients of a bucket do; without users, policies, versions and locks",
        "It has to show at once, and rightly, what tasks write into the folder",
        "web/s3/endpoint.py",
    ),
    Difference(
        Effect.OTHER,
        "Logs",
        "Links to Kubernetes' dashboard, gone with the pod",
        "One link per attempt to a page of ours; the log stays in the state folder",
        "There is no dashboard",
        "sandbox.py",
    ),
    Difference(
        Effect.OTHER,
        "Console",
        "flyteconsole",
        "Plain pages of our own under its addresses, read only",
        "Every link that a client prints has to lead somewhere",
        "web/pages/router.py",
    ),
    Difference(
        Effect.OTHER,
        "GetVersion",
        "Version and build of flyteadmin",
        "The version that is mirrored; the build starts with `flyte-sandbox`",
        "Clients compare versions, and people should be able to tell",
        "rpc/handlers.py",
    ),
)

MISSING_CALLS: tuple[MissingCalls, ...] = ()

_HEAD = """\
# Differences from Flyte v1.16.8

<!-- Generated by flyte_sandbox.differences; change the table there. -->

What flyte-sandbox does otherwise than the Flyte that it mirrors, on purpose or for now. Where nothing is said
here it is meant to behave as the real one does, refusals included; where it does not, that is a bug. "Code"
is the file below `sandbox/src/flyte_sandbox/`.
"""


def page() -> str:
    """The text of ``docs/differences.md``."""
    sections = [_HEAD, *(_section(effect) for effect in Effect)]
    if MISSING_CALLS:
        sections.append(_missing_calls())
    return "\n".join(sections)


def _section(effect: Effect) -> str:
    rows = [
        (one.rule, one.real, one.ours, one.why, f"`{one.where}`")
        for one in DIFFERENCES
        if one.effect is effect
    ]
    return _table(effect.value, ("What", "Flyte v1.16.8", "flyte-sandbox", "Why", "Code"), rows)


def _missing_calls() -> str:
    rows = [
        (one.purpose, f"{one.service}: {', '.join(f'`{name}`' for name in one.names)}")
        for one in MISSING_CALLS
    ]
    return _table("Calls that answer UNIMPLEMENTED", ("What for", "Calls"), rows)


def _table(title: str, head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    def lines() -> Iterator[str]:
        yield f"## {title}"
        yield ""
        for cells in (head, ("---",) * len(head), *rows):
            yield f"| {' | '.join(cells)} |"
        yield ""

    return "\n".join(lines())


if __name__ == "__main__":
    sys.stdout.write(page())
