/** What a known user has rated: to be looked at, not to be changed. */

import { ask, newest } from "./api.js";
import { byId, hide, make, plural, testCard } from "./dom.js";

const AT_FIRST = 8;
// A proxy in front of the service may keep ratings to itself, as the chart's ingress does.
const NOT_SHOWN = 404;
const HIDDEN = "What this user has rated is not shown here; the list counts it all the same.";

/** Return a function that shows the ratings of a user. */
export function userRatings() {
  const list = byId("rated");
  const note = byId("user-note");
  const all = byId("all-rated");
  let ratings = [];

  function show(most) {
    list.replaceChildren(...ratings.slice(0, most).map(row));
    if (ratings.length > most) all.hidden = false;
    else hide(all, list);
    all.textContent = `Show all ${ratings.length}`;
  }
  all.addEventListener("click", () => show(ratings.length));

  return newest(
    (signal, userId) => ask(`users/${userId}/ratings`, signal),
    (answer, userId) => {
      ratings = [...answer.ratings].sort((one, other) => (other.rating ?? 0) - (one.rating ?? 0));
      note.textContent = ratings.length
        ? `User ${userId} has rated ${plural(ratings.length, "show")}; the best first.`
        : `Nothing is known of user ${userId}, who gets what is popular now.`;
      show(AT_FIRST);
    },
    (problem) => {
      ratings = [];
      note.textContent = problem.status === NOT_SHOWN ? HIDDEN : problem.message;
      show(AT_FIRST);
    },
  );
}

function row({ title, show_id: showId, rating, genres }) {
  return make(
    "li",
    {},
    genres ? testCard({ genres }) : null,
    make("div", { className: "what" }, make("p", { className: "title" }, title ?? `Show ${showId}`)),
    make("span", { className: "value" }, rating ? `${rating}/10` : "watched"),
  );
}
