/** One conversation and the column about its customer. */
export const PANE = `
.pane {
  flex: 1; display: grid; grid-template-columns: minmax(0, 1fr) 280px; grid-template-rows: auto minmax(0, 1fr);
  min-inline-size: 0; min-block-size: 0; position: relative;
}
.pane-head {
  grid-column: 1 / -1; display: flex; flex-wrap: wrap; align-items: center; gap: 4px 8px;
  padding: 8px 12px 8px 16px; border-block-end: 1px solid var(--k-line); min-inline-size: 0;
}
.pane-head:dir(rtl) { padding: 8px 16px 8px 12px; }
.pane-title { flex: 1 1 160px; min-inline-size: 0; }
.pane-title > * {
  overflow: hidden; text-overflow: ellipsis; white-space: nowrap; text-align: -webkit-match-parent;
  text-align: match-parent;
}
.pane-name { font-weight: 600; }
.pane-actions { display: flex; gap: 8px; }
.pane-actions:empty { display: none; }
.pane-head .k-round { inline-size: 36px; block-size: 36px; }
.pane-back, .customer-open, .customer-close { display: none !important; }
.pane-talk { display: flex; flex-direction: column; min-block-size: 0; min-inline-size: 0; }
.find {
  display: flex; align-items: center; gap: 4px; padding: 8px 12px; border-block-end: 1px solid var(--k-line);
  background: var(--k-raised); animation: in .14s;
}
.find .search { flex: 1 1 120px; }
.find .muted:not(:empty) { padding-inline: 8px; white-space: nowrap; }
.refusal {
  display: flex; align-items: center; gap: 8px; padding: 4px 16px; color: var(--k-danger); font-size: 13px;
  border-block-start: 1px solid var(--k-line);
}
.refusal p { flex: 1; }
.bar {
  display: flex; flex-wrap: wrap; align-items: center; justify-content: center; gap: 8px 16px; min-block-size: 60px;
  padding: 8px 16px; border-block-start: 1px solid var(--k-line); background: var(--k-raised);
  padding-block-end: max(8px, env(safe-area-inset-bottom));
}
.bar-text { min-inline-size: 0; overflow-wrap: anywhere; }
.bar-clock { display: flex; align-items: center; gap: 4px; }
.bar-clock[data-level=calm] { color: var(--k-muted); }
.bar-buttons { display: flex; flex-wrap: wrap; gap: 8px; }
.bar-buttons:empty { display: none; }
.bar .action { min-block-size: 44px; padding-inline: 16px; }
.bar .action.primary { padding-inline: 32px; }
.customer {
  display: flex; flex-direction: column; gap: 16px; padding: 16px; border-inline-start: 1px solid var(--k-line);
  overflow-y: auto; overflow-wrap: anywhere; scrollbar-width: thin; min-block-size: 0;
}
.customer section { display: flex; flex-direction: column; gap: 4px; align-items: start; }
.customer p, .customer h3 { text-align: -webkit-match-parent; text-align: match-parent; }
.customer h4 { font-size: 13px; color: var(--k-muted); }
.customer-name { font-weight: 600; }
.visits, .steps { align-self: stretch; }
.visits li { padding: 4px 8px; margin-inline: -8px; border-radius: 8px; }
.visits .current:not(:only-child) { background: var(--k-other); }
.steps li { font-size: 13px; padding-block: 2px; }
.pane-talk .k-log { padding-inline: max(12px, (100% - 920px) / 2); }
.pane-talk .k-composer { padding-inline: max(8px, (100% - 928px) / 2); }
.k-composer { padding-block-end: max(8px, env(safe-area-inset-bottom)); }
@media (max-width: 1199px) {
  .pane { grid-template-columns: minmax(0, 1fr); }
  .customer-open { display: grid !important; }
  .customer { display: none; }
  .unfolded .customer {
    display: flex; position: absolute; inset-block: 0; inset-inline-end: 0; inline-size: min(320px, 100%);
    background: var(--k-surface); box-shadow: var(--k-shadow); z-index: 2; animation: in .14s;
  }
  .customer-close { display: block !important; align-self: start; }
}
@media (max-width: 899px) {
  .pane-back { display: grid !important; margin-inline-start: -8px; }
  .pane-head { padding-inline: 12px 8px; }
}
@media (max-width: 640px) {
  .pane-actions { order: 5; flex: 1 0 100%; overflow-x: auto; scrollbar-width: none; }
  .pane-actions .action { flex: 1; padding-inline: 8px; }
  .find { flex-wrap: wrap; }
  .find .search { flex-basis: 100%; }
}
`;
