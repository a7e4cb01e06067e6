"""Times and durations as whole numbers, so that both databases compare them exactly.

Times are microseconds since 1970 UTC, durations nanoseconds.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MICROSECOND = timedelta(microseconds=1)


def to_micros(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    return _EPOCH + timedelta(microseconds=micros)


def to_timestamp(moment: datetime) -> Timestamp:
    micros = to_micros(moment)
    return Timestamp(seconds=micros // 1_000_000, nanos=micros % 1_000_000 * 1000)


def timestamp_micros(stamp: Timestamp) -> int:
    return stamp.seconds * 1_000_000 + stamp.nanos // 1000


def from_timestamp(stamp: Timestamp) -> datetime:
    return from_micros(timestamp_micros(stamp))


def duration_nanos(duration: Duration) -> int:
    return duration.seconds * 1_000_000_000 + duration.nanos


def to_duration(start: Timestamp, end: Timestamp) -> Duration:
    nanos = max(0, (timestamp_micros(end) - timestamp_micros(start)) * 1000)
    return Duration(seconds=nanos // 1_000_000_000, nanos=nanos % 1_000_000_000)
