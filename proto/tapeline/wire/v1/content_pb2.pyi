from tapeline.wire.v1 import objects_pb2 as _objects_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Content(_message.Message):
    __slots__ = ("message_id", "text", "reply", "edit", "delete", "reaction", "attachment", "read_receipt", "disclosure", "disclosure_ack", "notice", "history_grant", "labels")
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    REPLY_FIELD_NUMBER: _ClassVar[int]
    EDIT_FIELD_NUMBER: _ClassVar[int]
    DELETE_FIELD_NUMBER: _ClassVar[int]
    REACTION_FIELD_NUMBER: _ClassVar[int]
    ATTACHMENT_FIELD_NUMBER: _ClassVar[int]
    READ_RECEIPT_FIELD_NUMBER: _ClassVar[int]
    DISCLOSURE_FIELD_NUMBER: _ClassVar[int]
    DISCLOSURE_ACK_FIELD_NUMBER: _ClassVar[int]
    NOTICE_FIELD_NUMBER: _ClassVar[int]
    HISTORY_GRANT_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    message_id: bytes
    text: Text
    reply: Reply
    edit: Edit
    delete: Delete
    reaction: Reaction
    attachment: Attachment
    read_receipt: ReadReceipt
    disclosure: RecordingDisclosure
    disclosure_ack: DisclosureAck
    notice: Notice
    history_grant: HistoryGrant
    labels: _containers.ScalarMap[str, str]
    def __init__(self, message_id: _Optional[bytes] = ..., text: _Optional[_Union[Text, _Mapping]] = ..., reply: _Optional[_Union[Reply, _Mapping]] = ..., edit: _Optional[_Union[Edit, _Mapping]] = ..., delete: _Optional[_Union[Delete, _Mapping]] = ..., reaction: _Optional[_Union[Reaction, _Mapping]] = ..., attachment: _Optional[_Union[Attachment, _Mapping]] = ..., read_receipt: _Optional[_Union[ReadReceipt, _Mapping]] = ..., disclosure: _Optional[_Union[RecordingDisclosure, _Mapping]] = ..., disclosure_ack: _Optional[_Union[DisclosureAck, _Mapping]] = ..., notice: _Optional[_Union[Notice, _Mapping]] = ..., history_grant: _Optional[_Union[HistoryGrant, _Mapping]] = ..., labels: _Optional[_Mapping[str, str]] = ...) -> None: ...

class Text(_message.Message):
    __slots__ = ("text", "action")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    text: str
    action: bool
    def __init__(self, text: _Optional[str] = ..., action: _Optional[bool] = ...) -> None: ...

class Reply(_message.Message):
    __slots__ = ("to", "text")
    TO_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    to: bytes
    text: str
    def __init__(self, to: _Optional[bytes] = ..., text: _Optional[str] = ...) -> None: ...

class Edit(_message.Message):
    __slots__ = ("of", "text")
    OF_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    of: bytes
    text: str
    def __init__(self, of: _Optional[bytes] = ..., text: _Optional[str] = ...) -> None: ...

class Delete(_message.Message):
    __slots__ = ("of",)
    OF_FIELD_NUMBER: _ClassVar[int]
    of: bytes
    def __init__(self, of: _Optional[bytes] = ...) -> None: ...

class Reaction(_message.Message):
    __slots__ = ("of", "emoji")
    OF_FIELD_NUMBER: _ClassVar[int]
    EMOJI_FIELD_NUMBER: _ClassVar[int]
    of: bytes
    emoji: str
    def __init__(self, of: _Optional[bytes] = ..., emoji: _Optional[str] = ...) -> None: ...

class Attachment(_message.Message):
    __slots__ = ("blob_hash", "key", "name", "media_type", "size")
    BLOB_HASH_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    MEDIA_TYPE_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    blob_hash: bytes
    key: bytes
    name: str
    media_type: str
    size: int
    def __init__(self, blob_hash: _Optional[bytes] = ..., key: _Optional[bytes] = ..., name: _Optional[str] = ..., media_type: _Optional[str] = ..., size: _Optional[int] = ...) -> None: ...

class ReadReceipt(_message.Message):
    __slots__ = ("of",)
    OF_FIELD_NUMBER: _ClassVar[int]
    of: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, of: _Optional[_Iterable[bytes]] = ...) -> None: ...

class RecordingDisclosure(_message.Message):
    __slots__ = ("firm", "text", "retention_class")
    FIRM_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    RETENTION_CLASS_FIELD_NUMBER: _ClassVar[int]
    firm: str
    text: str
    retention_class: str
    def __init__(self, firm: _Optional[str] = ..., text: _Optional[str] = ..., retention_class: _Optional[str] = ...) -> None: ...

class DisclosureAck(_message.Message):
    __slots__ = ("of",)
    OF_FIELD_NUMBER: _ClassVar[int]
    of: bytes
    def __init__(self, of: _Optional[bytes] = ...) -> None: ...

class Notice(_message.Message):
    __slots__ = ("kind", "subject", "text")
    KIND_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    kind: str
    subject: str
    text: str
    def __init__(self, kind: _Optional[str] = ..., subject: _Optional[str] = ..., text: _Optional[str] = ...) -> None: ...

class HistoryGrant(_message.Message):
    __slots__ = ("record_hash", "m", "q", "row", "shard", "opening_proof", "header")
    RECORD_HASH_FIELD_NUMBER: _ClassVar[int]
    M_FIELD_NUMBER: _ClassVar[int]
    Q_FIELD_NUMBER: _ClassVar[int]
    ROW_FIELD_NUMBER: _ClassVar[int]
    SHARD_FIELD_NUMBER: _ClassVar[int]
    OPENING_PROOF_FIELD_NUMBER: _ClassVar[int]
    HEADER_FIELD_NUMBER: _ClassVar[int]
    record_hash: bytes
    m: bytes
    q: bytes
    row: _objects_pb2.Row
    shard: bytes
    opening_proof: bytes
    header: bytes
    def __init__(self, record_hash: _Optional[bytes] = ..., m: _Optional[bytes] = ..., q: _Optional[bytes] = ..., row: _Optional[_Union[_objects_pb2.Row, _Mapping]] = ..., shard: _Optional[bytes] = ..., opening_proof: _Optional[bytes] = ..., header: _Optional[bytes] = ...) -> None: ...
