/** Word that what is kept in this browser has changed, between the tabs of one visitor. */

/**
 * @param {string} name of the channel
 * @returns {{onChange: (listener: () => void) => () => void, changed: () => void}} `onChange` is
 *   told of changes in this tab or another, until the function it returns is called; `changed`
 *   tells of one
 */
export function changeSignal(name) {
  /** @type {Set<() => void>} */ const listeners = new Set();
  /** @type {BroadcastChannel | null} */ let channel = null;
  const onChange = (/** @type {() => void} */ listener) => {
    listeners.add(listener);
    if (!channel && typeof BroadcastChannel === "function") {
      channel = new BroadcastChannel(name);
      channel.onmessage = () => listeners.forEach((one) => one());
    }
    return () => {
      listeners.delete(listener);
      if (listeners.size || !channel) return;
      channel.close();
      channel = null;
    };
  };
  const changed = () => {
    listeners.forEach((one) => one());
    if (channel) channel.postMessage("changed");
    else if (typeof window !== "undefined" && typeof BroadcastChannel === "function") {
      const brief = new BroadcastChannel(name);
      brief.postMessage("changed");
      brief.close();
    }
  };
  return { onChange, changed };
}
