"""The messages of the Open Inference Protocol's gRPC service, made when they are first asked for.

They are described here, not compiled: compiled ones would be in the process's common pool, where those of a client that runs in the same
process have the same names, and would ask for a version of protobuf of their own. Only what is used of the protocol is there; what a client
sends beyond it is read over, as protobuf does with every field that it does not know.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

SERVICE = "inference.GRPCInferenceService"

_PACKAGE = "inference"
# Message -> fields: name, number, and a scalar type or a message; `[]` for a repeated one, `{}` for a map from text to it.
_MESSAGES: Mapping[str, Sequence[tuple[str, int, str]]] = {
    "ServerLiveRequest": (),
    "ServerLiveResponse": (("live", 1, "bool"),),
    "ServerReadyRequest": (),
    "ServerReadyResponse": (("ready", 1, "bool"),),
    "ModelReadyRequest": (("name", 1, "string"), ("version", 2, "string")),
    "ModelReadyResponse": (("ready", 1, "bool"),),
    "ServerMetadataRequest": (),
    "ServerMetadataResponse": (("name", 1, "string"), ("version", 2, "string"), ("extensions", 3, "string[]")),
    "ModelMetadataRequest": (("name", 1, "string"), ("version", 2, "string")),
    "TensorMetadata": (("name", 1, "string"), ("datatype", 2, "string"), ("shape", 3, "int64[]")),
    "ModelMetadataResponse": (
        ("name", 1, "string"),
        ("versions", 2, "string[]"),
        ("platform", 3, "string"),
        ("inputs", 4, "TensorMetadata[]"),
        ("outputs", 5, "TensorMetadata[]"),
    ),
    "RepositoryIndexRequest": (("repository_name", 1, "string"), ("ready", 2, "bool")),
    "ModelIndex": (("name", 1, "string"), ("version", 2, "string"), ("state", 3, "string"), ("reason", 4, "string")),
    "RepositoryIndexResponse": (("models", 1, "ModelIndex[]"),),
    # The protocol has these in a oneof; on the wire that is the same, and which one is set nobody asks for here.
    "InferParameter": (("bool_param", 1, "bool"), ("int64_param", 2, "int64"), ("string_param", 3, "string")),
    "InferTensorContents": (
        ("bool_contents", 1, "bool[]"),
        ("int_contents", 2, "int32[]"),
        ("int64_contents", 3, "int64[]"),
        ("uint_contents", 4, "uint32[]"),
        ("uint64_contents", 5, "uint64[]"),
        ("fp32_contents", 6, "float[]"),
        ("fp64_contents", 7, "double[]"),
        ("bytes_contents", 8, "bytes[]"),
    ),
    "InferInputTensor": (
        ("name", 1, "string"),
        ("datatype", 2, "string"),
        ("shape", 3, "int64[]"),
        ("parameters", 4, "InferParameter{}"),
        ("contents", 5, "InferTensorContents"),
    ),
    "InferRequestedOutputTensor": (("name", 1, "string"), ("parameters", 2, "InferParameter{}")),
    "ModelInferRequest": (
        ("model_name", 1, "string"),
        ("model_version", 2, "string"),
        ("id", 3, "string"),
        ("parameters", 4, "InferParameter{}"),
        ("inputs", 5, "InferInputTensor[]"),
        ("outputs", 6, "InferRequestedOutputTensor[]"),
        ("raw_input_contents", 7, "bytes[]"),
    ),
    "InferOutputTensor": (("name", 1, "string"), ("datatype", 2, "string"), ("shape", 3, "int64[]")),
    "ModelInferResponse": (
        ("model_name", 1, "string"),
        ("model_version", 2, "string"),
        ("id", 3, "string"),
        ("outputs", 5, "InferOutputTensor[]"),
        ("raw_output_contents", 6, "bytes[]"),
    ),
}
RAW_OUTPUT_FIELD = 6
"""The number of `raw_output_contents`: answers are written in pieces."""


@cache
def messages() -> Mapping[str, Any]:
    """The message classes by name.

    Raises:
        ImportError: protobuf is not installed; it is in the extra `grpc`.
    """
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory  # noqa: PLC0415  # an extra

    file = descriptor_pb2.FileDescriptorProto(name="panops/open_inference.proto", package=_PACKAGE, syntax="proto3")
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field_name, number, kind in fields:
            _add_field(message, field_name, number, kind)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.{name}")) for name in _MESSAGES}


def _add_field(message: Any, name: str, number: int, kind: str) -> None:
    bare = kind.removesuffix("[]").removesuffix("{}")
    field = message.field.add(name=name, number=number)
    field.label = field.LABEL_OPTIONAL if kind == bare else field.LABEL_REPEATED
    if kind.endswith("{}"):
        entry = message.nested_type.add(name=f"{name.title().replace('_', '')}Entry")
        entry.options.map_entry = True
        _add_field(entry, "key", 1, "string")
        _add_field(entry, "value", 2, bare)
        bare = f"{message.name}.{entry.name}"
    if bare.partition(".")[0] in _MESSAGES:
        field.type, field.type_name = field.TYPE_MESSAGE, f".{_PACKAGE}.{bare}"
    else:
        field.type = getattr(field, f"TYPE_{bare.upper()}")
