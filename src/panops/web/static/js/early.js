// Runs while the page's modules are still on their way (a classic script in <head>): what each page asks first is asked now.
// `api.js` takes the answers. Nothing is asked here that could be refused: a stranger is known by the first answer.
(() => {
  const asked = new Map();
  const ask = (path, then = (answer) => answer) => {
    const stop = new AbortController();
    const answer = fetch(`/api/v1${path}`, { cache: "no-store", signal: stop.signal }).then(then);
    answer.catch(() => {}); // who takes it says so
    asked.set(path, { answer, abort: () => stop.abort() });
  };
  /** A request that is on its way, `{answer, abort()}`, once; undefined where there is none. */
  window.takeEarly = (path) => {
    const request = asked.get(path);
    asked.delete(path);
    return request;
  };
  const { pathname, search } = location;
  // Handed over when what follows from it has been asked: whoever has this answer finds the next ones here.
  ask("/setup", async (answer) => {
    const { user, second_factor_missing: limited } = await answer.clone().json().catch(() => ({}));
    if (user && !limited && pathname !== "/login" && pathname !== "/setup") {
      ask("/site");
      if (pathname === "/events" && !search) ask("/events?limit=60"); // the list without a filter
    }
    return answer;
  });
})();
