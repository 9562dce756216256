import "./texts.js";
import assert from "node:assert/strict";
import { test } from "node:test";

import { Socket } from "../../../app/live/frontend/data/socket.js";

/** A browser's socket that does what a test says. */
class FakeSocket {
  static OPEN = 1;
  static CLOSED = 3;
  /** @type {FakeSocket[]} */ static made = [];
  readyState = 0;

  constructor() {
    FakeSocket.made.push(this);
  }

  send() {}

  close() {}

  open() {
    this.readyState = FakeSocket.OPEN;
    this.onopen();
  }

  lose() {
    this.readyState = FakeSocket.CLOSED;
    this.onclose();
  }
}

/**
 * Sockets of a page whose server answers a plain question so.
 * @param {() => Promise<any>} answer
 */
function page(answer) {
  const asked = [],
    lost = [],
    again = [];
  FakeSocket.made = [];
  globalThis.WebSocket = FakeSocket;
  globalThis.location = { origin: "https://a.example:8443" };
  globalThis.setTimeout = (open) => again.push(open);
  globalThis.fetch = (address) => (asked.push(address), answer());
  const on = { message: () => {}, open: () => {}, lost: (sentence) => lost.push(sentence) };
  const socket = new Socket("wss://a.example:8443/base/kelvin/live", on);
  return { asked, lost, again, socket };
}

const said = (sentence) => () =>
  Promise.resolve({ ok: true, json: () => Promise.resolve({ sentence }) });
const settled = async () => {
  for (let i = 0; i < 9; i++) await null;
};

test("a socket that is refused says why, as long as it is", async () => {
  const { asked, lost, again } = page(said("Not this address."));
  FakeSocket.made[0].lose();
  await settled();
  assert.deepEqual(asked, [
    "https://a.example:8443/base/kelvin/live?origin=https%3A%2F%2Fa.example%3A8443",
  ]);
  assert.deepEqual(lost, ["", "Not this address."]);
  again[0]();
  FakeSocket.made[1].lose();
  assert.equal(lost.at(-1), "Not this address.", "the reason stands while it tries again");
  await settled();
  again[1]();
  FakeSocket.made[2].open();
  FakeSocket.made[2].lose();
  assert.equal(lost.at(-1), "", "a line that was there is lost");
  await settled();
  assert.equal(asked.length, 2);
});

test("where nobody answers, or nothing is refused, the line is lost", async () => {
  const answers = [
    said(null),
    () => Promise.reject(new TypeError("Failed to fetch")),
    () => Promise.resolve({ ok: false, status: 404 }),
    () => Promise.resolve({ ok: true, json: () => Promise.reject(new SyntaxError("<html>")) }),
  ];
  for (const answer of answers) {
    const { lost } = page(answer);
    FakeSocket.made[0].lose();
    await settled();
    assert.deepEqual(lost, [""]);
  }
});
