import type { FromRole, Role, RoleName, RoleTask, ToRole } from "./role.ts";
import { openCoordinator } from "./roles/coordinatorRole.ts";
import { openMortals } from "./roles/mortalsRole.ts";
import { openRawConsumer, openRawPublisher } from "./roles/rawRoles.ts";
import { openStudent } from "./roles/studentRole.ts";
import { openTeachers } from "./roles/teachersRole.ts";
import { openTrainer } from "./roles/trainerRole.ts";

// A process of a benchmark: roleProcess.ts TASK. It speaks with the benchmark by Node's own channel.
const openers: { [N in RoleName]: (task: Extract<RoleTask, { role: N }>) => Promise<Role> } = {
  coordinator: openCoordinator,
  teachers: openTeachers,
  student: openStudent,
  trainer: openTrainer,
  mortals: openMortals,
  "raw-publisher": openRawPublisher,
  "raw-consumer": openRawConsumer,
};

const task = JSON.parse(process.argv[2] ?? "") as RoleTask;
const say = (message: FromRole): void => void process.send?.(message);
const heard = (kind: ToRole["kind"]): Promise<void> =>
  new Promise((resolve) => {
    process.on("message", (message: ToRole) => message.kind === kind && resolve());
  });
// A benchmark that was cut off leaves no processes.
process.once("disconnect", () => process.exit(0));

const go = heard("go");
const end = heard("end");
const role = await (openers[task.role] as (task: RoleTask) => Promise<Role>)(task);
say({ kind: "ready" });
await go;
const cpu = process.cpuUsage();
const startedAt = Date.now();
// It may be told to end before it is done.
const working = role.work().then((facts) => say({ kind: "done", startedAt, endedAt: Date.now(), facts }));
await Promise.race([end, working.then(() => end)]);
const { user, system } = process.cpuUsage(cpu);
say({ kind: "ended", cpuMs: (user + system) / 1000 });
await role.close();
process.exit(0);
