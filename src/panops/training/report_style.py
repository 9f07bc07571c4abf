"""The look of a training's page: light and dark, from 320 px on, nothing from elsewhere."""

STYLE = """
:root{color-scheme:light dark;--ground:#fff;--card:#f6f7f9;--ink:#1b2430;--quiet:#5b6776;--line:#dfe3e8;
--good:#0a7d4f;--bad:#b3261e;--live:#0b62a8;
--c0:#0072b2;--c1:#d97900;--c2:#00875f;--c3:#b8568f;--c4:#3a8fc4;--c5:#c44e00;--c6:#7d7300;--c7:#626b75}
@media (prefers-color-scheme:dark){:root{--ground:#12161b;--card:#1a2027;--ink:#e6eaef;--quiet:#9aa7b5;--line:#303943;
--good:#4cc38a;--bad:#ff8a80;
--live:#6db8ff;--c0:#5ab4f0;--c1:#f5a742;--c2:#3ccb9b;--c3:#e79ac6;--c4:#9fd3f5;--c5:#ff8f52;--c6:#cfc45a;--c7:#aab4bf}}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
main{max-width:1180px;margin:0 auto;padding:20px 16px 48px}
h1{font-size:1.5rem;margin:0 0 .2rem;overflow-wrap:anywhere}
h2{font-size:1.1rem;margin:2rem 0 .7rem}
.state{margin:0 0 .7rem;font-weight:600}.state.good{color:var(--good)}.state.bad{color:var(--bad)}.state.live{color:var(--live)}
.quiet,small,.steps,.scale,th,.at{color:var(--quiet)}
.bar{height:8px;border-radius:4px;background:var(--line);overflow:hidden}.bar span{display:block;height:100%;background:var(--live)}
.good~.bar span{background:var(--good)}
.facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:10px;margin:18px 0 0}
.facts div{background:var(--card);border-radius:10px;padding:10px 14px}
dt{color:var(--quiet);font-size:.85rem}dd{margin:0;font-size:1.3rem;font-weight:600;font-variant-numeric:tabular-nums}
dd small{display:block;font-size:.8rem;font-weight:400}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,430px),1fr));gap:14px}
.charts.small{grid-template-columns:repeat(auto-fit,minmax(min(100%,300px),1fr))}
figure{margin:0;background:var(--card);border-radius:10px;padding:12px 14px}
figcaption{display:flex;justify-content:space-between;gap:10px;font-weight:600;font-size:.92rem;margin-bottom:12px}
figcaption b{font-variant-numeric:tabular-nums}
.plot{display:flex;height:200px}.small .plot{height:120px}
.scale{position:relative;width:46px;flex:none;font-size:.75rem;font-variant-numeric:tabular-nums}
.scale span{position:absolute;white-space:nowrap;right:8px;transform:translateY(-50%)}
.area{position:relative;flex:1;min-width:0}.area svg{display:block;width:100%;height:100%;overflow:visible}
.area line{stroke:var(--line);vector-effect:non-scaling-stroke}
path{fill:none;stroke-width:2;vector-effect:non-scaling-stroke;stroke-linejoin:round}
path.d{stroke-dasharray:5 4}
.dot{position:absolute;width:8px;height:8px;border-radius:50%;transform:translate(-50%,-50%)}
.steps{display:flex;justify-content:space-between;padding-left:46px;font-size:.75rem;margin-top:8px}
.legend{list-style:none;margin:10px 0 0;padding:0 0 0 46px;display:flex;flex-wrap:wrap;gap:3px 16px;font-size:.82rem}
.legend i{display:inline-block;width:14px;height:3px;vertical-align:middle;margin-right:6px}.legend i.d{opacity:.55}
.legend b{margin-left:6px;font-variant-numeric:tabular-nums}
.wide{overflow-x:auto;margin-top:14px}
table{border-collapse:collapse;width:100%;font-size:.9rem}
th,td{text-align:left;padding:5px 12px 5px 0;border-bottom:1px solid var(--line);font-weight:400;vertical-align:middle}
tbody th{color:var(--ink);font-weight:600}thead th{font-size:.82rem}
.n{text-align:right;font-variant-numeric:tabular-nums}
.spark{width:110px;height:26px;display:block}
details table th{color:var(--quiet);font-weight:400;width:14em}details td{overflow-wrap:anywhere}
summary{cursor:pointer;font-weight:600;padding:6px 0}
@media (max-width:560px){.at{display:none}.spark{width:64px}th,td{padding-right:8px}details table th{width:9em}}
""" + "".join(f".c{index}{{stroke:var(--c{index})}}i.c{index}{{background:var(--c{index})}}" for index in range(8))
