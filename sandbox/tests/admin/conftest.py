"""The rooms of ``admin`` over a database in a folder, without a server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from flyte_sandbox.admin.rooms import Admin

from .rooms import Rooms, make_rooms


@pytest.fixture
def rooms(tmp_path: Path) -> Iterator[Rooms]:
    rooms = make_rooms(tmp_path)
    yield rooms
    rooms.db.close()


@pytest.fixture
def admin(rooms: Rooms) -> Admin:
    return rooms.admin
