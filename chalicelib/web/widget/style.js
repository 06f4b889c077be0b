/** The looks of the button and the panel, beside the shared ones of `chat/`. Directions logical, but for the side. */

// On a small window the panel is the whole of it; `panel.js` makes it modal there.
export const SMALL = "(max-width: 480px), (max-height: 420px)";

// In a shadow root what is important wins over the page, and all that a page's style could reach is the host.
const HOST = `
:host{all:initial!important;color-scheme:var(--k-scheme)!important;position:fixed!important;
z-index:var(--k-z)!important}
.kefu{font:15px/1.5 var(--k-font);color:var(--k-text);-webkit-text-size-adjust:100%;
--up:calc(var(--slot,0)*72px + env(safe-area-inset-bottom));
--right:calc(20px + env(safe-area-inset-right));--left:auto}
.kefu[data-side=left]{--right:auto;--left:calc(20px + env(safe-area-inset-left))}
.kefu *{box-sizing:border-box}
.kefu :is(h2,p){margin:0}
`;

const LAUNCHER = `
.corner{position:fixed;inset-block-end:calc(20px + var(--up));right:var(--right);left:var(--left)}
.launcher{position:relative;display:grid;place-items:center;inline-size:56px;block-size:56px;border-radius:50%;
background:var(--k-accent);color:var(--k-on-accent);box-shadow:var(--k-shadow)}
.launcher .k-icon{inline-size:26px;block-size:26px}
.launcher[aria-expanded=true] .k-icon:first-child,.launcher[aria-expanded=false] .k-icon+.k-icon{display:none}
.badge{position:absolute;inset-block-start:-4px;inset-inline-end:-4px;min-inline-size:22px;padding-inline:5px;
border-radius:11px;border:2px solid var(--k-surface);background:var(--k-danger);color:var(--k-surface);
font:600 12px/18px var(--k-font);text-align:center}
`;

const PANEL = `
.panel{position:fixed;inset:auto var(--right) calc(92px + var(--up)) var(--left);inline-size:360px;block-size:560px;
max-block-size:calc(100dvh - 112px - var(--up));max-inline-size:none;margin:0;padding:0;
border:1px solid var(--k-line);border-radius:var(--k-radius);overflow:hidden;background:var(--k-surface);
color:var(--k-text);box-shadow:var(--k-shadow);outline:0;opacity:0;transform:translateY(8px);
transition:140ms allow-discrete;transition-property:opacity,transform,display,overlay}
.panel::backdrop{background:none}
.panel[open]{display:flex;flex-direction:column;opacity:1;transform:none}
@starting-style{.panel[open]{opacity:0;transform:translateY(8px)}}
.top{display:flex;align-items:center;gap:4px;min-block-size:73px;padding:8px;padding-inline-start:16px;flex:none;
background:var(--k-raised);border-block-end:1px solid var(--k-line)}
.dot{inline-size:10px;block-size:10px;margin-inline-end:4px;border-radius:50%;flex:none;
border:2px solid var(--k-accent);background:var(--k-accent)}
.dot[data-who=nobody]{border-color:var(--k-muted);background:none}
.dot[data-who=unknown]{display:none}
.who{flex:1;min-inline-size:0;font-size:13px;line-height:18px;color:var(--k-muted);overflow-wrap:anywhere}
.who>*{text-align:match-parent}
.who h2{font:600 15px/20px var(--k-font);color:var(--k-text);overflow:hidden;text-overflow:ellipsis;
white-space:nowrap}
.who p{text-wrap:balance;overflow:hidden;display:-webkit-box;-webkit-box-orient:vertical;-webkit-line-clamp:2}
.body{flex:1;display:flex;min-block-size:0}
.card{margin:auto;padding:24px;display:grid;gap:16px;justify-items:center;text-align:center;color:var(--k-muted);
overflow-wrap:anywhere}
.action{padding:10px 24px;border-radius:22px;font-weight:600;text-decoration:none}
:is(.notice,.closed){flex:none;background:var(--k-raised);font-size:13px}
.notice{display:flex;padding-inline-start:16px;border-block-end:1px solid var(--k-line)}
.notice p{flex:1;min-inline-size:0;padding-block:12px;max-block-size:120px;overflow:auto;overflow-wrap:anywhere;
white-space:pre-line}
.closed{padding:8px 16px;text-align:center;color:var(--k-muted);border-block-start:1px solid var(--k-line)}
`;

const MENU = `
.more{position:relative;flex:none}
.more .k-icon{stroke-width:3}
.menu{position:absolute;inset-block-start:100%;inset-inline-end:0;z-index:2;inline-size:max-content;
min-inline-size:176px;padding:4px;border:1px solid var(--k-line);border-radius:var(--k-radius);
background:var(--k-surface);box-shadow:var(--k-shadow)}
.menu .k-plain{display:flex;align-items:center;justify-content:space-between;gap:16px;inline-size:100%;
min-block-size:44px;padding-inline:12px;border-radius:6px}
.menu .k-plain:is(:hover,:focus){background:var(--k-other)}
.switch{flex:none;inline-size:34px;padding:2px;border-radius:10px;background:var(--k-muted)}
.switch::after{content:"";display:block;inline-size:16px;block-size:16px;border-radius:50%;
background:var(--k-surface)}
[aria-checked=true] .switch{background:var(--k-accent);padding-inline-start:16px}
`;

// What does not scroll itself must not scroll the page behind. And below 16 px a phone enlarges the whole page as soon
// as one begins to write.
const WHERE = `
@media ${SMALL}{
.panel{inset:var(--visible-top,0) 0 auto;inline-size:100%;block-size:var(--visible-height,100dvh);max-block-size:none;
border:0;border-radius:0;
padding:env(safe-area-inset-top) env(safe-area-inset-right) env(safe-area-inset-bottom) env(safe-area-inset-left)}
:is(.top,.card,.closed){touch-action:pinch-zoom}
}
@media(pointer:coarse){.k-composer textarea{font-size:16px}}
@media(prefers-reduced-motion:reduce){.panel{transition:none}}
@media(forced-colors:active){
.launcher,.action,.switch{border:1px solid}
.dot,.badge,.switch::after{background:CanvasText;color:Canvas;forced-color-adjust:none}
}
@media print{.kefu{display:none}}
`;

export const sheet = new CSSStyleSheet();
sheet.replaceSync(HOST + LAUNCHER + PANEL + MENU + WHERE);
