/**
 * Why a page stays empty. Without its socket Streamlit draws nothing and says nothing, so a page
 * behind a proxy that passes on no sockets, or not the Host header, would stay grey for ever. It is
 * loaded with the page itself, by `preload.py`, and needs nothing of the others.
 */

const WAIT_MS = 8000;
/** What Streamlit draws, but for its grey shape of a page. */
const DRAWN = "[data-testid='stElementContainer']:not(:has([data-testid='stAppSkeleton']))";
const MARK = "kelvin-empty-page";

/**
 * Look at the page, as long as nothing is drawn, and show why in a sentence.
 * @param {URL} live the address of the live view's socket
 * @param {number} [wait] milliseconds between two looks
 */
export function watchEmptyPage(live, wait = WAIT_MS) {
  setTimeout(async () => {
    if (document.querySelector(DRAWN)) return tell("");
    tell(await whyRefused(live));
    watchEmptyPage(live, wait);
  }, wait);
}

/**
 * What keeps a socket from opening; "" where it opens, so the server is only slow, and where there
 * is no server, which Streamlit says itself.
 * @param {URL} live
 * @returns {Promise<string>}
 */
export async function whyRefused(live) {
  if (await opens(live)) return "";
  const asked = new URL(live);
  asked.searchParams.set("origin", location.origin);
  try {
    const told = await (await fetch(asked)).json();
    return told.sentence ?? told.unheard ?? "";
  } catch (error) {
    // no server (TypeError), or another one, which answers with something else (SyntaxError)
    if (!(error instanceof TypeError || error instanceof SyntaxError)) throw error;
    return "";
  }
}

/**
 * @param {URL} live
 * @returns {Promise<boolean>}
 */
function opens(live) {
  const address = new URL(live);
  address.protocol = address.protocol.replace("http", "ws");
  return new Promise((done) => {
    const socket = new WebSocket(address);
    socket.onopen = () => {
      socket.close();
      done(true);
    };
    socket.onerror = () => done(false);
  });
}

/** Show a sentence above the page, or take it away. @param {string} sentence */
function tell(sentence) {
  let box = document.getElementById(MARK);
  if (!sentence) return box?.remove();
  if (!box) {
    box = document.createElement("div");
    box.id = MARK;
    box.setAttribute("role", "alert");
    box.style.cssText =
      "position:fixed;z-index:1000000;inset:32px 16px auto;max-width:640px;margin:0 auto;" +
      "padding:16px;border:2px solid #c4451f;border-radius:8px;background:#fff;color:#1a1a1a;" +
      "font:16px/1.5 system-ui,sans-serif";
    document.body.append(box);
  }
  if (box.textContent !== sentence) box.textContent = sentence;
}

if (typeof window !== "undefined") watchEmptyPage(new URL("../../../live", import.meta.url));
