/**
 * The name of a recording in its file: a comment in gzip's header (RFC 1952), which whatever else
 * reads the file passes over. A file's own name cannot hold every sign, and browsers change it.
 */

const [NAME, COMMENT, EXTRA, CHECKED] = [0x08, 0x10, 0x04, 0x02];
const HEAD = 10;
/** Bytes at a file's start in which its name is looked for. */
const LOOKED = 4096;

/**
 * The parts of a gzip header, or null where it is none, or longer than what is there.
 * @param {Uint8Array} bytes
 * @returns {{flags: number, fixed: Uint8Array<ArrayBuffer>, kept: Uint8Array, title: string, rest:
 *   number} | null} `kept`: what stands before a comment; `rest`: where the packed bytes begin
 */
function headOf(bytes) {
  if (bytes.length < HEAD || bytes[0] !== 0x1f || bytes[1] !== 0x8b) return null;
  const flags = bytes[3];
  let at = HEAD;
  const past = () => {
    const end = bytes.indexOf(0, at);
    at = end < 0 ? bytes.length + 1 : end + 1;
  };
  if (flags & EXTRA) at += 2 + bytes[at] + 256 * bytes[at + 1];
  if (flags & NAME) past();
  const kept = bytes.slice(HEAD, at);
  const from = at;
  if (flags & COMMENT) past();
  const title = flags & COMMENT ? new TextDecoder().decode(bytes.subarray(from, at - 1)) : "";
  if (flags & CHECKED) at += 2;
  return at <= bytes.length ? { flags, fixed: bytes.slice(0, HEAD), kept, title, rest: at } : null;
}

/**
 * The name in a recording file, "" where it holds none.
 * @param {Blob} file
 * @returns {Promise<string>}
 */
export async function readTitle(file) {
  return headOf(new Uint8Array(await file.slice(0, LOOKED).arrayBuffer()))?.title ?? "";
}

/**
 * The same recording with that name in its file.
 * @param {Blob} file
 * @param {string} title
 * @returns {Promise<Blob>}
 */
export async function withTitle(file, title) {
  const head = headOf(new Uint8Array(await file.slice(0, LOOKED).arrayBuffer()));
  const said = new TextEncoder().encode(title.replaceAll("\0", ""));
  if (!head || said.length > LOOKED / 2) return file;
  const { flags, fixed, kept, rest } = head;
  fixed[3] = (flags & ~CHECKED) | COMMENT; // the header's own checksum would be wrong now
  return new Blob([fixed, new Uint8Array(kept), said, new Uint8Array(1), file.slice(rest)], {
    type: file.type,
  });
}
