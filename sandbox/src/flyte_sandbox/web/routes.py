"""Which RPC a path means: a table read off the ``google.api.http`` options of Flyte's service descriptors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from flyteidl.service import admin_pb2, auth_pb2, dataproxy_pb2, identity_pb2, signal_pb2
from google.api import annotations_pb2, http_pb2
from google.protobuf.descriptor import Descriptor, MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

SERVICES: tuple[ServiceDescriptor, ...] = (
    admin_pb2.DESCRIPTOR.services_by_name["AdminService"],
    dataproxy_pb2.DESCRIPTOR.services_by_name["DataProxyService"],
    signal_pb2.DESCRIPTOR.services_by_name["SignalService"],
    identity_pb2.DESCRIPTOR.services_by_name["IdentityService"],
    auth_pb2.DESCRIPTOR.services_by_name["AuthMetadataService"],
)


@dataclass(frozen=True)
class Route:
    """:param segments: of the path; ``{a.b}`` stands for the field it sets.

    :param has_body: the request is the body; else its fields come from the query.
    """

    verb: str
    segments: tuple[str, ...]
    rpc: str
    request: type[Message]
    response: Descriptor
    has_body: bool

    @property
    def fields(self) -> frozenset[str]:
        """What the path sets."""
        return frozenset(segment[1:-1] for segment in self.segments if segment.startswith("{"))

    def match(self, segments: tuple[str, ...]) -> dict[str, str] | None:
        """:return: values by field, None when the path is another one. A value may be empty, as in the real
        one, and the RPC then misses it."""
        values = {}
        for wanted, given in zip(self.segments, segments, strict=True):
            if wanted.startswith("{"):
                values[wanted[1:-1]] = given
            elif wanted != given:
                return None
        return values


class Routes:
    """All routes; among those that fit a path, the one declared last wins, as in grpc-gateway's mux."""

    def __init__(self) -> None:
        self._by_length: dict[int, list[Route]] = {}
        for service in SERVICES:
            for route in _routes(service):
                self._by_length.setdefault(len(route.segments), []).insert(0, route)

    def __iter__(self) -> Iterator[Route]:
        for routes in self._by_length.values():
            yield from routes

    def find(self, verb: str, path: str) -> tuple[Route, dict[str, str]] | None:
        """:param path: percent-decoded, so a decoded slash splits too, as in the real one."""
        return next((found for found in self._matching(path) if found[0].verb == verb), None)

    def has_path(self, path: str) -> bool:
        """:return: whether some verb would do."""
        return any(True for _ in self._matching(path))

    def _matching(self, path: str) -> Iterator[tuple[Route, dict[str, str]]]:
        segments = tuple(path.removeprefix("/").split("/"))
        for route in self._by_length.get(len(segments), ()):
            values = route.match(segments)
            if values is not None:
                yield route, values


def _routes(service: ServiceDescriptor) -> Iterator[Route]:
    for method in service.methods:
        rule = method.GetOptions().Extensions[annotations_pb2.http]
        for binding in (rule, *rule.additional_bindings):
            if binding.WhichOneof("pattern"):
                yield _route(method, binding)


def _route(method: MethodDescriptor, binding: http_pb2.HttpRule) -> Route:
    verb = binding.WhichOneof("pattern")
    path = getattr(binding, verb)
    return Route(
        verb=verb.upper(),
        segments=tuple(path.removeprefix("/").split("/")),
        rpc=f"/{method.containing_service.full_name}/{method.name}",
        request=GetMessageClass(method.input_type),
        response=method.output_type,
        has_body=binding.body == "*",
    )
