import { rng } from "../../shared/determinism/rng.ts";
import { bytesIdx, folderOf } from "../data/idxFiles.ts";

export const SMALL_IMAGES = { train: 150, test: 30, side: 8, classes: 3 } as const;

/** A folder with IDX files of 8 x 8 images in three classes, each a bright square in another corner among noise. */
export function smallImages(): ReturnType<typeof folderOf> {
  const { train, test, side, classes } = SMALL_IMAGES;
  const files = (split: string, rows: number): Record<string, Uint8Array> => {
    const stream = rng("small images", split);
    const labels = Array.from({ length: rows }, (_, row) => row % classes);
    const pixels = labels.flatMap((label) =>
      Array.from({ length: side * side }, (_, place) => {
        const [y, x] = [Math.floor(place / side), place % side];
        const [top, left] = [label === 1 ? 4 : 0, label === 2 ? 4 : 0];
        const bright = y >= top && y < top + 4 && x >= left && x < left + 4;
        return Math.floor(stream.uniform() * 128) + (bright ? 100 : 0);
      }),
    );
    return {
      [`${split}-images`]: bytesIdx([rows, side, side], pixels),
      [`${split}-labels`]: bytesIdx([rows], labels),
    };
  };
  return folderOf({ ...files("train", train), ...files("test", test) });
}

/** The data of a spec whose folder holds `smallImages`. */
export const smallImagesData = {
  format: "idx",
  train: { inputs: "train-images", labels: "train-labels" },
  test: { inputs: "test-images", labels: "test-labels" },
} as const;
