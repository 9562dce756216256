/**
 * How a page stands, as attributes of its root: for style sheets, and for tests, which wait for
 * them and for what a person sees. ARCHITECTURE.md says what each of them means.
 */

/**
 * Write those attributes whose values have changed.
 * @param {HTMLElement} root
 * @param {Record<string, string | number | boolean>} said by the names of `dataset`
 */
export function tell(root, said) {
  for (const [name, value] of Object.entries(said)) {
    const text = String(value);
    if (root.dataset[name] !== text) root.dataset[name] = text;
  }
}

/** What a race is run on, by its name. @param {any} experiment */
const subject = ({ dataset, instance }) => dataset?.function ?? dataset?.name ?? instance?.name;

/**
 * Say how a live view stands.
 * @param {import("./live_view.js").LiveView} view
 */
export function tellOfView(view) {
  const { session, root, board, dirty, data } = view;
  const { history, source, playing, moment } = session.playback;
  const { metrics, details, pictures, events, stage } = history;
  const last = metrics.at(-1);
  /** @type {any[]} */ const lanes = last?.lanes ?? [];
  const raced = stage?.experiment;
  const asked = data.experiment;
  tell(root, {
    ready: view.ready,
    begun: session.begun,
    // never the token: whoever has it steers the race
    race: session.race ? "yes" : "no",
    state: session.state.state,
    source,
    playing,
    frames: metrics.length,
    pictures: pictures.length,
    detailed: last !== undefined && details.at(-1)?.k === last.k,
    moment,
    drawn: !dirty.pictures && !dirty.curves && !board.waiting.size,
    steps: lanes.map((row) => row.step).join(),
    seconds: lanes.length ? Math.floor(Math.min(...lanes.map((row) => row.seconds))) : 0,
    events: events.length,
    runs: session.run,
    stale: view.stale,
    dataset: raced ? subject(raced) : "",
    seed: raced?.seed ?? "",
    asked: `${subject(asked)} ${asked.seed} ${asked.lanes.map((/** @type {any} */ lane) => lane.name).join()}`,
  });
}
