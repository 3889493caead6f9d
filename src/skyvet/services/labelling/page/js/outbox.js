/*
 * Labels on their way to the store. Each event lies in the browser's own storage from the key
 * press until the server says that the store has it; its key makes a second delivery harmless.
 */

import { computed, signal } from "../vendor/preact-signals.mjs";
import { ServerError, sendLabels } from "./api.js";

const N_PER_DELIVERY = 100;
const SIGNED_OUT = new Set(["signed-out", "no-account"]);
const DELAYS_MS = [500, 1000, 2000, 4000, 8000];

/** Entries {event, item, order}, oldest first. */
export const pending = signal([]);
/** null while all is well, else {kind, message}. */
export const trouble = signal(null);
/** Events that the server refused for good: [{event, reason}]. */
export const refused = signal([]);
/** False where the browser keeps nothing (private mode, storage full). */
export const isStorageSafe = signal(true);

export const nPending = computed(() => pending.value.length);

let prefix = "skyvet/outbox/";
let lastOrder = 0;
let isDelivering = false;
let nFailures = 0;
let timer = 0;
let onDelivered = () => {};

/** Begin with what an earlier page of this labeller and dataset left behind. */
export function openOutbox(session, { delivered }) {
  prefix = `skyvet/outbox/${session.dataset.name}/${session.labeller}/`;
  onDelivered = delivered;
  pending.value = stored();
  lastOrder = pending.value.at(-1)?.order ?? 0;
  window.addEventListener("online", () => deliver());
  deliver();
}

function stored() {
  const entries = [];
  for (const name of Object.keys(localStorage)) {
    if (!name.startsWith(prefix)) continue;
    try {
      entries.push(JSON.parse(localStorage.getItem(name)));
    } catch {
      localStorage.removeItem(name);
    }
  }
  return entries.sort((a, b) => a.order - b.order);
}

/** Put events into the box, safely stored, and deliver them when possible. */
export function post(entries) {
  const numbered = entries.map((entry) => {
    lastOrder = Math.max(lastOrder + 1, Date.now() * 1000);
    return { ...entry, order: lastOrder };
  });
  for (const entry of numbered) {
    try {
      localStorage.setItem(prefix + entry.event.event_key, JSON.stringify(entry));
    } catch {
      isStorageSafe.value = false;
    }
  }
  pending.value = [...pending.value, ...numbered];
  queueMicrotask(deliver);
}

/** Try now; after a failure, again and again with growing pauses. */
export async function deliver() {
  if (isDelivering) return;
  clearTimeout(timer);
  isDelivering = true;
  try {
    while (pending.value.length) await deliverSome();
    nFailures = 0;
    if (trouble.value && !SIGNED_OUT.has(trouble.value.kind)) trouble.value = null;
  } catch (error) {
    noteFailure(error);
  } finally {
    isDelivering = false;
  }
}

async function deliverSome() {
  const batch = pending.value.slice(0, N_PER_DELIVERY);
  const answer = await sendLabels(batch.map((entry) => entry.event));
  const unwelcome = new Map((answer.refused ?? []).map((r) => [r.event_key, r.reason]));
  const done = new Set([...answer.acknowledged, ...unwelcome.keys()]);
  if (!done.size) throw new ServerError("store", "the server acknowledged no label");
  for (const { event } of batch) {
    if (!done.has(event.event_key)) continue;
    if (unwelcome.has(event.event_key)) {
      refused.value = [...refused.value, { event, reason: unwelcome.get(event.event_key) }];
    }
    localStorage.removeItem(prefix + event.event_key);
  }
  pending.value = pending.value.filter(({ event }) => !done.has(event.event_key));
  nFailures = 0;
  trouble.value = null;
  onDelivered(answer);
}

function noteFailure(error) {
  if (!(error instanceof ServerError)) throw error;
  trouble.value = { kind: error.kind, message: error.message };
  timer = setTimeout(deliver, DELAYS_MS[Math.min(nFailures, DELAYS_MS.length - 1)]);
  nFailures += 1;
}

/** Report how a call outside the outbox went, so that one banner tells of all trouble. */
export function noteCall(error) {
  if (error) {
    trouble.value = { kind: error.kind, message: error.message };
  } else if (!pending.value.length) {
    trouble.value = null;
  } else {
    deliver();
  }
}
