/** Questions to the service, and what becomes of answers that come late or not at all. */

const PATIENCE = 15_000;
const TOKEN = "tvrec-token";

/** Send a token with every question, until this tab is closed. */
export const useToken = (token) => sessionStorage.setItem(TOKEN, token);

/** An answer that is none: `status` is 0 where nobody answered. `message` is a sentence. */
export class Problem extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** Ask the service: POST with a body, else GET. Throws a Problem, or AbortError when given up. */
export async function ask(path, signal, body) {
  const request = {
    headers: {},
    signal: AbortSignal.any([signal, AbortSignal.timeout(PATIENCE)]),
  };
  const token = sessionStorage.getItem(TOKEN);
  if (token) request.headers.Authorization = `Bearer ${token}`;
  if (body !== undefined) {
    request.method = "POST";
    request.headers["Content-Type"] = "application/json";
    request.body = JSON.stringify(body);
  }
  let answer;
  let told;
  try {
    answer = await fetch(path, request);
    told = await answer.json();
  } catch (error) {
    if (signal.aborted) throw error;
    if (!answer) throw new Problem(0, "The service does not answer.");
    throw new Problem(answer.status, "The service's answer could not be read.");
  }
  if (answer.status === 401) throw new Problem(401, "This service asks for a token.");
  if (!answer.ok) throw new Problem(answer.status, sentence(told.detail ?? told.error));
  return told;
}

/**
 * Wrap `work(signal, ...)` so that a newer call ends the older one, whose answer is dropped:
 * `use(answer)` and `fail(problem)` only ever hear of the newest.
 */
export function newest(work, use, fail) {
  let running = new AbortController();
  return async (...wanted) => {
    running.abort();
    running = new AbortController();
    const { signal } = running;
    try {
      const answer = await work(signal, ...wanted);
      if (!signal.aborted) use(answer, ...wanted);
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof Problem)) throw error;
      fail(error, ...wanted);
    }
  };
}

/** Wrap a function so that a burst of calls becomes the last one, `milliseconds` after it. */
export function calmly(milliseconds, call) {
  let timer;
  return (...wanted) => {
    clearTimeout(timer);
    timer = setTimeout(call, milliseconds, ...wanted);
  };
}

function sentence(text) {
  const said = text || "the service could not answer";
  return `${said[0].toUpperCase()}${said.slice(1)}${/[.!?]$/.test(said) ? "" : "."}`;
}
