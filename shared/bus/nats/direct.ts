import { DirectMsgHeaders, type MsgHdrs } from "nats";
import { own } from "../bytes.ts";
import type { Link } from "./link.ts";

export interface Found {
  subject: string;
  data: Uint8Array;
  headers: MsgHdrs | undefined;
  sequence: number;
  storedAt: Date;
}

/**
 * The latest message of a subject, or the one with a number; undefined when there is none. The server answers with
 * the raw message, where the ordinary request for one would wrap it in JSON and base64.
 */
export async function getDirect(
  link: Link,
  stream: string,
  which: { subject: string } | { sequence: number },
): Promise<Found | undefined> {
  const [path, query] =
    "subject" in which ? [`.${which.subject}`, ""] : ["", JSON.stringify({ seq: which.sequence })];
  const answer = await link.requests.request(`$JS.API.DIRECT.GET.${stream}${path}`, query);
  const { headers } = answer;
  const code = headers?.code ?? 0;
  if (code === 404) return undefined;
  if (code >= 300) throw new Error(`the server answered ${code} ${headers?.description}`);
  return {
    subject: headers?.last(DirectMsgHeaders.Subject) ?? "",
    data: own(answer.data),
    headers,
    sequence: Number(headers?.last(DirectMsgHeaders.Sequence)),
    storedAt: new Date(headers?.last(DirectMsgHeaders.TimeStamp) ?? 0),
  };
}
