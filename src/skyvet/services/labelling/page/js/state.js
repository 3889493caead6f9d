/* What the page knows, as signals; who changes it is in actions.js, queue.js and grid_actions.js. */

import { computed, effect, signal } from "../vendor/preact-signals.mjs";

export const session = signal(null);
/** Sentence that says why the page could not start. */
export const startError = signal(null);

/** "single" or "grid". */
export const mode = signal("single");
/** "strategy" or "audit". */
export const queueKind = signal("strategy");
/** Chosen query strategy; null = the server's. */
export const strategy = signal(null);

/** Items to be labelled, the current one first. */
export const items = signal([]);
export const current = computed(() => items.value[0] ?? null);
/** "asking", "ready" or "finished" (the server has no more). */
export const queueState = signal("asking");
/** Rounds of training so far; null = not known yet. */
export const round = signal(null);
export const progress = signal(null);

/**
 * What this labeller did, newest first: {group, item, event, score}; event null = skipped.
 * One key press makes one group, a sweep of the grid one group of many.
 */
export const history = signal([]);
const PACE_MIN = 5;

/** Labels a minute, by this labeller in the last five minutes. */
export function ownPace() {
  const times = history.value.filter(({ event }) => event)
    .map(({ event }) => (Date.now() - Date.parse(event.labelled_at)) / 60000)
    .filter((age) => age < PACE_MIN);
  return times.length / Math.max(1, ...times);
}

/** Confidence in percent of the label to come; null = not given. */
export const confidence = signal(null);
export const comment = signal("");

export const isHelpOpen = signal(false);
/** Short sentence for the status line and for screen readers. */
export const message = signal("");

const DEFAULT_VIEW = {
  limits: "zscale", curve: "linear", isInverted: false, colours: "gray", isShared: false,
  hasCrosshair: true, isMagnitude: false, gridPlane: 2,
};

/** How planes are shown; kept between visits. */
export const view = signal({ ...DEFAULT_VIEW, ...readSetting("view", {}) });
/** Zoomed part: magnification and centre as fractions, y up. */
export const zoom = signal({ zoom: 1, x: 0.5, y: 0.5 });
/** Pixel under the pointer {column, row}; null = none. */
export const pointer = signal(null);
/** "auto", "light" or "dark". */
export const theme = signal(readSetting("theme", "auto"));

/** Candidates that still wait in the chosen queue; null = not known yet. */
export const nLeft = computed(() => {
  const now = progress.value;
  if (!now) return null;
  return queueKind.value === "audit" ? now.n_suspects : now.n_open;
});

/** Whether sources are labelled with classes, and not candidates with real or bogus. */
export const isOfSources = computed(() => (session.value?.classes?.length ?? 0) > 0);
/** Tags of the classes that the source at hand is given. */
export const ticked = signal(new Set());
/** Period to fold with [d]; null = the first that was found. */
export const foldPeriod = signal(null);

export const canLabel = computed(() => session.value?.can_label ?? false);
/** Sub-classes, each with a key that is free. */
export const subclasses = computed(() => keyed(session.value?.subclasses ?? []));

const OWN_KEYS = new Set("rbuszgacivlmhxtpn?0+-[]".split(""));
const OWN_SHIFTED = new Set(["Shift+R", "Shift+B"]);
const FREE_KEYS = "123456789dejoqwyfk".split("");

/** One key a class: of two with the same key, the real one is had with Shift. */
function keyed(kinds) {
  const taken = new Set();
  const place = (kind) => {
    const wish = kind.key?.toLowerCase() ?? "";
    const isFree = (key) => key && !taken.has(key) && !OWN_KEYS.has(key);
    const shifted = wish && `Shift+${wish.toUpperCase()}`;
    const key = isFree(wish) ? wish
      : [shifted, ...FREE_KEYS].find((free) => isFree(free) && !OWN_SHIFTED.has(free)) ?? "";
    taken.add(key);
    return { ...kind, key };
  };
  const bogusFirst = [...kinds].sort((a, b) => (a.label < b.label ? -1 : Number(a.label > b.label)));
  const placed = new Map(bogusFirst.map((kind) => [kind, place(kind)]));
  return kinds.map((kind) => placed.get(kind));
}

function readSetting(name, otherwise) {
  try {
    return JSON.parse(localStorage.getItem(`skyvet/${name}`)) ?? otherwise;
  } catch {
    return otherwise;
  }
}

function writeSetting(name, value) {
  try {
    localStorage.setItem(`skyvet/${name}`, JSON.stringify(value));
  } catch {
    // A browser that keeps nothing shows the defaults next time.
  }
}

/** Keep view and theme, and give the page its theme. */
export function rememberSettings() {
  effect(() => writeSetting("view", view.value));
  effect(() => {
    writeSetting("theme", theme.value);
    const root = document.documentElement;
    if (theme.value === "auto") delete root.dataset.theme;
    else root.dataset.theme = theme.value;
  });
}

/** Change some of the view's settings. */
export function changeView(changes) {
  view.value = { ...view.value, ...changes };
}

/** Whether this candidate's score may be seen yet. */
export function isScoreHidden() {
  return Boolean(session.value?.is_blind);
}
