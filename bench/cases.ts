import { ArchSpec } from "../shared/config/archSpec.ts";

/** A model that is measured, and the samples that it takes. */
export interface Case {
  readonly arch: ArchSpec;
  readonly inputShape: readonly number[];
  readonly classes: number;
  /** Whether a teacher's forward pass is worth a row: dropout and small nets add nothing there. */
  readonly predicted: boolean;
}

const image = { inputShape: [28, 28, 1], classes: 10 };

export const cases = {
  "dense-128": {
    ...image,
    arch: ArchSpec.parse({ arch: "mlp", hidden: [128, 128] }),
    predicted: false,
  },
  "dense-1200": {
    ...image,
    arch: ArchSpec.parse({ arch: "mlp", hidden: [1200, 1200] }),
    predicted: true,
  },
  "dense-1200-dropout": {
    ...image,
    arch: ArchSpec.parse({ arch: "mlp", hidden: [1200, 1200], inputDropout: 0.2, dropout: 0.5 }),
    predicted: false,
  },
  conv: {
    ...image,
    arch: ArchSpec.parse({ arch: "cnn", channels: [32, 64], dense: 128 }),
    predicted: true,
  },
  separable: {
    ...image,
    arch: ArchSpec.parse({
      arch: "separable",
      stem: 32,
      stemStride: 2,
      blocks: [
        { channels: 64 },
        { channels: 128, stride: 2 },
        { channels: 128 },
        { channels: 256, stride: 2 },
      ],
    }),
    predicted: true,
  },
  transformer: {
    inputShape: [64],
    classes: 4,
    arch: ArchSpec.parse({ arch: "transformer", vocabulary: 8192, layers: 4, width: 128, heads: 4 }),
    predicted: true,
  },
} as const satisfies Record<string, Case>;

export type CaseName = keyof typeof cases;
export const caseNames = Object.keys(cases) as CaseName[];
