/** Where the parts stand: rail, list, conversation; two screens where there is no room for both. */
export const FRAME = `
.console { display: flex; flex-direction: column; block-size: 100%; min-block-size: 0; }
.desk { flex: 1; display: grid; grid-template-columns: 88px minmax(280px, 340px) minmax(0, 1fr); min-block-size: 0; }
.rail {
  display: flex; flex-direction: column; align-items: center; gap: 4px; padding: 12px 4px;
  border-inline-end: 1px solid var(--k-line); background: var(--k-raised); min-block-size: 0;
}
.rail-open {
  display: flex; flex-direction: column; align-items: center; gap: 4px; inline-size: 80px; padding: 4px;
  border-radius: 8px; text-align: center; font-size: 13px;
}
button.rail-open:hover { background: var(--k-other); }
.mark {
  display: grid; place-items: center; inline-size: 40px; block-size: 40px; border-radius: var(--k-radius);
  background: var(--k-accent); color: var(--k-on-accent); font: 600 18px/1 var(--k-font);
}
.rail-store { max-inline-size: 100%; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.rail-open .k-icon { inline-size: 16px; block-size: 16px; color: var(--k-muted); }
.rail-space { flex: 1; }
.me {
  display: flex; flex-direction: column; align-items: center; max-inline-size: 80px; padding-block-start: 8px;
  font-size: 13px; text-align: center;
}
.me > * { max-inline-size: 100%; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.main { display: flex; flex-direction: column; min-inline-size: 0; min-block-size: 0; }
.stage { flex: 1; display: flex; min-block-size: 0; min-inline-size: 0; }
.room:empty { display: none; }
.console > .k-connection:not(:empty) { border-block-start: 0; border-block-end: 1px solid var(--k-line); }
.lines { display: flex; flex-direction: column; }
.line {
  display: flex; align-items: center; gap: 8px; padding: 4px 12px; border-block-end: 1px solid var(--k-line);
  background: var(--k-raised); animation: in .14s;
}
.line-text { flex: 1; min-inline-size: 0; overflow-wrap: anywhere; max-block-size: 4.5em; overflow-y: auto; }
.line.late { color: var(--k-danger); }
.line.late .line-text { flex: 0 1 auto; }
.line.late .k-round { margin-inline-start: auto; }
.line .k-link { min-block-size: 32px; padding-inline: 4px; white-space: nowrap; }
.strip { border-block-end: 1px solid var(--k-line); background: var(--k-raised); }
.strip-list { display: flex; overflow-x: auto; scrollbar-width: none; padding: 6px 8px 0; gap: 4px; }
.strip-item {
  display: flex; align-items: center; flex: 0 1 200px; min-inline-size: 104px; border: 1px solid transparent;
  border-block-end: 0; border-radius: 8px 8px 0 0; color: var(--k-muted);
}
.strip-item:hover { background: var(--k-other); }
.strip-item.current { background: var(--k-surface); border-color: var(--k-line); color: var(--k-text); }
.strip-name {
  flex: 1; display: flex; align-items: center; gap: 8px; min-inline-size: 0; min-block-size: 36px;
  padding-inline-start: 12px;
}
.strip-text { flex: 1; min-inline-size: 0; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.strip-close {
  display: grid; place-items: center; flex: none; inline-size: 32px; block-size: 36px; border-radius: 8px;
  color: var(--k-muted);
}
.strip-close .k-icon { inline-size: 14px; block-size: 14px; }
.strip :focus-visible { outline-offset: -2px !important; }
@media (max-width: 1199px) {
  .desk { grid-template-columns: 72px minmax(256px, 300px) minmax(0, 1fr); }
  .rail-open, .me { inline-size: 64px; max-inline-size: 64px; }
}
@media (max-width: 899px) {
  .desk { grid-template-columns: minmax(0, 1fr); grid-template-rows: auto minmax(0, 1fr); }
  .rail { flex-direction: row; padding: 4px 8px; border-inline-end: 0; border-block-end: 1px solid var(--k-line); }
  .rail-open {
    flex-direction: row; inline-size: auto; max-inline-size: 55%; min-inline-size: 0; text-align: start;
    font-size: 15px; gap: 8px;
  }
  .mark { inline-size: 32px; block-size: 32px; font-size: 15px; flex: none; }
  .me { display: none; }
  [data-screen=list] .main, [data-screen=conversation] :is(.column, .rail) { display: none; }
  [data-screen=conversation] .desk { grid-template-rows: minmax(0, 1fr); }
  .main { grid-row: 1 / -1; }
  [data-screen=list] .column { grid-row: 2; }
}
`;
