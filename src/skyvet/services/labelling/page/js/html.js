/* Markup in plain JavaScript: htm bound to Preact. */

import htm from "../vendor/htm.mjs";
import { h } from "../vendor/preact.mjs";

export const html = htm.bind(h);

/** Class names that hold. */
export function classes(...names) {
  return names.filter(Boolean).join(" ");
}
