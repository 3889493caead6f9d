/* The page's beginning: session, what an earlier visit left behind, queue, keys. */

import { render } from "../vendor/preact.mjs";
import { watchVisibility, warnBeforeLeaving } from "./actions.js";
import { ServerError, getRecent, getSession } from "./api.js";
import { App } from "./components/app.js";
import { html } from "./html.js";
import { listenToKeys } from "./keys.js";
import { isStorageSafe, openOutbox, pending } from "./outbox.js";
import { pollProgress, startQueue, takeScores } from "./queue.js";
import { history, queueKind, rememberSettings, session, startError, strategy } from "./state.js";

const N_RECENT = 50;
const RETRY_MS = 2000;

async function start() {
  rememberSettings();
  const root = document.getElementById("app");
  root.replaceChildren();
  render(html`<${App} />`, root);
  session.value = await untilAnswered(getSession);
  strategy.value = session.value.strategy || null;
  queueKind.value = session.value.default_queue ?? "strategy";
  document.title = `${session.value.dataset.name} · skyvet labelling`;
  if (session.value.can_label) await takeUpWork();
  startQueue();
  listenToKeys();
  watchVisibility();
  warnBeforeLeaving(isStorageSafe);
}

/** Ask until the server answers; say why meanwhile. */
async function untilAnswered(ask) {
  for (;;) {
    try {
      const answer = await ask();
      startError.value = null;
      return answer;
    } catch (error) {
      if (!(error instanceof ServerError)) throw error;
      startError.value = { kind: error.kind, message: error.message };
      await new Promise((resume) => { setTimeout(resume, RETRY_MS); });
    }
  }
}

/** Labels of an earlier visit: those in the store, and those still on their way. */
async function takeUpWork() {
  openOutbox(session.value, { delivered: onDelivered });
  const waiting = pending.value;
  let stored = [];
  try {
    stored = (await getRecent(N_RECENT)).labels ?? [];
  } catch (error) {
    if (!(error instanceof ServerError)) throw error;
  }
  const undone = new Set(waiting.map(({ event }) => event.undoes).filter(Boolean));
  const mine = waiting.filter(({ event }) => event.action === "label").reverse();
  const known = new Set(mine.map(({ event }) => event.event_key));
  history.value = [
    ...mine.map(({ item, event }) => ({ item, event, score: null })),
    ...stored.filter((row) => !known.has(row.event_key)).map(entryOf),
  ].filter(({ event }) => !undone.has(event.event_key))
    .map((entry) => ({ ...entry, group: entry.event.event_key }));
}

function entryOf({ item, score, ...event }) {
  return { item, event: { ...event, action: "label" }, score: score ?? null };
}

let progressTimer = 0;

function onDelivered({ scores }) {
  takeScores(scores);
  clearTimeout(progressTimer);
  progressTimer = setTimeout(pollProgress, 300);
}

start();
