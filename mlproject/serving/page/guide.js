/** The list of recommendations: its rows stay themselves while the ranks change. */

import { byId, facts, make, testCard } from "./dom.js";
import { similarTo } from "./similar.js";

const EXPECTED = 10;
const GLIDE = 260;
const still = matchMedia("(prefers-reduced-motion: reduce)");

/** Show answers; a show that somebody has seen already goes to their picks. */
export function guide(picks) {
  const list = byId("items");
  let rows = new Map();

  /** Show an answer about `genres`; with `compare` each row tells how it has moved. */
  function show(answer, { pickable, compare, genres }) {
    const before = places();
    const focused = list.contains(document.activeElement) ? document.activeElement : null;
    const focusedPlace = focused ? [...list.children].indexOf(focused.closest("#items > li")) : -1;

    const ranks = new Map([...rows.values()].map((row) => [row.showId, row.rank]));
    const kept = rows;
    rows = new Map();
    answer.items.forEach((item, place) => {
      const key = `${item.show_id} ${pickable}`;
      const row = kept.get(key) ?? rowOf(item, pickable);
      row.tell(place + 1, compare && ranks.size ? ranks.get(item.show_id) ?? 0 : null);
      row.reason.textContent = reasonOf(item, answer);
      row.facts.textContent = facts(item, genres);
      rows.set(key, row);
    });
    list.replaceChildren(...[...rows.values()].map((row) => row.element));
    list.setAttribute("aria-busy", "false");
    if (focused) keepFocus(focused, focusedPlace);
    if (!still.matches) glide(before);
  }

  function rowOf(item, pickable) {
    const rank = make("span", { className: "rank", "aria-hidden": "true" });
    const known = make("p", { className: "facts" });
    const reason = make("p", { className: "reason" });
    const moved = make("span", { className: "moved" });
    const { title, panel } = similarTo(item, pickable ? picks : null);
    const seen = pickable
      ? make("button", { type: "button", className: "seen", textContent: "Seen it" })
      : null;
    seen?.setAttribute("aria-label", `Seen it: ${item.title}`);
    seen?.addEventListener("click", () => picks.add(item));
    const element = make(
      "li",
      {},
      rank,
      testCard(item),
      make("div", { className: "what" }, make("h3", {}, title), known, reason),
      make("div", { className: "act" }, moved, seen),
      panel,
    );
    const row = {
      element,
      facts: known,
      reason,
      showId: item.show_id,
      rank: 0,
      tell(newRank, oldRank) {
        row.rank = newRank;
        rank.textContent = newRank;
        moved.textContent = oldRank === null ? "" : movement(oldRank, newRank);
        moved.classList.toggle("fresh", oldRank === 0);
      },
    };
    return row;
  }

  /** Where each row is, for those that are on the page. */
  function places() {
    return new Map([...list.children].map((row) => [row, row.getBoundingClientRect().top]));
  }

  function glide(before) {
    for (const row of list.children) {
      const from = before.get(row);
      const to = row.getBoundingClientRect().top;
      const frames =
        from === undefined
          ? [{ opacity: 0 }, { opacity: 1 }]
          : [{ transform: `translateY(${from - to}px)` }, { transform: "none" }];
      if (from !== to) row.animate(frames, { duration: GLIDE, easing: "ease-out" });
    }
  }

  /** The row that had the focus may be gone: then what took its place has it. */
  function keepFocus(focused, place) {
    if (!list.contains(focused)) {
      const row = list.children[Math.min(place, list.children.length - 1)];
      const same = row?.querySelector(`button.${focused.className}`);
      (same ?? row?.querySelector("button") ?? byId("recommendations")).focus();
    } else if (document.activeElement !== focused) {
      focused.focus({ preventScroll: true });
    }
  }

  list.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const row = event.target.closest("#items > li");
    if (!step || !row) return;
    const next = [...list.children].indexOf(row) + step;
    const same = event.target.classList.contains("seen") ? ".seen" : "h3 button";
    list.children[next]?.querySelector(same)?.focus();
    event.preventDefault();
  });

  return {
    show,
    /** Say that an answer is under way; what is shown stays. */
    wait() {
      list.setAttribute("aria-busy", "true");
      if (rows.size || list.children.length) return;
      const ghost = () => make("li", { className: "ghost", "aria-hidden": "true" });
      list.replaceChildren(...Array.from({ length: EXPECTED }, ghost));
    },
    /** Nothing is under way any more; what is shown stays. */
    rest() {
      list.querySelectorAll(".ghost").forEach((ghost) => ghost.remove());
      list.setAttribute("aria-busy", "false");
    },
    /** Show nothing. */
    clear() {
      rows = new Map();
      list.replaceChildren();
      list.setAttribute("aria-busy", "false");
    },
  };
}

function reasonOf(item, answer) {
  if (item.reason) return item.reason.text;
  return answer.source === "popular" ? "" : "popular with people of a like taste";
}

function movement(oldRank, newRank) {
  if (oldRank === 0) return "new";
  if (oldRank === newRank) return "";
  return oldRank > newRank ? `↑ ${oldRank - newRank}` : `↓ ${newRank - oldRank}`;
}
