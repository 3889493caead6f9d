/* All keys on one page, from the same table that the keyboard obeys. */

import { useEffect, useRef } from "../../vendor/preact-hooks.mjs";
import { html } from "../html.js";
import { bindings, keyName } from "../keys.js";
import { canLabel, isHelpOpen } from "../state.js";

const GROUPS = ["Label", "Class", "Sub-class", "Period", "Go", "Grid", "Look"];
const NEEDS_LABELS = new Set(["Label", "Class", "Sub-class"]);

export function Help() {
  const dialog = useRef(null);
  useEffect(() => {
    dialog.current.showModal();
  }, []);
  const close = () => { isHelpOpen.value = false; };
  const onClick = (event) => { if (event.target === dialog.current) close(); };
  const onKeyDown = (event) => { if (event.key === "?") close(); };
  const groups = GROUPS.filter((group) => canLabel.value || !NEEDS_LABELS.has(group));
  return html`<dialog class="help" ref=${dialog} aria-labelledby="help-title" onClose=${close}
      onClick=${onClick} onKeyDown=${onKeyDown}>
    <header><h2 id="help-title">Keys</h2>
      <button type="button" class="button" onClick=${close} autofocus>Close<kbd>Esc</kbd></button>
    </header>
    <div class="help-groups">${groups.map((group) => {
      const rows = bindings().filter((binding) => binding.group === group);
      return rows.length > 0 && html`<section key=${group}><h3>${group}</h3><dl>
        ${rows.map(({ keys, title }) => html`<div key=${title}>
          <dt>${keys.map((key) => html`<kbd key=${key}>${keyName(key)}</kbd>`)}</dt>
          <dd>${title}</dd></div>`)}</dl></section>`;
    })}</div>
    <p class="quiet">Labels are kept in this browser until the store has them: the server may go
      away, the page may be reloaded. Hatching marks missing pixels; the first row is at the
      bottom.</p>
  </dialog>`;
}
