/** The looks of the shared parts: what `theme.js` puts into each root. Sizes on a 4 px grid, directions logical. */

const BASE = `
.k-icon{inline-size:20px;block-size:20px;flex:none;fill:none;stroke:currentColor;stroke-width:2;
  stroke-linecap:round;stroke-linejoin:round;display:block}
.k-turns:dir(rtl){transform:scaleX(-1)}
.k-hidden{position:absolute;inline-size:1px;block-size:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
.k-plain{appearance:none;border:0;background:none;padding:0;margin:0;font:inherit;color:inherit;cursor:pointer;
  text-align:start}
.k-round{display:grid;place-items:center;inline-size:44px;block-size:44px;border-radius:50%;flex:none;
  color:var(--k-muted)}
.k-round:hover{background:var(--k-other);color:var(--k-text)}
.k-link{color:var(--k-accent);text-decoration:underline;text-underline-offset:2px}
:is(.k-plain,.k-log,.k-composer textarea,.k-text a):focus-visible{outline:2px solid var(--k-accent);
  outline-offset:2px}
.k-log:focus-visible{outline-offset:-2px}
:is(.k-frame,.k-composer,.k-connection),:is(.k-frame,.k-composer,.k-connection) *{box-sizing:border-box}
@media(forced-colors:active){.k-bubble,.k-send{border:1px solid}}
[hidden]{display:none!important}
`;

const LOG = `
.k-frame{position:relative;display:flex;flex:1;min-block-size:0;min-inline-size:0;font:15px/1.5 var(--k-font);
  color:var(--k-text);background:var(--k-surface)}
.k-log{position:relative;flex:1;min-inline-size:0;display:flex;flex-direction:column;overflow:hidden auto;
  overflow-anchor:none;overscroll-behavior:contain;padding:8px 12px 12px;scrollbar-width:thin;
  scrollbar-color:var(--k-line) transparent}
.k-row{padding-block-start:4px}
.k-head{padding-block-start:12px}
.k-meta{display:flex;gap:8px;font-size:13px;color:var(--k-muted);margin-block-end:4px;padding-inline:4px;
  font-variant-numeric:tabular-nums}
.k-meta b{font-weight:600;overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.k-meta time{flex:none}
.k-line{display:flex;align-items:end;gap:4px}
.k-own .k-line{flex-direction:row-reverse}
.k-own .k-meta{justify-content:end}
.k-bubble{min-inline-size:0;max-inline-size:min(85%,640px);padding:8px 12px;border-radius:14px;
  background:var(--k-other);overflow-wrap:anywhere;overflow:clip}
.k-own .k-bubble{background:var(--k-own)}
.k-head .k-bubble{border-start-start-radius:4px}
.k-own.k-head .k-bubble{border-start-start-radius:14px;border-start-end-radius:4px}
.k-text{white-space:pre-wrap;text-align:start}
.k-text a{color:inherit;text-decoration:underline;text-underline-offset:2px;border-radius:2px}
.k-folded .k-text{max-block-size:270px;overflow:hidden;
  mask-image:linear-gradient(#000 calc(100% - 48px),transparent)}
.k-more{display:block;min-block-size:28px;margin-block-start:4px;font-size:13px;color:var(--k-accent);
  font-weight:600}
.k-own .k-more{color:var(--k-text)}
.k-state{color:var(--k-muted);flex:none;margin-block-end:2px}
.k-state .k-icon{inline-size:16px;block-size:16px}
.k-state[data-state=read]{color:var(--k-accent)}
.k-state[data-state=failed]{color:var(--k-danger)}
.k-state[data-state=sending] .k-icon{stroke-dasharray:4 4}
.k-fail{display:flex;justify-content:end;align-items:center;gap:4px;font-size:13px;color:var(--k-danger)}
.k-fail .k-plain{min-block-size:32px;padding-inline:4px;border-radius:6px}
.k-fail .k-round{inline-size:32px;color:var(--k-danger)}
.k-fail .k-icon{inline-size:16px;block-size:16px}
.k-system,.k-system .k-text{text-align:center}
.k-system{font-size:13px;color:var(--k-muted);padding:12px 24px 0;overflow-wrap:anywhere}
.k-divider{display:flex;align-items:center;gap:12px;padding-block-start:16px;font-size:13px;color:var(--k-muted);
  font-variant-numeric:tabular-nums}
.k-divider::before,.k-divider::after{content:"";flex:1;border-block-start:1px solid var(--k-line)}
.k-divider[data-kind=day]::before,.k-divider[data-kind=day]::after{border:0}
.k-divider[data-kind=unread]{color:var(--k-accent);font-weight:600}
.k-divider[data-kind=unread]::before,.k-divider[data-kind=unread]::after{border-color:currentColor;opacity:.5}
.k-top{block-size:32px;flex:none;display:grid;place-items:center;font-size:13px;color:var(--k-muted)}
.k-typing{padding:12px 4px 0;font-size:13px;color:var(--k-muted)}
.k-middle{margin:auto;padding:24px;text-align:center;color:var(--k-muted);white-space:pre-line}
.k-skeleton{display:grid;gap:12px;align-content:end;block-size:100%;overflow:hidden;animation:k-in .16s .16s both}
.k-skeleton i{block-size:40px;border-radius:14px;background:var(--k-other);inline-size:60%}
.k-skeleton i:nth-child(3n){justify-self:end;inline-size:44%;background:var(--k-own)}
.k-skeleton i:nth-child(4n){block-size:64px;inline-size:72%}
.k-pill{position:absolute;inset-block-end:12px;inset-inline:0;margin-inline:auto;inline-size:fit-content;
  display:flex;align-items:center;gap:4px;min-block-size:32px;padding-inline:12px;border-radius:16px;
  background:var(--k-surface);border:1px solid var(--k-line);box-shadow:var(--k-shadow);
  font:600 13px/1.5 var(--k-font);color:var(--k-accent);font-variant-numeric:tabular-nums;animation:k-in .14s}
.k-pill .k-icon{inline-size:16px;block-size:16px}
.k-found .k-bubble,.k-found.k-system{outline:2px solid var(--k-accent);outline-offset:2px}
@keyframes k-in{from{opacity:0}}
`;

const COMPOSER = `
.k-composer{position:relative;display:flex;align-items:end;gap:4px;padding:8px;
  border-block-start:1px solid var(--k-line);background:var(--k-surface);font:15px/1.5 var(--k-font);
  color:var(--k-text)}
.k-composer textarea{flex:1;min-inline-size:0;resize:none;margin:0;padding:10px 12px;min-block-size:44px;
  max-block-size:132px;border:1px solid var(--k-line);border-radius:14px;background:var(--k-surface);
  color:inherit;font:inherit;line-height:22px;overflow-wrap:anywhere;field-sizing:content;scrollbar-width:thin}
.k-composer textarea::placeholder{color:var(--k-muted);opacity:1}
.k-composer textarea:focus-visible{outline-offset:-1px;border-color:var(--k-accent)}
.k-composer textarea:disabled{background:var(--k-raised);color:var(--k-muted)}
.k-send{background:var(--k-accent);color:var(--k-on-accent)}
.k-send:hover{background:var(--k-accent);color:var(--k-on-accent);opacity:.88}
.k-send:disabled{background:var(--k-other);color:var(--k-muted);cursor:default;opacity:1}
.k-count{position:absolute;inset-block-end:100%;inset-inline-end:12px;padding:0 8px;
  border:1px solid var(--k-line);border-block-end:0;border-radius:10px 10px 0 0;font-size:13px;
  color:var(--k-muted);background:var(--k-surface);font-variant-numeric:tabular-nums}
.k-count[data-over]{color:var(--k-danger);font-weight:600}
.k-emoji{position:absolute;inset-block-end:100%;inset-inline-start:8px;z-index:1;display:grid;
  grid-template-columns:repeat(8,minmax(0,36px));padding:8px;max-inline-size:calc(100% - 16px);
  border:1px solid var(--k-line);border-radius:var(--k-radius);background:var(--k-surface);
  box-shadow:var(--k-shadow);animation:k-in .14s}
.k-emoji .k-plain{block-size:36px;border-radius:8px;
  font:20px/36px "Apple Color Emoji","Segoe UI Emoji","Noto Color Emoji",sans-serif;text-align:center}
.k-emoji .k-plain:hover{background:var(--k-other)}
`;

const LINE = `
.k-connection{display:flex;flex-wrap:wrap;align-items:center;justify-content:center;gap:0 8px;
  font:13px/1.5 var(--k-font);color:var(--k-muted);background:var(--k-raised);font-variant-numeric:tabular-nums}
.k-connection:not(:empty){padding:4px 12px;border-block-start:1px solid var(--k-line)}
.k-connection[data-bad]{color:var(--k-warn)}
.k-connection .k-plain{min-block-size:24px;padding-inline:4px}
@media(prefers-reduced-motion:reduce){.k-skeleton,.k-pill,.k-emoji{animation:none}}
`;

export const CHAT = BASE + LOG + COMPOSER + LINE;
