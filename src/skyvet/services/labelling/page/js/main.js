/* The page's beginning: session, what an earlier visit left behind, queue, keys. */

import { render } from "../vendor/preact.mjs";
import { watchVisibility, warnBeforeLeaving } from "./actions.js";
import { ServerError, checkToken, getRecent, getSession } from "./api.js";
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
  await signIn();
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

/** A link whose token the server could not take stays in the address bar: say why, or go on. */
async function signIn() {
  const token = new URLSearchParams(location.search).get("token");
  if (token === null) return;
  await untilAnswered(() => checkToken(token));
  location.reload();
  await new Promise(() => {}); // the next page goes on
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
  const mine = pending.value.filter(({ event }) => event.action === "label").reverse();
  addToHistory(mine.map(({ item, event }) => ({ item, event, score: null })), beingUndone());
  await recall();
}

const beingUndone = () => pending.value.map(({ event }) => event.undoes).filter(Boolean);

/** Learn the labels that are in the store; where it does not answer, later and behind the back. */
async function recall() {
  const undone = beingUndone();
  try {
    const stored = (await getRecent(N_RECENT)).labels;
    addToHistory(stored.map(entryOf), [...undone, ...beingUndone()]);
  } catch (error) {
    if (!(error instanceof ServerError)) throw error;
    setTimeout(recall, RETRY_MS);
  }
}

/** Add what is older than all that was done here and not known here yet. */
function addToHistory(older, undone) {
  const known = new Set([...undone, ...history.value.map(({ event }) => event?.event_key)]);
  const added = older.filter(({ event }) => !known.has(event.event_key));
  history.value = [...history.value,
    ...added.map((entry) => ({ ...entry, group: entry.event.event_key }))];
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
