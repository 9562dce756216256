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
 */

/**
 * @template {{id: string}} T what is kept
 * @typedef {object} Database
 * @property {boolean} persistent whether what lies here is still there when the page comes back
 * @property {() => Promise<T[]>} all
 * @property {(id: string) => Promise<T | undefined>} get
 * @property {(record: T) => Promise<void>} put
 * @property {(id: string) => Promise<void>} remove
 */

/** The browser's IndexedDB; reading the name alone may be refused. */
export function browserFactory() {
  try {
    return globalThis.indexedDB;
  } catch (error) {
    if (!isExpected(error)) throw error;
    return null;
  }
}

/**
 * Open a database; where the browser gives none, one in memory.
 * @template {{id: string}} T
 * @param {IDBFactory | undefined | null} factory the browser's IndexedDB
 * @param {string} name of the database
 * @param {string} store where its records lie
 * @returns {Promise<Database<T>>}
 */
export async function openDatabase(factory, name, store) {
  try {
    if (!factory) return memory();
    const opening = factory.open(name, 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore(store, { keyPath: "id" });
    const database = await answer(opening);
    // A newer page in another tab may want to change the database: do not stand in its way.
    database.onversionchange = () => database.close();
    return disk(database, store);
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
 * @template {{id: string}} T
 * @param {IDBDatabase} database
 * @param {string} name of its store
 * @returns {Database<T>}
 */
function disk(database, name) {
  const read = () => database.transaction(name).objectStore(name);
  /**
   * A change is made when its transaction is complete; a full disk says so only there.
   * @param {(store: IDBObjectStore) => void} change
   * @returns {Promise<void>}
   */
  const write = (change) =>
    new Promise((resolve, reject) => {
      const transaction = database.transaction(name, "readwrite");
      transaction.oncomplete = () => resolve();
      transaction.onabort = () =>
        reject(transaction.error ?? new Error("the browser gave up storing"));
      change(transaction.objectStore(name));
    });
  return {
    persistent: true,
    all: () => answer(read().getAll()),
    get: (id) => answer(read().get(id)),
    put: (record) => write((store) => store.put(record)),
    remove: (id) => write((store) => store.delete(id)),
  };
}

/**
 * @template {{id: string}} T
 * @returns {Database<T>}
 */
function memory() {
  /** @type {Map<string, T>} */ const records = new Map();
  return {
    persistent: false,
    all: async () => [...records.values()],
    get: async (id) => records.get(id),
    put: async (record) => void records.set(record.id, record),
    remove: async (id) => void records.delete(id),
  };
}
