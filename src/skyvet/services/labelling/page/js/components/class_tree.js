/* The tree of classes: what the source is ticked with, and how probable each class is. */

import { useEffect, useRef, useState } from "../../vendor/preact-hooks.mjs";
import { classes, html } from "../html.js";
import { classesByTag, impliedTags, quickClasses, toggleClass } from "../source_actions.js";
import { canLabel, isScoreHidden, session, ticked } from "../state.js";
import { Key } from "./parts.js";

function isWanted(node, words) {
  const text = `${node.tag} ${node.name}`.toLowerCase();
  return words.toLowerCase().split(/\s+/).every((word) => text.includes(word));
}

function Search({ words, setWords, first }) {
  const onKeyDown = (event) => {
    if (event.key !== "Enter" && event.key !== "Escape") return;
    event.preventDefault();
    if (event.key === "Enter" && words && first) toggleClass(first);
    setWords("");
    event.target.blur();
  };
  return html`<label class="class-search"><span>Find<${Key} name="/" /></span>
    <input id="class-search" type="text" autocomplete="off" value=${words}
      onInput=${(event) => setWords(event.target.value)} onKeyDown=${onKeyDown} /></label>`;
}

function Probability({ value }) {
  if (value === undefined) return html`<span class="class-score"></span>`;
  return html`<span class="class-score" title="Probability of the class">
    <i style=${{ width: `${100 * value}%` }}></i><b>${value.toFixed(2)}</b></span>`;
}

function Node({ node, item, implied, hint }) {
  const isTicked = ticked.value.has(node.tag);
  const state = isTicked ? "true" : implied.has(node.tag) ? "mixed" : "false";
  return html`<li role="none"><button type="button" role="treeitem" data-tag=${node.tag}
      class=${classes("class-node", isTicked && "is-ticked", state === "mixed" && "is-implied")}
      aria-checked=${state} aria-level=${node.above.length + 1} title=${node.meaning}
      style=${{ paddingLeft: `${0.4 + 0.9 * node.above.length}rem` }}
      disabled=${!node.can_vote || !canLabel.value} onClick=${() => toggleClass(node.tag)}>
    <span class="class-box" aria-hidden="true"></span>
    <span class="class-name">${node.name}</span>${hint && html`<${Key} name=${hint} />`}
    <${Probability} value=${item.classes?.[node.tag]} /></button></li>`;
}

/** Scroll the list, and never the page, until a class that was ticked by key is seen. */
function useTickedInView(list) {
  const last = [...ticked.value].at(-1);
  useEffect(() => {
    const node = last && list.current?.querySelector(`[data-tag="${CSS.escape(last)}"]`);
    if (!node) return;
    const [box, own] = [list.current, node].map((element) => element.getBoundingClientRect());
    if (own.top < box.top) list.current.scrollTop -= box.top - own.top;
    else if (own.bottom > box.bottom) list.current.scrollTop += own.bottom - box.bottom;
  }, [last]);
}

/** The classes of one source, with a field that finds some of them. */
export function ClassTree({ item }) {
  const [words, setWords] = useState("");
  const list = useRef(null);
  useTickedInView(list);
  const byTag = classesByTag();
  const found = session.value.classes.filter((node) => isWanted(node, words))
    .map(({ tag }) => byTag.get(tag));
  const quick = quickClasses(item);
  const implied = impliedTags();
  const first = found.find((node) => node.can_vote)?.tag;
  return html`<section class="panel class-panel" aria-label="Classes">
    <header><h2>Classes</h2>
      ${canLabel.value && html`<${Search} words=${words} setWords=${setWords} first=${first} />`}
    </header>
    <ul class="class-tree" role="tree" aria-label="Classes" ref=${list}>
      ${found.map((node) => html`<${Node} key=${node.tag} node=${node} item=${item}
        implied=${implied} hint=${quick.includes(node.tag)
          ? String(quick.indexOf(node.tag) + 1) : ""} />`)}
    </ul>
    ${!found.length && html`<p class="quiet">No class is called so.</p>`}
    ${isScoreHidden() && html`<p class="quiet">Probabilities stay hidden until you label.</p>`}
  </section>`;
}
