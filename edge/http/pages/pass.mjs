// A visitor's pass as a QR code. The code stands behind the # of the link, which browsers send to no server, and is
// drawn here: it never leaves the telephone. QR model 2 (ISO/IEC 18004), version 3, level M, byte mode, mask 0.

const SIZE = 29, DATA = 44, CORRECTION = 26, ALIGNMENT = 22, QUIET = 4;
const MAX_BYTES = 42;
const FORMAT = 0b101010000010010; // level M, mask 0, with its BCH code and the standard's own mask

// GF(256) over x^8 + x^4 + x^3 + x^2 + 1
const EXP = new Uint8Array(255), LOG = new Uint8Array(256);
for (let value = 1, power = 0; power < 255; power++) {
  EXP[power] = value;
  LOG[value] = power;
  value = (value << 1) ^ (value > 127 ? 0x11d : 0);
}
const times = (a, b) => (a && b ? EXP[(LOG[a] + LOG[b]) % 255] : 0);

function correction(data) {
  let generator = [1];
  for (let power = 0; power < CORRECTION; power++) {
    const next = [...generator, 0];
    generator.forEach((factor, i) => (next[i + 1] ^= times(factor, EXP[power])));
    generator = next;
  }
  const rest = [...data, ...new Array(CORRECTION).fill(0)];
  for (let i = 0; i < data.length; i++) {
    const lead = rest[i];
    generator.forEach((factor, j) => (rest[i + j] ^= times(factor, lead)));
  }
  return rest.slice(data.length);
}

function codewords(text) {
  const bytes = new TextEncoder().encode(text);
  if (bytes.length === 0 || bytes.length > MAX_BYTES) throw new RangeError("a pass has 1 to 42 characters");
  const nibbles = [4, bytes.length >> 4, bytes.length & 15];
  for (const byte of bytes) nibbles.push(byte >> 4, byte & 15);
  nibbles.push(0); // the terminator; the nibbles are a whole number of bytes now
  const data = [];
  for (let i = 0; i < nibbles.length; i += 2) data.push((nibbles[i] << 4) | nibbles[i + 1]);
  for (let pad = 0xec; data.length < DATA; pad ^= 0xec ^ 0x11) data.push(pad);
  return [...data, ...correction(data)];
}

// Finders with their separators, alignment, timing, format: modules that hold no data.
function frame() {
  const grid = Array.from({ length: SIZE }, () => new Array(SIZE).fill(undefined));
  const square = (row, column, reach, dark) => {
    for (let dr = -reach; dr <= reach; dr++)
      for (let dc = -reach; dc <= reach; dc++)
        if (grid[row + dr] && column + dc >= 0 && column + dc < SIZE)
          grid[row + dr][column + dc] = dark(Math.max(Math.abs(dr), Math.abs(dc)));
  };
  for (const [row, column] of [[3, 3], [3, SIZE - 4], [SIZE - 4, 3]])
    square(row, column, 4, (ring) => ring < 4 && ring !== 2);
  square(ALIGNMENT, ALIGNMENT, 2, (ring) => ring !== 1);
  for (let i = 8; i < SIZE - 8; i++) grid[6][i] = grid[i][6] = i % 2 === 0;
  const bit = (i) => ((FORMAT >> i) & 1) === 1;
  for (let i = 0; i < 15; i++) {
    const down = i < 6 ? i : i < 8 ? i + 1 : SIZE - 15 + i; // column 8, from the top
    const left = i < 8 ? SIZE - 1 - i : i === 8 ? 7 : 14 - i; // row 8, from the right
    grid[down][8] = grid[8][left] = bit(i);
  }
  grid[SIZE - 8][8] = true;
  return grid;
}

// The modules of the code of *text*, row by row: true is dark.
export function matrix(text) {
  const grid = frame(), words = codewords(text);
  let index = 0, upward = true;
  for (let right = SIZE - 1; right > 0; right -= 2, upward = !upward) {
    if (right === 6) right = 5;
    for (let step = 0; step < SIZE; step++) {
      const row = upward ? SIZE - 1 - step : step;
      for (const column of [right, right - 1]) {
        if (grid[row][column] !== undefined) continue;
        const bit = index < 8 * words.length ? (words[index >> 3] >> (7 - (index & 7))) & 1 : 0;
        grid[row][column] = (bit === 1) !== ((row + column) % 2 === 0);
        index++;
      }
    }
  }
  return grid;
}

function draw(text) {
  const image = (name, values) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const key in values) made.setAttribute(key, values[key]);
    return made;
  };
  const side = SIZE + 2 * QUIET, path = [];
  matrix(text).forEach((row, y) => row.forEach((dark, x) => dark && path.push(`M${x + QUIET} ${y + QUIET}h1v1h-1z`)));
  const drawn = image("svg", { viewBox: `0 0 ${side} ${side}`, width: "320", role: "img", "aria-label": "QR code" });
  drawn.append(image("rect", { width: side, height: side, fill: "#fff" }), image("path", { d: path.join("") }));
  return drawn;
}

function show() {
  const text = decodeURIComponent(location.hash.slice(1)), words = document.getElementById("words");
  document.querySelectorAll("svg").forEach((old) => old.remove());
  if (!text) return;
  try {
    document.getElementById("pass").prepend(draw(text));
    words.textContent = "Show this code to the reader at the door.";
  } catch (error) {
    words.textContent = "This link is not complete: ask for it again.";
  }
}

if (typeof document !== "undefined") {
  show();
  addEventListener("hashchange", show);
}
