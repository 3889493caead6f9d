/* Colour maps as tables of 256 RGB triples, interpolated between anchors. */

const ANCHORS = {
  gray: ["#000000", "#ffffff"],
  viridis: ["#440154", "#472d7b", "#3b528b", "#2c728e", "#21918c", "#28ae80", "#5ec962", "#addc30",
    "#fde725"],
  inferno: ["#000004", "#1b0c41", "#4a0c6b", "#781c6d", "#a52c60", "#cf4446", "#ed6925", "#fb9b06",
    "#f7d13d", "#fcffa4"],
  coolwarm: ["#3b4cc0", "#7b9ff9", "#c0d4f5", "#dddcdc", "#f2cab5", "#ee8468", "#b40426"],
};

export const COLOUR_MAPS = Object.keys(ANCHORS).map((kind) => ({ kind, title: kind }));

const cache = new Map();

/** 256 RGB triples, from black to white of the display. */
export function colourTable(kind, isInverted) {
  const name = `${kind}/${isInverted}`;
  if (!cache.has(name)) cache.set(name, makeTable(ANCHORS[kind] ?? ANCHORS.gray, isInverted));
  return cache.get(name);
}

function makeTable(anchors, isInverted) {
  const colours = anchors.map((hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16)));
  const table = new Uint8Array(256 * 3);
  for (let i = 0; i < 256; i++) {
    const place = ((isInverted ? 255 - i : i) / 255) * (colours.length - 1);
    const below = Math.min(Math.floor(place), colours.length - 2);
    for (let c = 0; c < 3; c++) {
      const [from, to] = [colours[below][c], colours[below + 1][c]];
      table[3 * i + c] = Math.round(from + (place - below) * (to - from));
    }
  }
  return table;
}
