/* Science, template and difference side by side, with linked zoom and pointer. */

import { useEffect, useLayoutEffect, useRef, useState } from "../../vendor/preact-hooks.mjs";
import { magnify, noteShown } from "../actions.js";
import { PLANES, paint, pictures, visiblePart } from "../drawing.js";
import { html } from "../html.js";
import { retryStamps, stampsArrived, stampsOf } from "../stamps.js";
import {
  current, pointer, progress, queueKind, queueState, session, view, zoom,
} from "../state.js";
import { shortNumber } from "./parts.js";

const TITLES = { science: "Science", template: "Template", difference: "Difference" };

/** Size of an element's box in device pixels. */
function useDeviceSize(element) {
  const [size, setSize] = useState(0);
  useLayoutEffect(() => {
    const measure = () => setSize(
      Math.round(element.current.clientWidth * (window.devicePixelRatio || 1)),
    );
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element.current);
    return () => observer.disconnect();
  }, []);
  return size;
}

/** Place in the stamp under a pointer: pixel column, row and fractions, y up; null = outside. */
function placeOf(event, stamps, part) {
  const box = event.currentTarget.getBoundingClientRect();
  const column = part.left + ((event.clientX - box.left) / box.width) * part.size;
  const down = part.top + ((event.clientY - box.top) / box.height) * part.size;
  const row = stamps.height - down;
  if (column < 0 || row <= 0 || column >= stamps.width || row > stamps.height) return null;
  return {
    column: Math.floor(column), row: Math.min(stamps.height - 1, Math.floor(row)),
    x: column / stamps.width, y: row / stamps.height,
  };
}

function Cross({ stamps, part }) {
  const place = (column, row) => ({
    x: (100 * (column - part.left)) / part.size,
    y: (100 * (stamps.height - row - part.top)) / part.size,
  });
  const centre = place(stamps.width / 2, stamps.height / 2);
  const [gap, arm] = [(100 * 4.5) / part.size, (100 * 11) / part.size];
  const at = pointer.value && place(pointer.value.column + 0.5, pointer.value.row + 0.5);
  const ticks = [[1, 0], [-1, 0], [0, 1], [0, -1]].map(([dx, dy]) => (
    `M${centre.x + dx * gap} ${centre.y + dy * gap}L${centre.x + dx * arm} ${centre.y + dy * arm}`));
  return html`<svg class="cross" viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true">
    ${view.value.hasCrosshair && html`<path class="cross-under" d=${ticks.join("")} />
      <path class="cross-centre" d=${ticks.join("")} />`}
    ${at && html`<path class="cross-pointer" d=${`M${at.x} 0V100M0 ${at.y}H100`} />`}
  </svg>`;
}

function usePointer(stamps, part) {
  const drag = useRef(null);
  const onMove = (event) => {
    const from = drag.current;
    if (from && zoom.value.zoom > 1) {
      const width = event.currentTarget.clientWidth;
      const scale = part.size / stamps.width / width;
      zoom.value = {
        ...zoom.value,
        x: Math.min(1, Math.max(0, from.x - (event.clientX - from.clientX) * scale)),
        y: Math.min(1, Math.max(0, from.y + (event.clientY - from.clientY) * scale)),
      };
      return;
    }
    pointer.value = placeOf(event, stamps, part);
  };
  return {
    onPointerDown: (event) => {
      if (zoom.value.zoom > 1) event.currentTarget.setPointerCapture(event.pointerId);
      drag.current = { clientX: event.clientX, clientY: event.clientY, ...zoom.value };
      pointer.value = placeOf(event, stamps, part);
    },
    onPointerMove: onMove,
    onPointerUp: () => { drag.current = null; },
    onPointerLeave: () => { drag.current = null; pointer.value = null; },
    onWheel: (event) => {
      event.preventDefault();
      magnify(event.deltaY < 0 ? 1.25 : 0.8, placeOf(event, stamps, part));
    },
  };
}

/** Column and row; under the last plane the distance from the centre. */
function whereText(at, stamps, i) {
  const scale = current.value?.pixel_scale_arcsec;
  if (i < 2 || !scale) return `x ${at.column}, y ${at.row}`;
  const [dx, dy] = [at.column + 0.5 - stamps.width / 2, at.row + 0.5 - stamps.height / 2];
  return `${(Math.hypot(dx, dy) * scale).toFixed(1)}″ from centre`;
}

function Plane({ i, stamps }) {
  const frame = useRef(null);
  const canvas = useRef(null);
  const size = useDeviceSize(frame);
  const part = visiblePart(stamps, zoom.value);
  const { canvases, limits } = pictures(stamps, view.value);
  const handlers = usePointer(stamps, part);
  useLayoutEffect(() => {
    if (!size) return;
    if (canvas.current.width !== size) {
      canvas.current.width = size;
      canvas.current.height = size;
    }
    paint(canvas.current, limits[i] && canvases[i], part);
    canvas.current.dataset.key = stamps.key;
  });
  const at = pointer.value;
  const value = at ? stamps.planes[i][at.row * stamps.width + at.column] : null;
  return html`<figure class="plane">
    <div class="frame" ref=${frame} ...${handlers}>
      <canvas ref=${canvas} role="img" aria-label=${`${TITLES[PLANES[i]]} stamp`}></canvas>
      <${Cross} stamps=${stamps} part=${part} />
      ${!limits[i] && html`<span class="no-pixels">no pixels</span>`}
    </div>
    <figcaption><b>${TITLES[PLANES[i]]}</b>
      <span class="limits">${at
        ? html`<output><span class="where">${whereText(at, stamps, i)}</span> <b class="pixel">${
          Number.isFinite(value) ? shortNumber(value) : "missing"}</b></output>`
        : limits[i] && html`${shortNumber(limits[i][0])} … ${shortNumber(limits[i][1])}`}</span>
    </figcaption>
  </figure>`;
}

const BLANK = "\u00a0"; // keeps the height of a caption, so that nothing below jumps

function Empty({ title, children }) {
  return html`<div class="planes planes-empty">
    ${PLANES.map((name) => html`<figure class="plane" key=${name}><div class="frame"></div>
      <figcaption><b>${BLANK}</b><span class="limits">${BLANK}</span></figcaption></figure>`)}
    <div class="empty" role="status"><h2>${title}</h2>${children}</div>
  </div>`;
}

/** What is left, and what a list was asked for. */
function whatIsLeft() {
  const { n_listed: nListed } = session.value;
  const nOthers = progress.value?.n_left ?? 0;
  if (nOthers) {
    return `Nothing is left for you to label; ${nOthers === 1 ? "1 candidate waits"
      : `${nOthers} candidates wait`} for others.`;
  }
  if (nListed === null) return "Every candidate has its label.";
  return `All ${nListed} candidates of the list are labelled. If skyvet rounds asked for them, `
    + "stop this server and give the skyvet rounds command again.";
}

export function Finished() {
  const isAudit = queueKind.value === "audit";
  return html`<${Empty} title=${isAudit ? "No suspicious labels" : "The queue is finished"}>
    <p>${isAudit ? "Every suspicious label has been looked at, or there is no audit yet."
      : whatIsLeft()}</p>
  <//>`;
}

export function Triplet() {
  const item = current.value;
  stampsArrived.value;
  const stamps = item && stampsOf(item);
  useEffect(() => { if (stamps?.planes) noteShown(item.key); }, [item, stamps]);
  if (!item) {
    if (queueState.value === "finished") return html`<${Finished} />`;
    return html`<${Empty} title="Fetching candidates …" />`;
  }
  if (!stamps) return html`<${Empty} title="Fetching stamps …" />`;
  if (stamps.error) {
    return html`<${Empty} title="The stamps did not come"><p>${stamps.error}.</p>
      <button type="button" class="button" onClick=${() => retryStamps(item)}>Try again</button><//>`;
  }
  return html`<div id="triplet" class="planes" data-key=${item.key}>
    ${PLANES.map((name, i) => html`<${Plane} key=${name} i=${i} stamps=${stamps} />`)}
  </div>`;
}
