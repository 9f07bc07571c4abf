"""The part of a classifier's card that is measured: accuracy, figures by class, and what it takes for what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from panops.models.card_text import Block, Heading, Paragraph, Table
from panops.models.figures import fingerprint_of, own_figures
from panops.models.provenance import Provenance
from panops.models.shelf import StoredModel

_MOST_MISTAKES = 10


def class_blocks(model: StoredModel, papers: Provenance) -> Iterator[Block]:
    """Every data set's figures."""
    yield Heading(2, "How well it tells things apart")
    if not papers.figures:
        yield Paragraph("Nothing was measured yet: panops evaluate classifier MODEL --data DATA --json FILE, then panops models figures.")
        return
    yield Paragraph(
        "Precision is the share of those called so that are, recall the share of those that are that were called so. The calibration error"
        " is how far its scores are from the share that is right; 0 is perfect."
    )
    for name, record in papers.figures.items():
        own = own_figures(record, model.manifest.sha256)
        if own is None:
            continue
        overall, speed = _mapping(own.get("overall")), _mapping(own.get("speed"))
        yield Heading(3, f"On {name}")
        yield Paragraph(
            f"{overall.get('pictures', '?')} pictures; fingerprint {fingerprint_of(record)[:16]}; measured"
            f" {record.get('measured_at', 'at an unknown time')} with {own.get('backend', 'an unknown backend')},"
            f" {speed.get('cpu_ms', '?')} ms of CPU a picture."
        )
        yield Table(
            ("accuracy", "95 of 100", "macro F1", "calibration error"),
            (
                (
                    _percent(overall.get("accuracy")),
                    _range(overall),
                    _share(overall.get("macro_f1")),
                    _share(overall.get("calibration_error")),
                ),
            ),
        )
        yield Table(("class", "pictures", "precision", "recall", "F1"), tuple(_rows(own)))
        mistakes = _mistakes(own)
        yield Paragraph(f"Taken for another: {'; '.join(mistakes)}." if mistakes else "None was taken for another.")


def _rows(own: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    for name, one in _mapping(own.get("classes")).items():
        figures = _mapping(one)
        yield str(name), str(figures.get("pictures", "-")), *(_share(figures.get(key)) for key in ("precision", "recall", "f1"))


def _mistakes(own: Mapping[str, Any]) -> list[str]:
    names = [str(name) for name in own.get("classes_of_model", [])]
    rows = own.get("confusion", [])
    wrong = [
        (count, truth, answer)
        for truth, row in zip(names, rows, strict=False)
        for answer, count in zip(names, row, strict=False)
        if truth != answer and count
    ]
    wrong.sort(key=lambda mistake: -mistake[0])
    return [f"{truth} for {answer}, {count}" for count, truth, answer in wrong[:_MOST_MISTAKES]]


def _range(overall: Mapping[str, Any]) -> str:
    ends = overall.get("accuracy_95")
    return " to ".join(map(_percent, ends)) if isinstance(ends, list) else "-"


def _percent(value: Any) -> str:
    return f"{100 * value:.1f} %" if isinstance(value, int | float) and not isinstance(value, bool) else "-"


def _share(value: Any) -> str:
    return f"{value:.3f}" if isinstance(value, int | float) and not isinstance(value, bool) else "-"


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
