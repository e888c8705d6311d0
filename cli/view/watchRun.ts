import { createLogUpdate } from "log-update";
import type { Bus, KeyValue } from "../../shared/bus/bus.ts";
import { sleep, systemClock } from "../../shared/bus/clock.ts";
import { readHeartbeats } from "../../shared/cluster/readHeartbeats.ts";
import { messageOf } from "../../shared/errors.ts";
import { decode } from "../../shared/protocol/codec.ts";
import { Event } from "../../shared/protocol/events.ts";
import { RunRecord } from "../../shared/protocol/run.ts";
import { buckets, eventsFilter } from "../../shared/protocol/subjects.ts";
import { renderLine, renderScreen } from "./render.ts";
import { RunView } from "./runView.ts";

const SCREEN_MS = 250;
const LINE_MS = 5_000;

/**
 * Shows a run on the terminal, redrawn in place, or as plain lines where the output is no terminal, until `signal`
 * aborts.
 * @param notices filled by others; shown and emptied here
 */
export async function watchRun(
  bus: Bus,
  run: string,
  out: NodeJS.WriteStream,
  signal: AbortSignal,
  notices: string[],
): Promise<RunView> {
  const view = new RunView(() => systemClock.now());
  const runs = await bus.kv(buckets.runs);
  const subscription = bus.subscribe(eventsFilter, ({ data, subject }) => {
    const event = decode(Event, data, `event on ${subject}`);
    if (isOf(event, run, view)) view.takeEvent(event);
  });
  bus.onStatus(({ text }) => view.takeNotice(text));
  const screen = out.isTTY ? createLogUpdate(out) : undefined;
  let linedAt = Number.NEGATIVE_INFINITY;
  try {
    let looking = false;
    while (!signal.aborted) {
      // Not waited for: while the server is away this takes long, and that is what is to be shown meanwhile.
      if (!looking) {
        looking = true;
        void refresh(view, bus, runs, run).finally(() => {
          looking = false;
        });
      }
      for (const text of notices.splice(0)) view.takeNotice(text);
      const news = view.newNotices();
      if (screen) {
        if (news.length > 0) {
          screen.clear();
          for (const notice of news) out.write(`${notice}\n`);
        }
        screen(renderScreen(view, out.columns ?? 80));
      } else {
        for (const notice of news) out.write(`${notice}\n`);
        if (systemClock.now() - linedAt >= LINE_MS) {
          out.write(`${renderLine(view)}\n`);
          linedAt = systemClock.now();
        }
      }
      await sleep(systemClock, SCREEN_MS, signal);
    }
  } finally {
    subscription.unsubscribe();
    screen?.done();
  }
  return view;
}

async function refresh(view: RunView, bus: Bus, runs: KeyValue, run: string): Promise<void> {
  try {
    const entry = await runs.get(run);
    if (entry) view.takeRecord(decode(RunRecord, entry.value, `run record ${run}`));
    view.takeNodes(await readHeartbeats(bus, (error) => view.takeProblem(messageOf(error))));
  } catch (error) {
    // A view must not end a run: the roles wait for the server to return, and so does it.
    view.takeProblem(messageOf(error));
  }
}

function isOf(event: Event, run: string, view: RunView): boolean {
  if (event.type === "teacher-progress") {
    return view.record?.teachers.some(({ recipes }) => recipes.includes(event.recipe)) ?? false;
  }
  return event.run === run || event.run === null;
}
