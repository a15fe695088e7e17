from tapeline.wire.v1 import objects_pb2 as _objects_pb2
from tapeline.wire.v1 import common_pb2 as _common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class PostRequest(_message.Message):
    __slots__ = ("kind", "dsse")
    KIND_FIELD_NUMBER: _ClassVar[int]
    DSSE_FIELD_NUMBER: _ClassVar[int]
    kind: str
    dsse: bytes
    def __init__(self, kind: _Optional[str] = ..., dsse: _Optional[bytes] = ...) -> None: ...

class AuditAck(_message.Message):
    __slots__ = ("index", "leaf", "signature")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    LEAF_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    index: int
    leaf: bytes
    signature: bytes
    def __init__(self, index: _Optional[int] = ..., leaf: _Optional[bytes] = ..., signature: _Optional[bytes] = ...) -> None: ...

class AuditItem(_message.Message):
    __slots__ = ("index", "leaf", "dsse")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    LEAF_FIELD_NUMBER: _ClassVar[int]
    DSSE_FIELD_NUMBER: _ClassVar[int]
    index: int
    leaf: bytes
    dsse: bytes
    def __init__(self, index: _Optional[int] = ..., leaf: _Optional[bytes] = ..., dsse: _Optional[bytes] = ...) -> None: ...

class AuditPage(_message.Message):
    __slots__ = ("note", "items", "next")
    NOTE_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    NEXT_FIELD_NUMBER: _ClassVar[int]
    note: bytes
    items: _containers.RepeatedCompositeFieldContainer[AuditItem]
    next: int
    def __init__(self, note: _Optional[bytes] = ..., items: _Optional[_Iterable[_Union[AuditItem, _Mapping]]] = ..., next: _Optional[int] = ...) -> None: ...

class AuditSync(_message.Message):
    __slots__ = ("since", "limit")
    SINCE_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    since: int
    limit: int
    def __init__(self, since: _Optional[int] = ..., limit: _Optional[int] = ...) -> None: ...

class FoundRequest(_message.Message):
    __slots__ = ("roster",)
    ROSTER_FIELD_NUMBER: _ClassVar[int]
    roster: bytes
    def __init__(self, roster: _Optional[bytes] = ...) -> None: ...

class WarrantRequest(_message.Message):
    __slots__ = ("case_hash", "manifest")
    CASE_HASH_FIELD_NUMBER: _ClassVar[int]
    MANIFEST_FIELD_NUMBER: _ClassVar[int]
    case_hash: bytes
    manifest: bytes
    def __init__(self, case_hash: _Optional[bytes] = ..., manifest: _Optional[bytes] = ...) -> None: ...

class BundlePost(_message.Message):
    __slots__ = ("release", "sealed_bundle")
    RELEASE_FIELD_NUMBER: _ClassVar[int]
    SEALED_BUNDLE_FIELD_NUMBER: _ClassVar[int]
    release: bytes
    sealed_bundle: bytes
    def __init__(self, release: _Optional[bytes] = ..., sealed_bundle: _Optional[bytes] = ...) -> None: ...

class BundleQuery(_message.Message):
    __slots__ = ("case_hash",)
    CASE_HASH_FIELD_NUMBER: _ClassVar[int]
    case_hash: bytes
    def __init__(self, case_hash: _Optional[bytes] = ...) -> None: ...

class Bundle(_message.Message):
    __slots__ = ("release", "sealed_bundle", "index")
    RELEASE_FIELD_NUMBER: _ClassVar[int]
    SEALED_BUNDLE_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    release: bytes
    sealed_bundle: bytes
    index: int
    def __init__(self, release: _Optional[bytes] = ..., sealed_bundle: _Optional[bytes] = ..., index: _Optional[int] = ...) -> None: ...

class BundleList(_message.Message):
    __slots__ = ("bundles",)
    BUNDLES_FIELD_NUMBER: _ClassVar[int]
    bundles: _containers.RepeatedCompositeFieldContainer[Bundle]
    def __init__(self, bundles: _Optional[_Iterable[_Union[Bundle, _Mapping]]] = ...) -> None: ...

class VaultReleaseRequest(_message.Message):
    __slots__ = ("warrant_package", "archive_pages")
    WARRANT_PACKAGE_FIELD_NUMBER: _ClassVar[int]
    ARCHIVE_PAGES_FIELD_NUMBER: _ClassVar[int]
    warrant_package: bytes
    archive_pages: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, warrant_package: _Optional[bytes] = ..., archive_pages: _Optional[_Iterable[bytes]] = ...) -> None: ...

class CeremonyOpen(_message.Message):
    __slots__ = ("parameters", "officer", "signature")
    PARAMETERS_FIELD_NUMBER: _ClassVar[int]
    OFFICER_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    parameters: bytes
    officer: str
    signature: bytes
    def __init__(self, parameters: _Optional[bytes] = ..., officer: _Optional[str] = ..., signature: _Optional[bytes] = ...) -> None: ...

class CeremonyParameters(_message.Message):
    __slots__ = ("deployment", "firm", "roster", "epoch", "retention_class", "threshold", "custodians", "attempt", "v_public", "v_attestation", "active_from_ms", "not_after_ms")
    DEPLOYMENT_FIELD_NUMBER: _ClassVar[int]
    FIRM_FIELD_NUMBER: _ClassVar[int]
    ROSTER_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    RETENTION_CLASS_FIELD_NUMBER: _ClassVar[int]
    THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    CUSTODIANS_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    V_PUBLIC_FIELD_NUMBER: _ClassVar[int]
    V_ATTESTATION_FIELD_NUMBER: _ClassVar[int]
    ACTIVE_FROM_MS_FIELD_NUMBER: _ClassVar[int]
    NOT_AFTER_MS_FIELD_NUMBER: _ClassVar[int]
    deployment: bytes
    firm: str
    roster: bytes
    epoch: int
    retention_class: str
    threshold: int
    custodians: _containers.RepeatedScalarFieldContainer[str]
    attempt: int
    v_public: bytes
    v_attestation: _objects_pb2.SignedObject
    active_from_ms: int
    not_after_ms: int
    def __init__(self, deployment: _Optional[bytes] = ..., firm: _Optional[str] = ..., roster: _Optional[bytes] = ..., epoch: _Optional[int] = ..., retention_class: _Optional[str] = ..., threshold: _Optional[int] = ..., custodians: _Optional[_Iterable[str]] = ..., attempt: _Optional[int] = ..., v_public: _Optional[bytes] = ..., v_attestation: _Optional[_Union[_objects_pb2.SignedObject, _Mapping]] = ..., active_from_ms: _Optional[int] = ..., not_after_ms: _Optional[int] = ...) -> None: ...

class CeremonyPost(_message.Message):
    __slots__ = ("ceremony", "round", "message")
    CEREMONY_FIELD_NUMBER: _ClassVar[int]
    ROUND_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    ceremony: bytes
    round: str
    message: _objects_pb2.SignedObject
    def __init__(self, ceremony: _Optional[bytes] = ..., round: _Optional[str] = ..., message: _Optional[_Union[_objects_pb2.SignedObject, _Mapping]] = ...) -> None: ...

class CeremonyMessage(_message.Message):
    __slots__ = ("round", "custodian", "message")
    ROUND_FIELD_NUMBER: _ClassVar[int]
    CUSTODIAN_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    round: str
    custodian: str
    message: _objects_pb2.SignedObject
    def __init__(self, round: _Optional[str] = ..., custodian: _Optional[str] = ..., message: _Optional[_Union[_objects_pb2.SignedObject, _Mapping]] = ...) -> None: ...

class CeremonyBody(_message.Message):
    __slots__ = ("ceremony", "round", "custodian", "payload")
    CEREMONY_FIELD_NUMBER: _ClassVar[int]
    ROUND_FIELD_NUMBER: _ClassVar[int]
    CUSTODIAN_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    ceremony: bytes
    round: str
    custodian: str
    payload: bytes
    def __init__(self, ceremony: _Optional[bytes] = ..., round: _Optional[str] = ..., custodian: _Optional[str] = ..., payload: _Optional[bytes] = ...) -> None: ...

class CeremonyQuery(_message.Message):
    __slots__ = ("ceremony",)
    CEREMONY_FIELD_NUMBER: _ClassVar[int]
    ceremony: bytes
    def __init__(self, ceremony: _Optional[bytes] = ...) -> None: ...

class CeremonyState(_message.Message):
    __slots__ = ("parameters", "messages", "officer", "signature")
    PARAMETERS_FIELD_NUMBER: _ClassVar[int]
    MESSAGES_FIELD_NUMBER: _ClassVar[int]
    OFFICER_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    parameters: bytes
    messages: _containers.RepeatedCompositeFieldContainer[CeremonyMessage]
    officer: str
    signature: bytes
    def __init__(self, parameters: _Optional[bytes] = ..., messages: _Optional[_Iterable[_Union[CeremonyMessage, _Mapping]]] = ..., officer: _Optional[str] = ..., signature: _Optional[bytes] = ...) -> None: ...

class CeremonyList(_message.Message):
    __slots__ = ("ceremonies",)
    CEREMONIES_FIELD_NUMBER: _ClassVar[int]
    ceremonies: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, ceremonies: _Optional[_Iterable[bytes]] = ...) -> None: ...

class CeremonyListRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class WarrantPackage(_message.Message):
    __slots__ = ("warrant", "case_statement", "approvals", "manifest", "audit_note", "audit_leaves", "audit_consistency", "archive_note", "records", "publication_notes")
    WARRANT_FIELD_NUMBER: _ClassVar[int]
    CASE_STATEMENT_FIELD_NUMBER: _ClassVar[int]
    APPROVALS_FIELD_NUMBER: _ClassVar[int]
    MANIFEST_FIELD_NUMBER: _ClassVar[int]
    AUDIT_NOTE_FIELD_NUMBER: _ClassVar[int]
    AUDIT_LEAVES_FIELD_NUMBER: _ClassVar[int]
    AUDIT_CONSISTENCY_FIELD_NUMBER: _ClassVar[int]
    ARCHIVE_NOTE_FIELD_NUMBER: _ClassVar[int]
    RECORDS_FIELD_NUMBER: _ClassVar[int]
    PUBLICATION_NOTES_FIELD_NUMBER: _ClassVar[int]
    warrant: bytes
    case_statement: bytes
    approvals: _containers.RepeatedScalarFieldContainer[bytes]
    manifest: bytes
    audit_note: bytes
    audit_leaves: _containers.RepeatedCompositeFieldContainer[AuditItem]
    audit_consistency: _containers.RepeatedScalarFieldContainer[bytes]
    archive_note: bytes
    records: _containers.RepeatedCompositeFieldContainer[ArchivedRecord]
    publication_notes: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, warrant: _Optional[bytes] = ..., case_statement: _Optional[bytes] = ..., approvals: _Optional[_Iterable[bytes]] = ..., manifest: _Optional[bytes] = ..., audit_note: _Optional[bytes] = ..., audit_leaves: _Optional[_Iterable[_Union[AuditItem, _Mapping]]] = ..., audit_consistency: _Optional[_Iterable[bytes]] = ..., archive_note: _Optional[bytes] = ..., records: _Optional[_Iterable[_Union[ArchivedRecord, _Mapping]]] = ..., publication_notes: _Optional[_Iterable[bytes]] = ...) -> None: ...

class ArchivedRecord(_message.Message):
    __slots__ = ("index", "leaf", "record", "proof")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    LEAF_FIELD_NUMBER: _ClassVar[int]
    RECORD_FIELD_NUMBER: _ClassVar[int]
    PROOF_FIELD_NUMBER: _ClassVar[int]
    index: int
    leaf: bytes
    record: bytes
    proof: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, index: _Optional[int] = ..., leaf: _Optional[bytes] = ..., record: _Optional[bytes] = ..., proof: _Optional[_Iterable[bytes]] = ...) -> None: ...

class PartialBundle(_message.Message):
    __slots__ = ("warrant_leaf", "custodian", "epoch", "partials")
    WARRANT_LEAF_FIELD_NUMBER: _ClassVar[int]
    CUSTODIAN_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    PARTIALS_FIELD_NUMBER: _ClassVar[int]
    warrant_leaf: bytes
    custodian: str
    epoch: int
    partials: _containers.RepeatedCompositeFieldContainer[SessionPartial]
    def __init__(self, warrant_leaf: _Optional[bytes] = ..., custodian: _Optional[str] = ..., epoch: _Optional[int] = ..., partials: _Optional[_Iterable[_Union[SessionPartial, _Mapping]]] = ...) -> None: ...

class SessionPartial(_message.Message):
    __slots__ = ("record_hash", "partial", "certificate")
    RECORD_HASH_FIELD_NUMBER: _ClassVar[int]
    PARTIAL_FIELD_NUMBER: _ClassVar[int]
    CERTIFICATE_FIELD_NUMBER: _ClassVar[int]
    record_hash: bytes
    partial: bytes
    certificate: bytes
    def __init__(self, record_hash: _Optional[bytes] = ..., partial: _Optional[bytes] = ..., certificate: _Optional[bytes] = ...) -> None: ...

class VaultBundle(_message.Message):
    __slots__ = ("warrant_leaf", "sessions")
    WARRANT_LEAF_FIELD_NUMBER: _ClassVar[int]
    SESSIONS_FIELD_NUMBER: _ClassVar[int]
    warrant_leaf: bytes
    sessions: _containers.RepeatedCompositeFieldContainer[SessionQ]
    def __init__(self, warrant_leaf: _Optional[bytes] = ..., sessions: _Optional[_Iterable[_Union[SessionQ, _Mapping]]] = ...) -> None: ...

class SessionQ(_message.Message):
    __slots__ = ("record_hash", "q")
    RECORD_HASH_FIELD_NUMBER: _ClassVar[int]
    Q_FIELD_NUMBER: _ClassVar[int]
    record_hash: bytes
    q: bytes
    def __init__(self, record_hash: _Optional[bytes] = ..., q: _Optional[bytes] = ...) -> None: ...

class ReceiptRequest(_message.Message):
    __slots__ = ("reservation", "slot", "cq", "devices", "note", "v_key_id")
    RESERVATION_FIELD_NUMBER: _ClassVar[int]
    SLOT_FIELD_NUMBER: _ClassVar[int]
    CQ_FIELD_NUMBER: _ClassVar[int]
    DEVICES_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    V_KEY_ID_FIELD_NUMBER: _ClassVar[int]
    reservation: _objects_pb2.SignedObject
    slot: bytes
    cq: bytes
    devices: _containers.RepeatedCompositeFieldContainer[DirectoryProof]
    note: bytes
    v_key_id: bytes
    def __init__(self, reservation: _Optional[_Union[_objects_pb2.SignedObject, _Mapping]] = ..., slot: _Optional[bytes] = ..., cq: _Optional[bytes] = ..., devices: _Optional[_Iterable[_Union[DirectoryProof, _Mapping]]] = ..., note: _Optional[bytes] = ..., v_key_id: _Optional[bytes] = ...) -> None: ...

class DirectoryProof(_message.Message):
    __slots__ = ("index", "leaf", "object", "proof")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    LEAF_FIELD_NUMBER: _ClassVar[int]
    OBJECT_FIELD_NUMBER: _ClassVar[int]
    PROOF_FIELD_NUMBER: _ClassVar[int]
    index: int
    leaf: bytes
    object: _objects_pb2.SignedObject
    proof: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, index: _Optional[int] = ..., leaf: _Optional[bytes] = ..., object: _Optional[_Union[_objects_pb2.SignedObject, _Mapping]] = ..., proof: _Optional[_Iterable[bytes]] = ...) -> None: ...

class ReceiptResponse(_message.Message):
    __slots__ = ("receipt",)
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    receipt: _objects_pb2.SignedObject
    def __init__(self, receipt: _Optional[_Union[_objects_pb2.SignedObject, _Mapping]] = ...) -> None: ...

class OpaqueRequest(_message.Message):
    __slots__ = ("opaque",)
    OPAQUE_FIELD_NUMBER: _ClassVar[int]
    opaque: bytes
    def __init__(self, opaque: _Optional[bytes] = ...) -> None: ...

class OpaqueResponse(_message.Message):
    __slots__ = ("opaque",)
    OPAQUE_FIELD_NUMBER: _ClassVar[int]
    opaque: bytes
    def __init__(self, opaque: _Optional[bytes] = ...) -> None: ...

class VaultKeyRequest(_message.Message):
    __slots__ = ("epoch", "retention_class")
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    RETENTION_CLASS_FIELD_NUMBER: _ClassVar[int]
    epoch: int
    retention_class: str
    def __init__(self, epoch: _Optional[int] = ..., retention_class: _Optional[str] = ...) -> None: ...

class VaultKeyBody(_message.Message):
    __slots__ = ("deployment", "epoch", "retention_class", "v_public")
    DEPLOYMENT_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    RETENTION_CLASS_FIELD_NUMBER: _ClassVar[int]
    V_PUBLIC_FIELD_NUMBER: _ClassVar[int]
    deployment: bytes
    epoch: int
    retention_class: str
    v_public: bytes
    def __init__(self, deployment: _Optional[bytes] = ..., epoch: _Optional[int] = ..., retention_class: _Optional[str] = ..., v_public: _Optional[bytes] = ...) -> None: ...

class VaultKeyResponse(_message.Message):
    __slots__ = ("v_public", "attestation")
    V_PUBLIC_FIELD_NUMBER: _ClassVar[int]
    ATTESTATION_FIELD_NUMBER: _ClassVar[int]
    v_public: bytes
    attestation: _objects_pb2.SignedObject
    def __init__(self, v_public: _Optional[bytes] = ..., attestation: _Optional[_Union[_objects_pb2.SignedObject, _Mapping]] = ...) -> None: ...

class VaultReleaseResponse(_message.Message):
    __slots__ = ("release", "sealed_bundle")
    RELEASE_FIELD_NUMBER: _ClassVar[int]
    SEALED_BUNDLE_FIELD_NUMBER: _ClassVar[int]
    release: bytes
    sealed_bundle: bytes
    def __init__(self, release: _Optional[bytes] = ..., sealed_bundle: _Optional[bytes] = ...) -> None: ...

class VaultUpdate(_message.Message):
    __slots__ = ("rosters", "certificates")
    ROSTERS_FIELD_NUMBER: _ClassVar[int]
    CERTIFICATES_FIELD_NUMBER: _ClassVar[int]
    rosters: _containers.RepeatedScalarFieldContainer[bytes]
    certificates: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, rosters: _Optional[_Iterable[bytes]] = ..., certificates: _Optional[_Iterable[bytes]] = ...) -> None: ...

class VaultUpdated(_message.Message):
    __slots__ = ("roster_version", "certificates")
    ROSTER_VERSION_FIELD_NUMBER: _ClassVar[int]
    CERTIFICATES_FIELD_NUMBER: _ClassVar[int]
    roster_version: int
    certificates: int
    def __init__(self, roster_version: _Optional[int] = ..., certificates: _Optional[int] = ...) -> None: ...
