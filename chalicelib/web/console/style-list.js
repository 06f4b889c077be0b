/** The column of lists. */
export const LIST = `
.column {
  display: flex; flex-direction: column; min-block-size: 0; min-inline-size: 0;
  border-inline-end: 1px solid var(--k-line);
}
.tabs { display: flex; padding: 8px 8px 0; gap: 4px; }
.tabs button {
  flex: 1 1 auto; display: flex; align-items: center; justify-content: center; gap: 4px; min-inline-size: 0;
  min-block-size: 40px; padding: 4px 6px; border: 0; border-radius: 8px; background: none; color: var(--k-muted);
  cursor: pointer; white-space: nowrap;
}
.tabs button:hover { background: var(--k-other); }
.tabs [aria-selected=true] {
  color: var(--k-text); font-weight: 600; box-shadow: inset 0 -2px var(--k-accent); border-end-start-radius: 0;
  border-end-end-radius: 0;
}
.tabs button[data-level=long] .shape { color: var(--k-warn); }
.tabs button[data-level=late] .shape { color: var(--k-danger); }
.tabs button:not([data-level]) .shape { color: var(--k-accent); }
.tab-count:empty { display: none; }
.search-line { position: relative; padding: 8px; }
.search-line .k-icon {
  position: absolute; inset-block-start: 17px; inset-inline-start: 18px; inline-size: 18px; block-size: 18px;
  color: var(--k-muted); pointer-events: none;
}
.search-line .search { padding-inline-start: 36px; background: var(--k-raised); }
.list-panel { position: relative; flex: 1; display: flex; flex-direction: column; min-block-size: 0; }
.rows {
  position: relative; flex: 1; min-block-size: 0; overflow-y: auto; overscroll-behavior: contain;
  scrollbar-width: thin; scrollbar-color: var(--k-line) transparent; overflow-anchor: none;
}
.rows-room { position: relative; contain: size layout; inline-size: 100%; }
.row {
  position: absolute;
  inset-inline: 0;
  block-size: 64px;
  display: flex;
  flex-direction: column;
  justify-content: center;
  padding: 0 16px;
  border-inline-start: 3px solid transparent;
  cursor: pointer;
  contain: strict;
}
.row:hover { background: var(--k-raised); }
.row[aria-selected=true] { background: var(--k-other); border-color: var(--k-accent); }
.rows:focus-visible .row.active { outline: 2px solid var(--k-accent); outline-offset: -4px; border-radius: 8px; }
.row.gone > * { opacity: .72; }
.row-line { display: flex; align-items: center; gap: 8px; block-size: 24px; }
.row-name { font-weight: 600; }
.row-name, .row-last {
  flex: 1; min-inline-size: 0; overflow: hidden; text-overflow: ellipsis; white-space: nowrap;
  text-align: -webkit-match-parent; text-align: match-parent;
}
.row-when {
  display: flex; align-items: center; gap: 4px; flex: none; font-size: 13px; color: var(--k-muted);
  white-space: nowrap;
}
.row-when[data-level=long] { color: var(--k-warn); }
.row-when[data-level=late] { color: var(--k-danger); font-weight: 600; }
.row-tag { max-inline-size: 96px; overflow: hidden; text-overflow: ellipsis; }
.row-tag:not(:empty)::after { content: "\\a0·"; }
.row-last { font-size: 13px; color: var(--k-muted); }
.note {
  position: absolute; inset-block-end: 12px; inset-inline: 0; margin-inline: auto; inline-size: fit-content;
  border-radius: 18px; box-shadow: var(--k-shadow); color: var(--k-accent); font-weight: 600; font-size: 13px;
  animation: in .14s;
}
.rows-skeleton { padding: 0 16px; overflow: hidden; animation: in .16s .16s both; }
.rows-skeleton i {
  display: block; block-size: 40px; margin-block: 12px 24px; border-radius: 8px; background: var(--k-other);
}
.rows-skeleton i:nth-child(2n) { inline-size: 82%; }
`;
