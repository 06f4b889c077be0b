/** What all parts share: buttons, fields, marks, dialogs, and the door where one comes in. */
export const PARTS = `
:host {
  display: block;
  block-size: 100%;
  min-block-size: 0;
  color: var(--k-text);
  background: var(--k-surface);
  font: 15px/1.5 var(--k-font);
  text-align: start;
  -webkit-text-size-adjust: 100%;
  text-size-adjust: 100%;
}
*, *::before, *::after { box-sizing: border-box; }
h1, h2, h3, h4, p, ul, ol, dl, dd { margin: 0; padding: 0; font: inherit; }
ul, ol { list-style: none; }
button, input, select, textarea { font: inherit; color: inherit; }
[tabindex="-1"]:focus { outline: none; }
:is(button, input, select, textarea, [tabindex="0"]):focus-visible {
  outline: 2px solid var(--k-accent); outline-offset: 1px;
}
:is(.k-log, .rows):focus-visible { outline-offset: -2px; }
.muted { color: var(--k-muted); font-size: 13px; }
.number { font-variant-numeric: tabular-nums; }
.k-round.small { inline-size: 32px; block-size: 32px; }
.action {
  min-block-size: 36px;
  padding: 4px 12px;
  border: 1px solid var(--k-line);
  border-radius: 8px;
  background: var(--k-surface);
  cursor: pointer;
  white-space: nowrap;
}
.action:hover { background: var(--k-other); }
.action.small { min-block-size: 32px; padding-block: 2px; font-size: 13px; }
.action:disabled { color: var(--k-muted); cursor: default; background: none; }
.action[aria-disabled=true] { opacity: .6; cursor: progress; }
.action.primary {
  min-block-size: 44px; padding-inline: 24px; border-color: transparent; background: var(--k-accent);
  color: var(--k-on-accent); font-weight: 600;
}
.action.primary:hover { opacity: .9; }
.search {
  inline-size: 100%;
  min-inline-size: 0;
  min-block-size: 36px;
  padding: 4px 12px;
  border: 1px solid var(--k-line);
  border-radius: 8px;
  background: var(--k-surface);
}
.search::-webkit-search-cancel-button { display: none; }
.search::placeholder { color: var(--k-muted); opacity: 1; }
.search[aria-invalid=true] { border-color: var(--k-danger); }
.search.short { inline-size: auto; }
input[type=number].short { flex: none; inline-size: 80px; font-variant-numeric: tabular-nums; }
.shape { font-size: 11px; line-height: 1; }
.shape:empty { display: none; }
[data-level=long], .shape.long { color: var(--k-warn); }
[data-level=late], .shape.late { color: var(--k-danger); }
.unread {
  flex: none;
  display: inline-flex;
  align-items: center;
  justify-content: center;
  min-inline-size: 20px;
  block-size: 20px;
  padding-inline: 6px;
  border-radius: 10px;
  background: var(--k-accent);
  color: var(--k-on-accent);
  font: 600 12px/1 var(--k-font);
  font-variant-numeric: tabular-nums;
}
.wrong { color: var(--k-danger); font-size: 13px; }
.wrong:empty { display: none; }
.vacant { margin: auto; padding: 24px; text-align: center; color: var(--k-muted); text-wrap: balance; }
.vacant .action { margin-block-start: 12px; color: var(--k-text); }
.choice {
  display: flex;
  align-items: center;
  gap: 8px;
  inline-size: 100%;
  min-block-size: 44px;
  padding: 4px 12px;
  border: 0;
  border-radius: 8px;
  background: none;
  cursor: pointer;
  text-align: start;
}
.choice:hover, .choice.active { background: var(--k-other); }
.choice-name { flex: 1; min-inline-size: 0; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.choice .muted { flex: none; max-inline-size: 60%; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.presence { flex: none; inline-size: 10px; block-size: 10px; border-radius: 50%; border: 2px solid var(--k-muted); }
.presence.online { background: var(--k-accent); border-color: var(--k-accent); }
.dialog {
  inline-size: min(440px, calc(100vw - 32px));
  max-block-size: min(640px, calc(100dvh - 32px));
  padding: 0;
  border: 1px solid var(--k-line);
  border-radius: var(--k-radius);
  background: var(--k-surface);
  color: var(--k-text);
  box-shadow: var(--k-shadow);
  overflow: hidden;
  opacity: 1;
  animation: in .14s;
}
.dialog[open] { display: flex; flex-direction: column; }
.dialog.wide { inline-size: min(640px, calc(100vw - 32px)); }
.dialog::backdrop { background: rgb(0 0 0 / .4); }
.dialog > * { padding-inline: 24px; flex: none; }
.dialog-head {
  display: flex; align-items: center; gap: 8px; padding-block: 12px 8px; padding-inline-end: 12px !important;
}
.dialog-head h2 {
  flex: 1; min-inline-size: 0; font-weight: 600; overflow: hidden; text-overflow: ellipsis; white-space: nowrap;
}
.dialog > p { overflow-wrap: anywhere; }
.dialog-foot {
  display: flex; flex-wrap: wrap; justify-content: end; align-items: center; gap: 8px; padding-block: 24px 16px;
}
.dialog > .dialog-body {
  display: flex; flex-direction: column; gap: 8px; min-block-size: 0; flex: 0 1 auto; padding-block: 4px 24px;
  overflow-y: auto;
}
.dialog-body > p:empty { margin-block-start: -8px; }
.choices { overflow-y: auto; max-block-size: 320px; margin-inline: -12px; flex: none; }
.settings h3 { padding-block-start: 12px; font-weight: 600; }
.settings h3:first-child { padding-block-start: 0; }
.field { display: flex; align-items: center; gap: 8px; min-block-size: 36px; }
.field label { flex: 1; min-inline-size: 0; }
.field select { max-inline-size: 60%; }
.field .shape { margin-inline-end: 8px; }
.field input[type=checkbox] { inline-size: 18px; block-size: 18px; margin: 3px; accent-color: var(--k-accent); }
.dialog > .keys { overflow-y: auto; flex: 0 1 auto; columns: 2; column-gap: 24px; padding-block: 4px 24px; }
.keys > div { display: flex; align-items: center; gap: 12px; padding-block: 4px; break-inside: avoid; }
.keys dt { flex: 0 0 96px; display: flex; gap: 4px; color: var(--k-muted); }
.keys kbd {
  color: var(--k-text);
  display: inline-grid;
  place-items: center;
  min-inline-size: 24px;
  padding: 0 6px;
  border: 1px solid var(--k-line);
  border-block-end-width: 2px;
  border-radius: 6px;
  background: var(--k-raised);
  font: 13px/20px var(--k-font);
}
.menu {
  position: fixed;
  inset: auto;
  margin: 0;
  min-inline-size: 200px;
  max-inline-size: min(320px, calc(100vw - 16px));
  max-block-size: 60dvh;
  overflow-y: auto;
  padding: 8px;
  border: 1px solid var(--k-line);
  border-radius: var(--k-radius);
  background: var(--k-surface);
  color: var(--k-text);
  box-shadow: var(--k-shadow);
}
.door {
  display: grid; grid-template-rows: 1fr auto; justify-items: center; align-items: center; min-block-size: 100%;
  padding: 24px; background: var(--k-raised);
}
.door-box {
  display: flex; flex-direction: column; gap: 16px; inline-size: min(400px, 100%); padding: 24px;
  border: 1px solid var(--k-line); border-radius: var(--k-radius); background: var(--k-surface);
  overflow-wrap: anywhere;
}
.door-box h1, .demo h2 { font-weight: 600; }
.sign-in { display: flex; flex-direction: column; gap: 8px; }
.dialog > .sign-in { padding-block-end: 24px; overflow-y: auto; flex: 0 1 auto; }
.token { resize: none; font-family: ui-monospace, monospace; font-size: 13px; word-break: break-all; }
.demo:not(:empty) {
  margin-block-start: 16px; padding-block-start: 16px; border-block-start: 1px solid var(--k-line);
}
.demo ul { margin-inline: -12px; margin-block-start: 4px; }
.languages { display: flex; gap: 16px; padding-block-start: 16px; font-size: 13px; }
.languages .k-link { min-block-size: 24px; }
.languages [aria-current] { color: var(--k-text); text-decoration: none; }
@keyframes in { from { opacity: 0; } }
@media (max-width: 560px) { .dialog > .keys { columns: 1; } }
@media (prefers-reduced-motion: reduce) {
  *, *::before, *::after { animation: none !important; transition: none !important; }
}
`;
