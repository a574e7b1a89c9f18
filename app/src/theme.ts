// The community's own colour, with letters on it that can be read.

const COLOUR = /^#[0-9a-f]{6}$/i;

/** Relative luminance, 0 to 1 (WCAG 2.2). */
function luminance(colour: string): number {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const share = parseInt(colour.slice(at, at + 2), 16) / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** Anything but `#rrggbb` is the app's own colour. */
export function paint(colour: string | null | undefined): void {
  const style = document.documentElement.style;
  if (!colour || !COLOUR.test(colour)) {
    style.removeProperty("--brand");
    style.removeProperty("--on-brand");
    return;
  }
  const light = luminance(colour);
  style.setProperty("--brand", colour);
  style.setProperty("--on-brand", (light + 0.05) / 0.05 > 1.05 / (light + 0.05) ? "#000" : "#fff");
}
