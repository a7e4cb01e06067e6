"""The rooms of ``admin`` over a database file, as ``sandbox.py`` wires them, without engine and doors."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flyteidl.core import identifier_pb2

from flyte_sandbox.admin.data_proxy import DataProxy
from flyte_sandbox.admin.rooms import Admin, make_admin
from flyte_sandbox.blobs.signing import Signer
from flyte_sandbox.blobs.store import Store
from flyte_sandbox.clock import ManualClock
from flyte_sandbox.db.database import Database

ExecutionId = identifier_pb2.WorkflowExecutionIdentifier


@dataclass
class Rooms:
    """:param told: what the engine would have been told: executions created and terminated, signals set."""

    admin: Admin
    db: Database
    store: Store
    clock: ManualClock
    told: list[Any] = field(default_factory=list)


@dataclass
class _Engine:
    """Only listens."""

    told: list[Any]

    def created(self, id: ExecutionId) -> None:
        self.told.append(id)

    terminated = changed = created

    def signalled(self, *signal: Any) -> None:
        self.told.append(signal)


def make_rooms(folder: Path, url: str = "") -> Rooms:
    clock, store = ManualClock(), Store(folder / "buckets")
    db = Database(url or f"sqlite:///{folder / 'flyte.db'}")
    db.migrate()
    told: list[Any] = []
    data_proxy = DataProxy(db, clock, store, Signer(b"0123456789abcdef", clock), "http://localhost:1")
    admin = make_admin(db, clock, store, _Engine(told), data_proxy, max_nodes=100)
    return Rooms(admin, db, store, clock, told)
