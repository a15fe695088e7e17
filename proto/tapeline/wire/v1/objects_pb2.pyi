from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Suite(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SUITE_UNSPECIFIED: _ClassVar[Suite]
    SUITE_V1: _ClassVar[Suite]

class LeafType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LEAF_TYPE_UNSPECIFIED: _ClassVar[LeafType]
    LEAF_TYPE_ROSTER: _ClassVar[LeafType]
    LEAF_TYPE_CERTIFICATE: _ClassVar[LeafType]
    LEAF_TYPE_REVOCATION: _ClassVar[LeafType]
    LEAF_TYPE_DEVICE: _ClassVar[LeafType]
    LEAF_TYPE_PREKEY: _ClassVar[LeafType]
    LEAF_TYPE_MEMBERSHIP: _ClassVar[LeafType]
    LEAF_TYPE_SESSION: _ClassVar[LeafType]
    LEAF_TYPE_MESSAGE: _ClassVar[LeafType]
    LEAF_TYPE_DISPOSAL: _ClassVar[LeafType]
SUITE_UNSPECIFIED: Suite
SUITE_V1: Suite
LEAF_TYPE_UNSPECIFIED: LeafType
LEAF_TYPE_ROSTER: LeafType
LEAF_TYPE_CERTIFICATE: LeafType
LEAF_TYPE_REVOCATION: LeafType
LEAF_TYPE_DEVICE: LeafType
LEAF_TYPE_PREKEY: LeafType
LEAF_TYPE_MEMBERSHIP: LeafType
LEAF_TYPE_SESSION: LeafType
LEAF_TYPE_MESSAGE: LeafType
LEAF_TYPE_DISPOSAL: LeafType

class SignedObject(_message.Message):
    __slots__ = ("body", "signature")
    BODY_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    body: bytes
    signature: bytes
    def __init__(self, body: _Optional[bytes] = ..., signature: _Optional[bytes] = ...) -> None: ...

class DeviceEntry(_message.Message):
    __slots__ = ("deployment", "firm", "user", "user_salt", "device_key", "device_name", "not_before_ms", "not_after_ms", "issuer")
    DEPLOYMENT_FIELD_NUMBER: _ClassVar[int]
    FIRM_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    USER_SALT_FIELD_NUMBER: _ClassVar[int]
    DEVICE_KEY_FIELD_NUMBER: _ClassVar[int]
    DEVICE_NAME_FIELD_NUMBER: _ClassVar[int]
    NOT_BEFORE_MS_FIELD_NUMBER: _ClassVar[int]
    NOT_AFTER_MS_FIELD_NUMBER: _ClassVar[int]
    ISSUER_FIELD_NUMBER: _ClassVar[int]
    deployment: bytes
    firm: str
    user: str
    user_salt: bytes
    device_key: bytes
    device_name: str
    not_before_ms: int
    not_after_ms: int
    issuer: bytes
    def __init__(self, deployment: _Optional[bytes] = ..., firm: _Optional[str] = ..., user: _Optional[str] = ..., user_salt: _Optional[bytes] = ..., device_key: _Optional[bytes] = ..., device_name: _Optional[str] = ..., not_before_ms: _Optional[int] = ..., not_after_ms: _Optional[int] = ..., issuer: _Optional[bytes] = ...) -> None: ...

class Prekey(_message.Message):
    __slots__ = ("deployment", "firm", "user", "device_entry", "device_key", "prekey_id", "point", "hpke_public", "not_after_ms", "possession")
    DEPLOYMENT_FIELD_NUMBER: _ClassVar[int]
    FIRM_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    DEVICE_ENTRY_FIELD_NUMBER: _ClassVar[int]
    DEVICE_KEY_FIELD_NUMBER: _ClassVar[int]
    PREKEY_ID_FIELD_NUMBER: _ClassVar[int]
    POINT_FIELD_NUMBER: _ClassVar[int]
    HPKE_PUBLIC_FIELD_NUMBER: _ClassVar[int]
    NOT_AFTER_MS_FIELD_NUMBER: _ClassVar[int]
    POSSESSION_FIELD_NUMBER: _ClassVar[int]
    deployment: bytes
    firm: str
    user: str
    device_entry: bytes
    device_key: bytes
    prekey_id: int
    point: bytes
    hpke_public: bytes
    not_after_ms: int
    possession: bytes
    def __init__(self, deployment: _Optional[bytes] = ..., firm: _Optional[str] = ..., user: _Optional[str] = ..., device_entry: _Optional[bytes] = ..., device_key: _Optional[bytes] = ..., prekey_id: _Optional[int] = ..., point: _Optional[bytes] = ..., hpke_public: _Optional[bytes] = ..., not_after_ms: _Optional[int] = ..., possession: _Optional[bytes] = ...) -> None: ...

class Member(_message.Message):
    __slots__ = ("firm", "user", "may_change")
    FIRM_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    MAY_CHANGE_FIELD_NUMBER: _ClassVar[int]
    firm: str
    user: str
    may_change: bool
    def __init__(self, firm: _Optional[str] = ..., user: _Optional[str] = ..., may_change: _Optional[bool] = ...) -> None: ...

class FirmClass(_message.Message):
    __slots__ = ("firm", "retention_class")
    FIRM_FIELD_NUMBER: _ClassVar[int]
    RETENTION_CLASS_FIELD_NUMBER: _ClassVar[int]
    firm: str
    retention_class: str
    def __init__(self, firm: _Optional[str] = ..., retention_class: _Optional[str] = ...) -> None: ...

class MembershipStatement(_message.Message):
    __slots__ = ("deployment", "conversation", "sequence", "previous", "members", "firms", "salt", "signer", "created_ms")
    DEPLOYMENT_FIELD_NUMBER: _ClassVar[int]
    CONVERSATION_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_FIELD_NUMBER: _ClassVar[int]
    MEMBERS_FIELD_NUMBER: _ClassVar[int]
    FIRMS_FIELD_NUMBER: _ClassVar[int]
    SALT_FIELD_NUMBER: _ClassVar[int]
    SIGNER_FIELD_NUMBER: _ClassVar[int]
    CREATED_MS_FIELD_NUMBER: _ClassVar[int]
    deployment: bytes
    conversation: bytes
    sequence: int
    previous: bytes
    members: _containers.RepeatedCompositeFieldContainer[Member]
    firms: _containers.RepeatedCompositeFieldContainer[FirmClass]
    salt: bytes
    signer: bytes
    created_ms: int
    def __init__(self, deployment: _Optional[bytes] = ..., conversation: _Optional[bytes] = ..., sequence: _Optional[int] = ..., previous: _Optional[bytes] = ..., members: _Optional[_Iterable[_Union[Member, _Mapping]]] = ..., firms: _Optional[_Iterable[_Union[FirmClass, _Mapping]]] = ..., salt: _Optional[bytes] = ..., signer: _Optional[bytes] = ..., created_ms: _Optional[int] = ...) -> None: ...

class Reservation(_message.Message):
    __slots__ = ("suite", "deployment", "firms", "sender_device", "session_id", "expires_ms")
    SUITE_FIELD_NUMBER: _ClassVar[int]
    DEPLOYMENT_FIELD_NUMBER: _ClassVar[int]
    FIRMS_FIELD_NUMBER: _ClassVar[int]
    SENDER_DEVICE_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_MS_FIELD_NUMBER: _ClassVar[int]
    suite: Suite
    deployment: bytes
    firms: _containers.RepeatedScalarFieldContainer[str]
    sender_device: bytes
    session_id: bytes
    expires_ms: int
    def __init__(self, suite: _Optional[_Union[Suite, str]] = ..., deployment: _Optional[bytes] = ..., firms: _Optional[_Iterable[str]] = ..., sender_device: _Optional[bytes] = ..., session_id: _Optional[bytes] = ..., expires_ms: _Optional[int] = ...) -> None: ...

class Receipt(_message.Message):
    __slots__ = ("reservation", "v_key_id", "cq", "slot_hash")
    RESERVATION_FIELD_NUMBER: _ClassVar[int]
    V_KEY_ID_FIELD_NUMBER: _ClassVar[int]
    CQ_FIELD_NUMBER: _ClassVar[int]
    SLOT_HASH_FIELD_NUMBER: _ClassVar[int]
    reservation: bytes
    v_key_id: bytes
    cq: bytes
    slot_hash: bytes
    def __init__(self, reservation: _Optional[bytes] = ..., v_key_id: _Optional[bytes] = ..., cq: _Optional[bytes] = ..., slot_hash: _Optional[bytes] = ...) -> None: ...

class Context(_message.Message):
    __slots__ = ("suite", "deployment", "firms", "conversation", "session_id", "sender_device", "membership", "archive_note", "escrow_key_ids", "v_key_ids", "retention_classes", "not_before_ms", "not_after_ms", "directory_leaves")
    SUITE_FIELD_NUMBER: _ClassVar[int]
    DEPLOYMENT_FIELD_NUMBER: _ClassVar[int]
    FIRMS_FIELD_NUMBER: _ClassVar[int]
    CONVERSATION_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    SENDER_DEVICE_FIELD_NUMBER: _ClassVar[int]
    MEMBERSHIP_FIELD_NUMBER: _ClassVar[int]
    ARCHIVE_NOTE_FIELD_NUMBER: _ClassVar[int]
    ESCROW_KEY_IDS_FIELD_NUMBER: _ClassVar[int]
    V_KEY_IDS_FIELD_NUMBER: _ClassVar[int]
    RETENTION_CLASSES_FIELD_NUMBER: _ClassVar[int]
    NOT_BEFORE_MS_FIELD_NUMBER: _ClassVar[int]
    NOT_AFTER_MS_FIELD_NUMBER: _ClassVar[int]
    DIRECTORY_LEAVES_FIELD_NUMBER: _ClassVar[int]
    suite: Suite
    deployment: bytes
    firms: _containers.RepeatedScalarFieldContainer[str]
    conversation: bytes
    session_id: bytes
    sender_device: bytes
    membership: bytes
    archive_note: bytes
    escrow_key_ids: _containers.RepeatedScalarFieldContainer[bytes]
    v_key_ids: _containers.RepeatedScalarFieldContainer[bytes]
    retention_classes: _containers.RepeatedScalarFieldContainer[str]
    not_before_ms: int
    not_after_ms: int
    directory_leaves: int
    def __init__(self, suite: _Optional[_Union[Suite, str]] = ..., deployment: _Optional[bytes] = ..., firms: _Optional[_Iterable[str]] = ..., conversation: _Optional[bytes] = ..., session_id: _Optional[bytes] = ..., sender_device: _Optional[bytes] = ..., membership: _Optional[bytes] = ..., archive_note: _Optional[bytes] = ..., escrow_key_ids: _Optional[_Iterable[bytes]] = ..., v_key_ids: _Optional[_Iterable[bytes]] = ..., retention_classes: _Optional[_Iterable[str]] = ..., not_before_ms: _Optional[int] = ..., not_after_ms: _Optional[int] = ..., directory_leaves: _Optional[int] = ...) -> None: ...

class EscrowRow(_message.Message):
    __slots__ = ("firm", "key_id", "point", "sealed")
    FIRM_FIELD_NUMBER: _ClassVar[int]
    KEY_ID_FIELD_NUMBER: _ClassVar[int]
    POINT_FIELD_NUMBER: _ClassVar[int]
    SEALED_FIELD_NUMBER: _ClassVar[int]
    firm: str
    key_id: bytes
    point: bytes
    sealed: bytes
    def __init__(self, firm: _Optional[str] = ..., key_id: _Optional[bytes] = ..., point: _Optional[bytes] = ..., sealed: _Optional[bytes] = ...) -> None: ...

class Row(_message.Message):
    __slots__ = ("prekey", "point", "sealed")
    PREKEY_FIELD_NUMBER: _ClassVar[int]
    POINT_FIELD_NUMBER: _ClassVar[int]
    SEALED_FIELD_NUMBER: _ClassVar[int]
    prekey: bytes
    point: bytes
    sealed: bytes
    def __init__(self, prekey: _Optional[bytes] = ..., point: _Optional[bytes] = ..., sealed: _Optional[bytes] = ...) -> None: ...

class Shard(_message.Message):
    __slots__ = ("number", "rows", "slot_hashes")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    SLOT_HASHES_FIELD_NUMBER: _ClassVar[int]
    number: int
    rows: _containers.RepeatedCompositeFieldContainer[Row]
    slot_hashes: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, number: _Optional[int] = ..., rows: _Optional[_Iterable[_Union[Row, _Mapping]]] = ..., slot_hashes: _Optional[_Iterable[bytes]] = ...) -> None: ...

class SessionHeader(_message.Message):
    __slots__ = ("context", "cq", "reservation", "receipts", "c0", "c0_hat", "escrow_rows", "shard_hashes", "proofs", "signature")
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    CQ_FIELD_NUMBER: _ClassVar[int]
    RESERVATION_FIELD_NUMBER: _ClassVar[int]
    RECEIPTS_FIELD_NUMBER: _ClassVar[int]
    C0_FIELD_NUMBER: _ClassVar[int]
    C0_HAT_FIELD_NUMBER: _ClassVar[int]
    ESCROW_ROWS_FIELD_NUMBER: _ClassVar[int]
    SHARD_HASHES_FIELD_NUMBER: _ClassVar[int]
    PROOFS_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    context: bytes
    cq: bytes
    reservation: SignedObject
    receipts: _containers.RepeatedCompositeFieldContainer[SignedObject]
    c0: bytes
    c0_hat: bytes
    escrow_rows: _containers.RepeatedCompositeFieldContainer[EscrowRow]
    shard_hashes: _containers.RepeatedScalarFieldContainer[bytes]
    proofs: _containers.RepeatedScalarFieldContainer[bytes]
    signature: bytes
    def __init__(self, context: _Optional[bytes] = ..., cq: _Optional[bytes] = ..., reservation: _Optional[_Union[SignedObject, _Mapping]] = ..., receipts: _Optional[_Iterable[_Union[SignedObject, _Mapping]]] = ..., c0: _Optional[bytes] = ..., c0_hat: _Optional[bytes] = ..., escrow_rows: _Optional[_Iterable[_Union[EscrowRow, _Mapping]]] = ..., shard_hashes: _Optional[_Iterable[bytes]] = ..., proofs: _Optional[_Iterable[bytes]] = ..., signature: _Optional[bytes] = ...) -> None: ...

class SessionRecord(_message.Message):
    __slots__ = ("header", "shards", "vault_slots", "device_slots")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    SHARDS_FIELD_NUMBER: _ClassVar[int]
    VAULT_SLOTS_FIELD_NUMBER: _ClassVar[int]
    DEVICE_SLOTS_FIELD_NUMBER: _ClassVar[int]
    header: bytes
    shards: _containers.RepeatedScalarFieldContainer[bytes]
    vault_slots: _containers.RepeatedScalarFieldContainer[bytes]
    device_slots: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, header: _Optional[bytes] = ..., shards: _Optional[_Iterable[bytes]] = ..., vault_slots: _Optional[_Iterable[bytes]] = ..., device_slots: _Optional[_Iterable[bytes]] = ...) -> None: ...

class RecordView(_message.Message):
    __slots__ = ("header", "shard", "row", "device_slot")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    SHARD_FIELD_NUMBER: _ClassVar[int]
    ROW_FIELD_NUMBER: _ClassVar[int]
    DEVICE_SLOT_FIELD_NUMBER: _ClassVar[int]
    header: bytes
    shard: bytes
    row: int
    device_slot: bytes
    def __init__(self, header: _Optional[bytes] = ..., shard: _Optional[bytes] = ..., row: _Optional[int] = ..., device_slot: _Optional[bytes] = ...) -> None: ...

class MessageHeader(_message.Message):
    __slots__ = ("record_hash", "index", "previous", "commitment", "blob_hashes", "client_time_ms", "newest_leaf", "conversation_sequence")
    RECORD_HASH_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_FIELD_NUMBER: _ClassVar[int]
    COMMITMENT_FIELD_NUMBER: _ClassVar[int]
    BLOB_HASHES_FIELD_NUMBER: _ClassVar[int]
    CLIENT_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    NEWEST_LEAF_FIELD_NUMBER: _ClassVar[int]
    CONVERSATION_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    record_hash: bytes
    index: int
    previous: bytes
    commitment: bytes
    blob_hashes: _containers.RepeatedScalarFieldContainer[bytes]
    client_time_ms: int
    newest_leaf: int
    conversation_sequence: int
    def __init__(self, record_hash: _Optional[bytes] = ..., index: _Optional[int] = ..., previous: _Optional[bytes] = ..., commitment: _Optional[bytes] = ..., blob_hashes: _Optional[_Iterable[bytes]] = ..., client_time_ms: _Optional[int] = ..., newest_leaf: _Optional[int] = ..., conversation_sequence: _Optional[int] = ...) -> None: ...

class Message(_message.Message):
    __slots__ = ("header", "ciphertext", "signature")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    CIPHERTEXT_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    header: bytes
    ciphertext: bytes
    signature: bytes
    def __init__(self, header: _Optional[bytes] = ..., ciphertext: _Optional[bytes] = ..., signature: _Optional[bytes] = ...) -> None: ...

class Leaf(_message.Message):
    __slots__ = ("type", "conversation_tag", "conversation_sequence", "user_tags", "object_hash", "relay_time_ms", "directory_sequence", "text_hash")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    CONVERSATION_TAG_FIELD_NUMBER: _ClassVar[int]
    CONVERSATION_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    USER_TAGS_FIELD_NUMBER: _ClassVar[int]
    OBJECT_HASH_FIELD_NUMBER: _ClassVar[int]
    RELAY_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    DIRECTORY_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    TEXT_HASH_FIELD_NUMBER: _ClassVar[int]
    type: LeafType
    conversation_tag: bytes
    conversation_sequence: int
    user_tags: _containers.RepeatedScalarFieldContainer[bytes]
    object_hash: bytes
    relay_time_ms: int
    directory_sequence: int
    text_hash: bytes
    def __init__(self, type: _Optional[_Union[LeafType, str]] = ..., conversation_tag: _Optional[bytes] = ..., conversation_sequence: _Optional[int] = ..., user_tags: _Optional[_Iterable[bytes]] = ..., object_hash: _Optional[bytes] = ..., relay_time_ms: _Optional[int] = ..., directory_sequence: _Optional[int] = ..., text_hash: _Optional[bytes] = ...) -> None: ...

class Ack(_message.Message):
    __slots__ = ("index", "leaf", "signature")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    LEAF_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    index: int
    leaf: bytes
    signature: bytes
    def __init__(self, index: _Optional[int] = ..., leaf: _Optional[bytes] = ..., signature: _Optional[bytes] = ...) -> None: ...

class AuditLeaf(_message.Message):
    __slots__ = ("kind", "statement_hash", "time_ms", "about", "text_hash")
    KIND_FIELD_NUMBER: _ClassVar[int]
    STATEMENT_HASH_FIELD_NUMBER: _ClassVar[int]
    TIME_MS_FIELD_NUMBER: _ClassVar[int]
    ABOUT_FIELD_NUMBER: _ClassVar[int]
    TEXT_HASH_FIELD_NUMBER: _ClassVar[int]
    kind: str
    statement_hash: bytes
    time_ms: int
    about: bytes
    text_hash: bytes
    def __init__(self, kind: _Optional[str] = ..., statement_hash: _Optional[bytes] = ..., time_ms: _Optional[int] = ..., about: _Optional[bytes] = ..., text_hash: _Optional[bytes] = ...) -> None: ...

class ComplaintText(_message.Message):
    __slots__ = ("complaint", "device")
    COMPLAINT_FIELD_NUMBER: _ClassVar[int]
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    complaint: SignedObject
    device: SignedObject
    def __init__(self, complaint: _Optional[_Union[SignedObject, _Mapping]] = ..., device: _Optional[_Union[SignedObject, _Mapping]] = ...) -> None: ...

class Complaint(_message.Message):
    __slots__ = ("deployment", "device_entry", "record_hash", "message_hash", "rule", "time_ms", "acks")
    DEPLOYMENT_FIELD_NUMBER: _ClassVar[int]
    DEVICE_ENTRY_FIELD_NUMBER: _ClassVar[int]
    RECORD_HASH_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_HASH_FIELD_NUMBER: _ClassVar[int]
    RULE_FIELD_NUMBER: _ClassVar[int]
    TIME_MS_FIELD_NUMBER: _ClassVar[int]
    ACKS_FIELD_NUMBER: _ClassVar[int]
    deployment: bytes
    device_entry: bytes
    record_hash: bytes
    message_hash: bytes
    rule: str
    time_ms: int
    acks: _containers.RepeatedCompositeFieldContainer[Ack]
    def __init__(self, deployment: _Optional[bytes] = ..., device_entry: _Optional[bytes] = ..., record_hash: _Optional[bytes] = ..., message_hash: _Optional[bytes] = ..., rule: _Optional[str] = ..., time_ms: _Optional[int] = ..., acks: _Optional[_Iterable[_Union[Ack, _Mapping]]] = ...) -> None: ...
