import { Command } from "commander";
import { seedNumber } from "../../cli/program/options.ts";
import { chaosSpec } from "./chaosSpec.ts";
import { planFaults } from "./faults.ts";
import { runSeed } from "./runSeed.ts";

interface Options {
  seeds: number;
  seed?: number;
  faults: number;
  json: boolean;
}

/**
 * `npm run chaos`: real processes over a real nats-server, killed, stopped and cut off by plans that seeds draw. Exit status 0
 * only when each seed ends with the weights of the calm run, and everything planned has hit.
 */
const program = new Command("chaos")
  .description(
    "kills, stops and cuts off the processes of a run, and compares its weights with those of a calm one",
  )
  .option("--seeds <n>", "how many, from 1", seedNumber, 3)
  .option("--seed <k>", "this one alone", seedNumber)
  .option("--faults <n>", "in each run", seedNumber, 20)
  .option("--json", "what came of each, as JSON on stdout", false)
  .parse();
const { seeds, seed, faults, json } = program.opts<Options>();
const say = (line: string): void => void process.stderr.write(`${line}\n`);

const spec = chaosSpec(faults);
say("calm run");
const calm = await runSeed(spec, [], say);
say(`  ${calm.seconds.toFixed(1)} s, weights ${calm.hashes.map((hash) => hash.slice(0, 8)).join(" ")}`);
const wanted = JSON.stringify([calm.hashes, calm.identities]);
const found: { seed: number; same: boolean; end: Awaited<ReturnType<typeof runSeed>> }[] = [];
let bad = calm.problems.length;
for (const problem of calm.problems) say(`  PROBLEM ${problem}`);
for (const one of seed === undefined ? Array.from({ length: seeds }, (_, i) => i + 1) : [seed]) {
  say(`seed ${one}`);
  const end = await runSeed(spec, planFaults(one, faults), say);
  const same = JSON.stringify([end.hashes, end.identities]) === wanted;
  found.push({ seed: one, same, end });
  say(
    `  ${end.seconds.toFixed(1)} s, ${end.befallen.length} faults, ${end.resumes} resumes, ${same ? "the calm run's weights" : "OTHER WEIGHTS"}`,
  );
  for (const problem of end.problems) say(`  PROBLEM ${problem}`);
  if (!same || end.problems.length > 0) {
    bad++;
    say(`  again: npm run chaos -- --seed ${one} --faults ${faults}`);
  }
}
if (json) process.stdout.write(`${JSON.stringify({ calm, seeds: found }, null, 2)}\n`);
process.exitCode = bad > 0 ? 1 : 0;
