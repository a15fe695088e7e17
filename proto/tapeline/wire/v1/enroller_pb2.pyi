from tapeline.wire.v1 import objects_pb2 as _objects_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class EnrolRequest(_message.Message):
    __slots__ = ("code", "device_key", "device_name", "possession")
    CODE_FIELD_NUMBER: _ClassVar[int]
    DEVICE_KEY_FIELD_NUMBER: _ClassVar[int]
    DEVICE_NAME_FIELD_NUMBER: _ClassVar[int]
    POSSESSION_FIELD_NUMBER: _ClassVar[int]
    code: str
    device_key: bytes
    device_name: str
    possession: bytes
    def __init__(self, code: _Optional[str] = ..., device_key: _Optional[bytes] = ..., device_name: _Optional[str] = ..., possession: _Optional[bytes] = ...) -> None: ...

class EnrolResponse(_message.Message):
    __slots__ = ("entry",)
    ENTRY_FIELD_NUMBER: _ClassVar[int]
    entry: _objects_pb2.SignedObject
    def __init__(self, entry: _Optional[_Union[_objects_pb2.SignedObject, _Mapping]] = ...) -> None: ...
