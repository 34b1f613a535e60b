/** The filter by genres: buttons that stay pressed, and a legend of the test cards. */

import { byId, make, paint } from "./dom.js";

const AT_FIRST = 9;

/** Let people choose genres: `changed()` is called when they are others. */
export function genreFilter(changed) {
  const place = byId("genres");
  const chosen = new Set();

  function button(genre) {
    const made = make(
      "button",
      { type: "button", className: "chip", "aria-pressed": "false" },
      paint(make("i", { "aria-hidden": "true" }), genre),
      genre,
    );
    made.addEventListener("click", () => {
      const isOn = !chosen.delete(genre);
      if (isOn) chosen.add(genre);
      made.setAttribute("aria-pressed", String(isOn));
      changed();
    });
    return made;
  }

  return {
    chosen: () => [...chosen],
    get isEmpty() {
      return !place.children.length;
    },
    /** Offer the genres of some shows: the commonest ones, and the others when asked for. */
    fill(shows) {
      const buttons = byFrequency(shows.flatMap((show) => show.genres ?? [])).map(button);
      const others = buttons.slice(AT_FIRST);
      place.replaceChildren(...buttons);
      if (!others.length) return;
      const more = make("button", { type: "button", className: "chip" }, "More genres");
      for (const other of others) other.hidden = true;
      more.addEventListener("click", () => {
        for (const other of others) other.hidden = false;
        others[0].focus();
        more.remove();
      });
      place.append(more);
    },
  };
}

function byFrequency(names) {
  const counts = new Map();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts.keys()].sort((one, other) => counts.get(other) - counts.get(one));
}
