"""The part of a model card that is measured: by source and class beside the parent, thresholds, speed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from panops.models.card_classes import class_blocks
from panops.models.card_text import Block, Heading, Paragraph, Table
from panops.models.figures import fingerprint_of, other_figures, own_figures
from panops.models.provenance import Provenance
from panops.models.shelf import StoredModel

_OVERALL = ("AP", "AP50", "AP75", "APs", "APm", "APl", "recall")
_FEWEST_BOXES = 30
_Figures = Mapping[str, Any]


def figure_blocks(model: StoredModel, papers: Provenance, parent: Provenance | None) -> Iterator[Block]:
    """Every data set's figures, the parent's beside them where it was measured on the same pictures."""
    if model.manifest.task == "classification":
        yield from class_blocks(model, papers)
        return
    yield Heading(2, "How well it finds things")
    if not papers.figures:
        yield Paragraph("Nothing was measured yet: panops evaluate detector MODEL --data DATA --json FILE, then panops models figures.")
        return
    yield Paragraph(
        "AP50 is the average precision at IoU .50, AP the mean over IoU .50 to .95; 1 is perfect. A class counts only in pictures that"
        f" labelled it. Figures in brackets stand on fewer than {_FEWEST_BOXES} boxes: take them as a hint."
    )
    for name, record in papers.figures.items():
        own = own_figures(record, model.manifest.sha256)
        if own is None:
            continue
        beside = other_figures(record, model.manifest.sha256) or _of_parent(parent, fingerprint_of(record))
        data = _mapping(record.get("data"))
        yield Heading(3, f"On {name}")
        measured = f"{data.get('pictures', '?')} pictures, {data.get('boxes', '?')} boxes; fingerprint {fingerprint_of(record)[:16]}"
        yield Paragraph(
            f"{measured}; measured {record.get('measured_at', 'at an unknown time')} with {own.get('backend', 'an unknown backend')}."
        )
        yield from _tables(own, beside)


def speed_rows(papers: Provenance, sha256: str) -> Iterator[tuple[str, str]]:
    """Milliseconds a picture, of every machine that measured it."""
    seen = set()
    for record in papers.figures.values():
        own = own_figures(record, sha256)
        speed = _mapping(own.get("speed")) if own is not None else {}
        if not isinstance(speed.get("infer_ms"), int | float):
            continue
        machine = _mapping(record.get("machine"))
        where = str(machine.get("cpu") or machine.get("processor") or "one core")
        said = f"{speed['infer_ms']:.1f} ms in the network"
        if isinstance(speed.get("cpu_ms"), int | float):
            said += f", {speed['cpu_ms']:.1f} ms of CPU with everything around it"
        said += f" ({own.get('backend', '?') if own else '?'}, {speed.get('threads', 1)} thread, {where})"
        if where not in seen:  # once for each machine: the data that it looked at make no difference
            seen.add(where)
            yield "Speed", said


def _of_parent(parent: Provenance | None, fingerprint: str) -> _Figures | None:
    """The parent's figures on the same pictures."""
    if parent is None or not fingerprint:
        return None
    same = [record for record in parent.figures.values() if fingerprint_of(record) == fingerprint]
    models = _list(same[0].get("models")) if same else []
    return models[0] if models else None


def _tables(own: _Figures, beside: _Figures | None) -> Iterator[Block]:
    other = str(beside.get("name", "parent")) if beside is not None else ""
    if beside is not None:
        yield Paragraph(f"Beside it, after the stroke: {other}.")
    classes = [str(name) for name in _list(own.get("scored_classes"))] or list(_mapping(own.get("classes")))
    sources = dict.fromkeys(str(pair.get("source")) for pair in map(_mapping, _list(own.get("pairs"))))
    pairs, others = _pairs(own), _pairs(beside or {})
    rows = [(source, *(_cell(pairs.get((source, name)), others.get((source, name)), beside) for name in classes)) for source in sources]
    totals, theirs = _mapping(own.get("classes")), _mapping((beside or {}).get("classes"))
    rows.append(("all pictures", *(_cell(totals.get(name), theirs.get(name), beside) for name in classes)))
    yield Paragraph("AP50 by source and class:")
    yield Table(("source", *classes), tuple(rows))
    yield Paragraph("By class, and by the size of the boxes (small below 32x32 px, large above 96x96):")
    lines = [("mean", _mapping(own.get("overall"))), *((name, _mapping(totals.get(name))) for name in classes)]
    table = [(name, *(_share(figures.get(key)) for key in _OVERALL), str(figures.get("boxes", "-"))) for name, figures in lines]
    yield Table(("", "AP", "AP50", "AP75", "small", "medium", "large", "recall", "boxes"), tuple(table))
    advice = _thresholds(own)
    if advice:
        yield Paragraph("Which min_score to ask for, read off these pictures; other cameras may want others:")
        yield Table(("class", "best balance", "precision", "recall", "for high precision", "precision", "recall"), tuple(advice))


def _thresholds(own: _Figures) -> list[tuple[str, ...]]:
    rows = []
    for name, advice in _mapping(own.get("thresholds")).items():
        best, precise = (_mapping(_mapping(advice).get(key)) for key in ("best_f1", "precise"))
        rows.append((str(name), *(_share(point.get(key)) for point in (best, precise) for key in ("score", "precision", "recall"))))
    return rows


def _pairs(figures: _Figures) -> dict[tuple[str, str], _Figures]:
    return {(str(pair.get("source")), str(pair.get("class"))): pair for pair in map(_mapping, _list(figures.get("pairs")))}


def _cell(own: Any, other: Any, beside: _Figures | None) -> str:
    """`.52 / .40`; in brackets where few boxes stand behind it."""
    figures = _mapping(own)
    text = _share(figures.get("AP50"))
    if text == "-":
        return text
    if beside is not None:
        text += f" / {_share(_mapping(other).get('AP50'))}"
    boxes = figures.get("boxes")
    return f"({text})" if isinstance(boxes, int) and boxes < _FEWEST_BOXES else text


def _share(value: Any) -> str:
    return f"{value:.3f}" if isinstance(value, int | float) and not isinstance(value, bool) else "-"


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
