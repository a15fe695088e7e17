"""The RPCs that the client uses, each with the type of its answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, Protocol, Self, TypeVar

from tapeline.wire.v1 import common_pb2, enroller_pb2, objects_pb2, relay_pb2


class WireMessage(Protocol):
    """What a protobuf message offers here."""

    def SerializeToString(self) -> bytes:  # noqa: N802 - protobuf's name
        """Return the message's bytes."""

    @classmethod
    def FromString(cls, data: bytes, /) -> Self:  # noqa: N802
        """Parse a message."""


Q = TypeVar("Q", bound=WireMessage, contravariant=True)
A = TypeVar("A", bound=WireMessage, covariant=True)


@dataclass(frozen=True, slots=True)
class Method(Generic[Q, A]):
    """One RPC: its path, the classes of question and answer, and how long an answer may take."""

    path: str
    question: type[Q]
    answer: type[A]
    seconds: float = 20.0


def _path(service: str, name: str) -> str:
    return f"/tapeline.wire.v1.{service}/{name}"


GET_DEPLOYMENT = Method(_path("Bootstrap", "GetDeployment"), relay_pb2.DeploymentRequest, relay_pb2.Deployment)
ENROL = Method(_path("Enroller", "Enrol"), enroller_pb2.EnrolRequest, enroller_pb2.EnrolResponse)
GET_CHALLENGE = Method(_path("Login", "GetChallenge"), common_pb2.ChallengeRequest, common_pb2.Challenge)
PROVE_LOGIN = Method(_path("Login", "Prove"), common_pb2.LoginRequest, common_pb2.LoginToken)
SYNC = Method(_path("Directory", "Sync"), relay_pb2.SyncRequest, relay_pb2.SyncPage, 60.0)
PUBLISH = Method(_path("Directory", "Publish"), relay_pb2.PublishRequest, objects_pb2.Ack)
PROVE = Method(_path("Directory", "Prove"), common_pb2.ProofRequest, common_pb2.ProofResponse)
PROVE_CONSISTENCY = Method(
    _path("Directory", "ProveConsistency"), common_pb2.ConsistencyRequest, common_pb2.ConsistencyResponse
)
RESERVE = Method(_path("Messaging", "Reserve"), relay_pb2.ReserveRequest, relay_pb2.ReserveResponse)
COMPLAIN = Method(_path("Messaging", "Complain"), objects_pb2.SignedObject, relay_pb2.ComplaintReceipt)
CONNECT = Method(_path("Messaging", "Connect"), relay_pb2.ClientFrame, relay_pb2.ServerFrame)
