/** What teachers said of one view of the samples. */
export interface ViewLabels {
  /** Whether what a teacher said of a sample is used. @param place of the sample in the permutation of its shard */
  has(teacher: number, shard: number, place: number): boolean;
  /**
   * Writes one teacher's logits of one sample into `out` at row `outRow`; zeros where they are not used.
   * @param place the sample's place in the permutation of its shard
   * @param out [?, classes]
   * @param temperature at which the softmax of these logits is what the teacher said; of an encoding that holds a number
   *   for every class it makes no difference
   * @throws StillhouseError when that label was not read yet, which is a fault of the caller; UndeclaredTemperature
   */
  read(
    teacher: number,
    shard: number,
    place: number,
    out: Float32Array,
    outRow: number,
    temperature?: number,
  ): void;
  /**
   * Writes which classes of a sample one teacher's labels hold a number of: 1 into `out` at row `outRow`, 0 for the others,
   * and for all where its labels are not used.
   * @param out [?, classes]
   */
  readStored(teacher: number, shard: number, place: number, out: Float32Array, outRow: number): void;
  /**
   * Writes a feature of one teacher's of one sample into `out` at row `outRow`.
   * @param feature its place among the teacher's
   * @param out [?, ...shape of the feature]
   * @throws StillhouseError when that label was not read yet, which is a fault of the caller
   */
  readFeature(
    teacher: number,
    feature: number,
    shard: number,
    place: number,
    out: Float32Array,
    outRow: number,
  ): void;
}

/** Labels of all views that a run has. */
export interface LabelsOfViews {
  at(view: number): ViewLabels;
}
