import type { JobKey } from "../shared/protocol/jobs.ts";

/** Trainings to be done, handed out one by one; those that need labels only once the teachers are there. */
export class JobQueue {
  readonly #baselines: JobKey[];
  readonly #students: JobKey[];
  readonly #waiting: (() => void)[] = [];
  #open = false;

  constructor(jobs: readonly JobKey[]) {
    this.#baselines = jobs.filter(({ kind }) => kind === "baseline");
    this.#students = jobs.filter(({ kind }) => kind === "student");
  }

  /** From now on students may be trained. */
  openStudents(): void {
    this.#open = true;
    for (const look of this.#waiting.splice(0)) look();
  }

  /**
   * The next training, or undefined when all were handed out. Students go before baselines, so that their labels are
   * read while they are fresh; resolves later when only students are left and the teachers are not there.
   */
  async next(): Promise<JobKey | undefined> {
    for (;;) {
      const job = (this.#open ? this.#students.shift() : undefined) ?? this.#baselines.shift();
      if (job || this.#students.length === 0) return job;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }
}
