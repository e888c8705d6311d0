import { StillhouseError } from "../../errors.ts";

export interface Address {
  /** `host:port` of each server. */
  servers: string[];
  /** The url without user, password or token: the only form that may reach a message or a log. */
  shown: string;
  tls: boolean;
  user?: string;
  pass?: string;
  token?: string;
}

/**
 * Reads `nats://[user:password@ | token@]host[:port]`, or several of them with commas between. The client library
 * takes no credentials from a url, so they are picked out here.
 * @throws StillhouseError for text that is no such url; the text itself is not repeated, it may hold a password
 */
export function parseAddress(url: string): Address {
  const parts = url.split(",").map((part) => parsePart(part.trim()));
  const first = parts[0] as URL;
  const user = decodeURIComponent(first.username);
  const pass = decodeURIComponent(first.password);
  return {
    servers: parts.map(hostOf),
    shown: parts.map((part) => `${part.protocol}//${hostOf(part)}`).join(","),
    tls: first.protocol === "tls:",
    ...(user !== "" && pass !== "" ? { user, pass } : {}),
    ...(user !== "" && pass === "" ? { token: user } : {}),
  };
}

function hostOf(url: URL): string {
  return `${url.hostname}:${url.port === "" ? "4222" : url.port}`;
}

function parsePart(part: string): URL {
  const text = part.includes("://") ? part : `nats://${part}`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || url.hostname === "" || !["nats:", "tls:"].includes(url.protocol)) {
    const host = part.slice(part.lastIndexOf("@") + 1);
    throw new StillhouseError(
      `Cannot read the address of the NATS server "${host}": expected nats://host:port or tls://host:port`,
      { fields: { host } },
    );
  }
  return url;
}
