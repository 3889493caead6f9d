/* Flux [nJy] or AB magnitude against time, by band; drawn as SVG. */

import { useState } from "../../vendor/preact-hooks.mjs";
import { classes, html } from "../html.js";
import { changeView, view } from "../state.js";
import { Key, shortNumber } from "./parts.js";

const [WIDTH, HEIGHT] = [290, 185];
const BOX = { left: 44, right: 284, top: 10, bottom: 150 };
const ZERO_POINT_AB = 31.4; // magnitude of 1 nJy
const SHAPES = ["circle", "square", "diamond", "triangle", "cross"];
const BAND_ORDER = ["u", "g", "r", "i", "z", "y"];

/** Whether an epoch says only that the source was fainter than its flux. */
const isLimit = (epoch) => !epoch.is_detection && !Number.isFinite(epoch.flux_error_njy);

/** Points that can be drawn: {x, y, low, high, band, isDetection, epoch}. */
export function pointsOf(epochs, isMagnitude) {
  return epochs.map((epoch) => (isMagnitude ? magnitudePoint(epoch) : fluxPoint(epoch)))
    .filter((point) => Number.isFinite(point.x) && Number.isFinite(point.y));
}

function fluxPoint(epoch) {
  const { mjd_tai: x, flux_njy: y, flux_error_njy: error } = epoch;
  const spread = Number.isFinite(error) ? error : 0;
  return { x: x ?? NaN, y: y ?? NaN, low: y - spread, high: y + spread, epoch };
}

function magnitudePoint(epoch) {
  const { mjd_tai: x, flux_njy: flux, flux_error_njy: error } = epoch;
  if (!(flux > 0)) return { x: NaN, y: NaN };
  const y = ZERO_POINT_AB - 2.5 * Math.log10(flux);
  const spread = Number.isFinite(error) ? (1.0857 * error) / flux : 0;
  return { x: x ?? NaN, y, low: y - spread, high: y + spread, epoch };
}

/** Round numbers that divide a range into about n parts. */
export function ticks(low, high, n) {
  const rough = (high - low) / n;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((k) => k * power).find((size) => size >= rough);
  const first = Math.ceil(low / step);
  const out = [];
  for (let i = first; i * step <= high + step * 1e-9; i++) out.push(i * step);
  return out;
}

function rangeOf(values, share) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const room = (high - low) * share || Math.abs(high) * 0.1 || 1;
  return [low - room, high + room];
}

/** Range of y that one point with a huge error cannot blow up. */
function valueRange(points) {
  const values = points.map((p) => p.y);
  const [low, high] = rangeOf(values, 0.12);
  const spread = high - low;
  const ends = points.flatMap((p) => [Math.max(p.low, low - spread), Math.min(p.high, high + spread)]);
  return rangeOf([...ends, ...values], 0.05);
}

function Mark({ shape, x, y, r = 3.2 }) {
  if (shape === "circle") return html`<circle cx=${x} cy=${y} r=${r} />`;
  const paths = {
    square: `M${x - r} ${y - r}h${2 * r}v${2 * r}h${-2 * r}z`,
    diamond: `M${x} ${y - r * 1.35}l${r * 1.35} ${r * 1.35}l${-r * 1.35} ${r * 1.35}l${-r * 1.35} ${-r * 1.35}z`,
    triangle: `M${x} ${y - r * 1.2}l${r * 1.2} ${r * 2.1}h${-2.4 * r}z`,
    down: `M${x} ${y + r * 1.2}l${r * 1.2} ${-2.1 * r}h${-2.4 * r}z`,
    cross: `M${x - r} ${y - r}l${2 * r} ${2 * r}M${x - r} ${y + r}l${2 * r} ${-2 * r}`,
  };
  return html`<path d=${paths[shape]} />`;
}

function bandsOf(epochs) {
  const names = [...new Set(epochs.map((epoch) => epoch.band || "?"))];
  const place = (band) => (BAND_ORDER.includes(band) ? BAND_ORDER.indexOf(band) : 99);
  return names.sort((a, b) => place(a) - place(b) || (a < b ? -1 : 1));
}

function Axes({ xs, ys, atX, atY, isMagnitude }) {
  return html`<g class="axes">
    ${ys.map((value) => html`<g key=${value}>
      <line class=${value === 0 && !isMagnitude ? "zero" : "rule"} x1=${BOX.left} x2=${BOX.right}
        y1=${atY(value)} y2=${atY(value)} />
      <text x=${BOX.left - 5} y=${atY(value) + 3.5} text-anchor="end">${axisText(value)}</text></g>`)}
    ${xs.map((value) => html`<g key=${value}>
      <line class="tick" x1=${atX(value)} x2=${atX(value)} y1=${BOX.bottom} y2=${BOX.bottom + 4} />
      <text x=${atX(value)} y=${BOX.bottom + 15} text-anchor="middle">${Number(value.toFixed(4))}</text></g>`)}
    <line class="tick" x1=${BOX.left} x2=${BOX.right} y1=${BOX.bottom} y2=${BOX.bottom} />
    <text class="axis-name" x=${(BOX.left + BOX.right) / 2} y=${HEIGHT - 4} text-anchor="middle">MJD (TAI)</text>
  </g>`;
}

function axisText(value) {
  const size = Math.abs(value);
  if (size >= 1e6) return `${Number((value / 1e6).toPrecision(3))}M`.replace("-", "−");
  if (size >= 1e4) return `${Number((value / 1e3).toPrecision(3))}k`.replace("-", "−");
  return String(Number(value.toPrecision(6))).replace("-", "−");
}

function Point({ point, band, shape, atX, atY, onShow }) {
  const [x, y] = [atX(point.x), atY(point.y)];
  const clamp = (v) => Math.min(BOX.bottom, Math.max(BOX.top, v));
  const { is_detection: isDetection, is_candidate: isCandidate } = point.epoch;
  return html`<g class=${classes("point", `band-${band}`, !isDetection && "is-limit")}
    onPointerEnter=${() => onShow(point)} onPointerLeave=${() => onShow(null)}>
    ${isCandidate && html`<circle class="ring" cx=${x} cy=${y} r="6.5" />`}
    <line class="error" x1=${x} x2=${x} y1=${clamp(atY(point.low))} y2=${clamp(atY(point.high))} />
    <${Mark} shape=${isLimit(point.epoch) ? "down" : shape} x=${x} y=${y} />
    <circle class="target" cx=${x} cy=${y} r="8" />
  </g>`;
}

function valueText(point) {
  const value = shortNumber(point.y);
  return isLimit(point.epoch) ? `limit ${value}`
    : `${value} ± ${shortNumber(Math.abs(point.high - point.y))}`;
}

function Plot({ points, bands, nowMjd, isMagnitude }) {
  const [shown, setShown] = useState(null);
  const times = points.map((p) => p.x);
  const [x0, x1] = rangeOf(Number.isFinite(nowMjd) ? [...times, nowMjd] : times, 0.05);
  const [y0, y1] = valueRange(points);
  const atX = (x) => BOX.left + ((x - x0) / (x1 - x0)) * (BOX.right - BOX.left);
  const upward = (y) => BOX.bottom - ((y - y0) / (y1 - y0)) * (BOX.bottom - BOX.top);
  const atY = isMagnitude ? (y) => BOX.top + BOX.bottom - upward(y) : upward;
  const unit = isMagnitude ? "mag" : "nJy";
  return html`<svg class="light-curve" viewBox=${`0 0 ${WIDTH} ${HEIGHT}`} role="img"
      aria-label=${`Light curve of ${points.length} epochs in ${bands.join(", ")}`}>
    ${Number.isFinite(nowMjd) && html`<line class="now" x1=${atX(nowMjd)} x2=${atX(nowMjd)}
      y1=${BOX.top} y2=${BOX.bottom} />`}
    <${Axes} xs=${ticks(x0, x1, 4)} ys=${ticks(y0, y1, 4)} atX=${atX} atY=${atY}
      isMagnitude=${isMagnitude} />
    ${points.map((point, i) => {
      const i_band = bands.indexOf(point.epoch.band || "?");
      return html`<${Point} key=${i} point=${point} band=${point.epoch.band} atX=${atX} atY=${atY}
        shape=${SHAPES[i_band % SHAPES.length]} onShow=${setShown} />`;
    })}
    ${shown && html`<text class="shown" x=${BOX.right} y=${BOX.top + 9} text-anchor="end">
      ${`${shown.epoch.band || "?"} ${shown.x.toFixed(2)}: ${valueText(shown)} ${unit}`}</text>`}
  </svg>`;
}

const HOLLOW = [["down", "upper limit", isLimit],
  ["circle", "no detection", (epoch) => !epoch.is_detection && !isLimit(epoch)]];

function Legend({ bands, epochs }) {
  return html`<ul class="legend">
    ${bands.map((band, i) => html`<li key=${band}><svg viewBox="0 0 12 12" class=${`point band-${band}`}>
      <${Mark} shape=${SHAPES[i % SHAPES.length]} x=${6} y=${6} r=${4} /></svg>${band}</li>`)}
    ${HOLLOW.filter(([, , holds]) => epochs.some(holds)).map(([shape, words]) => html`
      <li key=${words}><svg viewBox="0 0 12 12" class="point is-limit">
        <${Mark} shape=${shape} x=${6} y=${6} r=${4} /></svg>${words}</li>`)}
  </ul>`;
}

/** The light curve of an item, or a sentence where there is none. */
export function LightCurve({ item }) {
  const epochs = item.light_curve ?? [];
  const { isMagnitude } = view.value;
  const points = pointsOf(epochs, isMagnitude);
  const nHidden = epochs.length - points.length;
  const bands = bandsOf(epochs);
  return html`<section class="panel" aria-label="Light curve">
    <header><h2>Light curve</h2>
      ${epochs.length > 0 && html`<button type="button" class="button small"
        aria-keyshortcuts="n" onClick=${() => changeView({ isMagnitude: !isMagnitude })}>
        ${isMagnitude ? "AB mag" : "Flux [nJy]"}<${Key} name="n" /></button>`}</header>
    ${points.length > 0
      ? html`<${Plot} points=${points} bands=${bands} nowMjd=${item.mjd_tai ?? NaN}
          isMagnitude=${isMagnitude} />`
      : html`<p class="quiet nothing">${epochs.length ? "No epoch can be drawn."
        : "The packet brings no light curve."}</p>`}
    ${epochs.length > 0 && html`<${Legend} bands=${bands} epochs=${epochs} />`}
    ${nHidden > 0 && html`<p class="quiet">${nHidden} of ${epochs.length} epochs without a ${
      isMagnitude ? "positive flux" : "flux"}</p>`}
  </section>`;
}
