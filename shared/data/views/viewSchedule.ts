import type { RunSpec } from "../../config/spec.ts";
import type { ViewsSpec } from "../../config/viewsSpec.ts";
import type { ViewedData } from "./stepRule.ts";
import { viewHash, viewNumberOf, viewOf } from "./view.ts";

/** The number of the view of which teachers' labels are used in an epoch. */
export function labelledView(views: ViewsSpec | undefined, epoch: number): number {
  return views?.teacher === "plain" ? 0 : viewNumberOf(views, epoch);
}

/** How many views teachers label: those that the student with the most epochs sees. */
export function labelledViews({
  views,
  student,
  moreStudents = [],
}: Pick<RunSpec, "views" | "student" | "moreStudents">): number {
  if (!views || views.teacher === "plain") return 1;
  const epochs = Math.max(
    student.train.epochs,
    ...moreStudents.map(({ train }) => train?.epochs ?? student.train.epochs),
  );
  return views.count === "fresh" ? epochs : Math.min(views.count, epochs);
}

/** Hashes of the views that teachers label, by their numbers. */
export function labelledViewHashes(
  spec: Pick<RunSpec, "views" | "student" | "moreStudents">,
  dataset: Pick<ViewedData, "shards" | "splits">,
): string[] {
  return Array.from({ length: labelledViews(spec) }, (_, number) =>
    viewHash(viewOf(spec.views, number), dataset),
  );
}
