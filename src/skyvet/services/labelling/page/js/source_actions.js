/* What a labeller can do with a source: tick classes, choose a period. */

import { label } from "./actions.js";
import { stampsOf } from "./stamps.js";
import { canLabel, current, foldPeriod, message, session, ticked } from "./state.js";

const N_QUICK = 9;

/** Classes by tag, with the tags above each. */
export function classesByTag() {
  const byTag = new Map(session.value.classes.map((node) => [node.tag, node]));
  const above = (node) => (byTag.has(node.parent)
    ? [node.parent, ...above(byTag.get(node.parent))] : []);
  return new Map([...byTag].map(([tag, node]) => [tag, { ...node, above: above(node) }]));
}

/** Tags that follow from the ticked ones: all above them. */
export function impliedTags() {
  const byTag = classesByTag();
  return new Set([...ticked.value].flatMap((tag) => byTag.get(tag)?.above ?? []));
}

/** Give or take a class. */
export function toggleClass(tag) {
  const node = classesByTag().get(tag);
  if (!node?.can_vote || !canLabel.value) return;
  const next = new Set(ticked.value);
  if (!next.delete(tag)) next.add(tag);
  ticked.value = next;
  message.value = `${node.name}: ${next.has(tag) ? "ticked" : "not ticked"}`;
}

/** The likeliest of the finest classes, each with a digit; the first of the tree without scores. */
export function quickClasses(item) {
  const parents = new Set(session.value.classes.map(({ parent }) => parent));
  const fine = session.value.classes.filter(({ tag, can_vote: can }) => can && !parents.has(tag));
  const scores = item?.classes ?? {};
  const byScore = [...fine].sort((a, b) => (scores[b.tag] ?? -1) - (scores[a.tag] ?? -1));
  return byScore.slice(0, N_QUICK).map(({ tag }) => tag);
}

/** Label the source with the ticked classes; what stands above them is implied. */
export function labelWithTicked() {
  const implied = impliedTags();
  const tags = [...ticked.value].filter((tag) => !implied.has(tag));
  if (!tags.length) {
    message.value = "Tick a class first, or press B: none of them";
    return;
  }
  label("real", tags.join("+"));
}

/** Periods to fold with, as the server found them. */
export function periodsOf(item) {
  return (item && stampsOf(item)?.source?.periods) || [];
}

/** The period that the source is folded with [d]; null = none. */
export function chosenPeriod(item) {
  return foldPeriod.value ?? periodsOf(item)[0]?.period_d ?? null;
}

export function choosePeriod(period) {
  if (!(period > 0 && Number.isFinite(period))) return;
  foldPeriod.value = period;
  message.value = `Folded with ${Number(period.toPrecision(8))} d`;
}

function stepPeriod(step) {
  const periods = periodsOf(current.value).map(({ period_d: period }) => period);
  if (!periods.length) return;
  const i = periods.indexOf(chosenPeriod(current.value));
  choosePeriod(periods[(i + step + periods.length) % periods.length]);
}

function scalePeriod(factor) {
  const period = chosenPeriod(current.value);
  if (period) choosePeriod(period * factor);
}

function focusSearch() {
  document.getElementById("class-search")?.focus();
}

const can = () => canLabel.value;

/** The keys of sources; `keys.js` adds those that all pages have. */
export function sourceBindings() {
  const quick = quickClasses(current.value).map((tag, i) => ({
    group: "Class", keys: [String(i + 1)], title: classesByTag().get(tag).name,
    run: () => toggleClass(tag), when: can,
  }));
  return [
    { group: "Label", keys: ["r", "Enter"], title: "Label with the ticked classes",
      run: labelWithTicked, when: can },
    { group: "Label", keys: ["b"], title: "None of these classes", run: () => label("bogus"),
      when: can },
    { group: "Class", keys: ["/"], title: "Find a class (Enter ticks the first)", run: focusSearch,
      when: can },
    ...quick,
    { group: "Period", keys: ["ArrowRight"], title: "Next period", run: () => stepPeriod(1) },
    { group: "Period", keys: ["ArrowLeft"], title: "Period before", run: () => stepPeriod(-1) },
    { group: "Period", keys: ["."], title: "Twice the period", run: () => scalePeriod(2) },
    { group: "Period", keys: [","], title: "Half the period", run: () => scalePeriod(0.5) },
  ];
}
