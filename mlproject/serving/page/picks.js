/** The shows that somebody has picked, each with a rating that may be left out. */

import { byId, facts, hide, make, testCard } from "./dom.js";

const HIGHEST = 10;

/**
 * Show picks and keep them: `changed()` is called when they are others.
 * A pick without a rating has been watched.
 */
export function picks(changed) {
  const list = byId("picks");
  const start = byId("start");
  const clear = byId("clear");
  const held = new Map();

  function add(show) {
    if (held.has(show.show_id)) return;
    held.set(show.show_id, { show, rating: null });
    const made = row(show);
    list.prepend(made);
    hide(start, made.querySelector("input"));
    settle();
  }

  function row(show) {
    const value = make("output", { className: "value" });
    const slider = make("input", {
      type: "range",
      min: 0,
      max: HIGHEST,
      value: 0,
      "aria-label": `Your rating of ${show.title}`,
    });
    const tell = () => {
      const stars = Number(slider.value);
      value.textContent = stars ? `${stars}/${HIGHEST}` : "watched";
      slider.setAttribute("aria-valuetext", stars ? `${stars} of ${HIGHEST}` : "watched, not rated");
      slider.style.setProperty("--part", stars / HIGHEST);
    };
    tell();
    slider.addEventListener("input", () => {
      tell();
      held.get(show.show_id).rating = Number(slider.value) || null;
      changed();
    });
    const remove = make("button", {
      type: "button",
      className: "remove",
      textContent: "×",
      "aria-label": `Remove ${show.title}`,
    });
    const made = make(
      "li",
      {},
      testCard(show),
      make(
        "div",
        { className: "what" },
        make("p", { className: "title", title: facts(show) }, show.title),
        make("div", { className: "rating" }, slider, value),
      ),
      remove,
    );
    remove.addEventListener("click", () => {
      const next = made.nextElementSibling ?? made.previousElementSibling;
      made.remove();
      held.delete(show.show_id);
      settle();
      (next?.querySelector(".remove") ?? byId("search")).focus();
    });
    return made;
  }

  function settle() {
    start.hidden = held.size > 0;
    clear.hidden = held.size === 0;
    changed();
  }

  clear.addEventListener("click", () => {
    held.clear();
    list.replaceChildren();
    settle();
    byId("search").focus();
  });

  return {
    add,
    has: (showId) => held.has(showId),
    get size() {
      return held.size;
    },
    /** The picks as the service's `history`. */
    history: () =>
      [...held.values()].map(({ show, rating }) =>
        rating ? { show_id: show.show_id, rating } : { show_id: show.show_id },
      ),
  };
}
