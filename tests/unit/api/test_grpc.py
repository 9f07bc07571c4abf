"""The gRPC half of the Open Inference Protocol through NVIDIA's own client, and what it says to those who may not or send nonsense."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
import tritonclient.grpc as triton
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tritonclient.grpc import service_pb2
from tritonclient.utils import InferenceServerException

from panops.api import grpc_methods, inference_service
from panops.api.grpc_server import grpc_served
from panops.api.serve import open_listener
from panops.config.grpc_schema import GrpcConfig
from panops.domain.errors import ConfigError
from panops.inference.open_backend import open_backend
from panops.models.store import package_builtin
from panops.pipeline.inference_desk import InferenceDesk
from panops.storage.home import Home
from panops.storage.scope import Role

from .conftest import Site

pytestmark = pytest.mark.anyio

PICTURES = np.random.default_rng(7).integers(0, 255, (1, 3, 416, 416), dtype=np.uint8)
LOCAL = GrpcConfig(port=0)
INFER = "/inference.GRPCInferenceService/ModelInfer"


class Program:
    """A program with a token and NVIDIA's client; its calls block."""

    def __init__(self, address: str, token: str) -> None:
        self.address = address
        self.client = triton.InferenceServerClient(address)
        self.headers = {"authorization": f"Bearer {token}"}

    def rows(self, pictures: np.ndarray[Any, Any], model: str = "street", version: str = "", **options: Any) -> np.ndarray[Any, Any]:
        tensor = triton.InferInput("pictures", pictures.shape, "UINT8")
        tensor.set_data_from_numpy(pictures)
        outputs = [triton.InferRequestedOutput("rows")]
        answer = self.client.infer(model, [tensor], version, outputs, request_id="7", headers=self.headers, **options)
        assert answer.get_response().id == "7"
        return answer.as_numpy("rows")

    def send(self, message: bytes, compression: grpc.Compression | None = None) -> bytes:
        """A message of one's own making."""
        with grpc.insecure_channel(self.address, options=[("grpc.max_send_message_length", -1)]) as channel:
            call = channel.unary_unary(INFER)
            return call(message, metadata=list(self.headers.items()), compression=compression, timeout=60)


Work = Callable[[Program], Any]


@asynccontextmanager
async def program(site: Site, role: Role = Role.OPERATOR, config: GrpcConfig = LOCAL) -> AsyncIterator[Callable[[Work], Any]]:
    """Lets functions of programs run, each in a thread with a client of its own."""
    token = site.accounts.create_token(role.value, role, [])
    async with grpc_served(site.services, config) as address:

        def work_with_client(work: Work) -> Any:
            found = Program(address, token)
            try:
                return work(found)
            finally:
                found.client.close()

        yield lambda work: asyncio.to_thread(work_with_client, work)


async def test_nvidias_client_gets_the_backends_numbers_bit_for_bit(site: Site) -> None:
    wanted = open_backend(package_builtin() / "street" / "street.onnx").infer({"pictures": PICTURES})["rows"]

    def typed(lab: Program) -> np.ndarray[Any, Any]:
        request = service_pb2.ModelInferRequest(model_name="street")
        tensor = request.inputs.add(name="pictures", datatype="UINT8", shape=PICTURES.shape)
        tensor.contents.uint_contents.extend(PICTURES.ravel().tolist())
        answer = service_pb2.ModelInferResponse.FromString(lab.send(request.SerializeToString()))
        assert (answer.model_name, answer.model_version, answer.outputs[0].datatype) == ("street", "2", "FP32")
        return np.frombuffer(answer.raw_output_contents[0], np.float32).reshape(tuple(answer.outputs[0].shape))

    asked: Sequence[Work] = (
        lambda lab: lab.rows(PICTURES),
        lambda lab: lab.rows(PICTURES, version="2"),
        lambda lab: lab.rows(PICTURES, compression_algorithm="gzip"),
        lambda lab: lab.rows(PICTURES, compression_algorithm="deflate"),
        typed,
    )
    async with program(site) as ask:
        for work in asked:
            got = await ask(work)
            assert (got.dtype, got.shape, got.tobytes()) == (wanted.dtype, wanted.shape, wanted.tobytes())


async def test_nvidias_client_learns_what_there_is(site: Site) -> None:
    def look(lab: Program) -> None:
        client, headers = lab.client, lab.headers
        assert client.is_server_live(headers=headers)
        assert client.is_server_ready(headers=headers)
        assert client.get_server_metadata(headers=headers).name == "panops"
        ready = [client.is_model_ready(*which, headers=headers) for which in (("street",), ("street", "2"), ("street", "3"), ("nobody",))]
        assert ready == [True, True, False, False]
        index = client.get_model_repository_index(headers=headers)
        states = {(entry.name, entry.state) for entry in index.models}
        assert states == {(name, "READY") for name in ("general", "ppe", "ppe_close", "ppe_head", "ppe_torso", "sign_digits", "street")}
        found = client.get_model_metadata("street", headers=headers, as_json=True)
        assert found == {
            "name": "street",
            "versions": ["2"],
            "platform": "panops_onnx",
            "inputs": [{"name": "pictures", "datatype": "UINT8", "shape": ["1", "3", "416", "416"]}],
            "outputs": [{"name": "rows", "datatype": "FP32", "shape": ["1", "3549", "11"]}],
        }

    async with program(site) as ask:
        await ask(look)


async def test_only_operators_with_a_token_are_answered(site: Site) -> None:
    def without(lab: Program) -> None:
        for headers in ({}, {"authorization": "Bearer guessed"}, {"authorization": "Basic b3NjYXI6"}):
            for work in (
                lab.client.is_server_live,
                lab.client.get_server_metadata,
                lambda **some: lab.client.get_model_metadata("street", **some),
            ):
                with pytest.raises(InferenceServerException, match=r"UNAUTHENTICATED\] send a valid bearer token"):
                    work(headers=headers)

    def viewer(lab: Program) -> None:
        with pytest.raises(
            InferenceServerException, match=r"PERMISSION_DENIED\] this needs the role operator; token viewer has the role viewer"
        ):
            lab.rows(PICTURES)

    async with program(site) as ask:
        await ask(without)
    async with program(site, Role.VIEWER) as ask:
        await ask(viewer)
    assert site.services.inference._desk.callers == []


async def test_what_is_wrong_is_told_in_one_sentence(site: Site) -> None:
    def go_wrong(lab: Program) -> None:
        for work, complaint in (
            (
                lambda: lab.rows(PICTURES, "nobody"),
                r"NOT_FOUND\] there is no model 'nobody'; known are: general, ppe, ppe_close, ppe_head, ppe_torso, sign_digits, street",
            ),
            (lambda: lab.rows(PICTURES, version="9"), r"NOT_FOUND\] .*no version '9'"),
            (lambda: lab.rows(PICTURES[:, :, :400]), r"INVALID_ARGUMENT\] .*expected shape \(1, 3, 416, 416\)"),
            (lambda: lab.client.get_model_metadata("nobody", headers=lab.headers), r"NOT_FOUND\] there is no model 'nobody'"),
            (lambda: lab.client.get_model_config("street", headers=lab.headers), r"UNIMPLEMENTED\]"),
        ):
            with pytest.raises(InferenceServerException, match=complaint):
                work()
        for message, code, complaint in (
            (b"\xff\xff", grpc.StatusCode.INVALID_ARGUMENT, "no ModelInferRequest"),
            (b"", grpc.StatusCode.INVALID_ARGUMENT, "expected 1 to 64 inputs"),
            (bytes(inference_service.MOST_BODY_BYTES + 1), grpc.StatusCode.RESOURCE_EXHAUSTED, "larger than max"),
        ):
            with pytest.raises(grpc.RpcError) as caught:
                lab.send(message)
            assert (caught.value.code(), complaint in caught.value.details()) == (code, True)

    async with program(site) as ask:
        await ask(go_wrong)


@pytest.mark.parametrize("compression", [grpc.Compression.Gzip, grpc.Compression.Deflate])
async def test_a_message_that_unpacks_to_too_much_is_not_unpacked(site: Site, compression: grpc.Compression) -> None:
    def bomb(lab: Program) -> None:
        with pytest.raises(grpc.RpcError) as caught:
            lab.send(bytes(3 * inference_service.MOST_BODY_BYTES), compression)
        assert (caught.value.code(), "larger than max" in caught.value.details()) == (grpc.StatusCode.RESOURCE_EXHAUSTED, True)

    async with program(site) as ask:
        await ask(bomb)
    assert site.services.inference._desk.callers == []


async def test_cameras_that_need_the_machine_are_said_with_a_time(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = InferenceDesk(Home(site.home).create(), relief=lambda: 0.5)
    monkeypatch.setattr(site.services.inference, "_desk", desk)

    def too_busy(lab: Program) -> None:
        with pytest.raises(grpc.RpcError) as caught:
            lab.send(b"")
        assert caught.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        assert "cameras need this machine" in caught.value.details()
        assert dict(caught.value.trailing_metadata())["retry-after"] == "10"

    async with program(site) as ask:
        await ask(too_busy)
        await desk.stop()
        with pytest.raises(grpc.RpcError, match="the server stops"):
            await ask(lambda lab: lab.send(b""))


async def test_a_message_takes_room_while_it_is_read_and_no_longer(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inference_service, "MOST_BYTES", inference_service.MOST_BODY_BYTES)
    async with program(site) as ask:
        for _ in range(2):
            assert (await ask(lambda lab: lab.rows(PICTURES))).shape == (1, 3549, 11)
        assert site.services.inference._held_bytes == 0
        monkeypatch.setattr(inference_service, "MOST_BYTES", 1000)
        with pytest.raises(InferenceServerException, match=r"RESOURCE_EXHAUSTED\] as many request bodies"):
            await ask(lambda lab: lab.rows(PICTURES))
    assert site.services.inference._held_bytes == 0


async def test_a_message_that_does_not_come_is_not_waited_for(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grpc_methods, "REQUEST_S", 0.2)

    def stalls(lab: Program) -> None:
        never = threading.Event()
        with grpc.insecure_channel(lab.address) as channel:
            call = channel.stream_unary(INFER).future(iter(never.wait, None), metadata=list(lab.headers.items()), timeout=60)
            assert (call.code(), "not here after" in call.details()) == (grpc.StatusCode.DEADLINE_EXCEEDED, True)
        never.set()

    async with program(site) as ask:
        await ask(stalls)
    assert site.services.inference._held_bytes == 0


def certificate(folder: Path, number: int) -> bytes:
    """A new certificate for 127.0.0.1 in `site.pem`, its key in `site.key`."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"site {number}")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(number)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM)
    plain = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "site.key").write_bytes(key.private_bytes(serialization.Encoding.PEM, *plain))
    (folder / "site.pem").write_bytes(pem)
    return pem


async def test_calls_are_encrypted_and_a_renewed_certificate_is_taken_over(site: Site, tmp_path: Path) -> None:
    def live(lab: Program, root: bytes) -> bool:
        (tmp_path / "root.pem").write_bytes(root)
        client = triton.InferenceServerClient(lab.address, ssl=True, root_certificates=str(tmp_path / "root.pem"))
        try:
            return bool(client.is_server_live(headers=lab.headers, client_timeout=20))
        finally:
            client.close()

    first = certificate(tmp_path, 1)
    config = GrpcConfig(port=0, certificate=str(tmp_path / "site.pem"), key=str(tmp_path / "site.key"))
    async with program(site, config=config) as ask:
        assert await ask(lambda lab: live(lab, first))
        with pytest.raises(InferenceServerException):
            await ask(lambda lab: lab.client.is_server_live(headers=lab.headers, client_timeout=2))
        key = (tmp_path / "site.key").read_bytes()
        second = certificate(tmp_path, 2)
        renewed = (tmp_path / "site.key").read_bytes()
        (tmp_path / "site.key").write_bytes(key)
        assert await ask(lambda lab: live(lab, first)), "half renewed, the old pair goes on"
        (tmp_path / "site.key").write_bytes(renewed)
        assert await ask(lambda lab: live(lab, second))


async def test_calls_are_counted_by_method_and_code(site: Site) -> None:
    async with program(site) as ask:
        await ask(lambda lab: lab.client.is_server_live(headers=lab.headers))
        with pytest.raises(InferenceServerException):
            await ask(lambda lab: lab.client.is_server_live())
        await ask(lambda lab: lab.rows(PICTURES))
    async with site.client(None, address="127.0.0.1", host="http://localhost:8440") as client:
        lines = (await client.get("/metrics")).text.splitlines()
    found = {
        line for line in lines if line.startswith(("panops_grpc_requests_total{", 'panops_api_inference_requests_total{model="street"'))
    }
    assert found == {
        'panops_grpc_requests_total{code="OK",method="ServerLive"} 1.0',
        'panops_grpc_requests_total{code="UNAUTHENTICATED",method="ServerLive"} 1.0',
        'panops_grpc_requests_total{code="OK",method="ModelInfer"} 1.0',
        'panops_api_inference_requests_total{model="street",outcome="ok"} 1.0',
    }


async def test_a_port_or_a_certificate_that_cannot_be_had_is_said(site: Site, tmp_path: Path) -> None:
    with open_listener("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=rf"server\.grpc\.port: port {port} of 127\.0\.0\.1 is taken .*, such as {port + 1}"):
            async with grpc_served(site.services, GrpcConfig(port=port)):
                pass
    pair = GrpcConfig(port=0, certificate=str(tmp_path / "site.pem"), key=str(tmp_path / "site.key"))
    for content in (None, b"no certificate"):
        if content is not None:
            (tmp_path / "site.pem").write_bytes(content)
            (tmp_path / "site.key").write_bytes(content)
        with pytest.raises(
            ConfigError, match=r"server\.grpc\.certificate: expected a certificate in .*site\.pem and its key in .*, both PEM: "
        ):
            async with grpc_served(site.services, pair):
                pass


async def test_a_missing_extra_is_named(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "grpc", None)
    with pytest.raises(ConfigError, match=r"server\.grpc: needs the extra `grpc`, of which grpc is missing: pip install 'panops\[grpc\]'"):
        async with grpc_served(site.services, LOCAL):
            pass
    async with grpc_served(site.services, None) as address:
        assert address == "", "nobody asked for it"
