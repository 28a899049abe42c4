"""How the report looks on a screen, narrow or wide, light or dark, and on paper; knows no number."""

from __future__ import annotations

from typing import Final

# Colours are told apart by people with any colour vision (Okabe and Ito's set, darkened where text
# stands on them), and their lightness differs, so that a grey print still tells neighbours apart.
CSS: Final = """
:root{--ink:#1c2126;--soft:#56606b;--paper:#fff;--rule:#d5dbe1;--wash:#f4f6f8;--link:#0b5394;
--good:#0a6b3d;--bad:#a3230f;--warn:#8a5a00;
--c0:#0b5394;--c1:#e69f00;--c2:#0a8a6a;--c3:#b3458a;--c4:#56b4e9;--c5:#a34a00;--c6:#777f88;
--c7:#3b3f9e;--left:#dde3e9}
@media(prefers-color-scheme:dark){:root{--ink:#e6eaee;--soft:#a7b1bb;--paper:#14181c;
--rule:#38414a;--wash:#1d2328;--link:#8ec3f5;--good:#6fd39c;--bad:#ff9c8a;--warn:#f0c06a;
--c0:#6aaee8;--c1:#f0b84a;--c2:#3fc7a0;--c3:#e08bc2;--c4:#a3d5f2;--c5:#e08a4a;--c6:#a0a8b0;
--c7:#9ea2f0;--left:#333c45}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;scroll-behavior:smooth}
body{margin:0 auto;padding:2rem 1.25rem 4rem;max-width:66rem;background:var(--paper);
color:var(--ink);font:1rem/1.5 system-ui,-apple-system,"Segoe UI","Liberation Sans",sans-serif}
h1{font-size:1.9rem;line-height:1.2;margin:0 0 .25rem}
h2{font-size:1.25rem;margin:2.75rem 0 .5rem;padding-top:.75rem;border-top:2px solid var(--ink)}
h3{font-size:1rem;margin:1.5rem 0 .25rem}
p{max-width:46rem;margin:.5rem 0}
a{color:var(--link)}
a:focus-visible,summary:focus-visible,.wide:focus-visible{outline:3px solid var(--c1);
outline-offset:2px}
.n{color:inherit;text-decoration:underline dotted var(--soft);text-underline-offset:.2em;
font-variant-numeric:tabular-nums}
.soft{color:var(--soft)}
.skip{position:absolute;left:-999rem}.skip:focus{left:1rem}
nav ol{columns:2;padding-left:1.4rem;margin:.75rem 0}
.panel{border:1px solid var(--rule);border-left:6px solid var(--good);background:var(--wash);
padding:.9rem 1.1rem;margin:1.25rem 0}
.panel.bad{border-left-color:var(--bad)}.panel.warn{border-left-color:var(--warn)}
.panel strong.state{color:var(--good);font-size:1.1rem}
.panel.bad strong.state{color:var(--bad)}.panel.warn strong.state{color:var(--warn)}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1rem;margin:.6rem 0 0}
dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}
pre,code{font:.82rem/1.45 ui-monospace,"Liberation Mono",Menlo,monospace}
pre{background:var(--wash);border:1px solid var(--rule);padding:.7rem .9rem;white-space:pre-wrap;
overflow-wrap:anywhere;margin:.6rem 0}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(9.5rem,1fr));gap:.75rem;
padding:0;margin:1rem 0;list-style:none}
.tiles li{border:1px solid var(--rule);padding:.6rem .8rem;background:var(--wash)}
.tiles b{display:block;font-size:1.6rem;line-height:1.2;font-weight:600}
figure{margin:1.25rem 0;break-inside:avoid}
figcaption{font-weight:600}
time,td.txt code{white-space:nowrap}
.wide{overflow-x:auto;max-width:100%}
svg{display:block;width:100%;min-width:34rem;height:auto}
svg text{fill:var(--soft);font:11px system-ui,"Liberation Sans",sans-serif}
svg .end{text-anchor:end}svg .mid{text-anchor:middle}
.grid{stroke:var(--rule);stroke-width:1}
rect{stroke:var(--paper);stroke-width:1}
.legend{list-style:none;display:flex;flex-wrap:wrap;gap:.25rem 1.1rem;padding:0;margin:.3rem 0;
font-size:.88rem;color:var(--soft)}
.key{display:inline-block;width:.8em;height:.8em;margin-right:.4em}
.c0{fill:var(--c0);background:var(--c0)}.c1{fill:var(--c1);background:var(--c1)}
.c2{fill:var(--c2);background:var(--c2)}.c3{fill:var(--c3);background:var(--c3)}
.c4{fill:var(--c4);background:var(--c4)}.c5{fill:var(--c5);background:var(--c5)}
.c6{fill:var(--c6);background:var(--c6)}.c7{fill:var(--c7);background:var(--c7)}
.bar{display:flex;height:1rem;min-width:7rem;background:var(--left)}
.bar span{display:block}
table{border-collapse:collapse;width:100%;font-size:.88rem;margin:.5rem 0}
caption{text-align:left;color:var(--soft);padding:.2rem 0}
th,td{padding:.32rem .7rem .32rem 0;text-align:left;vertical-align:top;
border-bottom:1px solid var(--rule)}
th{font-weight:600;color:var(--soft)}
.num{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
td.txt{overflow-wrap:anywhere;min-width:5rem}
.sources td.txt:first-child{min-width:2rem}
:target{background:var(--c1);color:#1c2126}
summary{cursor:pointer;color:var(--link);margin:.5rem 0}
@media(max-width:40rem){body{padding:1.25rem .9rem 3rem}h1{font-size:1.5rem}nav ol{columns:1}
dl{grid-template-columns:1fr;gap:0}dd{margin-bottom:.5rem}}
@page{size:A4;margin:16mm 14mm}
@media print{:root{--ink:#000;--soft:#333;--paper:#fff;--rule:#bbb;--wash:#fff;--link:#000;
--good:#000;--bad:#000;--warn:#000;--c0:#0b5394;--c1:#e69f00;--c2:#0a8a6a;--c3:#b3458a;
--c4:#56b4e9;--c5:#a34a00;--c6:#777f88;--c7:#3b3f9e;--left:#e6e6e6}
body{max-width:none;padding:0;font-size:10pt}h1{font-size:18pt}
h2{break-after:avoid;font-size:13pt;margin-top:1.4rem}
a{color:inherit;text-decoration:none}.skip,details:not([open]),.screen{display:none}
table{font-size:8.5pt}tr,.panel,.tiles,pre{break-inside:avoid}
.tiles{grid-template-columns:repeat(5,1fr)}
a.n::after{content:"[" attr(data-mark) "]";font-size:6pt;vertical-align:super;color:#555;
margin-left:.15em}thead{display:table-header-group}
.wide{overflow:visible}svg{min-width:0}
*{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
""".strip()
