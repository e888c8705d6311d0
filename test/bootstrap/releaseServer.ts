import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { removeAtEnd } from "./tempFolder.ts";

/** The names that the official release gives to the Linux build for x64. */
export const FOLDER = "nats-server-v2.10.29-linux-amd64";
export const ARCHIVE = `${FOLDER}.tar.gz`;

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** Serves answers by path until the test ends, then cuts what still hangs. Returns its address. */
export async function serve(answers: Record<string, Answer>): Promise<string> {
  const server = createServer((request, response) => {
    const answer = answers[request.url ?? ""];
    if (answer === undefined) response.writeHead(404).end();
    else answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(
    () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  );
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A release archive whose nats-server is a shell script that says `version`, as an official one is laid out. */
export function releaseArchive(version = "2.10.29"): Buffer {
  const dir = removeAtEnd(mkdtempSync(join(tmpdir(), "stillhouse-release-")));
  mkdirSync(join(dir, FOLDER));
  writeNatsScript(join(dir, FOLDER, "nats-server"), version);
  execFileSync("tar", ["-czf", ARCHIVE, FOLDER], { cwd: dir });
  return readFileSync(join(dir, ARCHIVE));
}

export function writeNatsScript(path: string, version: string): void {
  writeFileSync(path, `#!/bin/sh\necho "nats-server: v${version}"\n`);
  chmodSync(path, 0o755);
}

export const sha256 = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");

export const send =
  (body: string | Buffer): Answer =>
  (_, response) =>
    response.end(body);
export const sums = (archive: Buffer): Answer => send(`${sha256(archive)}  ${ARCHIVE}\n`);
export const redirect =
  (to: string): Answer =>
  (_, response) =>
    response.writeHead(302, { location: to }).end();
/** Promises the whole body, sends half of it and then cuts the connection. */
export const truncated =
  (body: Buffer): Answer =>
  (_, response) => {
    response.writeHead(200, { "content-length": body.length });
    response.write(body.subarray(0, body.length / 2), () => response.destroy());
  };
/** Accepts the request and never answers. */
export const hang: Answer = () => {};
