/** What a panel may do: to the race, to the view, and to the other panels. */

const SETTLING_MS = 3000;

/**
 * @param {import("./live_view.js").LiveView} view
 * @returns {import("../panels/registry.js").PanelApi}
 */
export function handsOf(view) {
  return {
    command: (command) => view.command(command),
    live: () =>
      ["running", "paused"].includes(view.state.state) &&
      view.player.source === "live" &&
      view.player.chosen === null,
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
      // Until both the race and the page have taken the new points up they disagree, and that is
      // nobody's business.
      if (this.live()) view.settling = performance.now() + SETTLING_MS;
      if (this.live()) view.command({ do: "points", points });
      view.setStateValue("points", {
        points,
        groups: view.player.history.stage.data.classes.length,
      });
    },
    pick: (name, value) => view.setTriggerValue(name, value),
    redraw: () => view.redraw(),
  };
}
