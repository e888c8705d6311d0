import type { InferenceModel } from "@tensorflow/tfjs";

/** What Stillhouse uses of @tensorflow/tfjs-node and @tensorflow/tfjs-node-gpu; their types are not always installed. */
export interface NativePackage {
  readonly version?: Readonly<Record<string, string>>;
  readonly node: {
    getMetaGraphsFromSavedModel(folder: string): Promise<MetaGraph[]>;
    /** @param tags default ["serve"] @param signature default "serving_default" */
    loadSavedModel(folder: string, tags?: string[], signature?: string): Promise<InferenceModel>;
  };
}

/** A graph of a SavedModel, as its file describes it. */
export interface MetaGraph {
  readonly tags: readonly string[];
  readonly signatureDefs: Readonly<
    Record<
      string,
      {
        readonly inputs: Readonly<Record<string, MetaTensor>>;
        readonly outputs: Readonly<Record<string, MetaTensor>>;
      }
    >
  >;
}

/** The name is TensorFlow's, as "serving_default_x:0"; the shape is protobuf's and says -1 for any size. */
export interface MetaTensor {
  readonly name: string;
  readonly dtype: string;
  readonly tfDtype: string;
  readonly shape: unknown;
}
