/**
 * Where records lie: in the browser's IndexedDB, or, where it gives none, in memory until the page
 * is closed.
 */

import { isExpected } from "./errors.js";

/**
 * @typedef {object} Stored a recording as it is kept
 * @property {string} id
 * @property {string} name
 * @property {number} made milliseconds since 1970
 * @property {boolean} kept false for one of the recent races, which make room for newer ones
 * @property {Blob} bytes the .kelvin file
 * @property {number} size of it in bytes
 * @property {import("./summary.js").Summary} summary
 * @property {(number | null)[][]} spark at most 60 losses a lane
 *
 * @typedef {object} Database
 * @property {boolean} persistent whether what lies here is still there when the page comes back
 * @property {() => Promise<Stored[]>} all
 * @property {(id: string) => Promise<Stored | undefined>} get
 * @property {(record: Stored) => Promise<void>} put
 * @property {(id: string) => Promise<void>} remove
 */

const DATABASE = "kelvin";
const STORE = "recordings";

/**
 * Open the database of recordings; where the browser gives none, one in memory.
 * @param {IDBFactory | undefined | null} factory the browser's IndexedDB
 * @returns {Promise<Database>}
 */
export async function openDatabase(factory) {
  try {
    if (!factory) return memory();
    const opening = factory.open(DATABASE, 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore(STORE, { keyPath: "id" });
    const database = await answer(opening);
    // A newer page in another tab may want to change the database: do not stand in its way.
    database.onversionchange = () => database.close();
    return disk(database);
  } catch (error) {
    if (!isExpected(error)) console.error(error);
    return memory(); // a private window, or storage that is switched off
  }
}

/**
 * @template T
 * @param {IDBRequest<T>} request
 * @returns {Promise<T>}
 */
function answer(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/**
 * @param {IDBDatabase} database
 * @returns {Database}
 */
function disk(database) {
  const read = () => database.transaction(STORE).objectStore(STORE);
  /**
   * A change is made when its transaction is complete; a full disk says so only there.
   * @param {(store: IDBObjectStore) => void} change
   * @returns {Promise<void>}
   */
  const write = (change) =>
    new Promise((resolve, reject) => {
      const transaction = database.transaction(STORE, "readwrite");
      transaction.oncomplete = () => resolve();
      transaction.onabort = () =>
        reject(transaction.error ?? new Error("the browser gave up storing"));
      change(transaction.objectStore(STORE));
    });
  return {
    persistent: true,
    all: () => answer(read().getAll()),
    get: (id) => answer(read().get(id)),
    put: (record) => write((store) => store.put(record)),
    remove: (id) => write((store) => store.delete(id)),
  };
}

/** @returns {Database} */
function memory() {
  /** @type {Map<string, Stored>} */ const records = new Map();
  return {
    persistent: false,
    all: async () => [...records.values()],
    get: async (id) => records.get(id),
    put: async (record) => void records.set(record.id, record),
    remove: async (id) => void records.delete(id),
  };
}
