import { pathText } from "./locate.ts";
import type { Problem } from "./problems.ts";
import type { Path } from "./schemaNode.ts";

/** A problem for each value that was there before. */
export function repeated(values: readonly (string | number)[], pathOf: (index: number) => Path): Problem[] {
  return values.flatMap((value, i) => {
    const first = values.indexOf(value);
    if (first === i) return [];
    return [
      {
        path: pathOf(i),
        message: `${JSON.stringify(value)} again, as in ${pathText(pathOf(first))}; expected another`,
      },
    ];
  });
}
