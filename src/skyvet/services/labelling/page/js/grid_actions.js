/* Grid mode: one label for a whole screen of candidates, save those that are marked. */

import { batch, computed, signal } from "../vendor/preact-signals.mjs";
import { labelEvent, remember, secondsShown } from "./actions.js";
import { post } from "./outbox.js";
import { removeItems, setAside } from "./queue.js";
import { stampsArrived, stampsOf } from "./stamps.js";
import { canLabel, items, message } from "./state.js";

export const N_CELLS = 48;

/** Label of every cell that is not marked. */
export const base = signal("bogus");
/** Marked cells: key -> "real", "bogus", "unknown" or "skip". */
export const marks = signal(new Map());
/** Place of the cell with the focus. */
export const iCell = signal(0);
export const nColumns = signal(8);

export const cells = computed(() => items.value.slice(0, N_CELLS));
/** Cells whose stamps are there: what nobody could see gets no label. */
export const seen = computed(() => {
  stampsArrived.value;
  return cells.value.filter((item) => stampsOf(item)?.planes);
});
export const focused = computed(() => cells.value[Math.min(iCell.value, cells.value.length - 1)]
  ?? null);

/** What a cell will become. */
export const verdictOf = (item) => marks.value.get(item.key) ?? base.value;
/** How many labels a sweep will give: cells that are left out get none. */
export const nToLabel = computed(() => (
  seen.value.filter((item) => verdictOf(item) !== "skip").length));

/** Move the focus by columns and rows, or to a place. */
export function moveTo(place) {
  iCell.value = Math.min(Math.max(place, 0), Math.max(cells.value.length - 1, 0));
}

export function step(columns, rows) {
  const place = iCell.value + columns + rows * nColumns.value;
  if (place >= 0 && place < cells.value.length) iCell.value = place;
}

/** Mark a cell; the same mark again, or the label of all, unmarks it. */
export function mark(item, value) {
  if (!item || !canLabel.value) return;
  const next = new Map(marks.value);
  if (next.get(item.key) === value || value === base.value) next.delete(item.key);
  else next.set(item.key, value);
  marks.value = next;
}

/** Switch a cell between the label of all and its opposite. */
export function toggle(item) {
  mark(item, base.value === "real" ? "bogus" : "real");
}

export function chooseBase(value) {
  base.value = value;
  marks.value = new Map([...marks.value].filter(([, marked]) => marked !== value));
  message.value = `All unmarked: ${value}`;
}

/** Label every cell as it stands and bring the next ones. */
export function applySweep() {
  const swept = seen.value;
  if (!swept.length || !canLabel.value) return;
  const timeTakenS = secondsShown() / swept.length;
  const entries = swept.map((item) => {
    const value = verdictOf(item);
    const event = value === "skip" ? null : labelEvent(item, { value, timeTakenS });
    return { item, event, score: event ? item.score : null };
  });
  const labelled = entries.filter((entry) => entry.event);
  batch(() => {
    remember(entries);
    setAside(entries.filter((entry) => !entry.event).map((entry) => entry.item));
    removeItems(swept);
    marks.value = new Map();
    iCell.value = 0;
    message.value = `Labelled ${labelled.length} candidates`;
  });
  post(labelled.map(({ item, event }) => ({ item, event })));
}
