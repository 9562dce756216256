/**
 * How finely canvases draw: they ask the window, which knows nothing of what is magnified
 * afterwards.
 */

/**
 * Have the window tell of at least so many pixels.
 * @param {number} least
 * @returns {() => void} lets it tell the truth again, whatever that is by then
 */
export function raisePixelRatio(least) {
  const own = Object.getOwnPropertyDescriptor(window, "devicePixelRatio");
  if (!own?.configurable) return () => {};
  const real = () => (own.get ? own.get.call(window) : own.value);
  Object.defineProperty(window, "devicePixelRatio", {
    configurable: true,
    enumerable: true,
    get: () => Math.max(least, real()),
  });
  return () => void Object.defineProperty(window, "devicePixelRatio", own);
}
