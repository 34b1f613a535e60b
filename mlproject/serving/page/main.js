/** The page: whose taste, which genres, and the list that follows from them. */

import { ask, calmly, newest, useToken } from "./api.js";
import { byId, hide, make, plural } from "./dom.js";
import { genreFilter } from "./genres.js";
import { guide } from "./guide.js";
import { model } from "./model.js";
import { picks } from "./picks.js";
import { search } from "./search.js";
import { chip } from "./similar.js";
import { userRatings } from "./user.js";

const PAUSE = 180;
const AGAIN = 5_000;
const BEGINNINGS = 8;

const said = byId("said");
const trouble = byId("trouble");
const askToken = byId("ask-token");
const user = byId("user");
let again;

const chosen = picks(() => followSoon("click"));
const genres = genreFilter(() => followSoon("click"));
const list = guide(chosen);
const showRatings = userRatings();
const watched = model((number) => {
  said.textContent = `Version ${number} is in production now.`;
  follow("time");
});
search(chosen.add, chosen.has);

const isUser = () => document.querySelector("[name=who]:checked").value === "user";

const recommend = newest(
  (signal) => {
    const whom = isUser() ? { user_id: user.valueAsNumber } : { history: chosen.history() };
    return ask("recommend", signal, { ...whom, genres: genres.chosen(), explain: true });
  },
  (answer, cause) => {
    clearTimeout(again);
    hide(trouble, byId("recommendations"));
    hide(askToken, byId("recommendations"));
    watched.heardOf(answer.model_version);
    const compare = cause === "click";
    list.show(answer, { pickable: !isUser(), compare, genres: genres.chosen() });
    byId("source").textContent = basis(answer);
    if (cause !== "time") said.textContent = summary(answer);
    if (genres.isEmpty) fillBeginnings();
  },
  (problem) => {
    const isTemporary = problem.status === 0 || problem.status >= 500 || problem.status === 429;
    if (isTemporary) list.rest();
    else list.clear();
    byId("source").textContent = "";
    askToken.hidden = problem.status !== 401;
    const more = isTemporary ? " This page asks again by itself." : "";
    trouble.querySelector("p").textContent = problem.message + more;
    trouble.hidden = false;
    clearTimeout(again);
    if (isTemporary) again = setTimeout(follow, AGAIN, "time");
  },
);

/**
 * Ask for the list anew. `cause` is what led to it: a "click" among picks or genres, a "switch"
 * to somebody else, or "time".
 */
function follow(cause) {
  if (isUser() && !user.checkValidity()) return;
  list.wait();
  recommend(cause);
}
const followSoon = calmly(PAUSE, follow);

/** What the list rests on. */
function basis({ source, items, model_version: version }) {
  if (!items.length) return "No show is left; choose fewer genres.";
  const by = `by version ${version}`;
  if (source === "popular") return `Popular now, ${by}, until there is something to go by`;
  if (isUser()) return `For user ${user.value}, ${by}`;
  return `From ${plural(chosen.size, "show")} of yours, ${by}`;
}

function summary(answer) {
  const [first] = answer.items;
  if (!first) return basis(answer);
  const why = first.reason ? `, ${first.reason.text}` : "";
  return `${plural(answer.items.length, "recommendation")}. First: ${first.title}${why}.`;
}

/** Fill in what depends on the catalogue: shows to begin with, and genres to choose. */
const fillBeginnings = newest(
  (signal) => ask("shows?q=&limit=100", signal),
  ({ shows }) => {
    genres.fill(shows);
    const few = varied(shows).map((show) => make("li", {}, chip(show, chosen)));
    byId("popular").replaceChildren(...few);
  },
  () => {},
);

/** Popular shows whose main genres differ. */
function varied(shows) {
  const firsts = new Set();
  const differing = shows.filter(({ genres: [first] = [] }) => !firsts.has(first) && firsts.add(first));
  return differing.slice(0, BEGINNINGS);
}

for (const choice of document.querySelectorAll("[name=who]")) {
  choice.addEventListener("change", () => {
    byId("as-user").hidden = !isUser();
    byId("as-picks").hidden = isUser();
    if (isUser()) user.dispatchEvent(new Event("input"));
    else follow("switch");
  });
}
const askForUser = calmly(PAUSE, () => {
  if (!user.checkValidity()) {
    byId("user-note").textContent = "A user is a whole number from 0.";
    return;
  }
  showRatings(user.valueAsNumber);
  follow("switch");
});
user.addEventListener("input", askForUser);
trouble.querySelector("button").addEventListener("click", () => follow("switch"));
askToken.addEventListener("submit", (event) => {
  event.preventDefault();
  useToken(byId("token").value);
  watched.look();
  follow("switch");
});

follow("time");
