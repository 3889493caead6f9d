/* Grid mode: a screen of candidates, the exceptions marked, the rest labelled at once. */

import { useEffect, useLayoutEffect, useRef } from "../../vendor/preact-hooks.mjs";
import { noteShown, undo } from "../actions.js";
import {
  N_CELLS, applySweep, base, cells, chooseBase, focused, iCell, mark, marks, moveTo, nColumns,
  nToLabel, seen, toggle, verdictOf,
} from "../grid_actions.js";
import { classes, html } from "../html.js";
import { canLabel, history, queueState, view } from "../state.js";
import { KeyButton } from "./parts.js";
import { Thumb } from "./recent.js";
import { ViewBar } from "./view_bar.js";

const LETTERS = { real: "R", bogus: "B", unknown: "U", skip: "S" };
const GAP_PX = 6;
const PADDING_PX = 6;
const SMALLEST_PX = 72;

/** Columns that show all cells as large as possible. */
export function bestColumns(n, width, height) {
  let best = { columns: 1, size: 0 };
  for (let columns = 2; columns <= 16; columns++) {
    const rows = Math.ceil(n / columns);
    const size = Math.min((width - (columns - 1) * GAP_PX) / columns,
      (height - (rows - 1) * GAP_PX) / rows);
    if (size > best.size) best = { columns, size };
  }
  if (best.size >= SMALLEST_PX) return best;
  const columns = Math.max(2, Math.floor((width + GAP_PX) / (SMALLEST_PX + GAP_PX)));
  return { columns, size: (width - (columns - 1) * GAP_PX) / columns };
}

function Cell({ item, i }) {
  const element = useRef(null);
  const isFocused = iCell.value === i;
  const marked = marks.value.get(item.key);
  const verdict = verdictOf(item);
  useEffect(() => {
    if (isFocused && !document.activeElement?.matches("input, select, textarea")) {
      element.current.focus({ preventScroll: false });
    }
  }, [isFocused, item.key]);
  return html`<button type="button" role="gridcell" ref=${element} tabindex=${isFocused ? 0 : -1}
      class=${classes("cell", `cell-${verdict}`, marked && "is-marked")} data-key=${item.key}
      aria-label=${`${item.object_id ?? item.candidate_id}: ${verdict}`}
      onFocus=${() => moveTo(i)} onClick=${() => { moveTo(i); if (canLabel.value) toggle(item); }}>
    <${Thumb} item=${item} i=${view.value.gridPlane} size=${160} />
    ${canLabel.value && html`<span class="badge">${LETTERS[verdict]}</span>`}
  </button>`;
}

function Sweep() {
  const marked = marks.value.size;
  const n = seen.value.length;
  if (!canLabel.value) return null;
  return html`<div class="sweep">
    <div class="choice" role="group" aria-label="Label of all unmarked">
      <span class="choice-name">All unmarked are</span>
      ${["bogus", "real"].map((value) => html`<button type="button" key=${value}
        class=${classes(base.value === value && "is-on", `base-${value}`)}
        aria-pressed=${String(base.value === value)} onClick=${() => chooseBase(value)}>
        ${value} <kbd>${value === "real" ? "⇧R" : "⇧B"}</kbd></button>`)}
    </div>
    <${KeyButton} keyHint="u" onClick=${() => mark(focused.value, "unknown")}>Unknown<//>
    <${KeyButton} keyHint="s" onClick=${() => mark(focused.value, "skip")}>Leave out<//>
    <span class="quiet" id="n-marked">${marked} marked</span>
    <span class="gap"></span>
    <${KeyButton} keyHint="z" kind="big" isDisabled=${!history.value.length} onClick=${undo}>Undo<//>
    <${KeyButton} keyHint="Enter" kind=${`big primary ${base.value}`} isDisabled=${!n}
      onClick=${applySweep}>${nToLabel.value ? `Label ${nToLabel.value}` : `Leave out ${n}`}<//>
  </div>`;
}

export function Grid() {
  const field = useRef(null);
  const shown = cells.value;
  useEffect(() => { if (shown.length) noteShown(`grid/${shown[0].key}`); }, [shown[0]?.key]);
  useLayoutEffect(() => {
    const measure = () => {
      const box = field.current;
      const best = bestColumns(N_CELLS, box.clientWidth - PADDING_PX,
        box.clientHeight - PADDING_PX);
      nColumns.value = best.columns;
      box.style.setProperty("--columns", best.columns);
      box.style.setProperty("--cell", `${Math.floor(best.size)}px`);
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(field.current);
    return () => observer.disconnect();
  }, []);
  return html`
    <${ViewBar} />
    <div class="field" role="grid" aria-label="Candidates" ref=${field}>
      ${shown.map((item, i) => html`<${Cell} key=${item.key} item=${item} i=${i} />`)}
      ${!shown.length && html`<div class="empty" role="status"><h2>${
        queueState.value === "finished" ? "The queue is finished" : "Fetching candidates …"}</h2></div>`}
    </div>
    <${Sweep} />`;
}
