"""The JavaScript of docs/phones.md in Chromium, with LiteRT.js and ONNX Runtime Web, against panops's own detector.

Run it as `python -m benchmarks.phones_browser NODE_MODULES LABELS`. NODE_MODULES is the folder that `npm install @litertjs/core
onnxruntime-web` fills, anywhere outside the project; LABELS are labelled pictures, of which every eighth crowded one is taken.

    whole     pictures as they are: Chromium's canvas scales them, in panops swscale does, so boxes move a little
    scaled    the same pictures scaled beforehand to what the input takes: what is left is the code of the page and the runtime
"""

from __future__ import annotations

import argparse
import functools
import json
import re
import shutil
import sys
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import replace
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from playwright.sync_api import sync_playwright

from benchmarks.machine import describe
from benchmarks.phones import likeness
from panops.datasets import open_dataset
from panops.domain.detections import Detections
from panops.domain.labels import LabelledPicture
from panops.export.agreement import file_run
from panops.export.deployed import run_pictures
from panops.export.exporter import ExportSettings, Source, export
from panops.export.onnx_source import read_onnx
from panops.models.manifest_file import read_manifest
from panops.models.store import package_builtin
from panops.vision.candidates import KeepSettings

_PAGE = Path(__file__).resolve().parents[1] / "docs" / "phones.md"
_NAME, _LEAST = "street", 0.35
_MOST_PICTURES, _FEWEST_BOXES, _EVERY = 40, 4, 8
# The folders of the page's examples; the 8-bit file is its first example with another array, as a comment there says.
_FORMS = {
    "street-phone": (ExportSettings("tflite", "float16"), "litert"),
    "street-phone-8": (ExportSettings("tflite", "int8"), "litert"),
    "street-onnx": (ExportSettings("onnx", "float32"), "onnxruntime"),
}
_IMPORTS = {
    "@litertjs/core": "/npm/@litertjs/core/dist/index.js",
    "@litertjs/wasm-utils": "/npm/@litertjs/wasm-utils/dist/index.js",
    "onnxruntime-web": "/npm/onnxruntime-web/dist/ort.wasm.min.mjs",
}
_LOOK = """async ([form, count]) => {
    const { detect } = await import(`/${form}.mjs`);
    const found = [], ms = [];
    for (let i = 0; i < count; i++) {
        const image = await createImageBitmap(await (await fetch(`/picture-${i}.png`)).blob());
        const began = performance.now();
        found.push(await detect(image));
        ms.push(performance.now() - began);
    }
    return [found, ms.sort((a, b) => a - b)[Math.floor(count / 2)]];
}"""


class _Files(SimpleHTTPRequestHandler):
    extensions_map = {**SimpleHTTPRequestHandler.extensions_map, ".mjs": "text/javascript", ".wasm": "application/wasm"}  # noqa: RUF012

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


def lay_out(site: Path, node_modules: Path) -> None:
    """The page's code, the packages and the exported files, as the page's addresses have them."""
    (site / "npm").symlink_to(node_modules.resolve())
    (site / "wasm").symlink_to((node_modules / "@litertjs" / "core" / "wasm").resolve())
    text = _PAGE.read_text(encoding="utf-8")
    (module,) = re.findall(r"^```js\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    litert, onnx = re.findall(r"^```javascript\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    eight = litert.replace("/street-phone/", "/street-phone-8/").replace("new Float32Array", "new Uint8Array")
    pixels = litert[litert.index("export function rgba") :]
    names = ("panops", "street-phone", "street-phone-8", "street-onnx", "pixels")
    for name, code in zip(names, (module, litert, eight, onnx, pixels), strict=True):
        (site / f"{name}.mjs").write_text(code, encoding="utf-8")
    (site / "index.html").write_text(f'<script type="importmap">{json.dumps({"imports": _IMPORTS})}</script>', encoding="utf-8")
    manifest = read_manifest(package_builtin() / _NAME / "manifest.yaml")
    file = package_builtin() / _NAME / manifest.file_name
    for form, (settings, _) in _FORMS.items():
        export(Source(read_onnx(file), manifest, file_run(file, "onnxruntime")), site / form, settings)


def laid_pictures(pictures: Sequence[LabelledPicture], site: Path, side: int | None) -> list[LabelledPicture]:
    """The pictures as PNG files that the page gets, too; scaled so that they fit `side`, where that is given."""
    laid = []
    for index, picture in enumerate(pictures):
        image = cv2.imread(str(picture.path), cv2.IMREAD_COLOR)
        if side is not None:
            scale = side / max(image.shape[:2])
            image = cv2.resize(image, (round(image.shape[1] * scale), round(image.shape[0] * scale)), interpolation=cv2.INTER_AREA)
        path = site / f"picture-{index}.png"
        cv2.imwrite(str(path), image)
        laid.append(replace(picture, path=path, size_wh=(image.shape[1], image.shape[0])))
    return laid


def compare(site: Path, address: str, pictures: Sequence[LabelledPicture]) -> dict[str, Any]:
    """Each form in Chromium and in panops."""
    told: dict[str, Any] = {}
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=shutil.which("chromium"))
        page = browser.new_page()
        for form, (_, runtime) in _FORMS.items():
            page.goto(address)
            found, ms = page.evaluate(_LOOK, [form, len(pictures)])
            manifest = read_manifest(site / form / "manifest.yaml")
            settings = KeepSettings(min_score=_LEAST)
            wanted = run_pictures(manifest, site / form / manifest.file_name, pictures, settings, preferred=runtime).detections
            told[form] = {"ms_median": round(ms, 1), **likeness(wanted, [_detections(one) for one in found])}
        told["browser"] = browser.version
        browser.close()
    return told


def _detections(found: Sequence[dict[str, Any]]) -> Detections:
    boxes = np.array([one["xyxy"] for one in found], np.float32).reshape(-1, 4)
    return Detections(boxes, np.array([one["score"] for one in found], np.float32), np.array([one["kind"] for one in found], np.int64))


def main() -> None:
    """Measure, and print JSON."""
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("node_modules", type=Path)
    reader.add_argument("labels", type=Path)
    asked = reader.parse_args()
    crowded = [picture for picture in open_dataset(asked.labels, "").dataset.pictures if len(picture.class_id) >= _FEWEST_BOXES]
    pictures = crowded[::_EVERY][:_MOST_PICTURES]
    with tempfile.TemporaryDirectory() as folder:
        site = Path(folder)
        lay_out(site, asked.node_modules)
        server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Files, directory=folder))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/"
        side = read_manifest(package_builtin() / _NAME / "manifest.yaml").input_size_wh[0]
        sides = {"whole": None, "scaled": side}
        told = {name: compare(site, address, laid_pictures(pictures, site, length)) for name, length in sides.items()}
        server.shutdown()
    packages = {
        name: json.loads((asked.node_modules / name / "package.json").read_text())["version"]
        for name in ("@litertjs/core", "onnxruntime-web")
    }
    whole = {"bench": "phones-browser", "machine": describe(), "packages": packages, "pictures": len(pictures)}
    sys.stdout.write(json.dumps({**whole, **told}, indent=2) + "\n")


if __name__ == "__main__":
    main()
