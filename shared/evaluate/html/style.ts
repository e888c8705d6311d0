/** Colours are variables so that the plots, too, follow the reader's light or dark setting. */
const light = `
  --page: #ffffff; --panel: #f6f7f9; --line: #dfe3e8; --ink: #1b2330; --soft: #5b6675;
  --student: #1f6feb; --alone: #d9730d; --ensemble: #7a4fd0; --teacher: #8793a3;
  --good: #14804a; --good-panel: #e9f6ef; --bad: #c0322b; --bad-panel: #fcedec;
  --open: #6b5a1e; --open-panel: #faf5e4;`;
const dark = `
  --page: #12161c; --panel: #1a2028; --line: #2f3843; --ink: #e6eaf0; --soft: #9aa6b5;
  --student: #6aa8ff; --alone: #f2a154; --ensemble: #b496ff; --teacher: #8a97a8;
  --good: #5fd39a; --good-panel: #15291f; --bad: #ff8a80; --bad-panel: #321b1a;
  --open: #e5cf85; --open-panel: #2a2616;`;

export const style = `
:root { color-scheme: light dark; ${light} }
@media screen and (prefers-color-scheme: dark) { :root { ${dark} } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink);
  font: 15px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
main { max-width: 940px; margin: 0 auto; padding: 40px 24px 64px; }
header p, figcaption, .note { color: var(--soft); }
header p { margin: 0; }
h1 { font-size: 30px; line-height: 1.2; margin: 2px 0 6px; overflow-wrap: anywhere; }
h2 { font-size: 19px; margin: 44px 0 8px; padding-top: 18px; border-top: 1px solid var(--line); }
h3 { font-size: 15px; margin: 24px 0 6px; }
p { margin: 8px 0; }
.eyebrow { font-size: 12px; font-weight: 600; letter-spacing: .08em; text-transform: uppercase; }
.verdict { margin: 24px 0 16px; padding: 18px 22px; border-radius: 10px; border-left: 6px solid var(--tone);
  background: var(--tone-panel); }
.verdict h2 { margin: 0 0 4px; padding: 0; border: 0; color: var(--tone); font-size: 22px; }
.verdict p { margin: 4px 0 0; font-size: 16px; }
.helped { --tone: var(--good); --tone-panel: var(--good-panel); }
.harmed { --tone: var(--bad); --tone-panel: var(--bad-panel); }
.not-shown { --tone: var(--open); --tone-panel: var(--open-panel); }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(190px, 1fr)); gap: 12px; margin: 0; }
.tiles div { padding: 12px 14px; border-radius: 8px; background: var(--panel); border-top: 3px solid var(--mark, var(--line)); }
.tiles dt { font-size: 13px; color: var(--soft); }
.tiles dd { margin: 0; font-size: 22px; font-weight: 600; font-variant-numeric: tabular-nums; }
.tiles dd small { display: block; font-size: 12.5px; font-weight: 400; color: var(--soft); }
.warnings { margin: 20px 0 0; padding: 12px 18px 14px; border: 1px solid var(--open); border-radius: 8px;
  background: var(--open-panel); }
.warnings h3 { margin: 0 0 4px; color: var(--open); }
.warnings ul { margin: 0; padding-left: 20px; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: 14px; }
th, td { padding: 6px 10px; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { color: var(--soft); font-weight: 600; font-size: 13px; vertical-align: bottom; white-space: normal; }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
td.name { white-space: normal; overflow-wrap: anywhere; }
th:last-child, td:last-child { padding-right: 0; }
tr.strong td { font-weight: 600; }
td small { color: var(--soft); font-weight: 400; }
.swatch { display: inline-block; width: 10px; height: 10px; margin-right: 7px; border-radius: 50%; background: var(--mark); }
.student { --mark: var(--student); } .alone { --mark: var(--alone); }
.ensemble { --mark: var(--ensemble); } .teacher { --mark: var(--teacher); }
figure { margin: 16px 0 8px; }
figure svg { display: block; max-width: 100%; height: auto; }
figcaption { font-size: 13px; margin-top: 6px; }
.key { display: flex; flex-wrap: wrap; gap: 4px 18px; margin: 0 0 6px; padding: 0; list-style: none; font-size: 13.5px; }
dl.facts { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 5px 20px; margin: 8px 0; }
dl.facts dt { color: var(--soft); }
dl.facts dd { margin: 0; overflow-wrap: anywhere; }
code, pre { font: 12.5px/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace; }
pre { padding: 14px 16px; border-radius: 8px; background: var(--panel); white-space: pre-wrap; overflow-wrap: anywhere; }
footer { margin-top: 40px; font-size: 13px; color: var(--soft); }
@media print {
  main { max-width: none; padding: 0; }
  body { font-size: 10pt; }
  h2, h3, h2 + p { break-after: avoid; }
  figure, tr, .verdict, .tiles, .warnings { break-inside: avoid; }
  .verdict, .tiles div, .warnings, pre, .swatch { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
`;
