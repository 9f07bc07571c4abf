"""`/v2` through NVIDIA's own client, and what it says to those who send nonsense."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

from panops.api import inference_service
from panops.inference.open_backend import open_backend
from panops.models.store import ModelStore, package_builtin
from panops.pipeline.inference_desk import InferenceDesk
from panops.storage.home import Home
from panops.storage.scope import Role

from .conftest import Site

pytestmark = pytest.mark.anyio

PICTURES = np.random.default_rng(7).integers(0, 255, (1, 3, 416, 416), dtype=np.uint8)
INFER = "/v2/models/street/infer"


class Program:
    """A program with a token and NVIDIA's client; its calls block. For the thread that made it: the client's connections belong to that."""

    def __init__(self, address: str, token: str) -> None:
        self.client = triton.InferenceServerClient(address.removeprefix("http://"), network_timeout=120.0)
        self._token = token

    @property
    def headers(self) -> dict[str, str]:
        """Fresh ones: the client writes into them."""
        return {"Authorization": f"Bearer {self._token}"}

    def rows(
        self, pictures: np.ndarray[Any, Any], model: str = "street", version: str = "", *, raw: bool = True, **options: str
    ) -> np.ndarray[Any, Any]:
        tensor = triton.InferInput("pictures", pictures.shape, "UINT8")
        tensor.set_data_from_numpy(pictures, binary_data=raw)
        outputs = [triton.InferRequestedOutput("rows", binary_data=raw)]
        answer = self.client.infer(model, [tensor], version, outputs=outputs, request_id="7", headers=self.headers, **options)
        assert answer.get_response()["id"] == "7"
        return answer.as_numpy("rows")


@asynccontextmanager
async def program(site: Site, role: Role = Role.OPERATOR) -> AsyncIterator[Callable[[Callable[[Program], Any]], Any]]:
    """Lets functions of programs run, each in a thread with a client of its own, against the site served on a port."""
    token = site.accounts.create_token("lab", role, [])
    async with site.served() as address:

        def work_with_client(work: Callable[[Program], Any]) -> Any:
            found = Program(address, token)
            try:
                return work(found)
            finally:
                found.client.close()

        yield lambda work: asyncio.to_thread(work_with_client, work)


async def test_nvidias_client_gets_the_backends_numbers_bit_for_bit(site: Site) -> None:
    backend = open_backend(package_builtin() / "street" / "street.onnx")
    wanted = backend.infer({"pictures": PICTURES})["rows"]
    async with program(site) as ask:
        for version, raw in (("", True), ("2", True), ("", False)):
            got = await ask(lambda lab, version=version, raw=raw: lab.rows(PICTURES, version=version, raw=raw))
            assert (got.dtype, got.shape, got.tobytes()) == (wanted.dtype, wanted.shape, wanted.tobytes())


async def test_nvidias_client_may_compress_both_ways(site: Site) -> None:
    async with program(site) as ask:
        wanted = await ask(lambda lab: lab.rows(PICTURES).tobytes())
        for coding in ("gzip", "deflate"):
            both = {"request_compression_algorithm": coding, "response_compression_algorithm": coding}
            for raw in (True, False):
                assert (await ask(lambda lab, raw=raw, both=both: lab.rows(PICTURES, raw=raw, **both).tobytes())) == wanted


@pytest.mark.parametrize(("accepted", "coding"), [("gzip", "gzip"), ("deflate", "deflate"), ("gzip, deflate, br", None), ("", None)])
async def test_an_answer_is_compressed_where_one_coding_is_named(site: Site, accepted: str, coding: str | None) -> None:
    body = {"inputs": [{"name": "pictures", "datatype": "UINT8", "shape": [1, 3, 416, 416], "data": PICTURES.ravel().tolist()}]}
    answer = await site.ask("POST", "oscar", INFER, json=body, headers={"Accept-Encoding": accepted})
    assert (answer.headers.get("content-encoding"), answer.headers["vary"]) == (coding, "Accept-Encoding")
    assert answer.json()["model_name"] == "street"


async def test_nvidias_client_learns_what_there_is(site: Site) -> None:
    def look(lab: Program) -> None:
        client = lab.client
        assert client.is_server_live(headers=lab.headers)
        assert client.is_server_ready(headers=lab.headers)
        assert client.get_server_metadata(headers=lab.headers)["name"] == "panops"
        ready = [
            client.is_model_ready(*which, headers=lab.headers) for which in (("street",), ("street", "2"), ("street", "3"), ("nobody",))
        ]
        assert ready == [True, True, False, False]
        assert client.get_model_metadata("street", headers=lab.headers) == {
            "name": "street",
            "versions": ["2"],
            "platform": "panops_onnx",
            "inputs": [{"name": "pictures", "datatype": "UINT8", "shape": [1, 3, 416, 416]}],
            "outputs": [{"name": "rows", "datatype": "FP32", "shape": [1, 3549, 11]}],
        }
        index = client.get_model_repository_index(headers=lab.headers)
        states = {(entry["name"], entry["state"]) for entry in index}
        assert states == {(name, "READY") for name in ("general", "ppe", "ppe_close", "ppe_head", "ppe_torso", "sign_digits", "street")}

    async with program(site) as ask:
        await ask(look)


async def test_nvidias_client_is_told_what_is_wrong(site: Site) -> None:
    def go_wrong(lab: Program) -> None:
        for work, complaint in (
            (
                lambda: lab.rows(PICTURES, "nobody"),
                r"\[404\] there is no model 'nobody'; known are: general, ppe, ppe_close, ppe_head, ppe_torso, sign_digits, street",
            ),
            (lambda: lab.rows(PICTURES, version="9"), r"\[404\] .*no version '9'"),
            (lambda: lab.rows(PICTURES[:, :, :400]), r"\[400\] .*expected shape \(1, 3, 416, 416\)"),
            (lambda: lab.client.get_model_metadata("street"), r"\[401\] sign in first"),
            (lambda: lab.client.get_model_config("street", headers=lab.headers), r"\[404\] there is nothing at"),
        ):
            with pytest.raises(InferenceServerException, match=complaint):
                work()

    async with program(site) as ask:
        await ask(go_wrong)


async def test_several_programs_at_once_get_their_own_numbers(site: Site) -> None:
    backend = open_backend(package_builtin() / "street" / "street.onnx")
    pictures = [np.full((1, 3, 416, 416), level, np.uint8) for level in (0, 60, 120, 180)]
    wanted = [backend.infer({"pictures": one})["rows"].tobytes() for one in pictures]
    async with program(site) as ask:
        got = await asyncio.gather(*(ask(lambda lab, one=one: [lab.rows(one).tobytes() for _ in range(3)]) for one in pictures))
    assert got == [[one] * 3 for one in wanted]


def request(**tensor: Any) -> dict[str, Any]:
    return {"inputs": [{"name": "pictures", "datatype": "UINT8", "shape": [1, 3, 2, 2], "data": [0] * 12, **tensor}]}


@pytest.mark.parametrize(
    ("options", "status", "complaint"),
    [
        ({"content": b""}, 400, "empty"),
        ({"content": b"{", "headers": {"Content-Type": "application/json"}}, 400, "no JSON"),
        ({"json": request()}, 400, "expected shape (1, 3, 416, 416)"),
        ({"json": request(name="images")}, 400, "'pictures' is missing"),
        ({"json": request(datatype="FP32")}, 400, "expected uint8"),
        ({"json": {**request(), "outputs": [{"name": "boxes"}]}}, 400, "no output"),
        ({"content": b"{}", "headers": {"Inference-Header-Content-Length": "9" * 30}}, 400, "length of the JSON"),
        ({"content": b"{}", "headers": {"Inference-Header-Content-Length": "-2"}}, 400, "length of the JSON"),
        ({"content": b"{}", "headers": {"Inference-Header-Content-Length": "999999999"}}, 400, "expected the JSON to be 1 to 2 bytes"),
        ({"content": b"x", "headers": {"Content-Encoding": "gzip"}}, 400, "the body is not gzip"),
        ({"content": b"x", "headers": {"Content-Encoding": "br"}}, 415, "expected Content-Encoding gzip or deflate, or none, got 'br'"),
        ({"content": gzip.compress(bytes(33 * 1024 * 1024)), "headers": {"Content-Encoding": "gzip"}}, 413, "unpacks to more than"),
        ({"content": b"x", "headers": {"Content-Length": str(33 * 1024 * 1024)}}, 413, "at most 33554432 bytes"),
        ({"content": b"x", "headers": {"Origin": "https://elsewhere.example"}}, 403, "another site"),
        ({"content": b"x", "headers": {"Host": "elsewhere.example"}}, 421, "does not answer to the name"),
    ],
)
async def test_a_request_that_is_wrong_is_told_why(site: Site, options: dict[str, Any], status: int, complaint: str) -> None:
    answer = await site.ask("POST", "oscar", INFER, **options)
    assert (answer.status_code, list(answer.json())) == (status, ["error"])
    assert complaint in answer.json()["error"]
    assert answer.headers["content-type"] == "application/json"
    assert int(answer.headers["content-length"]) == len(answer.content)


async def test_a_raw_tensor_that_is_cut_off_is_refused(site: Site) -> None:
    parameters = {"binary_data_size": PICTURES.nbytes}
    head = json.dumps({"inputs": [{"name": "pictures", "datatype": "UINT8", "shape": [1, 3, 416, 416], "parameters": parameters}]}).encode()
    headers = {"Inference-Header-Content-Length": str(len(head))}
    whole = head + PICTURES.tobytes()
    assert (await site.ask("POST", "oscar", INFER, content=whole, headers=headers)).status_code == 200
    answer = await site.ask("POST", "oscar", INFER, content=whole[:-1], headers=headers)
    assert (answer.status_code, "behind the JSON" in answer.json()["error"]) == (400, True)


async def test_numbers_that_cannot_be_stored_may_be_sent_to_a_model(site: Site) -> None:
    body = json.dumps({"id": "\x00 \ud800", **request()}).encode()
    answer = await site.ask("POST", "oscar", INFER, content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, "expected shape" in answer.json()["error"]) == (400, True)


async def test_a_token_without_cameras_may_infer_and_sees_none(site: Site) -> None:
    headers = {"Authorization": f"Bearer {site.accounts.create_token('lab', Role.OPERATOR, [])}"}
    assert (await site.get(None, "/v2/models/street", headers=headers)).status_code == 200
    assert (await site.get(None, "/api/v1/cameras", headers=headers)).json()["cameras"] == []
    headers = {"Authorization": f"Bearer {site.accounts.create_token('shop', Role.VIEWER, [])}"}
    assert (await site.get(None, "/v2/models/street", headers=headers)).status_code == 403


async def test_cameras_that_need_the_machine_are_said_with_a_time(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = InferenceDesk(Home(site.home).create(), relief=lambda: 0.5)
    monkeypatch.setattr(site.services.inference, "_desk", desk)
    answer = await site.ask("POST", "oscar", INFER, json=request())
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "10")
    assert "cameras need this machine" in answer.json()["error"]
    assert desk.pid is None
    await desk.stop()
    answer = await site.ask("POST", "oscar", INFER, json=request())
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


async def test_a_server_without_models_for_programs_says_so(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site.services.inference, "_desk", None)
    assert (await site.get("oscar", "/v2/health/live")).status_code == 200
    for path in ("/v2/health/ready", "/v2/models/street"):
        assert (await site.get("oscar", path)).status_code == 503


async def test_bodies_have_only_so_much_room_together(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inference_service, "MOST_BYTES", 1000)
    answer = await site.ask("POST", "oscar", INFER, content=b"x" * 1001)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")

    async def drops() -> AsyncIterator[bytes]:  # without a length
        for _ in range(3):
            yield b"x" * 400

    assert (await site.ask("POST", "oscar", INFER, content=drops())).status_code == 429
    # What was refused holds nothing: as much as there is room for is read.
    for _ in range(3):
        assert (await site.ask("POST", "oscar", INFER, content=b"x" * 1000)).status_code == 400


async def test_a_promoted_version_is_what_the_name_means(site: Site) -> None:
    store = ModelStore(site.home / "models")
    before = (await site.get("oscar", "/v2/models/street")).json()
    store.add(str(package_builtin() / "street"), version="3")
    listed = (await site.get("oscar", "/v2/models/street")).json()
    assert (before["versions"], listed["versions"]) == (["2"], ["2", "3"])
    third = await site.get("oscar", "/v2/models/street/versions/3")
    assert third.json()["inputs"] == before["inputs"]
    store.remove("street", "3")
    assert (await site.get("oscar", "/v2/models/street/versions/3")).status_code == 404


async def test_requests_are_counted_by_model_and_outcome(site: Site) -> None:
    async def counted() -> dict[tuple[str, str], float]:
        async with site.client(None, address="127.0.0.1", host="http://localhost:8440") as client:
            lines = (await client.get("/metrics")).text.splitlines()
        found = {}
        for line in lines:
            if line.startswith("panops_api_inference_requests_total{"):
                labels, value = line.partition("{")[2].split("} ")
                model, outcome = (part.split("=")[1].strip('"') for part in labels.split(","))
                found[model, outcome] = float(value)
        return found

    await site.get("oscar", "/v2/models/street")
    await site.get("oscar", "/v2/models/nobody-knows")
    await site.ask("POST", "oscar", INFER, json=request())
    assert {key: value for key, value in (await counted()).items() if value} == {
        ("street", "ok"): 1,
        ("", "invalid"): 1,
        ("street", "invalid"): 1,
    }
