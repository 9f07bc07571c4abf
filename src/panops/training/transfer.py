"""Where weights come from: another checkpoint, or an ONNX file (`published.py`).

The ONNX file holds convolutions with their batch normalisation folded in. They are put back so that the network computes the same and can
still be trained: every filter gets unit norm (folded scales differ by three orders of magnitude, which stalls any optimiser), and the
batch normalisation that undoes this takes its statistics from pictures.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from panops.domain.errors import ModelUnsupported
from panops.training.network import ConvUnit, DetectorNetwork
from panops.training.published import Folded, read_folded

__all__ = ["Folded", "load_folded", "load_matching", "read_folded", "settle_statistics"]

_TINY = 1e-12


def load_folded(network: DetectorNetwork, folded: list[Folded], classes: tuple[str, ...]) -> list[str]:
    """Put the weights of an ONNX file of the same size into `network`.

    Our own files name their convolutions, and are matched by name; others go by order.

    Columns of classes that both know are copied by name; the other classes keep their start values. The batch normalisation's statistics
    are left at 0 and 1 with the bias as shift: call `settle_statistics` with pictures before training.

    Args:
        network: Of the same size as the published network.
        folded: From `read_folded`.
        classes: The published network's class names.

    Returns:
        The classes whose score was taken over.

    Raises:
        ModelUnsupported: The shapes differ: another size, or not a YOLOX.
    """
    places = list(_places(network))
    folded = _by_name(network, folded) or folded
    if len(places) != len(folded):
        raise ModelUnsupported(f"expected a YOLOX of size {network.shape.size} with {len(places)} convolutions, got one with {len(folded)}")
    taken = [name for name in network.shape.classes if name in classes]
    with torch.no_grad():
        for place, source in zip(places, folded, strict=True):
            if isinstance(place, ConvUnit):
                _fill_unit(place, source)
            elif _is_class_out(network, place):
                _fill_classes(place, source, network.shape.classes, classes)
            else:
                _copy(place.weight, source.weight)
                _copy(_bias(place), source.bias)
    return taken


def load_matching(network: DetectorNetwork, state: dict[str, Tensor], classes: tuple[str, ...]) -> list[str]:
    """Put another checkpoint's weights into `network`; class columns go by name, the activation may differ.

    Raises:
        ModelUnsupported: The sizes differ.
    """
    own = network.state_dict()
    for key, value in state.items():
        target = own.get(key)
        if ".class_out." in key and target is not None and target.shape[1:] == value.shape[1:]:
            for index, name in enumerate(network.shape.classes):
                if name in classes:
                    target[index] = value[classes.index(name)]
        elif target is None or target.shape != value.shape:
            got = "nothing" if target is None else str(tuple(target.shape))
            raise ModelUnsupported(f"expected weights of size {network.shape.size}: {key} is {tuple(value.shape)} there and {got} here")
        else:
            own[key] = value
    network.load_state_dict(own)
    return [name for name in network.shape.classes if name in classes]


def settle_statistics(network: DetectorNetwork, batches: Iterable[Tensor]) -> None:
    """Give each batch normalisation the statistics of real pictures while the network goes on computing exactly the same.

    Args:
        network: Just filled by `load_folded`.
        batches: A few batches (B, 3, H, W) of pictures.
    """
    units = [place for place in _places(network) if isinstance(place, ConvUnit)]
    sums = [[torch.zeros(unit.norm.num_features, dtype=torch.float64) for _ in range(2)] for unit in units]
    counts = [0] * len(units)

    def watch(position: int) -> object:
        def hook(_module: nn.Module, _inputs: object, output: Tensor) -> None:
            values = output.detach().double()
            sums[position][0] += values.sum(dim=(0, 2, 3)).cpu()
            sums[position][1] += (values * values).sum(dim=(0, 2, 3)).cpu()
            counts[position] += values.shape[0] * values.shape[2] * values.shape[3]

        return units[position].conv.register_forward_hook(hook)

    handles = [watch(position) for position in range(len(units))]
    network.eval()
    with torch.no_grad():
        for batch in batches:
            network(batch)
        for handle in handles:
            handle.remove()  # type: ignore[attr-defined]  # torch's RemovableHandle
        for unit, (total, squares), count in zip(units, sums, counts, strict=True):
            mean = total / max(1, count)
            variance = (squares / max(1, count) - mean * mean).clamp_min(1e-6)
            _restate(unit, mean.float(), variance.float())


def _restate(unit: ConvUnit, mean: Tensor, variance: Tensor) -> None:
    """New statistics, and scale and shift that give the same function."""
    norm = unit.norm
    if norm.running_mean is None or norm.running_var is None:
        raise ValueError("a batch normalisation without statistics cannot be settled")
    old_scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    shift = norm.bias - norm.running_mean * old_scale
    norm.weight.copy_(old_scale * torch.sqrt(variance + norm.eps))
    norm.bias.copy_(shift + mean * old_scale)
    norm.running_mean.copy_(mean)
    norm.running_var.copy_(variance)


def _places(network: DetectorNetwork) -> Iterator[ConvUnit | nn.Conv2d]:
    """Every convolution in the order in which a published YOLOX computes them; units stand for their convolution."""
    inside: set[int] = set()
    for module in network.modules():
        if isinstance(module, ConvUnit):
            inside.add(id(module.conv))
            yield module
        elif isinstance(module, nn.Conv2d) and id(module) not in inside:
            yield module


def _by_name(network: DetectorNetwork, folded: list[Folded]) -> list[Folded]:
    """The convolutions in the order of `_places` by their names; empty where the names are not those of our modules."""
    names = {id(module): name for name, module in network.named_modules()}
    named = {one.name: one for one in folded}
    wanted = [names[id(place)] for place in _places(network)]
    return [named[name] for name in wanted] if all(name in named for name in wanted) else []


def _is_class_out(network: DetectorNetwork, place: nn.Conv2d) -> bool:
    return any(level.class_out is place for level in network.head)


def _fill_unit(unit: ConvUnit, source: Folded) -> None:
    weight = torch.from_numpy(source.weight.copy())
    length = weight.flatten(1).norm(dim=1).clamp_min(_TINY)
    _copy(unit.conv.weight, (weight / length[:, None, None, None]).numpy())
    norm = unit.norm
    # With mean 0 and variance 1 - eps the normalisation multiplies by its weight alone.
    norm.running_mean.zero_()  # type: ignore[union-attr]  # these norms always keep statistics
    norm.running_var.fill_(1.0 - norm.eps)  # type: ignore[union-attr]
    norm.weight.copy_(length)
    norm.bias.copy_(torch.from_numpy(source.bias.copy()))


def _fill_classes(place: nn.Conv2d, source: Folded, own: tuple[str, ...], published: tuple[str, ...]) -> None:
    if source.weight.shape[0] != len(published):
        raise ModelUnsupported(f"expected {len(published)} classes in the file to start from, got {source.weight.shape[0]}")
    for index, name in enumerate(own):
        if name in published:
            column = published.index(name)
            place.weight[index].copy_(torch.from_numpy(source.weight[column].copy()))
            _bias(place)[index] = float(source.bias[column])


def _bias(place: nn.Conv2d) -> Tensor:
    if place.bias is None:
        raise ModelUnsupported("expected an output convolution with a bias")
    return place.bias


def _copy(target: Tensor, values: NDArray[np.float32]) -> None:
    if tuple(target.shape) != values.shape:
        raise ModelUnsupported(f"expected weights of shape {tuple(target.shape)} to start from, got {values.shape}")
    target.copy_(torch.from_numpy(np.array(values)))
