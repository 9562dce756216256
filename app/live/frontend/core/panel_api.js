/** What a panel may do: to the race, to the view, and to the other panels. */

const SETTLING_MS = 3000;

/**
 * @param {import("../data/race_session.js").RaceSession} session
 * @param {object} on
 * @param {(command: Record<string, unknown>) => void} on.command
 * @param {(index: number | null) => void} on.mark marks a moment on every chart
 * @param {() => void} on.redraw draws everything again at the next frame
 * @param {(name: string, value: unknown) => void} on.tell tells the page of a state
 * @param {(name: string, value: unknown) => void} on.pick tells the page of something picked
 * @param {() => Promise<number[][]>} on.coastline
 * @returns {import("../panels/registry.js").PanelApi}
 */
export function createPanelApi(session, { command, mark, redraw, tell, pick, coastline }) {
  return {
    command,
    live: () => session.live && session.playback.chosen === null,
    follow: null,
    setFollow(follow) {
      this.follow = follow;
      redraw();
    },
    hovered: null,
    hover(index) {
      if (index === this.hovered) return;
      this.hovered = index;
      mark(index);
    },
    show(index) {
      session.playback.show(index);
      redraw();
    },
    history: () => session.history,
    setPoints(points, groups) {
      // Until both the race and the page have taken the new points up they disagree, and that is
      // nobody's business.
      if (this.live()) session.settlesAt = performance.now() + SETTLING_MS;
      const live = this.live();
      if (live) command({ do: "points", points });
      // A race that runs keeps its classes, of which some may have no point.
      const own = session.history.stage.data.classes.length;
      tell("points", { points, groups: live ? own : (groups ?? own) });
    },
    tellCities(instance) {
      if (this.live()) session.settlesAt = performance.now() + SETTLING_MS;
      tell("cities", instance);
    },
    coastline,
    pick,
    redraw,
  };
}
