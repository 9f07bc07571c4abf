"""MobileNetV2: its published weights, what export makes of it, and statistics that change nothing."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("torch", reason="needs panops[train]")

import torch

from panops.domain.errors import ModelNotFound, ModelUnsupported
from panops.export.tflite_reader import read_tflite
from panops.inference.open_backend import open_backend
from panops.training.mobilenet import BLOCKS, GREY, ClassifierNetwork, ClassifierShape, settle
from panops.training.mobilenet_folded import ExportedClassifier
from panops.training.mobilenet_weights import load_tflite, published_network

torch.set_num_threads(1)
# The figures of 48 pictures: 41 answers the same, and all of those that the file gives with more than a fifth of certainty.
SURE = 0.22
PICTURES = ("coral/cat_720p.jpg", "coral/grace_hopper.bmp", "coral/dog_segmentation.bmp", "tflite_support/burger.jpg", "rf/car.jpg")


def small(classes: int = 3) -> ClassifierNetwork:
    torch.manual_seed(0)
    return ClassifierNetwork(ClassifierShape(tuple("abcdefgh"[:classes]), width=0.25)).eval()


def test_the_papers_size() -> None:
    network = ClassifierNetwork(ClassifierShape(tuple(map(str, range(1000)))))
    assert sum(parameter.numel() for parameter in network.parameters()) == 3_504_872  # of the authors' model
    assert len(network.parts) == BLOCKS + 2
    assert len(list(network.units())) == 52
    assert ClassifierShape(("a", "b"), 0.35).channels(24) == 8
    assert small().feature_count == 320


def test_export_says_what_the_network_says() -> None:
    network = small()
    pictures = torch.rand(2, 3, 64, 96) * 255
    with torch.no_grad():
        for unit in network.units():  # as after some training
            unit.norm.running_mean.uniform_(-1, 1)
            unit.norm.running_var.uniform_(0.5, 2)
        exported = ExportedClassifier(network)(pictures)
        assert torch.allclose(exported, network(pictures).softmax(1), atol=1e-5)
        with pytest.raises(ValueError, match="black border"):
            ExportedClassifier(ClassifierNetwork(network.shape, GREY))


def test_new_statistics_change_nothing_but_fit_the_pictures() -> None:
    network = small()
    pictures = torch.rand(8, 3, 64, 64) * 255
    with torch.no_grad():
        for unit in network.units():
            unit.norm.weight.uniform_(0.5, 2)
            unit.norm.bias.uniform_(-0.5, 0.5)
        before = network(pictures)
        settle(network, [pictures])
        assert torch.allclose(network(pictures), before, atol=1e-4)
        network.train()
        network.dropout.eval()
        assert torch.allclose(network(pictures), before, atol=1e-3)


def test_files_that_are_no_mobilenet(tmp_path: Path) -> None:
    network = small()
    with pytest.raises(ModelNotFound, match="cannot be read"):
        load_tflite(network, tmp_path / "none.tflite")
    (tmp_path / "text.tflite").write_text("something else altogether")
    with pytest.raises(ModelUnsupported, match="another kind of file"):
        load_tflite(network, tmp_path / "text.tflite")
    (tmp_path / "cut.tflite").write_bytes(b"\x40\0\0\0TFL3" + bytes(8))
    with pytest.raises(ModelUnsupported, match="damaged"):
        load_tflite(network, tmp_path / "cut.tflite")


def test_other_networks_in_tflite_are_told_apart(shared_data: Path) -> None:
    with pytest.raises(ModelUnsupported, match="expected MobileNetV2 with 53 convolutions"):
        load_tflite(small(), shared_data / "models" / "kz_keypoint_classifier.tflite")
    with pytest.raises(ModelUnsupported, match="expected MobileNetV2 with a convolution of"):
        load_tflite(small(), shared_data / "models" / "mobilenet_v2_1.0_224_quant.tflite")


def test_the_published_weights_give_the_published_answers(shared_data: Path) -> None:
    path = shared_data / "models" / "mobilenet_v2_1.0_224_quant.tflite"
    network = published_network(path, 1001, GREY)
    backend = open_backend(path)
    sure = 0
    for name in PICTURES:
        image = cv2.resize(cv2.imread(str(shared_data / "images" / name)), (224, 224), interpolation=cv2.INTER_AREA)[..., ::-1].copy()
        (scores,) = backend.infer({backend.inputs[0].name: image[None]}).values()
        with torch.no_grad():
            own = network(torch.from_numpy(image.transpose(2, 0, 1)[None].astype(np.float32))).softmax(1)[0].numpy()
        theirs = scores.reshape(-1) / 256
        assert np.abs(own - theirs).max() < 0.1
        if theirs.max() > SURE:
            sure += 1
            assert own.argmax() == theirs.argmax(), name
    backend.close()
    assert sure >= 4


def test_the_reader_agrees_with_litert(shared_data: Path) -> None:
    litert = pytest.importorskip("ai_edge_litert.interpreter")
    path = shared_data / "models" / "mobilenet_v2_1.0_224_quant.tflite"
    interpreter = litert.Interpreter(str(path))
    interpreter.allocate_tensors()
    found = {tensor.name: tensor for tensor in read_tflite(path).tensors}
    weights = [one for one in interpreter.get_tensor_details() if "weights_quant" in one["name"]]
    assert len(weights) == 53
    for detail in weights[::10]:
        own = found[detail["name"]]
        assert np.array_equal(own.values, interpreter.get_tensor(detail["index"]))
        assert (own.scale[0], own.zero[0]) == pytest.approx(detail["quantization"])
