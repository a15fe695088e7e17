from tapeline.wire.v1 import objects_pb2 as _objects_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Refusal(_message.Message):
    __slots__ = ("rule", "code", "cause", "remedy", "retryable", "newer")
    RULE_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    REMEDY_FIELD_NUMBER: _ClassVar[int]
    RETRYABLE_FIELD_NUMBER: _ClassVar[int]
    NEWER_FIELD_NUMBER: _ClassVar[int]
    rule: str
    code: str
    cause: str
    remedy: str
    retryable: bool
    newer: _objects_pb2.Ack
    def __init__(self, rule: _Optional[str] = ..., code: _Optional[str] = ..., cause: _Optional[str] = ..., remedy: _Optional[str] = ..., retryable: _Optional[bool] = ..., newer: _Optional[_Union[_objects_pb2.Ack, _Mapping]] = ...) -> None: ...

class ChallengeRequest(_message.Message):
    __slots__ = ("key",)
    KEY_FIELD_NUMBER: _ClassVar[int]
    key: bytes
    def __init__(self, key: _Optional[bytes] = ...) -> None: ...

class Challenge(_message.Message):
    __slots__ = ("nonce", "origin", "expires_ms")
    NONCE_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_MS_FIELD_NUMBER: _ClassVar[int]
    nonce: bytes
    origin: str
    expires_ms: int
    def __init__(self, nonce: _Optional[bytes] = ..., origin: _Optional[str] = ..., expires_ms: _Optional[int] = ...) -> None: ...

class LoginBody(_message.Message):
    __slots__ = ("origin", "key", "nonce", "audience", "expires_ms")
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    NONCE_FIELD_NUMBER: _ClassVar[int]
    AUDIENCE_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_MS_FIELD_NUMBER: _ClassVar[int]
    origin: str
    key: bytes
    nonce: bytes
    audience: str
    expires_ms: int
    def __init__(self, origin: _Optional[str] = ..., key: _Optional[bytes] = ..., nonce: _Optional[bytes] = ..., audience: _Optional[str] = ..., expires_ms: _Optional[int] = ...) -> None: ...

class LoginRequest(_message.Message):
    __slots__ = ("login",)
    LOGIN_FIELD_NUMBER: _ClassVar[int]
    login: _objects_pb2.SignedObject
    def __init__(self, login: _Optional[_Union[_objects_pb2.SignedObject, _Mapping]] = ...) -> None: ...

class LoginToken(_message.Message):
    __slots__ = ("token", "expires_ms", "roles")
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_MS_FIELD_NUMBER: _ClassVar[int]
    ROLES_FIELD_NUMBER: _ClassVar[int]
    token: bytes
    expires_ms: int
    roles: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, token: _Optional[bytes] = ..., expires_ms: _Optional[int] = ..., roles: _Optional[_Iterable[str]] = ...) -> None: ...

class ProofRequest(_message.Message):
    __slots__ = ("indices", "size")
    INDICES_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    indices: _containers.RepeatedScalarFieldContainer[int]
    size: int
    def __init__(self, indices: _Optional[_Iterable[int]] = ..., size: _Optional[int] = ...) -> None: ...

class InclusionProof(_message.Message):
    __slots__ = ("index", "hashes")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    HASHES_FIELD_NUMBER: _ClassVar[int]
    index: int
    hashes: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, index: _Optional[int] = ..., hashes: _Optional[_Iterable[bytes]] = ...) -> None: ...

class ProofResponse(_message.Message):
    __slots__ = ("note", "proofs")
    NOTE_FIELD_NUMBER: _ClassVar[int]
    PROOFS_FIELD_NUMBER: _ClassVar[int]
    note: bytes
    proofs: _containers.RepeatedCompositeFieldContainer[InclusionProof]
    def __init__(self, note: _Optional[bytes] = ..., proofs: _Optional[_Iterable[_Union[InclusionProof, _Mapping]]] = ...) -> None: ...

class ConsistencyRequest(_message.Message):
    __slots__ = ("old_size", "new_size")
    OLD_SIZE_FIELD_NUMBER: _ClassVar[int]
    NEW_SIZE_FIELD_NUMBER: _ClassVar[int]
    old_size: int
    new_size: int
    def __init__(self, old_size: _Optional[int] = ..., new_size: _Optional[int] = ...) -> None: ...

class ConsistencyResponse(_message.Message):
    __slots__ = ("hashes",)
    HASHES_FIELD_NUMBER: _ClassVar[int]
    hashes: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, hashes: _Optional[_Iterable[bytes]] = ...) -> None: ...
