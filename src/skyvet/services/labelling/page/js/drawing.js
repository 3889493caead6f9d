/* From pixel values to pictures: planes drawn once at their own size, kept, then scaled up. */

import { colourTable } from "./colour_maps.js";
import { curveOf, limitsOf } from "./stretch.js";

export const PLANES = ["science", "template", "difference"];
const MAX_KEPT = 900;
const kept = new Map();

/** Limits of each plane under a view's settings: [low, high], or null without pixels. */
export function planeLimits(stamps, view) {
  if (view.isShared) {
    const limits = limitsOf(stamps.planes, view.limits);
    return stamps.planes.map(() => limits);
  }
  return stamps.planes.map((plane) => limitsOf([plane], view.limits));
}

/** The three planes as canvases of their own size, with the limits that were used. */
export function pictures(stamps, view) {
  const name = [stamps.key, view.limits, view.curve, view.isInverted, view.colours, view.isShared]
    .join("|");
  if (!kept.has(name)) {
    const limits = planeLimits(stamps, view);
    const canvases = stamps.planes.map((plane, i) => drawPlane(plane, stamps, limits[i], view));
    kept.set(name, { canvases, limits });
    if (kept.size > MAX_KEPT) kept.delete(kept.keys().next().value);
  }
  return kept.get(name);
}

/** One plane, first row at the bottom; missing pixels stay transparent. */
function drawPlane(plane, { width, height }, limits, view) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width, height];
  if (!limits) return canvas;
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  const [table, curve] = [colourTable(view.colours, view.isInverted), curveOf(view.curve)];
  const [low, range] = [limits[0], limits[1] - limits[0]];
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const value = plane[row * width + column];
      if (!Number.isFinite(value)) continue;
      const fraction = Math.min(1, Math.max(0, (value - low) / range));
      const shade = 3 * Math.round(255 * curve(fraction));
      const at = 4 * ((height - 1 - row) * width + column);
      image.data[at] = table[shade];
      image.data[at + 1] = table[shade + 1];
      image.data[at + 2] = table[shade + 2];
      image.data[at + 3] = 255;
    }
  }
  context.putImageData(image, 0, 0);
  return canvas;
}

/** Part of a stamp that a zoomed view shows, in pixels from its top left corner. */
export function visiblePart({ width, height }, { zoom, x, y }) {
  const size = Math.max(width, height) / zoom;
  const clamp = (centre, length) => (size >= length ? (length - size) / 2
    : Math.min(Math.max(centre * length - size / 2, 0), length - size));
  return { left: clamp(x, width), top: clamp(1 - y, height), size };
}

/** Scale a picture into a square canvas, hatching where there is no pixel. */
export function paint(canvas, picture, part) {
  const context = canvas.getContext("2d");
  context.imageSmoothingEnabled = false;
  hatch(context, canvas);
  if (!picture) return;
  const scale = canvas.width / part.size;
  context.drawImage(picture, -part.left * scale, -part.top * scale,
    picture.width * scale, picture.height * scale);
}

function hatch(context, { width, height }) {
  const step = Math.max(6, Math.round(width / 40));
  context.fillStyle = "#4a3f63";
  context.fillRect(0, 0, width, height);
  context.strokeStyle = "#8577a8";
  context.lineWidth = Math.max(1, step / 5);
  context.beginPath();
  for (let start = -height; start < width; start += step) {
    context.moveTo(start, height);
    context.lineTo(start + height, 0);
  }
  context.stroke();
}
