import { createWriteStream } from "node:fs";
import http from "node:http";
import https from "node:https";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";

/**
 * @typedef {{ method?: "GET" | "HEAD", connectMs: number, idleMs: number, totalMs: number }} Limits
 *   milliseconds until connected (name lookup and TLS included), without a byte, and until the body's end
 */

const MAX_REDIRECTS = 5;

/**
 * Opens a URL and follows redirects. Every wait is bounded, the one for the connection on its own: being offline
 * must cost seconds, a slow download may take its time.
 * @param {string} url
 * @param {Limits} limits
 * @returns {Promise<http.IncomingMessage>} an answer of status 200, whose body the caller reads or destroys; the
 *   limits go on to hold for it, and a body that ends early is an error
 * @throws Error that names the host and what it did not do
 */
export async function openUrl(url, limits) {
  const end = performance.now() + limits.totalMs;
  let at = new URL(url);
  for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
    const answer = await request(at, limits, end);
    const status = answer.statusCode ?? 0;
    if (status === 200) return answer;
    answer.destroy();
    const location = answer.headers.location;
    if (status < 300 || status >= 400 || location === undefined) {
      throw new Error(`${at.host} answered ${status} for ${at.pathname}`);
    }
    const next = new URL(location, at);
    if (at.protocol === "https:" && next.protocol !== "https:") {
      throw new Error(
        `${at.host} redirected ${at.pathname} to ${next.protocol}//${next.host}, which is not https`,
      );
    }
    at = next;
  }
  throw new Error(`${new URL(url).host} redirected more than ${MAX_REDIRECTS} times`);
}

/**
 * @param {string} url
 * @param {Limits} limits
 * @returns {Promise<string>} the whole body
 */
export async function readUrl(url, limits) {
  const answer = await openUrl(url, limits);
  return await text(answer).catch((error) => {
    throw named(error, new URL(url));
  });
}

/**
 * Writes the body of a URL into a new file, which is incomplete when this throws.
 * @param {string} url
 * @param {string} path
 * @param {Limits} limits
 */
export async function saveUrl(url, path, limits) {
  const answer = await openUrl(url, limits);
  await pipeline(answer, createWriteStream(path, { flags: "wx" })).catch((error) => {
    throw named(error, new URL(url));
  });
}

/**
 * @param {URL} url
 * @param {Limits} limits
 * @param {number} end when the total limit is over, on the clock of `performance.now()`
 * @returns {Promise<http.IncomingMessage>}
 */
function request(url, { method = "GET", connectMs, idleMs, totalMs }, end) {
  return new Promise((resolve, reject) => {
    const send = url.protocol === "https:" ? https.request : http.request;
    const sent = send(url, { method, agent: false, headers: { "user-agent": "stillhouse" } });
    /** @type {http.IncomingMessage | null} */
    let answer = null;
    /** @param {string} what */
    const stop = (what) => (answer ?? sent).destroy(new Error(`${url.host} ${what}`));

    const connecting = setTimeout(() => stop(`was not reached within ${connectMs / 1000} s`), connectMs);
    const total = setTimeout(
      () => stop(`did not send everything within ${totalMs / 1000} s`),
      Math.max(0, end - performance.now()),
    );
    sent.once("socket", (socket) => {
      socket.once(url.protocol === "https:" ? "secureConnect" : "connect", () => clearTimeout(connecting));
    });
    sent.setTimeout(idleMs, () => stop(`sent nothing for ${idleMs / 1000} s`));
    sent.once("close", () => {
      clearTimeout(connecting);
      clearTimeout(total);
    });
    // Kept after the promise has settled: a failure of the body also reaches the request.
    sent.on("error", (error) => reject(named(error, url)));
    sent.once("response", (received) => {
      answer = received;
      resolve(received);
    });
    sent.end();
  });
}

/**
 * Node's network errors, which alone have a code, may name neither the host nor what happened to the body.
 * @param {Error & { code?: string }} error
 * @param {URL} url
 */
function named(error, url) {
  if (error.message === "aborted") return new Error(`${url.host} closed the connection before the end`);
  return error.code === undefined ? error : new Error(`${url.host} failed (${error.code})`);
}
