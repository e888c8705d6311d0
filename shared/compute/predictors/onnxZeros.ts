/** Element types that tensors of zeros are made of: ONNX's name, and ONNX Runtime's with its array. */
export const zeroArrays = {
  float: ["float32", Float32Array],
  double: ["float64", Float64Array],
  uint8: ["uint8", Uint8Array],
  int8: ["int8", Int8Array],
  int32: ["int32", Int32Array],
  int64: ["int64", BigInt64Array],
  bool: ["bool", Uint8Array],
} as const;
