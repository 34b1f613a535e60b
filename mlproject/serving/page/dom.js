/** Elements, made without a word of HTML: data are texts and never markup. */

/**
 * Make an element. Properties are set as they are, attributes with `aria-`, `data-` and `role`
 * as attributes; children are elements or texts, and what is null or false is left out.
 */
export function make(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name === "role" || name.includes("-")) made.setAttribute(name, value);
    else made[name] = value;
  }
  made.append(...children.filter((child) => child !== null && child !== false));
  return made;
}

export const byId = (id) => document.getElementById(id);

/** Hide an element; the focus, if it is in there, goes to another one. */
export function hide(element, next) {
  if (element.contains(document.activeElement)) next.focus();
  element.hidden = true;
}

/** Hues of genres that often go together lie apart. */
const hues = new Map(
  Object.entries({
    Drama: 255,
    Crime: 22,
    Thriller: 300,
    Mystery: 165,
    Action: 48,
    Comedy: 92,
    Sitcom: 70,
    Romance: 345,
    Animation: 205,
    Anime: 230,
    Adventure: 140,
    "Science-Fiction": 190,
    Fantasy: 322,
    Family: 115,
    Supernatural: 278,
    Horror: 5,
  }),
);
const GOLDEN_ANGLE = 137.5;

/** Give an element the colour of a genre. */
export function paint(element, genre) {
  if (!hues.has(genre)) hues.set(genre, Math.round(hues.size * GOLDEN_ANGLE) % 360);
  element.style.setProperty("--hue", hues.get(genre));
  return element;
}

/** A show's test card: a bar for each of its genres, in place of a poster. */
export function testCard(show) {
  const bars = (show.genres ?? []).slice(0, 4).map((genre) => paint(make("i"), genre));
  return make("span", { className: "card", "aria-hidden": "true" }, ...bars);
}

/** What is known of a show, in a line; of its genres two, those that are `wanted` first. */
export function facts(show, wanted = []) {
  const genres = [...(show.genres ?? [])];
  genres.sort((one, other) => wanted.includes(other) - wanted.includes(one));
  const known = [genres.slice(0, 2).join(", "), show.network, show.first_year];
  // No line begins with a dot.
  return known.filter(Boolean).join("\u00a0· ");
}

export const plural = (count, one) => `${count.toLocaleString("en")} ${one}${count === 1 ? "" : "s"}`;
