/* What a labeller can do with the candidate at hand. */

import { batch } from "../vendor/preact-signals.mjs";
import { deliver, nPending, post, trouble } from "./outbox.js";
import { askAnew, refill, removeItems, returnItems, setAside } from "./queue.js";
import { isReady } from "./stamps.js";
import {
  canLabel, comment, confidence, current, foldPeriod, history, isOfSources, isScoreHidden, items,
  message, mode, pointer, queueKind, strategy, ticked, zoom,
} from "./state.js";

const MAX_HISTORY = 600;
const CONFIDENCES = [null, 25, 50, 75, 100];
const MAX_TIME_S = 3600;

let shownKey = null;
let shownSince = 0;
let hiddenSince = 0;

/** Begin to count the time that a candidate is on screen; a hidden page does not count. */
export function noteShown(key) {
  if (key === shownKey) return;
  shownKey = key;
  shownSince = performance.now();
}

/** Stop the clock while the page is hidden. */
export function watchVisibility() {
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) hiddenSince = performance.now();
    else if (hiddenSince) shownSince += performance.now() - hiddenSince;
  });
}

export function secondsShown() {
  return Math.min(MAX_TIME_S, Math.max(0, (performance.now() - shownSince) / 1000));
}

export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** A label as the server wants it. */
export function labelEvent(item, { value, subclass = "", timeTakenS, note = "", percent = null }) {
  return {
    event_key: newKey(),
    key: item.key,
    action: "label",
    value,
    subclass,
    confidence: percent === null ? null : percent / 100,
    comment: note,
    time_taken_s: Math.round(timeTakenS * 1000) / 1000,
    labelled_at: new Date().toISOString(),
    is_score_hidden: isScoreHidden() && (item.score ?? null) === null,
    strategy: item.strategy ?? "",
    undoes: "",
  };
}

/** Label the current candidate and show the next one. */
export function label(value, subclass = "") {
  const item = current.value;
  if (!item || !canLabel.value) return;
  if (!isReady(item)) {
    message.value = "No label before all is shown: wait for it, or skip";
    return;
  }
  const event = labelEvent(item, {
    value, subclass, timeTakenS: secondsShown(), note: comment.value.trim(),
    percent: confidence.value,
  });
  batch(() => {
    remember([{ item, event, score: item.score }]);
    removeItems([item]);
    startAfresh();
    message.value = `${idOf(item)}: ${subclass || value}`;
  });
  post([{ event, item }]);
}

/** Note what was done as one group, which one undo takes back. */
export function remember(entries) {
  const group = newKey();
  history.value = [...entries.map((entry) => ({ ...entry, group })), ...history.value]
    .slice(0, MAX_HISTORY);
}

function startAfresh() {
  confidence.value = null;
  comment.value = "";
  pointer.value = null;
  ticked.value = new Set();
  foldPeriod.value = null;
  zoom.value = { ...zoom.value, x: 0.5, y: 0.5 };
}

/** Pass the current candidate over without a label. */
export function skip() {
  const item = current.value;
  if (!item) return;
  batch(() => {
    remember([{ item, event: null, score: null }]);
    setAside([item]);
    removeItems([item]);
    startAfresh();
    message.value = `${idOf(item)}: skipped`;
  });
}

/** Take the last key press back; its candidate is shown again. */
export function undo() {
  const last = history.value[0];
  if (!last) {
    message.value = "Nothing to take back";
    return;
  }
  undoGroup(last.group);
}

/** Take back one group of the history, wherever it stands. */
export function undoGroup(group) {
  const entries = history.value.filter((entry) => entry.group === group);
  const labelled = entries.filter((entry) => entry.event);
  batch(() => {
    history.value = history.value.filter((entry) => entry.group !== group);
    startAfresh();
    returnItems(entries.map((entry) => entry.item));
    if (isOfSources.value) ticked.value = new Set(tagsOf(entries[0].event?.subclass));
    message.value = entries.length > 1 ? `Took back ${entries.length} labels`
      : `Took back ${idOf(entries[0].item)}`;
  });
  if (labelled.length) post(labelled.map(({ item, event }) => ({ item, event: undoEvent(event) })));
}

/** Tags of a label that names several classes. */
export const tagsOf = (subclass) => (subclass ? subclass.split("+") : []);

function undoEvent(event) {
  return {
    ...event,
    event_key: newKey(),
    action: "undo",
    value: null,
    subclass: "",
    confidence: null,
    comment: "",
    time_taken_s: null,
    labelled_at: new Date().toISOString(),
    undoes: event.event_key,
  };
}

/** Agree with the label that the audit suspects. */
export function keep() {
  const item = current.value;
  if (queueKind.value === "audit" && item?.given_label) label(item.given_label);
}

/** Give the opposite of the label that the audit suspects. */
export function flip() {
  const item = current.value;
  if (queueKind.value !== "audit" || !item?.given_label) return;
  label(item.given_label === "real" ? "bogus" : "real");
}

/** Raise (1) or lower (-1) the confidence of the label to come. */
export function stepConfidence(step) {
  const i = CONFIDENCES.indexOf(confidence.value) + step;
  confidence.value = CONFIDENCES[Math.min(CONFIDENCES.length - 1, Math.max(0, i))];
  message.value = confidence.value === null ? "No confidence given"
    : `Confidence ${confidence.value} %`;
}

export function chooseQueue(kind) {
  if (queueKind.value === kind) return;
  queueKind.value = kind;
  if (kind === "audit") mode.value = "single";
  startAfresh();
  askAnew();
}

export function chooseStrategy(kind) {
  strategy.value = kind;
  askAnew({ nKept: Math.min(1, items.value.length) });
}

export function chooseMode(kind) {
  if (kind === "grid") chooseQueue("strategy");
  mode.value = kind;
  startAfresh();
  refill();
}

/** Magnify by a factor, around a point given as fractions of the stamp. */
export function magnify(factor, around = null) {
  const old = zoom.value;
  const magnified = Math.min(16, Math.max(1, old.zoom * factor));
  if (magnified === 1) {
    zoom.value = { zoom: 1, x: 0.5, y: 0.5 };
    return;
  }
  const shift = 1 - old.zoom / magnified;
  const towards = (from, to) => from + (to - from) * shift;
  zoom.value = around
    ? { zoom: magnified, x: towards(old.x, around.x), y: towards(old.y, around.y) }
    : { ...old, zoom: magnified };
}

export const retryNow = () => { deliver(); refill(); };

/** Warn before the page is left with labels that lie nowhere but in memory. */
export function warnBeforeLeaving(isStorageSafe) {
  window.addEventListener("beforeunload", (event) => {
    if (nPending.value && (trouble.value || nPending.value > 200) && !isStorageSafe.value) {
      event.preventDefault();
    }
  });
}

export function idOf(item) {
  return item.object_id ? String(item.object_id) : item.candidate_id;
}
