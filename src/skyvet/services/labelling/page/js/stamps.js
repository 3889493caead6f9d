/* Stamps of candidates, measurements of sources: fetched ahead, decoded once, kept for a while. */

import { signal } from "../vendor/preact-signals.mjs";
import { fetchSource, fetchStamps } from "./api.js";

const MAX_KEPT = 320;
const N_AT_ONCE = 4;
const N_TRIES = 3;

const kept = new Map();
const waiting = [];
const running = new Set();

/** Rises whenever stamps arrive or fail, so that what waits for them is drawn again. */
export const stampsArrived = signal(0);

/** Stamps {key, planes, width, height} or {key, source}, {error}, or null: on their way. */
export function stampsOf(item) {
  return kept.get(item.key) ?? null;
}

/** Whether all that a label is given on can be on screen. */
export function isReady(item) {
  const found = stampsOf(item);
  return Boolean(found?.planes || found?.source);
}

/** Ask for the stamps of these items, the first ones first. */
export function prefetch(items) {
  waiting.length = 0;
  for (const item of items) {
    if (!kept.has(item.key)) waiting.push(item);
  }
  pump();
}

/** Ask for these, too, after all others. */
export function prefetchAlso(items) {
  for (const item of items) {
    if (!kept.has(item.key) && !waiting.some(({ key }) => key === item.key)) waiting.push(item);
  }
  pump();
}

/** Forget a failure and ask again. */
export function retryStamps(item) {
  if (kept.get(item.key)?.error) kept.delete(item.key);
  waiting.unshift(item);
  pump();
}

function pump() {
  while (running.size < N_AT_ONCE && waiting.length) {
    const item = waiting.shift();
    if (!running.has(item.key) && !kept.has(item.key)) load(item);
  }
}

async function load(item) {
  running.add(item.key);
  keep(item.key, await attempt(item));
  running.delete(item.key);
  stampsArrived.value += 1;
  pump();
}

async function attempt(item) {
  let error = null;
  for (let i = 0; i < N_TRIES; i++) {
    try {
      if (item.source) return { key: item.key, source: await fetchSource(item.source) };
      return decode(item, await fetchStamps(item.stamps));
    } catch (failure) {
      error = failure;
      await new Promise((resume) => { setTimeout(resume, 300 * 2 ** i); });
    }
  }
  return { key: item.key, error: error.message };
}

function keep(key, stamps) {
  kept.set(key, stamps);
  if (kept.size > MAX_KEPT) kept.delete(kept.keys().next().value);
}

function decode(item, { shape, buffer }) {
  const [nPlanes, height, width] = shape;
  const size = height * width;
  if (nPlanes !== 3 || buffer.byteLength !== 4 * 3 * size) {
    throw new Error(`the stamps of ${item.key} hold ${buffer.byteLength} bytes, not 3 planes`);
  }
  const view = new DataView(buffer);
  const values = new Float32Array(3 * size);
  for (let i = 0; i < values.length; i++) values[i] = view.getFloat32(4 * i, true);
  const planes = [0, 1, 2].map((i) => values.subarray(i * size, (i + 1) * size));
  return { key: item.key, planes, width, height };
}
