"""A capacity report as one HTML page that needs nothing else: no script, no font, no file beside it. For who buys the machine."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from panops.bench.capacity import CapacityCurve, Run
from panops.bench.capacity_advice import AT_ONCE_MS, advice, headline
from panops.bench.capacity_charts import Measured, capacity_chart, name_of
from panops.bench.record import percentiles_ms, stage_ms
from panops.evaluation.detection_page_style import STYLE

_MIB = 2**20
_MORE_STYLE = """
:root { --s2: #0b7a4b; --s3: #8a46b8; --s4: #c8322d; --s5: #2f86c9; }
@media (prefers-color-scheme: dark) { :root { --s2: #45c98d; --s3: #c995f0; --s4: #ff7a74; --s5: #6db8f2; } }
.s0 { --c: var(--accent); } .s1 { --c: var(--other); } .s2 { --c: var(--s2); } .s3 { --c: var(--s3); } .s4 { --c: var(--s4); }
.s5 { --c: var(--s5); }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 420px), 1fr)); gap: 12px; margin: 8px 0; }
.chart .line { stroke: var(--c); } .chart .dot { fill: var(--c); stroke: var(--c); stroke-width: 2; } .chart .hollow { fill: var(--card); }
.chart .limit { stroke: var(--c); stroke-width: 1.6; stroke-dasharray: 3 4; fill: none; }
.chart .bound { stroke: var(--muted); stroke-dasharray: 8 4; fill: none; }
.key .s0, .key .s1, .key .s2, .key .s3, .key .s4, .key .s5 { background: var(--c); }
ul { max-width: 84ch; padding-left: 20px; } li { margin: 6px 0; } .warn { color: var(--background); }
"""


def capacity_page(curves: Sequence[CapacityCurve], facts: Mapping[str, Any]) -> str:
    """The whole page.

    Args:
        curves: The product's, and a peer's; at least one.
        facts: How it was measured: machine, versions, settings; names to words.
    """
    title = "How many cameras this machine carries"
    sections = [
        f"<h1>{title}</h1><p>{escape(headline(curves))}</p>",
        _disturbed(curves),
        _cards(curves),
        f"<h2>What to take from it</h2><ul>{''.join(f'<li>{escape(words)}</li>' for words in advice(curves))}</ul>",
        _charts(curves),
        _costs(curves),
        _runs(curves),
        _what_it_is(curves),
        f"<h2>How it was measured</h2>{_listed(facts)}",
    ]
    head = (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{STYLE}{_MORE_STYLE}</style>"
    )
    return f'<!doctype html><html lang="en"><head>{head}</head><body><main>{"".join(sections)}</main></body></html>\n'


def _disturbed(curves: Sequence[CapacityCurve]) -> str:
    runs = [run for curve in curves for _, run in curve.limit.runs]
    if not any(run.disturbed for run in runs):
        return ""
    most = max(run.tally.surroundings.others + run.tally.surroundings.stolen for run in runs)
    words = (
        f"The machine was not free: others used up to {most:.1f} of its {runs[0].tally.surroundings.machine} cores meanwhile. "
        "These are the limits of a busy machine; measure again when it has nothing else to do."
    )
    return f'<p class="warn"><b>{escape(words)}</b></p>'


def _cards(curves: Sequence[CapacityCurve]) -> str:
    cards = []
    for curve in curves:
        confirmed = curve.limit.confirmed
        more = ""
        if confirmed is not None:
            more = f"{confirmed.tally.cpu_ms_a_camera_s:.1f} ms of CPU a camera-second, p95 {confirmed.p95_ms:.0f} ms"
        count = f"{curve.limit.cameras}{'+' if curve.limit.reached_the_end else ''}"
        cards.append(f'<div class="card"><span>{escape(name_of(curve))}</span><b>{count} cameras</b><span>{escape(more)}</span></div>')
    return f'<div class="cards">{"".join(cards)}</div>'


def _charts(curves: Sequence[CapacityCurve]) -> str:
    there = next((float(run.tally.surroundings.machine) for curve in curves for _, run in curve.limit.runs), 1.0)
    shown = (
        Measured("Cores in use", "cores", lambda run: run.tally.all_cores, (there, f"all {there:g} cores")),
        Measured("Capture to the end of a check, p95", "ms", lambda run: run.p95_ms, (AT_ONCE_MS, "half a second"), 2 * AT_ONCE_MS),
        Measured("CPU time a camera-second", "ms", lambda run: run.tally.cpu_ms_a_camera_s),
        Measured("Checks that were done", "%", lambda run: 100 * run.tally.done_share),
    )
    key = "".join(f'<span><i class="s{index}"></i>{escape(name_of(curve))}</span>' for index, curve in enumerate(curves))
    cards = "".join(f'<div class="card"><h3>{one.title}</h3>{capacity_chart(curves, one)}</div>' for one in shown)
    words = (
        "A full dot held its cameras, a hollow one did not; what lies above the edge is drawn on it. The broken upright line is the limit "
    )
    words += "that a longer run confirmed."
    return f'<h2>Curves</h2><p>{words}</p><div class="key">{key}</div><div class="charts">{cards}</div>'


def _costs(curves: Sequence[CapacityCurve]) -> str:
    rows = []
    stages: list[str] = []
    found = [(curve, stage_ms(run.tally)) for curve in curves if (run := curve.limit.confirmed) is not None and run.tally.stages_s]
    for _, costs in found:
        stages += [stage for stage in costs if stage not in stages]
    for curve, costs in found:
        cells = "".join(f"<td>{costs.get(stage, 0.0):.2f}</td>" for stage in stages)
        rows.append(f"<tr><th>{escape(name_of(curve))}</th>{cells}<td>{sum(costs.values()):.2f}</td></tr>")
    if not rows:
        return ""
    words = "At the limit, ms of one core a second for each camera. The supervisor is the page, the API and the upkeep."
    return f"<h2>What a camera costs, by stage</h2><p>{words}</p>{_table(['', *stages, 'all'], rows)}"


def _runs(curves: Sequence[CapacityCurve]) -> str:
    heads = [
        "",
        "cameras",
        "",
        "checks done",
        "given up",
        "cores",
        "ms a camera-second",
        "p50 ms",
        "p95 ms",
        "p99 ms",
        "asleep",
        "relief",
        "slept through, p95 ms",
        "memory MiB",
        "others, cores",
    ]
    rows = [_row(curve, run) for curve in curves for _, run in curve.limit.runs]
    return f"<h2>Every run</h2><details><summary>{len(rows)} runs, in their order</summary>{_table(heads, rows)}</details>"


def _row(curve: CapacityCurve, run: Run) -> str:
    tally = run.tally
    latency = percentiles_ms(tally.check_latency)
    cells = [
        str(len(tally.cameras)),
        ("held" if run.held else "not held") + (", long" if run.confirms else ""),
        f"{100 * tally.done_share:.1f} %",
        f"{100 * tally.dropped_share:.1f} %",
        f"{tally.all_cores:.2f}",
        f"{tally.cpu_ms_a_camera_s:.1f}",
        *(f"{value:.0f}" if math.isfinite(value) else "-" for value in latency.values()),
        f"{tally.asleep:.1f}",
        f"{100 * tally.relief:.0f} %",
        f"{run.woken_p95_ms:.0f}" if tally.woken_latency.count else "",
        f"{tally.all_memory_bytes / _MIB:,.0f}",
        f"{tally.surroundings.others:.2f}",
    ]
    return f"<tr><th>{escape(name_of(curve))}</th>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>"


def _what_it_is(curves: Sequence[CapacityCurve]) -> str:
    shares = ", ".join(f"{100 * curve.moved_share:.0f} %" for curve in curves)
    told = [
        "A camera is held when at least 98 % of its checks are done; cameras are held when each of them is and at most 1 % of all checks "
        "are given up. A longer run confirmed each limit.",
        f"Busy is the share of the checks at which the picture moves, measured with the product's own motion gate: {shares}. The detector "
        "runs more often: also just after something moved, and while somebody is followed.",
        "The cameras are real RTSP connections on this machine, from a server that takes next to nothing; what they show is "
        + ", ".join(dict.fromkeys(film.name for curve in curves for film in curve.films))
        + ". A network, and cameras that drop pictures, are not in it.",
        "Time from capture counts from the moment when the picture can have come at the earliest; the camera's own delay is not in it. "
        "p50, p95 and p99 are of checks as they came; what was slept through and looked at afterwards has a column of its own.",
        "Asleep are cameras of which only the keyframes were looked at, on average; relief is the most that was given up for want of time.",
        "All of panops runs: proof, rules, database, page and API, which is asked once a second. Nobody watches the live wall.",
    ]
    if len({curve.name for curve in curves}) > 1:
        told.append(
            "The loop runs YOLOX-nano (FP32, 416 px) at every check; panops runs its own INT8 detector when something moves. The loop has "
            "tracker, zone and line, but no motion gate, evidence, database, page or API, so this compares what people get, not equal work."
        )
    return f"<h2>What the figures are, and what not</h2><ul>{''.join(f'<li>{escape(words)}</li>' for words in told)}</ul>"


def _listed(facts: Mapping[str, Any]) -> str:
    return f"<dl>{''.join(f'<dt>{escape(str(name))}</dt><dd>{escape(_words(value))}</dd>' for name, value in facts.items())}</dl>"


def _words(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_words(item)}" for key, item in value.items()) or "-"
    if isinstance(value, list | tuple):
        return ", ".join(_words(item) for item in value) or "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _table(heads: Sequence[str], rows: Sequence[str]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in heads)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'
