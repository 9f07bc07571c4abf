"""The style of the detection report: light and dark, from a phone to a wide screen."""

STYLE = """
:root { color-scheme: light dark; --bg: #f6f7f9; --card: #fff; --text: #17202c; --muted: #55637a; --line: #dde3ea; --accent: #1c5bc9;
  --other: #b35c00; --right: #0b7a4b; --missed: #7d8797; --background: #c8322d; --class: #8a46b8; --place: #c77700; --twice: #2f86c9;
  --both: #7c6a4a; --heat: 28 91 201; --shade: rgb(23 32 44 / .28); }
@media (prefers-color-scheme: dark) { :root { --bg: #0c1017; --card: #131a24; --text: #e7ecf3; --muted: #9fadc0; --line: #26313f;
  --accent: #78aeff; --other: #f0a64a; --right: #45c98d; --missed: #7f8da1; --background: #ff7a74; --class: #c995f0; --place: #f2b44c;
  --twice: #6db8f2; --both: #b9a27a; --heat: 88 146 255; --shade: rgb(0 0 0 / .8); } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--bg); color: var(--text); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 1480px; margin: 0 auto; padding: 24px clamp(12px, 3vw, 40px) 64px; }
h1 { font-size: clamp(22px, 3.2vw, 30px); line-height: 1.2; margin: 0 0 4px; overflow-wrap: anywhere; }
h2 { font-size: 18px; margin: 40px 0 4px; }
h3 { font-size: 14px; margin: 0 0 2px; overflow-wrap: anywhere; } h3 small { color: var(--muted); font-weight: 400; }
p { margin: 0 0 12px; color: var(--muted); max-width: 80ch; }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(47%, 220px), 1fr)); gap: 12px; margin: 16px 0; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 12px 14px; min-width: 0;
  overflow-wrap: anywhere; }
.card b { display: block; font-size: 26px; line-height: 1.2; font-variant-numeric: tabular-nums; }
.card span, .key span { color: var(--muted); font-size: 13px; }
.card .beside { color: var(--other); }
/* The shadow at the right says that a table goes on; it is covered where the table ends. */
.wide { overflow-x: auto; border: 1px solid var(--line); border-radius: 10px; margin: 8px 0 16px; background:
  linear-gradient(to left, var(--card) 40%, transparent) right / 44px 100% no-repeat local,
  linear-gradient(to left, var(--shade), transparent) right / 18px 100% no-repeat scroll, var(--card); }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: 6px 12px; min-width: 64px; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
tr:last-child td, tr:last-child th { border-bottom: 0; }
thead th { color: var(--muted); font-weight: 600; font-size: 13px; vertical-align: bottom; }
th:first-child, td:first-child { text-align: left; }
tbody th { font-weight: 500; position: sticky; left: 0; background: var(--card); }
td small { display: block; color: var(--other); font-size: 12px; line-height: 1.2; }
td i { display: block; color: var(--muted); font-size: 11px; line-height: 1.2; font-style: normal; }
td.heat { background: rgb(var(--heat) / calc(var(--v) * 0.42)); }
td.none { color: var(--muted); }
.curves { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(47%, 220px), 1fr)); gap: 12px; margin: 8px 0; }
svg { display: block; width: 100%; height: auto; }
.grid { stroke: var(--line); fill: none; } .tick { fill: var(--muted); font-size: 11px; }
.line { fill: none; stroke-width: 2.4; stroke-linejoin: round; } .line.m0 { stroke: var(--accent); }
.line.m1 { stroke: var(--other); stroke-dasharray: 5 4; stroke-width: 1.8; }
.dot.m0 { fill: var(--accent); } .dot.m1 { fill: var(--other); }
.bars { display: grid; grid-template-columns: minmax(80px, max-content) 1fr max-content; gap: 6px 12px; align-items: center; margin: 12px 0;
  font-variant-numeric: tabular-nums; }
.bars .bar { height: 18px; border-radius: 4px; background: var(--line); }
.key { display: flex; flex-wrap: wrap; gap: 4px 16px; margin: 6px 0 10px; }
.key i { display: inline-block; width: 11px; height: 11px; border-radius: 3px; margin-right: 6px; background: currentColor; }
.key i.dashed { background: none; border: 2px dashed var(--muted); border-radius: 0; }
.k-right { fill: var(--right); color: var(--right); } .k-missed { fill: var(--missed); color: var(--missed); }
.k-background { fill: var(--background); color: var(--background); } .k-class { fill: var(--class); color: var(--class); }
.k-localisation { fill: var(--place); color: var(--place); } .k-duplicate { fill: var(--twice); color: var(--twice); }
.k-class-and-place { fill: var(--both); color: var(--both); }
.mark { fill: none; stroke: currentColor; vector-effect: none; }
.mark.k-missed { color: #fff; }
.name { fill: #fff; stroke: #000; paint-order: stroke; stroke-linejoin: round; font-family: system-ui, sans-serif; font-weight: 600; }
.shots { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 330px), 1fr)); gap: 14px; align-items: start; }
figure { margin: 0; background: var(--card); border: 1px solid var(--line); border-radius: 10px; overflow: hidden; }
figure .shot { max-height: 460px; background: #000; }
figcaption { padding: 8px 12px; font-size: 13px; overflow-wrap: anywhere; } figcaption small { color: var(--muted); display: block; }
details summary { cursor: pointer; color: var(--accent); margin: 12px 0; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 3px 18px; margin: 8px 0; } dt { color: var(--muted); }
dd { margin: 0; overflow-wrap: anywhere; }
@media (max-width: 560px) { th, td { padding: 5px 7px; min-width: 0; }
  tbody th { white-space: normal; overflow-wrap: break-word; max-width: 38vw;
  line-height: 1.25; } .curves .tick { font-size: 17px; } dl { grid-template-columns: 1fr; } dd { margin-bottom: 6px; }
  .bars { grid-template-columns: minmax(60px, max-content) 1fr; } .bars .sum { grid-column: 2; margin-top: -6px; font-size: 12px; } }
"""
