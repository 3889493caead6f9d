/* The queue: items asked for ahead of the labeller, their stamps and pictures made ready. */

import { effect } from "../vendor/preact-signals.mjs";
import { ServerError, askQueue, getProgress, releaseQueue } from "./api.js";
import { pictures } from "./drawing.js";
import { noteCall, pending } from "./outbox.js";
import { prefetch, stampsArrived, stampsOf } from "./stamps.js";
import {
  canLabel, history, isOfSources, items, message, mode, progress, queueKind, queueState, round,
  strategy, view,
} from "./state.js";

const N_AHEAD = { single: 40, grid: 96 };
const N_ENOUGH = { single: 24, grid: 72 };
const N_DRAWN_AHEAD = 6;
const N_SOURCES_AHEAD = 5; // the server measures each when it is asked
const POLL_MS = 10000;
const RETRY_MS = 2000;
const MAX_EXCLUDED = 2000;

/** Keys that were passed over and that the server does not know of yet. */
const skippedHere = new Set();
/** Keys that undo brought back: the store may still call them labelled. */
const broughtBack = new Set();
let isAsking = false;
let generation = 0;
let roundOfQueue = null;
let retryTimer = 0;

/** Keep the queue filled, stamps fetched, pictures drawn and progress fresh. */
export function startQueue() {
  effect(() => {
    const n = isOfSources.value ? N_SOURCES_AHEAD : N_AHEAD[mode.value];
    prefetch(items.value.slice(0, n));
  });
  effect(() => {
    stampsArrived.value;
    drawAhead(items.value.slice(1, 1 + N_DRAWN_AHEAD), view.value);
  });
  refill();
  pollProgress();
  setInterval(pollProgress, POLL_MS);
}

function drawAhead(next, settings) {
  const draw = () => next.forEach((item) => {
    const stamps = stampsOf(item);
    if (stamps?.planes) pictures(stamps, settings);
  });
  if ("requestIdleCallback" in window) requestIdleCallback(draw, { timeout: 200 });
  else setTimeout(draw, 0);
}

/** Ask for more where the browser holds too few. */
export async function refill() {
  const n = N_AHEAD[mode.value];
  if (isAsking || items.value.length >= N_ENOUGH[mode.value]) return;
  isAsking = true;
  const asked = generation;
  clearTimeout(retryTimer);
  try {
    const answer = await askQueue({
      n: n - items.value.length,
      queue: queueKind.value,
      strategy: strategy.value,
      exclude: keysInBrowser(),
    });
    if (asked === generation) takeAnswer(answer);
    noteCall(null);
  } catch (error) {
    if (!(error instanceof ServerError)) throw error;
    noteCall(error);
    retryTimer = setTimeout(refill, RETRY_MS);
  } finally {
    isAsking = false;
  }
  if (asked !== generation) refill();
}

function takeAnswer(answer) {
  dropLost(new Set(answer.lost ?? []));
  const here = new Set(keysInBrowser());
  const fresh = answer.items.filter((item) => !here.has(item.key));
  items.value = [...items.value, ...fresh];
  round.value = answer.round ?? 0;
  roundOfQueue = answer.round ?? 0;
  queueState.value = fresh.length || items.value.length ? "ready" : "finished";
}

/** Leases that ran out while nobody was here: others have these candidates now. */
function dropLost(lost) {
  const left = items.value.filter(({ key }) => !lost.has(key) || broughtBack.has(key));
  const nLost = items.value.length - left.length;
  if (!nLost) return;
  items.value = left;
  message.value = `${nLost} candidates went to another labeller meanwhile`;
}

function keysInBrowser() {
  const onTheWay = pending.value.map(({ event }) => event.key);
  const ahead = items.value.map((item) => item.key);
  return [...new Set([...ahead, ...onTheWay, ...skippedHere])].slice(0, MAX_EXCLUDED);
}

/** Take items off the queue and ask for more. */
export function removeItems(gone) {
  const keys = new Set(gone.map((item) => item.key));
  items.value = items.value.filter((item) => !keys.has(item.key));
  if (!items.value.length) queueState.value = "asking";
  refill();
}

/** Put items back to the front of the queue. */
export function returnItems(back) {
  back.forEach((item) => {
    skippedHere.delete(item.key);
    broughtBack.add(item.key);
  });
  const keys = new Set(back.map((item) => item.key));
  items.value = [...back, ...items.value.filter((item) => !keys.has(item.key))];
  queueState.value = "ready";
}

/** Pass items over: others may have them, and here they come last. */
export async function setAside(gone) {
  const keys = gone.map((item) => item.key);
  keys.forEach((key) => skippedHere.add(key));
  if (!canLabel.value || !keys.length) return;
  await tell(releaseQueue(keys, true));
  keys.forEach((key) => skippedHere.delete(key));
  refill();
}

/** Throw the queue away (but `n_kept` items) and ask anew: another queue, strategy or round. */
export function askAnew({ nKept = 0 } = {}) {
  const gone = items.value.slice(nKept);
  generation += 1;
  items.value = items.value.slice(0, nKept);
  if (!nKept) queueState.value = "asking";
  if (gone.length && canLabel.value) tell(releaseQueue(gone.map((item) => item.key)));
  refill();
}

/** A request whose failure costs nothing: leases end by themselves. */
async function tell(request) {
  try {
    await request;
  } catch (error) {
    if (!(error instanceof ServerError)) throw error;
  }
}

/** Fetch progress; a new round means a new ranking. */
export async function pollProgress() {
  try {
    progress.value = await getProgress();
    noteCall(null);
  } catch (error) {
    if (!(error instanceof ServerError)) throw error;
    noteCall(error);
    return;
  }
  const now = progress.value.round ?? 0;
  if (round.value === null) round.value = now;
  if (queueState.value === "finished") refill();
  if (roundOfQueue === null || now === roundOfQueue || queueKind.value !== "strategy") return;
  roundOfQueue = now;
  round.value = now;
  message.value = `Round ${now}: the queue is ranked anew`;
  if (mode.value === "single") askAnew({ nKept: 1 });
}

/** Scores that the server revealed after labelling. */
export function takeScores(scores) {
  if (!scores || !Object.keys(scores).length) return;
  history.value = history.value.map((entry) => (entry.item.key in scores
    ? { ...entry, score: scores[entry.item.key] } : entry));
}
