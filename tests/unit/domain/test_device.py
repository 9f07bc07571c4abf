from __future__ import annotations

import pytest

from panops.domain.device import CPU, Device


@pytest.mark.parametrize(
    ("text", "device", "name"),
    [
        ("cpu", CPU, "cpu"),
        ("cuda", Device("cuda"), "cuda"),
        ("cuda:0", Device("cuda"), "cuda"),
        (" CUDA:1 ", Device("cuda", 1), "cuda:1"),
        ("tensorrt:12", Device("tensorrt", 12), "tensorrt:12"),
    ],
)
def test_names(text: str, device: Device, name: str) -> None:
    assert Device.parse(text) == device
    assert str(device) == name
    assert Device.parse(str(device)) == device
    assert device.batches is (device != CPU)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("gpu", "'cuda'"),
        ("GPU:0", "'cuda'"),
        ("trt", "'tensorrt'"),
        ("cpu:0", "'cpu'"),
        ("", ""),
        ("cuda:", ""),
        ("cuda:-1", ""),
        ("cuda:1:2", ""),
    ],
)
def test_what_is_none(text: str, hint: str) -> None:
    with pytest.raises(ValueError, match="expected cpu, cuda or tensorrt") as caught:
        Device.parse(text)
    assert ("did you mean" in str(caught.value)) is bool(hint)
    assert hint in str(caught.value)
