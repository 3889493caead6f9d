/* How the planes are shown: limits, curve, colours, zoom. */

import { magnify } from "../actions.js";
import { COLOUR_MAPS } from "../colour_maps.js";
import { html } from "../html.js";
import { changeView, mode, view, zoom } from "../state.js";
import { CURVES, LIMITS } from "../stretch.js";
import { Choice, Key, KeyButton } from "./parts.js";

const PLANES = [
  { kind: 0, title: "science" }, { kind: 1, title: "template" }, { kind: 2, title: "difference" },
];

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
    ${!isGrid && html`${colours}
    <${KeyButton} kind="small" keyHint="x" isOn=${now.hasCrosshair}
      onClick=${() => changeView({ hasCrosshair: !now.hasCrosshair })}>Cross<//>
    <${Zoom} />`}
  </div>`;
}
