/** A picture of several people: one of the faces is chosen, by a click or the keyboard. */

import { openDialog } from "./dialog.js";
import { h } from "./dom.js";
import { say } from "./i18n.js";
import { blank, drawLabels, onScreen } from "./overlay.js";

/**
 * Ask which of `faces` (as the API tells them, the largest first) of a picture {blob, size, name}. Resolves to its index,
 * undefined when none was chosen.
 */
export async function chooseFace({ blob, size, name }, faces) {
  const address = URL.createObjectURL(blob);
  const buttons = (close) =>
    faces.map(({ box }, index) => {
      const label = h("span.visually-hidden", say("slot.face", { n: index + 1 }));
      const button = h("button.pick", { on: { click: () => close(index) } }, label);
      place(button, box, size);
      return button;
    });
  const numbers = h("canvas", { "aria-hidden": "true" });
  const picks = h("div.picks", h("img", { src: address, alt: name }), numbers);
  const watch = new ResizeObserver(() => drawNumbers(numbers, faces, size));
  watch.observe(numbers);
  picks.style.aspectRatio = size.join(" / "); // also where this browser cannot show the picture
  picks.style.setProperty("--ratio", size[0] / size[1]);
  try {
    return await openDialog({
      title: say("slot.choose"),
      wide: true,
      body: (close) => (picks.append(...buttons(close)), [picks]),
    });
  } finally {
    watch.disconnect();
    URL.revokeObjectURL(address);
  }
}

/** The numbers of the faces beside them, over none. */
function drawNumbers(canvas, faces, size) {
  const { context, width, height } = blank(canvas);
  const marked = faces.map(({ box }, index) => {
    const mark = String(index + 1);
    return { key: index, box: onScreen(box, size, width, height, false), texts: [mark], mark, status: "looking" };
  });
  drawLabels(context, marked, [width, height]);
}

/** Put `button` where `box` is in the picture, whatever its size on the screen. */
function place(button, [x0, y0, x1, y1], [width, height]) {
  const percent = (part, whole) => `${(100 * part) / whole}%`;
  Object.assign(button.style, {
    left: percent(x0, width),
    top: percent(y0, height),
    width: percent(x1 - x0, width),
    height: percent(y1 - y0, height),
  });
}
