/** The search: a combobox with a list of shows, after the ARIA Authoring Practices. */

import { ask, calmly, newest } from "./api.js";
import { byId, facts, make, testCard } from "./dom.js";

const PAUSE = 120;
const MOST = 8;

/**
 * Let people find shows: `pick(show)` is called with the one they choose.
 * `isPicked(showId)` tells which are chosen already.
 */
export function search(pick, isPicked) {
  const input = byId("search");
  const list = byId("found");
  const note = byId("search-note");
  let shows = [];
  let active = -1;

  const look = newest(
    (signal, text) => ask(`shows?q=${encodeURIComponent(text)}&limit=${MOST}`, signal),
    (answer, text) => {
      if (input.value.trim() !== text || document.activeElement !== input) return;
      show(answer.shows);
      note.textContent = shows.length ? "" : `No show has “${text}” in its title.`;
    },
    (problem) => {
      close();
      note.textContent = problem.message;
    },
  );
  const lookSoon = calmly(PAUSE, () => {
    if (input.value.trim()) look(input.value.trim());
  });

  function show(found) {
    shows = found;
    list.replaceChildren(...shows.map(option));
    list.hidden = !shows.length;
    input.setAttribute("aria-expanded", String(!list.hidden));
    activate(shows.length ? 0 : -1);
  }

  function option(each, place) {
    const picked = isPicked(each.show_id);
    const made = make(
      "li",
      { id: `found-${place}`, role: "option", "aria-selected": "false", "aria-disabled": picked },
      testCard(each),
      make(
        "span",
        { className: "what" },
        make("span", { className: "title" }, each.title),
        make("span", { className: "facts" }, picked ? "picked already" : facts(each)),
      ),
    );
    // The input keeps the focus.
    made.addEventListener("pointerdown", (event) => event.preventDefault());
    made.addEventListener("click", () => choose(place));
    made.addEventListener("pointermove", () => activate(place));
    return made;
  }

  function activate(place) {
    list.children[active]?.setAttribute("aria-selected", "false");
    active = place;
    const option = list.children[active];
    option?.setAttribute("aria-selected", "true");
    option?.scrollIntoView({ block: "nearest" });
    if (option) input.setAttribute("aria-activedescendant", option.id);
    else input.removeAttribute("aria-activedescendant");
  }

  function choose(place) {
    const chosen = shows[place];
    if (!chosen || isPicked(chosen.show_id)) return;
    input.value = "";
    close();
    note.textContent = "";
    pick(chosen);
  }

  function close() {
    show([]);
    list.hidden = true;
  }

  input.addEventListener("input", () => {
    note.textContent = "";
    if (input.value.trim()) lookSoon();
    else close();
  });
  input.addEventListener("keydown", (event) => {
    const last = shows.length - 1;
    const steps = {
      ArrowDown: () => activate(active < last ? active + 1 : 0),
      ArrowUp: () => activate(active > 0 ? active - 1 : last),
      Enter: () => choose(active),
      Escape: () => {
        input.value = "";
        close();
      },
    };
    if (!(event.key in steps) || event.isComposing) return;
    if (list.hidden && event.key === "ArrowDown") lookSoon();
    else if (!list.hidden || event.key === "Escape") steps[event.key]();
    else return;
    event.preventDefault();
  });
  input.addEventListener("blur", close);
  input.addEventListener("focus", lookSoon);
}
