/** Which version answers, what it was worth, and why it is in production. */

import { ask, newest } from "./api.js";
import { byId, make, plural } from "./dom.js";

const LOOK = 10_000;
const KINDS = { factors: "LightFM", linear: "Sparse linear" };
const UNITS = [
  [86_400, "day"],
  [3_600, "hour"],
  [60, "minute"],
];
const ago = new Intl.RelativeTimeFormat("en", { numeric: "auto" });

/** Watch the version: `changed(version)` is called when another one answers. */
export function model(changed) {
  const place = byId("model");
  let last = null;
  let drawn = "";

  const look = newest(
    (signal) => ask("model", signal),
    (told) => {
      draw(told);
      if (last !== null && last !== told.version) changed(told.version);
      last = told.version;
    },
    (problem) => {
      drawn = "";
      place.replaceChildren(make("p", { className: "note" }, problem.message));
    },
  );

  function draw(told) {
    const facts = contents(told);
    // Redrawn only when it reads otherwise, so that a selection stays.
    const text = facts.map((part) => part.outerHTML).join("");
    if (text !== drawn) place.replaceChildren(...facts);
    drawn = text;
  }

  setInterval(() => {
    if (!document.hidden) look();
  }, LOOK);
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) look();
  });
  look();

  return {
    look,
    /** An answer came from this version: look at once if it is another. */
    heardOf(version) {
      if (version !== last) look();
    },
  };
}

function contents(told) {
  const pairs = [
    ["Promoted", moment(told.promoted_at)],
    ["By", told.promoted_by],
    ["Trained", moment(told.trained_at)],
    ["Loaded", moment(told.loaded_at)],
    ["Shows", told.shows?.toLocaleString("en")],
    ["Run", told.run_id && make("code", { title: told.run_id }, told.run_id.slice(0, 8))],
  ].filter(([, value]) => value);
  return [
    make(
      "p",
      { className: "version" },
      make("strong", {}, `Version ${told.version}`),
      make("span", {}, KINDS[told.kind] ?? told.kind),
    ),
    told.reason && make("p", { className: "why" }, told.reason),
    figures(told.metrics ?? {}),
    make("dl", {}, ...pairs.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)])),
  ].filter(Boolean);
}

/** Precision, as bars that can be compared. */
function figures(metrics) {
  const name = Object.keys(metrics).find((each) => /^precision_at_\d+$/.test(each));
  if (!name) return null;
  const k = name.split("_").at(-1);
  const shown = [
    ["This version", metrics[name]],
    ["What is popular", metrics[`popularity_${name}`]],
    ["The one before", metrics[`production_${name}`]],
  ].filter(([, value]) => Number.isFinite(value));
  const most = Math.max(...shown.map(([, value]) => value));
  return make(
    "figure",
    { className: "figures" },
    make(
      "figcaption",
      {},
      make("abbr", { title: `of ${k} shows recommended, the share that was liked later` }, `Precision@${k}`),
      " on ratings held out",
    ),
    ...shown.map(([label, value]) => {
      const bar = make("span", { className: "bar", "aria-hidden": "true" });
      bar.style.setProperty("--part", most ? value / most : 0);
      return make("div", {}, make("span", {}, label), make("span", {}, value.toFixed(3)), bar);
    }),
  );
}

/** A time as people say it; the exact one is in its tooltip. */
function moment(text) {
  const at = text && new Date(text);
  if (!at || Number.isNaN(at.getTime())) return null;
  const seconds = (at - Date.now()) / 1000;
  const [size, unit] = UNITS.find(([each]) => Math.abs(seconds) >= each) ?? [];
  const said = unit ? ago.format(Math.round(seconds / size), unit) : "just now";
  return make("time", { dateTime: text, title: at.toLocaleString() }, said);
}
