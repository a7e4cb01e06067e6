"""Builds and wires every part of one sandbox. The only module that knows them all; the CLI and tests call it.

Two threads matter: the event loop's, which speaks gRPC and HTTP, and the engine's, which decides. What blocks
on the database runs in the dispatcher's pool.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, Self, TypeAlias, TypeVar

from flyteidl.admin import execution_pb2
from flyteidl.core import identifier_pb2

from flyte_sandbox.admin.data_proxy import DataProxy
from flyte_sandbox.admin.rooms import Admin, make_admin
from flyte_sandbox.blobs.signing import Signer
from flyte_sandbox.blobs.store import Store
from flyte_sandbox.clock import Clock, SystemClock
from flyte_sandbox.config import BUCKET, SandboxConfig
from flyte_sandbox.db.database import Database
from flyte_sandbox.engine.acting import Actor
from flyte_sandbox.engine.alarms import Alarms
from flyte_sandbox.engine.loading import Loader
from flyte_sandbox.engine.loop import Engine
from flyte_sandbox.engine.resources.attributes import TaskAttributes
from flyte_sandbox.engine.resources.rationing import Rationing
from flyte_sandbox.engine.tasks.attempts import AttemptPlanner
from flyte_sandbox.engine.tasks.ordering import Orders
from flyte_sandbox.engine.tasks.platform_env import platform_env
from flyte_sandbox.engine.tasks.secrets import open_secrets
from flyte_sandbox.engine.tasks.sleeping import Sleeper
from flyte_sandbox.environments import BuiltEnvironments, Environments
from flyte_sandbox.rpc.dispatch import Dispatcher
from flyte_sandbox.rpc.first_look import FirstLook
from flyte_sandbox.rpc.handlers import handlers
from flyte_sandbox.rpc.server import GrpcServer
from flyte_sandbox.runner import ProcessRunner, TaskUsers
from flyte_sandbox.runner.machine import this_machine
from flyte_sandbox.scheduler import Scheduler
from flyte_sandbox.state_folder import StateFolder
from flyte_sandbox.web.app import create_app
from flyte_sandbox.web.front import Front
from flyte_sandbox.web.runtime import Runtime, make_runtime
from flyte_sandbox.web.server import HttpServer

logger = logging.getLogger(__name__)

ExecutionId: TypeAlias = identifier_pb2.WorkflowExecutionIdentifier
_GET_EXECUTION = "/flyteidl.service.AdminService/GetExecution"
_STOP_SECONDS = 0.5
_DEEP_CHECK_SECONDS = 0.1

T = TypeVar("T")


class Sandbox:
    """An embedded Flyte. ``start`` and ``stop`` once each, from any thread; or use it as a context manager.

    :param config: what to run, and where.
    :param clock: where the time comes from.
    """

    def __init__(self, config: SandboxConfig, clock: Clock | None = None) -> None:
        self.config = config
        self._clock = clock or SystemClock()
        self._loop = asyncio.new_event_loop()
        self._loop_thread = threading.Thread(target=self._run_loop, name="rpc", daemon=True)
        self._is_started = False
        self._folder = StateFolder(config.state)

    # ---- life ----------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Returns when calls are answered; tasks may still wait for their template process.

        :raises StartupError: when a port is taken or the state folder cannot be used.
        """
        self._bind()
        self._loop_thread.start()
        try:
            self._build()
            self._in_loop(self._open_doors())
        except BaseException:
            self._in_loop(self._front.stop())
            self._end_loop()
            self._folder.release()
            raise
        self._is_started = True
        self._folder.announce(self.port)
        self.runner.prewarm()
        self.engine.start(self._actor)
        self.scheduler.start()

    def _bind(self) -> None:
        """Take folder and port first, so that a second sandbox stops before it touches a file."""
        self._folder.hold()
        config = self.config
        try:
            folders = (config.attempts, config.buckets / BUCKET, config.templates)
            self._users = TaskUsers(config.task_uid, folders, config.task_users)
            self._front = Front(config, self._users.uids)
            self.port = self._front.bind()
        except BaseException:
            self._folder.release()
            raise
        self.public_url = self.config.public_url or f"http://localhost:{self.port}"

    def stop(self, stop_attempts: bool = True) -> None:
        """:param stop_attempts: end the tasks under way; else they go on, and the next start finds them.

        Attempts that are ended here begin again at the next start and use no retry.
        """
        if not self._is_started:
            return
        self._is_started = False
        self._in_loop(self._close_doors())
        self.scheduler.close()
        self.engine.close()
        self._alarms.close()
        if stop_attempts:
            self._orders.mark_interrupted()
        self.runner.close(stop_attempts=stop_attempts)
        self._dispatcher.close()
        self._end_loop()
        self.db.close()
        self._folder.release()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def clock(self) -> Clock:
        """Whose time counts in every part."""
        return self._clock

    # ---- wiring --------------------------------------------------------------------------------------------

    def _build(self) -> None:
        config = self.config
        self.db = Database(config.database_url or f"sqlite:///{config.state / 'flyte.db'}")
        self.db.migrate()
        self.store = Store(config.buckets)
        self.signer = Signer(self._folder.secret(), self._clock)
        self._built_environments = BuiltEnvironments(config.built_environments)
        self._environments = Environments(config.environments, self._built_environments)
        self.loader = Loader(self.db, self.store)
        self.engine = Engine(self.db, self._clock, self.loader, self._ended, self.log_url)
        self.admin = self._build_admin()
        self.scheduler = Scheduler(self.db, self._clock, self.admin.launching.create)
        self._build_actor()
        self._dispatcher = self._build_dispatcher()

    def _build_admin(self) -> Admin:
        db, clock, store = self.db, self._clock, self.store
        data_proxy = DataProxy(db, clock, store, self.signer, self.public_url, self._publish_deck)
        max_nodes = self.config.max_nodes
        return make_admin(
            db, clock, store, self.engine, data_proxy, max_nodes, lambda: self.scheduler.changed()
        )

    def _build_actor(self) -> None:
        config = self.config
        env = platform_env(config, self.port)
        self._alarms = Alarms(self._clock)
        is_strict = config.images == "strict"
        secrets = open_secrets(config.secrets, config.state)
        self._planner = AttemptPlanner(
            config.attempts,
            self.store,
            env,
            self._environments,
            is_strict,
            self._users,
            secrets,
            console_url=f"{self.public_url}/console",
        )
        attributes = TaskAttributes(self.db)
        rationing = Rationing(this_machine(), config.resources, config.slots, attributes.of)
        self._orders = Orders(
            self.db, self.store, self._planner, rationing, self.engine.post, config.max_nodes
        )
        self._actor = Actor(
            self.db,
            self.store,
            self.loader,
            self._orders,
            Sleeper(self.db, self._clock, self._alarms, self.engine.post),
            self._alarms,
            self.engine.post,
            self.admin.launching.create,
            self.admin.executions.terminate,
        )
        self.runner = ProcessRunner(
            self._environments,
            config.templates,
            config.mark,
            config.warm,
            config.grace_seconds,
            self._orders.started,
            self._orders.ended,
            preload_after_seconds=config.preload_after_seconds,
            users=self._users,
        )
        self._orders.use(self.runner)

    def _build_dispatcher(self) -> Dispatcher:
        table = handlers(self.admin)

        async def get(request: execution_pb2.WorkflowExecutionGetRequest) -> Any:
            if self.config.database_url:
                return await dispatcher.in_thread(table[_GET_EXECUTION], request)
            # The call that clients repeat most: a row by its key from SQLite, which never waits for writers,
            # costs less than a thread's wake-up.
            return table[_GET_EXECUTION](request)

        config = self.config
        self._first_look = FirstLook(get, self._clock, config.first_look_seconds, config.first_wait_seconds)
        dispatcher = Dispatcher(table, {_GET_EXECUTION: self._first_look})
        return dispatcher

    def _ended(self, id: ExecutionId) -> None:
        self._first_look.notify(id)

    def _publish_deck(self, id: identifier_pb2.NodeExecutionIdentifier, uri: str) -> None:
        self._orders.publish_deck(id, uri)

    def log_url(self, id: ExecutionId, node_id: str, attempt: int) -> str:
        return f"{self.public_url}/console/logs/{id.project}/{id.domain}/{id.name}/{node_id}/{attempt}"

    def log_path(self, id: ExecutionId, node_id: str, attempt: int) -> Path | None:
        """The newest log of an attempt, which a restart of the server may have begun more than once."""
        return self._planner.log_path(id, node_id, attempt)

    # ---- doors ---------------------------------------------------------------------------------------------

    async def _open_doors(self) -> None:
        self._runtime: Runtime = make_runtime(self.config.state)
        call, config = self._dispatcher.call, self.config
        app = create_app(
            config,
            call,
            self.store,
            self.signer,
            self.log_path,
            self.port,
            self._clock,
            lambda: self.runner.ready(_DEEP_CHECK_SECONDS),
        )
        self._grpc = GrpcServer(self._dispatcher.call, f"unix:{self._runtime.grpc_socket}")
        self._http = HttpServer(app, self._runtime.http_socket)
        await self._grpc.start()
        await self._http.start()
        await self._front.start(self._runtime.grpc_socket, self._runtime.http_socket)

    async def _close_doors(self) -> None:
        await self._grpc.stop(_STOP_SECONDS)
        await self._http.stop()
        await self._front.stop()
        self._runtime.remove()

    # ---- the event loop ------------------------------------------------------------------------------------

    def _run_loop(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()
        self._loop.close()

    def _in_loop(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def _end_loop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._loop_thread.join()
