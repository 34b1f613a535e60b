/** What is like a show: opened below it, and asked for once. */

import { ask } from "./api.js";
import { make, testCard } from "./dom.js";

const MOST = 6;
let opened = 0;

/**
 * Make a title that opens and closes a panel of similar shows.
 * They can be added to `picks`, which is null where nothing can be picked.
 */
export function similarTo(show, picks) {
  opened += 1;
  const panel = make("div", { className: "similar", id: `similar-${opened}`, hidden: true });
  const title = make("button", {
    type: "button",
    className: "title",
    textContent: show.title,
    "aria-expanded": "false",
    "aria-controls": panel.id,
  });
  let answer = null;

  title.addEventListener("click", async () => {
    panel.hidden = !panel.hidden;
    title.setAttribute("aria-expanded", String(!panel.hidden));
    if (panel.hidden) return;
    if (!answer) {
      panel.replaceChildren(make("p", { className: "note" }, "Looking for similar shows …"));
      const body = { show_id: show.show_id, num_items: MOST };
      answer = ask("similar", new AbortController().signal, body);
    }
    try {
      fill((await answer).items.filter((item) => !picks?.has(item.show_id)));
    } catch (problem) {
      answer = null;
      panel.replaceChildren(make("p", { className: "note" }, problem.message));
    }
  });

  function fill(items) {
    if (!items.length) {
      panel.replaceChildren(make("p", { className: "note" }, "Nothing else is like it."));
      return;
    }
    const chips = items.map((item) => make("li", {}, chip(item, picks)));
    for (const each of chips) {
      each.querySelector("button")?.addEventListener("click", () => {
        const next = each.nextElementSibling ?? each.previousElementSibling;
        each.remove();
        (next?.querySelector("button") ?? title).focus();
      });
    }
    panel.replaceChildren(
      make("p", { className: "note" }, "Similar shows"),
      make("ul", { className: "chips" }, ...chips),
    );
  }

  return { title, panel };
}

/** A show in small, which a click adds to the picks if there are any. */
export function chip(show, picks) {
  if (!picks) return make("span", { className: "chip" }, testCard(show), show.title);
  const made = make(
    "button",
    { type: "button", className: "chip", "aria-label": `Add ${show.title}` },
    testCard(show),
    show.title,
  );
  made.addEventListener("click", () => picks.add(show));
  return made;
}
