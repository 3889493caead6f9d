/* How the planes are shown: limits, curve, colours, zoom; and where the pointer is. */

import { magnify } from "../actions.js";
import { COLOUR_MAPS } from "../colour_maps.js";
import { html } from "../html.js";
import { stampsOf } from "../stamps.js";
import { changeView, current, mode, pointer, view, zoom } from "../state.js";
import { CURVES, LIMITS } from "../stretch.js";
import { Choice, Key, KeyButton } from "./parts.js";

const PLANES = [
  { kind: 0, title: "science" }, { kind: 1, title: "template" }, { kind: 2, title: "difference" },
];

function Position() {
  const [at, item] = [pointer.value, current.value];
  const stamps = item && stampsOf(item);
  if (!at || !stamps?.planes) return html`<span class="position"></span>`;
  const scale = item.pixel_scale_arcsec;
  const [dx, dy] = [at.column + 0.5 - stamps.width / 2, at.row + 0.5 - stamps.height / 2];
  const offset = scale ? ` · ${(Math.hypot(dx, dy) * scale).toFixed(1)}″ from the centre` : "";
  return html`<span class="position">x ${at.column}, y ${at.row}${offset}</span>`;
}

function Zoom() {
  return html`<div class="choice" role="group" aria-label="Zoom">
    <button type="button" aria-label="Zoom out" disabled=${zoom.value.zoom <= 1}
      onClick=${() => magnify(0.5)}>−</button>
    <span class="choice-value">${Number(zoom.value.zoom.toFixed(1))}×</span>
    <button type="button" aria-label="Zoom in" onClick=${() => magnify(2)}>+</button>
  </div>`;
}

export function ViewBar() {
  const now = view.value;
  const isGrid = mode.value === "grid";
  const colours = html`<label class="select">Colours<${Key} name="m" />
    <select value=${now.colours} onChange=${(e) => changeView({ colours: e.target.value })}>
      ${COLOUR_MAPS.map(({ kind, title }) => html`<option key=${kind} value=${kind}>${title}</option>`)}
    </select></label>`;
  return html`<div class="view-bar" role="toolbar" aria-label="View">
    ${isGrid && html`<${Choice} name="Plane" keyHint="p" kinds=${PLANES} value=${now.gridPlane}
      onChoose=${(gridPlane) => changeView({ gridPlane })} />`}
    <${Choice} name="Limits" keyHint="v" kinds=${LIMITS} value=${now.limits}
      onChoose=${(limits) => changeView({ limits })} />
    <${Choice} name="Curve" keyHint="l" kinds=${CURVES} value=${now.curve}
      onChoose=${(curve) => changeView({ curve })} />
    <${KeyButton} kind="small" keyHint="i" isOn=${now.isInverted}
      onClick=${() => changeView({ isInverted: !now.isInverted })}>Invert<//>
    <${KeyButton} kind="small" keyHint="h" isOn=${now.isShared} title="One scale for all planes"
      onClick=${() => changeView({ isShared: !now.isShared })}>Shared<//>
    ${colours}
    ${!isGrid && html`<${KeyButton} kind="small" keyHint="x" isOn=${now.hasCrosshair}
      onClick=${() => changeView({ hasCrosshair: !now.hasCrosshair })}>Cross<//>
    <${Zoom} /><${Position} />`}
  </div>`;
}
