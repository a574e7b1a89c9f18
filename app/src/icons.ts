// Signs, drawn by lines of one width on a grid of 24.

const LINES = {
  door: "M5 21V4a1 1 0 0 1 1-1h12a1 1 0 0 1 1 1v17 M3 21h18 M15 12v.01",
  key: "M14.5 9.5a4.5 4.5 0 1 1-4.2-4.5 4.5 4.5 0 0 1 4.2 4.5z M13.5 12.5 20 19 M17 16l-2 2 M20 19l-2 2",
  eye: "M2 12s3.5-7 10-7 10 7 10 7-3.5 7-10 7S2 12 2 12z M12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6z",
  phone: "M5 3h4l2 5-2.5 1.8a12 12 0 0 0 5.7 5.7L16 13l5 2v4a2 2 0 0 1-2 2A16 16 0 0 1 3 5a2 2 0 0 1 2-2z",
  off: "M2.6 14.6c5.2-5.4 13.6-5.4 18.8 0l-2.2 2.6-4-1.6v-2.8a12 12 0 0 0-6.4 0v2.8l-4 1.6z",
  mic: "M12 3a3 3 0 0 1 3 3v5a3 3 0 0 1-6 0V6a3 3 0 0 1 3-3z M5 11a7 7 0 0 0 14 0 M12 18v3",
  mute: "M3 3l18 18 M9 9v2a3 3 0 0 0 5 2.2 M15 10V6a3 3 0 0 0-5.7-1.3 M5 11a7 7 0 0 0 11.5 5.3 M18.7 13.2A7 7 0 0 0 19 11 M12 18v3",
  guest:
    "M4 7h16a1 1 0 0 1 1 1v2a2 2 0 0 0 0 4v2a1 1 0 0 1-1 1H4a1 1 0 0 1-1-1v-2a2 2 0 0 0 0-4V8a1 1 0 0 1 1-1z M14 7v2 M14 11.5v1 M14 15v2",
  clock: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z M12 7v5l3.5 2",
  gear: "M4 7h9 M17 7h3 M15 5v4 M4 17h3 M11 17h9 M9 15v4",
  shield: "M12 3l8 3v6c0 4.5-3.2 7.7-8 9-4.8-1.3-8-4.5-8-9V6z",
  house: "M3 11l9-8 9 8 M5 9.5V21h14V9.5 M10 21v-6h4v6",
  bell: "M6 16V11a6 6 0 0 1 12 0v5l2 2H4z M10 21h4",
  moon: "M20 14.5A8.5 8.5 0 1 1 9.5 4a7 7 0 0 0 10.5 10.5z",
  share: "M12 15V3 M8 7l4-4 4 4 M6 11H5v10h14V11h-1",
  check: "M4 12.5l5.5 5.5L20 7",
  plus: "M12 5v14 M5 12h14",
  cross: "M6 6l12 12 M18 6L6 18",
  missed: "M4 7l7 7 9-9 M4 12V7h5",
  out: "M14 4h5v16h-5 M3 12h12 M11 8l4 4-4 4",
  people:
    "M9 5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7z M2.5 20c.5-4 3-6 6.5-6s6 2 6.5 6 M16 5.5a3.5 3.5 0 0 1 0 6.5 M18 14.5c2 .8 3.2 2.6 3.5 5.5",
  link: "M4 17a8 8 0 0 1 16 0 M8.5 17a3.5 3.5 0 0 1 7 0 M3 3l18 18",
} as const;
export type Icon = keyof typeof LINES;

const SVG = "http://www.w3.org/2000/svg";

function shape(tag: string, attributes: Record<string, string>): SVGElement {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

export function icon(name: Icon): SVGElement {
  const made = shape("svg", { viewBox: "0 0 24 24", class: "icon", "aria-hidden": "true" });
  made.append(shape("path", { d: LINES[name] }));
  return made;
}

/** A QR code of *size* modules with four of rim, where *dark* says which are dark. */
export function code(size: number, dark: (x: number, y: number) => boolean, label: string): SVGElement {
  let path = "";
  for (let y = 0; y < size; y += 1)
    for (let x = 0; x < size; x += 1) if (dark(x, y)) path += `M${x + 4} ${y + 4}h1v1h-1z`;
  const box = `0 0 ${size + 8} ${size + 8}`;
  const made = shape("svg", {
    viewBox: box,
    class: "code",
    role: "img",
    "aria-label": label,
    "shape-rendering": "crispEdges",
  });
  made.append(shape("rect", { width: "100%", height: "100%", fill: "#fff" }), shape("path", { d: path, fill: "#000" }));
  return made;
}
