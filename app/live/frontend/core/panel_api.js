/** What a panel may do: to the race, to the view, and to the other panels. */

/**
 * @typedef {object} Hands
 * @property {(command: Record<string, unknown>) => void} command sends a command to the race
 * @property {() => boolean} live whether there is a race that obeys: running or paused, and looked at where it stands
 * @property {{lane: number, particle: number} | null} follow the particle that is followed in every picture
 * @property {(follow: {lane: number, particle: number} | null) => void} setFollow
 * @property {number | null} hovered index of the metrics that a pointer marks on some chart
 * @property {(index: number | null) => void} hover marks a moment on every chart
 * @property {(index: number) => void} show shows that moment everywhere
 * @property {() => import("../data/history.js").History} history of the race on the screen
 * @property {(points: string) => void} setPoints other training points, drawn by hand: to the race that runs, to the controls and into the address
 * @property {(name: string, value: unknown) => void} pick tells the page of something picked in the view
 * @property {() => void} redraw draws everything again at the next frame
 */

const SETTLING_MS = 3000;

/** @param {import("./live_view.js").LiveView} view @returns {Hands} */
export function handsOf(view) {
  return {
    command: (command) => view.command(command),
    live: () => ["running", "paused"].includes(view.state.state) && view.player.source === "live" && view.player.chosen === null,
    follow: null,
    setFollow(follow) {
      this.follow = follow;
      view.redraw();
    },
    hovered: null,
    hover(index) {
      if (index === this.hovered) return;
      this.hovered = index;
      view.board.mark(index);
    },
    show(index) {
      view.player.show(index);
      view.redraw();
    },
    history: () => view.player.history,
    setPoints(points) {
      // Until both the race and the page have taken the new points up they disagree, and that is nobody's business.
      if (this.live()) view.settling = performance.now() + SETTLING_MS;
      if (this.live()) view.command({ do: "points", points });
      view.setStateValue("points", { points, groups: view.player.history.stage.data.classes.length });
    },
    pick: (name, value) => view.setTriggerValue(name, value),
    redraw: () => view.redraw(),
  };
}
