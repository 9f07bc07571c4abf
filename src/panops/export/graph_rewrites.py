"""Makes a traced ONNX graph small, readable and quick, without changing what it computes.

- names come from the network's modules, nothing of the exporter stays: the same network gives the same bytes;
- the 2x2 space-to-depth before the first convolution becomes part of it: a 3x3 convolution over blocks of 2x2 px is a 6x6 convolution
  with stride 2 over px. Four strided slices and a concatenation go, and the first quantised tensor is the picture itself, whose 256
  values 8 bits hold exactly;
- maxima over 5, 9 and 13 cells become three maxima over 5, one after the other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, helper, numpy_helper

INPUT_NAME = "pictures"
OUTPUT_NAME = "rows"
_PRODUCER = "panops"
# What wraps a layer in the training's modules and says nothing to a reader.
_WRAPPERS = (".conv",)


def rewritten(traced: onnx.ModelProto, output_name: str = OUTPUT_NAME) -> onnx.ModelProto:
    """A model with the rewrites of this module applied.

    Args:
        traced: As torch's exporter gives it; not changed.
        output_name: What its output is called then.
    """
    graph = onnx.GraphProto()
    graph.CopyFrom(traced.graph)
    _fix_reshapes(graph)
    _merge_space_to_depth(graph)
    _chain_pools(graph)
    _in_order(graph)
    _drop_unused(graph)
    _rename(graph, output_name)
    return _fresh(graph, traced)


def freed_sizes(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same model for any batch and picture size; it must come from `rewritten`, whose reshapes name no size."""
    free = onnx.ModelProto()
    free.CopyFrom(model)
    names = (("batch", None, "height", "width"), ("batch", "rows", None))
    for value, dims in zip((free.graph.input[0], free.graph.output[0]), names, strict=True):
        for dim, name in zip(value.type.tensor_type.shape.dim, dims, strict=True):
            if name is not None:
                dim.dim_param = name
    return free


def attribute(node: NodeProto, name: str, default: object = None) -> object:
    """An attribute's value, or `default` where the node does not have it."""
    for item in node.attribute:
        if item.name == name:
            return helper.get_attribute_value(item)
    return default


def constants(graph: onnx.GraphProto) -> dict[str, NDArray[np.generic]]:
    """The initializers as arrays."""
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}


def _fix_reshapes(graph: onnx.GraphProto) -> None:
    """Reshapes to (1, C, 100) become (0, C, -1): the batch as it is, and whatever is left."""
    values = constants(graph)
    for node in graph.node:
        if node.op_type != "Reshape" or node.input[1] not in values:
            continue
        target = values[node.input[1]].tolist()
        if len(target) == 3 and target[0] in (0, 1) and target[1] > 0:
            name = f"{node.output[0]}_shape"
            graph.initializer.append(numpy_helper.from_array(np.array([0, target[1], -1], np.int64), name))
            node.input[1] = name
            del node.attribute[:]  # torch says `allowzero`, with which 0 would mean no rows


def _merge_space_to_depth(graph: onnx.GraphProto) -> None:
    """Four slices, a concatenation and a 3x3 convolution as one 6x6 convolution with stride 2; left alone where it is something else."""
    values = constants(graph)
    producer = {node.output[0]: node for node in graph.node}
    uses = Counter(name for node in graph.node for name in node.input)
    dims = graph.input[0].type.tensor_type.shape.dim
    sides = {(graph.input[0].name, axis): dims[axis].dim_value for axis in (2, 3) if len(dims) == 4}
    for conv in graph.node:
        if conv.op_type != "Conv" or conv.input[1] not in values:
            continue
        joined = producer.get(conv.input[0])
        if joined is None or joined.op_type != "Concat" or len(joined.input) != 4 or uses[joined.output[0]] != 1:
            continue
        blocks = [_block(name, producer, values, sides) for name in joined.input]
        sources = {block[0] for block in blocks if block is not None}
        weight = values[conv.input[1]].astype(np.float32)
        whole = len(set(blocks)) == 4 and attribute(joined, "axis") in (1, -3) and weight.shape[2:] == (3, 3)
        plain = attribute(conv, "strides", [1, 1]) == attribute(conv, "dilations", [1, 1]) == [1, 1] and attribute(conv, "group", 1) == 1
        if len(sources) != 1 or None in blocks or not whole or not plain or attribute(conv, "pads") != [1, 1, 1, 1]:
            continue
        name = f"{conv.input[1].removesuffix('.weight')}.pixels.weight"
        pixels = _pixel_weight(weight, [block[1:] for block in blocks if block is not None])
        graph.initializer.append(numpy_helper.from_array(pixels, name))
        conv.input[0], conv.input[1] = sources.pop(), name
        del conv.attribute[:]
        conv.attribute.extend(
            [
                helper.make_attribute("kernel_shape", [6, 6]),
                helper.make_attribute("strides", [2, 2]),
                helper.make_attribute("pads", [2, 2, 2, 2]),
            ]
        )


def _block(
    name: str, producer: Mapping[str, NodeProto], values: Mapping[str, NDArray[np.generic]], sides: Mapping[tuple[str, int], int]
) -> tuple[str, int, int] | None:
    """Where a chain of slices with step 2 starts: the tensor, and the row and column (0 or 1) it begins with.

    Args:
        name: The chain's end.
        producer: The node of each tensor.
        values: Constants.
        sides: Height (2) and width (3) of tensors where they are known: a slice that ends before them is something else.
    """
    start = {2: 0, 3: 0}
    seen: dict[int, int] = {}
    while name in producer and producer[name].op_type == "Slice":
        node = producer[name]
        if len(node.input) != 5 or any(entry not in values for entry in node.input[1:]):
            return None
        first, end, axes, step = (values[entry].tolist() for entry in node.input[1:])
        axis = axes[0] % 4
        if len(axes) != 1 or axis not in start or axis in seen or step != [2] or first[0] not in (0, 1):
            return None
        seen[axis] = end[0]
        start[axis] = first[0]
        name = node.input[0]
    whole = len(seen) == 2 and all(end >= sides.get((name, axis), 0) for axis, end in seen.items())
    return (name, start[2], start[3]) if whole else None


def _pixel_weight(weight: NDArray[np.float32], starts: list[tuple[int, int]]) -> NDArray[np.float32]:
    """(O, 12, 3, 3) over blocks as (O, 3, 6, 6) over px; `starts` are the rows and columns of the four blocks."""
    outputs, inputs = weight.shape[:2]
    channels = inputs // 4
    pixels = np.zeros((outputs, channels, 6, 6), np.float32)
    for index, (row, column) in enumerate(starts):
        pixels[:, :, row::2, column::2] = weight[:, index * channels : (index + 1) * channels]
    return pixels


def _chain_pools(graph: onnx.GraphProto) -> None:
    """Maxima of one tensor over growing windows: each is taken from the one before, over what is missing."""
    groups: dict[str, list[NodeProto]] = {}
    for node in graph.node:
        if node.op_type == "MaxPool" and len(node.output) == 1 and _same_size_pool(node):
            groups.setdefault(node.input[0], []).append(node)
    for pools in groups.values():
        ordered = sorted(pools, key=_window)
        for smaller, larger in zip(ordered[-2::-1], ordered[:0:-1], strict=True):
            missing = _window(larger) - _window(smaller) + 1
            larger.input[0] = smaller.output[0]
            del larger.attribute[:]
            larger.attribute.extend(
                [
                    helper.make_attribute("kernel_shape", [missing, missing]),
                    helper.make_attribute("strides", [1, 1]),
                    helper.make_attribute("pads", [missing // 2] * 4),
                ]
            )


def _same_size_pool(node: NodeProto) -> bool:
    window = attribute(node, "kernel_shape")
    if not isinstance(window, list) or len(set(window)) != 1 or window[0] % 2 == 0:
        return False
    plain = attribute(node, "strides", [1, 1]) == [1, 1] and attribute(node, "dilations", [1, 1]) == [1, 1]
    return plain and attribute(node, "pads") == [window[0] // 2] * 4


def _window(node: NodeProto) -> int:
    window = attribute(node, "kernel_shape")
    assert isinstance(window, list)  # noqa: S101  # `_same_size_pool` has looked
    return int(window[0])


def _in_order(graph: onnx.GraphProto) -> None:
    """Every node after those that it reads, as ONNX asks for: a chain may run against the order in which its parts stood."""
    made = {output for node in graph.node for output in node.output}
    waiting, ordered = list(graph.node), list[NodeProto]()
    while waiting:
        index = next((index for index, node in enumerate(waiting) if not made & set(node.input)), None)
        if index is None:
            return  # a circle: ONNX's own check tells of it
        ordered.append(waiting.pop(index))
        made -= set(ordered[-1].output)
    nodes = [onnx.NodeProto.FromString(node.SerializeToString()) for node in ordered]
    del graph.node[:]
    graph.node.extend(nodes)


def _drop_unused(graph: onnx.GraphProto) -> None:
    """Nodes and constants that nothing reads any more."""
    needed = {value.name for value in graph.output}
    kept = []
    for node in reversed(graph.node):
        if needed & set(node.output):
            needed.update(node.input)
            kept.append(node)
    initializers = [tensor for tensor in graph.initializer if tensor.name in needed]
    del graph.node[:], graph.initializer[:]
    graph.node.extend(reversed(kept))
    graph.initializer.extend(initializers)


def _rename(graph: onnx.GraphProto, output_name: str) -> None:
    """Names from the modules: a convolution is called like its weight, what follows is numbered by kind."""
    values = {tensor.name for tensor in graph.initializer}
    new = {graph.input[0].name: INPUT_NAME, graph.output[0].name: output_name}
    fixed = set(new)
    counts: Counter[str] = Counter()
    taken: set[str] = set()
    for node in graph.node:
        name = _layer_name(node, values)
        if not name or name in taken:
            kind = node.op_type.lower()
            name = f"{kind}_{counts[kind]}"
            counts[kind] += 1
        taken.add(name)
        node.name = name
        roles = _ROLES.get(node.op_type, ())
        for index, entry in enumerate(node.input):
            if entry in values and entry not in new:
                new[entry] = f"{name}.{roles[index] if index < len(roles) else index}"
        for output in node.output:
            if output not in fixed:
                new[output] = name
    for node in graph.node:
        node.input[:] = [new.get(name, name) for name in node.input]
        node.output[:] = [new.get(name, name) for name in node.output]
    for tensor in (*graph.initializer, *graph.input, *graph.output):
        tensor.name = new.get(tensor.name, tensor.name)


_ROLES: dict[str, tuple[str, ...]] = {"Conv": ("0", "weight", "bias"), "Reshape": ("0", "shape"), "Resize": ("0", "roi", "scales", "sizes")}


def _layer_name(node: NodeProto, values: set[str]) -> str:
    """`backbone.stem` for a convolution with the weight `network.backbone.stem.conv.weight`; empty where there is nothing to go by."""
    if node.op_type != "Conv" or node.input[1] not in values or "." not in node.input[1]:
        return ""
    name = str(node.input[1]).removesuffix(".weight").removesuffix(".pixels")
    for wrapper in _WRAPPERS:
        name = name.removesuffix(wrapper)
    return name.removeprefix("network.")


def _fresh(graph: onnx.GraphProto, traced: onnx.ModelProto) -> onnx.ModelProto:
    """A new model: constants sorted as they are used, and no notes of the exporter."""
    nodes = [helper.make_node(node.op_type, list(node.input), list(node.output), name=node.name, domain=node.domain) for node in graph.node]
    for node, old in zip(nodes, graph.node, strict=True):
        node.attribute.extend(sorted(old.attribute, key=lambda item: item.name))
    order = {name: index for index, name in enumerate(dict.fromkeys(name for node in nodes for name in node.input))}
    initializers = sorted(graph.initializer, key=lambda tensor: order[tensor.name])
    plain = [numpy_helper.from_array(numpy_helper.to_array(tensor), tensor.name) for tensor in initializers]
    values = [
        helper.make_tensor_value_info(
            value.name, value.type.tensor_type.elem_type, [dim.dim_value for dim in value.type.tensor_type.shape.dim]
        )
        for value in (*graph.input, *graph.output)
    ]
    fresh = helper.make_graph(nodes, "panops", values[: len(graph.input)], values[len(graph.input) :], plain)
    version = max(entry.version for entry in traced.opset_import if entry.domain == "")
    model = helper.make_model(fresh, producer_name=_PRODUCER, opset_imports=[helper.make_opsetid("", version)])
    model.ir_version = min(traced.ir_version, 10)
    return model
