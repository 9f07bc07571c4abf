"""A detection result as one HTML page that needs nothing else: no script, no font, no file beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

import numpy as np

from panops.domain.labels import LabelledPicture
from panops.evaluation.detection_advice import OperatingPoint
from panops.evaluation.detection_charts import BAR_KINDS, curve_chart, kind_bar, kind_class, marked_picture
from panops.evaluation.detection_errors import Kind
from panops.evaluation.detection_page_style import STYLE
from panops.evaluation.detection_result import DetectionResult
from panops.evaluation.detection_score import Figures
from panops.evaluation.detection_worst import WorstPicture, worst_false, worst_missed

Thumbnail = Callable[[LabelledPicture], str]


def detection_page(results: Sequence[DetectionResult], data: Mapping[str, Any], thumbnail: Thumbnail, shown: int = 12) -> str:
    """The whole page.

    Args:
        results: The model; and, where there is one, the model beside it.
        data: What is told of the data set and of how it was measured; names to words.
        thumbnail: Makes a data URI of a picture.
        shown: How many of the worst pictures of each sort.
    """
    first = results[0]
    title = f"{first.name} on {data.get('data', 'the data')}"
    beside = f" Figures in orange and broken lines: {escape(results[1].name)}." if len(results) > 1 else ""
    sections = [
        f"<h1>{escape(title)}</h1><p>{escape(_headline(first))}{beside}</p>",
        _cards(results),
        _pairs(results),
        _classes(results),
        _curves(results),
        _thresholds(first),
        _errors(first),
        _confusion(first),
        _shots("Confident and wrong", _FALSE_WORDS, worst_false(first.score.cases, first.verdicts, shown), thumbnail),
        _shots("Large and missed", _MISSED_WORDS, worst_missed(first.score.cases, first.verdicts, shown), thumbnail),
        _groups(results),
        _method(results, data),
    ]
    head = (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style>"
    )
    return f'<!doctype html><html lang="en"><head>{head}</head><body><main>{"".join(sections)}</main></body></html>\n'


_FALSE_WORDS = "Detections with the highest scores that no label bears out. Some are labels that are missing."
_MISSED_WORDS = "Boxes that nothing found at the thresholds above, by their share of the picture."
# In a picture, what was missed has a broken line.
_DASHED = {Kind.MISSED: " dashed"}


def _headline(result: DetectionResult) -> str:
    overall = result.score.overall
    boxes = f"{_many(overall.boxes, 'box', 'boxes')} of {_many(len(result.classes), 'class', 'classes')}"
    lacking = result.score.cases.only_in_data
    told = [f"{boxes} in {_many(overall.pictures, 'picture', 'pictures')}."]
    if not overall.boxes:
        told.append("There is nothing to find here that the model knows, so there are no figures.")
    if lacking:
        told.append(f"The data also labels {', '.join(lacking)}, which the model does not have.")
    return " ".join(told)


def _many(count: int, one: str, more: str) -> str:
    return f"{count:,} {one if count == 1 else more}"


def _cards(results: Sequence[DetectionResult]) -> str:
    rows: list[tuple[str, list[str], str]] = [
        ("AP", [_share(one.score.overall.ap) for one in results], "mean of the classes, IoU .50 to .95"),
        ("AP50", [_share(one.score.overall.ap50) for one in results], "mean of the classes"),
    ]
    for index, value in enumerate(results[0].summary):
        definition = value.definition
        over = ", ".join(definition.classes) + (f" in {', '.join(definition.sources)}" if definition.sources else "")
        rows.append((definition.name, [_share(one.summary[index].value) for one in results], f"{definition.figure}: {over}"))
    if all("cpu_ms" in one.speed for one in results):
        rows.append(("CPU time a picture", [f"{one.speed['cpu_ms']:.1f} ms" for one in results], "with scaling and suppression"))
    cards = []
    for name, values, words in rows:
        other = f'<span class="beside">{values[1]} {escape(results[1].name)}</span><br>' if len(values) > 1 else ""
        cards.append(f'<div class="card"><span>{escape(name)}</span><b>{values[0]}</b>{other}<span>{escape(words)}</span></div>')
    return f'<div class="cards">{"".join(cards)}</div>'


def _pairs(results: Sequence[DetectionResult]) -> str:
    classes = list(dict.fromkeys(name for one in results for name in one.classes))
    if not classes:
        return ""
    sources = list(dict.fromkeys(source for one in results for source, _ in one.score.pairs))
    rows = []
    for source in sources:
        cells = [_cell([one.score.pairs.get((source, name)) for one in results]) for name in classes]
        rows.append(f"<tr><th>{escape(source)}</th>{''.join(cells)}</tr>")
    cells = [_cell([one.score.classes.get(name) for one in results]) for name in classes]
    rows.append(f"<tr><th>all pictures</th>{''.join(cells)}</tr>")
    return (
        "<h2>AP50 by source and class</h2><p>A class counts only in pictures that labelled it. The grey number is that of the"
        f" boxes.</p>{_table(['', *classes], rows)}"
    )


def _cell(figures: Sequence[Figures | None]) -> str:
    known = next((one for one in figures if one is not None), None)
    if known is None or not known.boxes:
        return '<td class="none">·</td>'
    first = figures[0]
    value = first.ap50 if first is not None else float("nan")
    beside = f"<small>{_share(figures[1].ap50)}</small>" if len(figures) > 1 and figures[1] is not None else ""
    heat = f' class="heat" style="--v:{value:.3f}"' if not np.isnan(value) else ""
    return f"<td{heat}>{_share(value)}{beside}<i>{known.boxes}</i></td>"


def _classes(results: Sequence[DetectionResult]) -> str:
    heads = ["", "AP", "AP50", "AP75", "small", "medium", "large", "recall", "boxes", "pictures"]
    names = ("ap", "ap50", "ap75", "small", "medium", "large", "recall")
    rows = []
    classes = list(dict.fromkeys(name for one in results for name in one.classes))
    for label in ["mean", *classes]:
        found = [one.score.overall if label == "mean" else one.score.classes.get(label) for one in results]
        known = next(one for one in found if one is not None)
        cells = []
        for name in names:
            value = _share(getattr(found[0], name)) if found[0] is not None else "·"
            beside = f"<small>{_share(getattr(found[1], name))}</small>" if len(found) > 1 and found[1] is not None else ""
            cells.append(f"<td>{value}{beside}</td>")
        rows.append(f"<tr><th>{escape(label)}</th>{''.join(cells)}<td>{known.boxes:,}</td><td>{known.pictures:,}</td></tr>")
    words = "AP by COCO's definition; small boxes are below 32x32 px of the picture, large ones above 96x96."
    return f"<h2>By class and size</h2><p>{words}</p>{_table(heads, rows)}"


def _curves(results: Sequence[DetectionResult]) -> str:
    cards = []
    for name in results[0].classes:
        having = [one for one in results if name in one.curves]
        if not having[0].curves[name].boxes:
            continue
        chart = curve_chart([one.curves[name] for one in having], [one.advice[name].best_f1 for one in having])
        found = any(one.advice[name].best_f1 for one in having)
        cards.append(f'<div class="card"><h3>{escape(name)}{"" if found else " <small>nothing found</small>"}</h3>{chart}</div>')
    if not cards:
        return ""
    words = "At IoU .50. The dot is the threshold with the best balance."
    return f'<h2>Precision and recall</h2><p>{words}</p><div class="curves">{"".join(cards)}</div>'


def _thresholds(result: DetectionResult) -> str:
    wanted = next((advice.wanted_precision for advice in result.advice.values()), 0.9)
    heads = ["", "best balance: score", "precision", "recall", "F1", f"precision {wanted:g}: score", "precision", "recall"]
    rows = []
    for name, advice in result.advice.items():
        best = _point(advice.best_f1, ("score", "precision", "recall", "f1"))
        precise = _point(advice.precise, ("score", "precision", "recall"))
        rows.append(f"<tr><th>{escape(name)}</th>{best}{precise}</tr>")
    if not rows:
        return ""
    words = "Which score to ask for. They are read off these pictures: other cameras may want others."
    return f"<h2>Thresholds</h2><p>{words}</p>{_table(heads, rows)}"


def _point(point: OperatingPoint | None, names: Sequence[str]) -> str:
    if point is None:
        return '<td class="none">-</td>' * len(names)
    return "".join(f"<td>{_share(getattr(point, name))}</td>" for name in names)


def _errors(result: DetectionResult) -> str:
    sums = {name: sum(kinds[kind] for kind in BAR_KINDS) for name, kinds in result.kinds.items()}
    key = "".join(f'<span><i class="{kind_class(kind)}"></i>{kind}</span>' for kind in BAR_KINDS)
    # Each bar is as wide as the others: the question is what goes wrong in a class, not how common it is.
    bars = "".join(
        f'<span>{escape(name)}</span>{kind_bar(kinds, sums[name])}<span class="sum">{_counted(kinds)}</span>'
        for name, kinds in result.kinds.items()
        if sums[name]
    )
    if not bars:
        return ""
    words = (
        "At the threshold of the best balance. Background: nothing labelled is near. Class: right place, wrong name. Localisation: right"
        " name, IoU below .5. Duplicate: the box was found already. Missed: boxes that nothing found."
    )
    return f'<h2>What goes wrong</h2><p>{words}</p><div class="key">{key}</div><div class="bars">{bars}</div>'


def _counted(kinds: Mapping[Kind, int]) -> str:
    false = sum(kinds[kind] for kind in BAR_KINDS if kind not in (Kind.RIGHT, Kind.MISSED))
    return f"{kinds[Kind.RIGHT]} right, {kinds[Kind.MISSED]} missed, {false} false"


def _confusion(result: DetectionResult) -> str:
    names = [*result.classes, "background"]
    if not result.confusion.any():
        return ""
    rows = []
    for index, name in enumerate(names):
        row = result.confusion[index]
        most = max(int(row.sum()), 1)
        cells = "".join(
            f'<td class="heat" style="--v:{count / most:.3f}">{count}</td>' if count else '<td class="none">·</td>'
            for count in row.tolist()
        )
        rows.append(f"<tr><th>{escape(name)}</th>{cells}</tr>")
    words = "Rows are what is there, columns what was said; the shade is the share of the row. Last column: missed; last row: false."
    return f"<h2>What is taken for what</h2><p>{words}</p>{_table(['', *names], rows)}"


def _shots(title: str, words: str, shots: Sequence[WorstPicture], thumbnail: Thumbnail) -> str:
    if not shots:
        return ""
    figures = []
    for shot in shots:
        where = " · ".join(filter(None, [shot.picture.source, shot.picture.path.name]))
        caption = f"<figcaption>{escape(shot.reason)}<small>{escape(where)}</small></figcaption>"
        figures.append(f"<figure>{marked_picture(shot, thumbnail(shot.picture))}{caption}</figure>")
    key = "".join(f'<span><i class="{kind_class(kind)}{_DASHED.get(kind, "")}"></i>{kind}</span>' for kind in BAR_KINDS)
    return f'<h2>{title}</h2><p>{words}</p><div class="key">{key}</div><div class="shots">{"".join(figures)}</div>'


def _groups(results: Sequence[DetectionResult]) -> str:
    groups = results[0].score.groups
    if not groups:
        return ""
    rows = []
    for name, figures in sorted(groups.items(), key=lambda item: -item[1].boxes):
        found = [figures, *(one.score.groups.get(name) for one in results[1:])]
        rows.append(f"<tr><th>{escape(name)}</th>{_cell(found)}<td>{figures.boxes:,}</td><td>{figures.pictures:,}</td></tr>")
    table = _table(["", "AP50", "boxes", "pictures"], rows)
    words = f"{len(groups)} cameras or scenes; AP50 is the mean of the classes that have boxes there"
    return f"<h2>By group</h2><details><summary>{words}</summary>{table}</details>"


def _method(results: Sequence[DetectionResult], data: Mapping[str, Any]) -> str:
    facts = [{**_spoken(one.facts), **({"speed": _speed(one.speed)} if "cpu_ms" in one.speed else {})} for one in results]
    parts = [_listed(data), *(f"<h3>{escape(one.name)}</h3>{_listed(told)}" for one, told in zip(results, facts, strict=True))]
    return f"<h2>How it was measured</h2>{''.join(parts)}"


def _spoken(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The facts as people say them."""
    told = dict(facts)
    if "input_size_wh" in told:
        told["input"] = "x".join(map(str, told.pop("input_size_wh"))) + " px"
    if "bytes" in told:
        told["size"] = f"{told.pop('bytes') / 1e6:.2f} MB"
    return told


def _speed(speed: Mapping[str, Any]) -> str:
    """One line of `Speed.record`."""
    parts = [f"{speed[f'{what}_ms']:.1f} ms to {what}" for what in ("prepare", "infer", "finish") if f"{what}_ms" in speed]
    threads = f"{speed['threads']} thread{'s' if speed['threads'] != 1 else ''}" if "threads" in speed else ""
    return ", ".join(filter(None, [*parts, f"{speed['cpu_ms']:.1f} ms of CPU time in all", threads, "medians"]))


def _listed(facts: Mapping[str, Any]) -> str:
    # What is empty tells nothing.
    told = {str(name).replace("_", " "): _words(value) for name, value in facts.items() if value not in ("", [], {}, ())}
    return f"<dl>{''.join(f'<dt>{escape(name)}</dt><dd>{escape(words)}</dd>' for name, words in told.items())}</dl>"


def _words(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_words(item)}" for key, item in value.items()) or "-"
    if isinstance(value, list | tuple):
        return ", ".join(_words(item) for item in value) or "-"
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _table(heads: Sequence[str], rows: Sequence[str]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in heads)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'


def _share(value: float) -> str:
    """`.412`, `1.00` or `-`: the way papers print AP."""
    if np.isnan(value):
        return "-"
    text = f"{value:.3f}" if value < 0.9995 else "1.00"
    return text.removeprefix("0")
