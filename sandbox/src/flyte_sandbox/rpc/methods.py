"""Every method of Flyte's services, by full name, with its message classes; read off the descriptors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from flyteidl.service import admin_pb2, dataproxy_pb2, signal_pb2
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

SERVICES: tuple[ServiceDescriptor, ...] = (
    admin_pb2.DESCRIPTOR.services_by_name["AdminService"],
    dataproxy_pb2.DESCRIPTOR.services_by_name["DataProxyService"],
    signal_pb2.DESCRIPTOR.services_by_name["SignalService"],
)
"""What is registered. With auth off the real one leaves identity and auth metadata out: UNIMPLEMENTED."""


@dataclass(frozen=True)
class Method:
    name: str
    request: type[Message]
    response: type[Message]


def full_name(descriptor: MethodDescriptor) -> str:
    """``/flyteidl.service.AdminService/GetExecution``."""
    return f"/{descriptor.containing_service.full_name}/{descriptor.name}"


def methods(service: ServiceDescriptor) -> Iterator[Method]:
    for descriptor in service.methods:
        yield Method(
            full_name(descriptor),
            GetMessageClass(descriptor.input_type),
            GetMessageClass(descriptor.output_type),
        )
