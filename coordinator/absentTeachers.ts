import { matches } from "../shared/bus/subjects.ts";
import type { RunRecord } from "../shared/protocol/run.ts";
import { type ChunkKey, labelWorkFilter, labelWorkSubject } from "../shared/protocol/subjects.ts";

/**
 * Whose labels a run with a quorum will never have, and goes on without: teachers at whose labels a node found a fault
 * that trying again will not mend, and chunks that no node came to the end of.
 */
export class AbsentTeachers {
  readonly #labellings = new Set<string>();
  readonly #work = new Set<string>();

  has(key: ChunkKey): boolean {
    return this.#labellings.has(key.labelling) || this.#work.has(labelWorkSubject(key));
  }

  /** @returns whether the run can do without all labels of it: enough teachers are left for the quorum */
  leaveOut({ spec, teachers }: RunRecord, labelling: string): boolean {
    const { quorum } = spec.ensemble;
    if (quorum === "all") return false;
    const left = teachers.filter(
      ({ ready }) => ready && ready.labelling !== labelling && !this.#labellings.has(ready.labelling),
    );
    if (left.length < quorum.teachers) return false;
    this.#labellings.add(labelling);
    return true;
  }

  /** @returns whether the run can do without the labels of one chunk by one teacher */
  leaveOutChunk({ spec, teachers }: RunRecord, workSubject: string): boolean {
    if (spec.ensemble.quorum === "all") return false;
    const ours = teachers.some(
      ({ ready }) => ready && matches(labelWorkFilter(ready.labelling), workSubject),
    );
    if (ours) this.#work.add(workSubject);
    return ours;
  }
}
