from tapeline.wire.v1 import objects_pb2 as _objects_pb2
from tapeline.wire.v1 import common_pb2 as _common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class DeploymentRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Deployment(_message.Message):
    __slots__ = ("deployment", "archive_origin", "rosters", "note", "tiles_url")
    DEPLOYMENT_FIELD_NUMBER: _ClassVar[int]
    ARCHIVE_ORIGIN_FIELD_NUMBER: _ClassVar[int]
    ROSTERS_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    TILES_URL_FIELD_NUMBER: _ClassVar[int]
    deployment: bytes
    archive_origin: str
    rosters: _containers.RepeatedScalarFieldContainer[bytes]
    note: bytes
    tiles_url: str
    def __init__(self, deployment: _Optional[bytes] = ..., archive_origin: _Optional[str] = ..., rosters: _Optional[_Iterable[bytes]] = ..., note: _Optional[bytes] = ..., tiles_url: _Optional[str] = ...) -> None: ...

class DirectoryItem(_message.Message):
    __slots__ = ("index", "leaf", "object", "proof")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    LEAF_FIELD_NUMBER: _ClassVar[int]
    OBJECT_FIELD_NUMBER: _ClassVar[int]
    PROOF_FIELD_NUMBER: _ClassVar[int]
    index: int
    leaf: bytes
    object: bytes
    proof: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, index: _Optional[int] = ..., leaf: _Optional[bytes] = ..., object: _Optional[bytes] = ..., proof: _Optional[_Iterable[bytes]] = ...) -> None: ...

class SyncRequest(_message.Message):
    __slots__ = ("since", "limit", "conversation")
    SINCE_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    CONVERSATION_FIELD_NUMBER: _ClassVar[int]
    since: int
    limit: int
    conversation: bytes
    def __init__(self, since: _Optional[int] = ..., limit: _Optional[int] = ..., conversation: _Optional[bytes] = ...) -> None: ...

class SyncPage(_message.Message):
    __slots__ = ("note", "items", "next", "consistency")
    NOTE_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    NEXT_FIELD_NUMBER: _ClassVar[int]
    CONSISTENCY_FIELD_NUMBER: _ClassVar[int]
    note: bytes
    items: _containers.RepeatedCompositeFieldContainer[DirectoryItem]
    next: int
    consistency: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, note: _Optional[bytes] = ..., items: _Optional[_Iterable[_Union[DirectoryItem, _Mapping]]] = ..., next: _Optional[int] = ..., consistency: _Optional[_Iterable[bytes]] = ...) -> None: ...

class PublishRequest(_message.Message):
    __slots__ = ("type", "object")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    OBJECT_FIELD_NUMBER: _ClassVar[int]
    type: _objects_pb2.LeafType
    object: _objects_pb2.SignedObject
    def __init__(self, type: _Optional[_Union[_objects_pb2.LeafType, str]] = ..., object: _Optional[_Union[_objects_pb2.SignedObject, _Mapping]] = ...) -> None: ...

class MirrorRequest(_message.Message):
    __slots__ = ("type", "dsse", "audit_proof")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    DSSE_FIELD_NUMBER: _ClassVar[int]
    AUDIT_PROOF_FIELD_NUMBER: _ClassVar[int]
    type: _objects_pb2.LeafType
    dsse: bytes
    audit_proof: bytes
    def __init__(self, type: _Optional[_Union[_objects_pb2.LeafType, str]] = ..., dsse: _Optional[bytes] = ..., audit_proof: _Optional[bytes] = ...) -> None: ...

class ConversationRequest(_message.Message):
    __slots__ = ("conversation",)
    CONVERSATION_FIELD_NUMBER: _ClassVar[int]
    conversation: bytes
    def __init__(self, conversation: _Optional[bytes] = ...) -> None: ...

class ConversationState(_message.Message):
    __slots__ = ("membership", "ack", "next_sequence")
    MEMBERSHIP_FIELD_NUMBER: _ClassVar[int]
    ACK_FIELD_NUMBER: _ClassVar[int]
    NEXT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    membership: _objects_pb2.SignedObject
    ack: _objects_pb2.Ack
    next_sequence: int
    def __init__(self, membership: _Optional[_Union[_objects_pb2.SignedObject, _Mapping]] = ..., ack: _Optional[_Union[_objects_pb2.Ack, _Mapping]] = ..., next_sequence: _Optional[int] = ...) -> None: ...

class Submission(_message.Message):
    __slots__ = ("ticket", "record", "message")
    TICKET_FIELD_NUMBER: _ClassVar[int]
    RECORD_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    ticket: int
    record: bytes
    message: bytes
    def __init__(self, ticket: _Optional[int] = ..., record: _Optional[bytes] = ..., message: _Optional[bytes] = ...) -> None: ...

class Answer(_message.Message):
    __slots__ = ("ticket", "ack", "refusal")
    TICKET_FIELD_NUMBER: _ClassVar[int]
    ACK_FIELD_NUMBER: _ClassVar[int]
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    ticket: int
    ack: _objects_pb2.Ack
    refusal: _common_pb2.Refusal
    def __init__(self, ticket: _Optional[int] = ..., ack: _Optional[_Union[_objects_pb2.Ack, _Mapping]] = ..., refusal: _Optional[_Union[_common_pb2.Refusal, _Mapping]] = ...) -> None: ...

class Delivery(_message.Message):
    __slots__ = ("ack", "conversation", "record_view", "message", "membership", "withheld")
    ACK_FIELD_NUMBER: _ClassVar[int]
    CONVERSATION_FIELD_NUMBER: _ClassVar[int]
    RECORD_VIEW_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    MEMBERSHIP_FIELD_NUMBER: _ClassVar[int]
    WITHHELD_FIELD_NUMBER: _ClassVar[int]
    ack: _objects_pb2.Ack
    conversation: bytes
    record_view: bytes
    message: bytes
    membership: bytes
    withheld: bytes
    def __init__(self, ack: _Optional[_Union[_objects_pb2.Ack, _Mapping]] = ..., conversation: _Optional[bytes] = ..., record_view: _Optional[bytes] = ..., message: _Optional[bytes] = ..., membership: _Optional[bytes] = ..., withheld: _Optional[bytes] = ...) -> None: ...

class Cursor(_message.Message):
    __slots__ = ("conversation", "next_sequence")
    CONVERSATION_FIELD_NUMBER: _ClassVar[int]
    NEXT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    conversation: bytes
    next_sequence: int
    def __init__(self, conversation: _Optional[bytes] = ..., next_sequence: _Optional[int] = ...) -> None: ...

class Subscribe(_message.Message):
    __slots__ = ("cursors",)
    CURSORS_FIELD_NUMBER: _ClassVar[int]
    cursors: _containers.RepeatedCompositeFieldContainer[Cursor]
    def __init__(self, cursors: _Optional[_Iterable[_Union[Cursor, _Mapping]]] = ...) -> None: ...

class ClientFrame(_message.Message):
    __slots__ = ("subscribe", "submit")
    SUBSCRIBE_FIELD_NUMBER: _ClassVar[int]
    SUBMIT_FIELD_NUMBER: _ClassVar[int]
    subscribe: Subscribe
    submit: SubmitBatch
    def __init__(self, subscribe: _Optional[_Union[Subscribe, _Mapping]] = ..., submit: _Optional[_Union[SubmitBatch, _Mapping]] = ...) -> None: ...

class SubmitBatch(_message.Message):
    __slots__ = ("items",)
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    items: _containers.RepeatedCompositeFieldContainer[Submission]
    def __init__(self, items: _Optional[_Iterable[_Union[Submission, _Mapping]]] = ...) -> None: ...

class ServerFrame(_message.Message):
    __slots__ = ("answers", "deliveries", "note", "caught_up", "directory_size")
    ANSWERS_FIELD_NUMBER: _ClassVar[int]
    DELIVERIES_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    CAUGHT_UP_FIELD_NUMBER: _ClassVar[int]
    DIRECTORY_SIZE_FIELD_NUMBER: _ClassVar[int]
    answers: _containers.RepeatedCompositeFieldContainer[Answer]
    deliveries: _containers.RepeatedCompositeFieldContainer[Delivery]
    note: bytes
    caught_up: bool
    directory_size: int
    def __init__(self, answers: _Optional[_Iterable[_Union[Answer, _Mapping]]] = ..., deliveries: _Optional[_Iterable[_Union[Delivery, _Mapping]]] = ..., note: _Optional[bytes] = ..., caught_up: _Optional[bool] = ..., directory_size: _Optional[int] = ...) -> None: ...

class ReserveRequest(_message.Message):
    __slots__ = ("firm", "opaque")
    FIRM_FIELD_NUMBER: _ClassVar[int]
    OPAQUE_FIELD_NUMBER: _ClassVar[int]
    firm: str
    opaque: bytes
    def __init__(self, firm: _Optional[str] = ..., opaque: _Optional[bytes] = ...) -> None: ...

class ReserveResponse(_message.Message):
    __slots__ = ("opaque",)
    OPAQUE_FIELD_NUMBER: _ClassVar[int]
    opaque: bytes
    def __init__(self, opaque: _Optional[bytes] = ...) -> None: ...

class ComplaintReceipt(_message.Message):
    __slots__ = ("complaint", "logged")
    COMPLAINT_FIELD_NUMBER: _ClassVar[int]
    LOGGED_FIELD_NUMBER: _ClassVar[int]
    complaint: bytes
    logged: _objects_pb2.Ack
    def __init__(self, complaint: _Optional[bytes] = ..., logged: _Optional[_Union[_objects_pb2.Ack, _Mapping]] = ...) -> None: ...

class ReportsRequest(_message.Message):
    __slots__ = ("since", "limit")
    SINCE_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    since: int
    limit: int
    def __init__(self, since: _Optional[int] = ..., limit: _Optional[int] = ...) -> None: ...

class FiledComplaint(_message.Message):
    __slots__ = ("number", "text")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    number: int
    text: _objects_pb2.ComplaintText
    def __init__(self, number: _Optional[int] = ..., text: _Optional[_Union[_objects_pb2.ComplaintText, _Mapping]] = ...) -> None: ...

class FiledComplaints(_message.Message):
    __slots__ = ("complaints",)
    COMPLAINTS_FIELD_NUMBER: _ClassVar[int]
    complaints: _containers.RepeatedCompositeFieldContainer[FiledComplaint]
    def __init__(self, complaints: _Optional[_Iterable[_Union[FiledComplaint, _Mapping]]] = ...) -> None: ...

class ComplaintLogged(_message.Message):
    __slots__ = ("complaint", "logged")
    COMPLAINT_FIELD_NUMBER: _ClassVar[int]
    LOGGED_FIELD_NUMBER: _ClassVar[int]
    complaint: bytes
    logged: _objects_pb2.Ack
    def __init__(self, complaint: _Optional[bytes] = ..., logged: _Optional[_Union[_objects_pb2.Ack, _Mapping]] = ...) -> None: ...

class ComplaintNoted(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ForkEvidence(_message.Message):
    __slots__ = ("record_hash", "message", "received_ms")
    RECORD_HASH_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    RECEIVED_MS_FIELD_NUMBER: _ClassVar[int]
    record_hash: bytes
    message: bytes
    received_ms: int
    def __init__(self, record_hash: _Optional[bytes] = ..., message: _Optional[bytes] = ..., received_ms: _Optional[int] = ...) -> None: ...

class ManifestRequest(_message.Message):
    __slots__ = ("case_dsse", "approvals")
    CASE_DSSE_FIELD_NUMBER: _ClassVar[int]
    APPROVALS_FIELD_NUMBER: _ClassVar[int]
    case_dsse: bytes
    approvals: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, case_dsse: _Optional[bytes] = ..., approvals: _Optional[_Iterable[bytes]] = ...) -> None: ...

class ManifestResponse(_message.Message):
    __slots__ = ("manifest",)
    MANIFEST_FIELD_NUMBER: _ClassVar[int]
    manifest: bytes
    def __init__(self, manifest: _Optional[bytes] = ...) -> None: ...

class RecordsRequest(_message.Message):
    __slots__ = ("record_hashes",)
    RECORD_HASHES_FIELD_NUMBER: _ClassVar[int]
    record_hashes: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, record_hashes: _Optional[_Iterable[bytes]] = ...) -> None: ...

class ArchivedObject(_message.Message):
    __slots__ = ("index", "leaf", "object", "proof")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    LEAF_FIELD_NUMBER: _ClassVar[int]
    OBJECT_FIELD_NUMBER: _ClassVar[int]
    PROOF_FIELD_NUMBER: _ClassVar[int]
    index: int
    leaf: bytes
    object: bytes
    proof: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, index: _Optional[int] = ..., leaf: _Optional[bytes] = ..., object: _Optional[bytes] = ..., proof: _Optional[_Iterable[bytes]] = ...) -> None: ...

class RecordsResponse(_message.Message):
    __slots__ = ("note", "records")
    NOTE_FIELD_NUMBER: _ClassVar[int]
    RECORDS_FIELD_NUMBER: _ClassVar[int]
    note: bytes
    records: _containers.RepeatedCompositeFieldContainer[ArchivedObject]
    def __init__(self, note: _Optional[bytes] = ..., records: _Optional[_Iterable[_Union[ArchivedObject, _Mapping]]] = ...) -> None: ...

class CaseDirectoryRequest(_message.Message):
    __slots__ = ("since", "case_dsse", "approvals")
    SINCE_FIELD_NUMBER: _ClassVar[int]
    CASE_DSSE_FIELD_NUMBER: _ClassVar[int]
    APPROVALS_FIELD_NUMBER: _ClassVar[int]
    since: int
    case_dsse: bytes
    approvals: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, since: _Optional[int] = ..., case_dsse: _Optional[bytes] = ..., approvals: _Optional[_Iterable[bytes]] = ...) -> None: ...

class SaltsRequest(_message.Message):
    __slots__ = ("case_dsse", "approvals")
    CASE_DSSE_FIELD_NUMBER: _ClassVar[int]
    APPROVALS_FIELD_NUMBER: _ClassVar[int]
    case_dsse: bytes
    approvals: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, case_dsse: _Optional[bytes] = ..., approvals: _Optional[_Iterable[bytes]] = ...) -> None: ...

class Salt(_message.Message):
    __slots__ = ("id", "salt", "tag")
    ID_FIELD_NUMBER: _ClassVar[int]
    SALT_FIELD_NUMBER: _ClassVar[int]
    TAG_FIELD_NUMBER: _ClassVar[int]
    id: bytes
    salt: bytes
    tag: bytes
    def __init__(self, id: _Optional[bytes] = ..., salt: _Optional[bytes] = ..., tag: _Optional[bytes] = ...) -> None: ...

class SaltsResponse(_message.Message):
    __slots__ = ("conversations", "users")
    CONVERSATIONS_FIELD_NUMBER: _ClassVar[int]
    USERS_FIELD_NUMBER: _ClassVar[int]
    conversations: _containers.RepeatedCompositeFieldContainer[Salt]
    users: _containers.RepeatedCompositeFieldContainer[Salt]
    def __init__(self, conversations: _Optional[_Iterable[_Union[Salt, _Mapping]]] = ..., users: _Optional[_Iterable[_Union[Salt, _Mapping]]] = ...) -> None: ...

class CiphertextRequest(_message.Message):
    __slots__ = ("warrant_package",)
    WARRANT_PACKAGE_FIELD_NUMBER: _ClassVar[int]
    warrant_package: bytes
    def __init__(self, warrant_package: _Optional[bytes] = ...) -> None: ...
