"""A model card: what a version is for and not for, what it was made from, and how well it does, all taken from its papers.

Nothing is written here by hand, and nothing is left out because it is bad: what is not known is said to be not known.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from panops.models.card_figures import figure_blocks, speed_rows
from panops.models.card_text import Block, Facts, Heading, Paragraph, Table, Verbatim
from panops.models.provenance import Provenance
from panops.models.shelf import StoredModel


def model_card(model: StoredModel, papers: Provenance, parent: Provenance | None = None) -> list[Block]:
    """The card's blocks, for `card_text`.

    Args:
        model: The version.
        papers: Its own.
        parent: Those of its parent, where it is in the store: its figures on the same data stand beside.
    """
    manifest = model.manifest
    return [
        Heading(1, f"{manifest.name}, version {model.version or manifest.version or '-'}"),
        Paragraph(_purpose(model, papers)),
        Paragraph(
            f"It is not for {manifest.not_for.rstrip('.')}."
            if manifest.not_for
            else "What it is not for was not written down: look at it on your own cameras before you rely on it."
        ),
        Heading(2, "The model"),
        Facts(tuple(_facts(model, papers))),
        *_data(papers),
        *figure_blocks(model, papers, parent),
        *_eight_bits(papers.export),
        *_making(papers),
    ]


def _purpose(model: StoredModel, papers: Provenance) -> str:
    if papers.purpose:
        return papers.purpose.rstrip(".") + "."
    names = ", ".join(model.manifest.classes)
    said = {
        "classification": f"It tells pictures of {names} apart.",
        "face_embedding": "It tells faces apart.",
        "liveness": "It tells living faces from pictures of faces.",
        "reid": "It says how alike two people look.",
    }
    return said.get(model.manifest.task, f"It finds {names} in pictures.")


def _facts(model: StoredModel, papers: Provenance) -> Iterator[tuple[str, str]]:
    manifest = model.manifest
    width, height = manifest.input_size_wh
    yield "Task", f"{manifest.task} ({manifest.head})"
    yield "Classes", ", ".join(manifest.classes)
    yield "Input", f"{width}x{height} px, " + ", ".join(f"{key} {value}" for key, value in manifest.preprocessing.items())
    size = f", {model.path.stat().st_size / 1e6:.2f} MB" if model.path.is_file() else ""
    yield "File", f"{manifest.file_name}{size}, sha256 {manifest.sha256}"
    yield "Licence of the weights", manifest.licence
    yield "Credit", manifest.credit or "nobody is named"
    if papers.parent is not None:
        parent = papers.parent
        digest = f", sha256 {parent.sha256}" if parent.sha256 else ""
        yield "Made from", f"{parent.name}{' version ' + parent.version if parent.version else ''}{digest}"
    yield from speed_rows(papers, manifest.sha256)
    if papers.created_at:
        yield "Made at", papers.created_at
    for name, value in manifest.accuracy.items():
        yield name, f"{value:g}"


def _data(papers: Provenance) -> Iterator[Block]:
    yield Heading(2, "What it learnt from")
    if not papers.data:
        yield Paragraph("It was not written down.")
        return
    rows = [
        (one.name, _count(one.pictures), _count(one.boxes), one.licence or "-", one.credit or "-", one.fingerprint[:16] or "-")
        for one in papers.data
    ]
    yield Table(("data", "pictures", "boxes", "licence", "credit", "fingerprint"), tuple(rows))
    yield Paragraph("The fingerprint is the sha256 of all labels and picture files: the same data gives the same one.")


def _eight_bits(export: Mapping[str, Any]) -> Iterator[Block]:
    """What the way to 8 bits cost, by the gate of `panops export`."""
    report = export.get("int8")
    gate = report.get("gate") if isinstance(report, Mapping) else None
    if not isinstance(report, Mapping) or not isinstance(gate, Mapping):
        return
    yield Heading(2, "What 8 bits cost")
    before, after = (_mapping(gate.get(key)) for key in ("float", "int8"))
    rows = []
    for name in ("AP", "AP50", "AP75", "APs", "APm", "APl", "recall", "accuracy", "macro_f1", "calibration_error"):
        first, second = before.get(name), after.get(name)
        if isinstance(first, int | float) and isinstance(second, int | float):
            rows.append((name, f"{first:.3f}", f"{second:.3f}", f"{100 * (second - first):+.2f}"))
    yield Table(("", "float", "8 bits", "points"), tuple(rows))
    kept = report.get("kept_float") or []
    words = f"{gate.get('pictures', '?')} pictures; calibrated with {report.get('calibration_pictures', '?')}"
    yield Paragraph(f"{words}. In float were kept: {', '.join(map(str, kept))}." if kept else f"{words}. All layers are in 8 bits.")


def _making(papers: Provenance) -> Iterator[Block]:
    yield Heading(2, "How it was made")
    if papers.tools:
        yield Facts(tuple(sorted(papers.tools.items())))
    if papers.recipe:
        yield Verbatim("The training's recipe", papers.recipe)
    else:
        yield Paragraph("The recipe is not here.")


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _count(number: int) -> str:
    return f"{number:,}" if number else "-"
