/** Where ONNX Runtime can compute for the compiled backend, beside the CPU: its execution providers. */
export const gpuDevices = ["cuda", "webgpu"] as const;
export type GpuDevice = (typeof gpuDevices)[number];
export type OnnxDevice = "cpu" | GpuDevice;

/** What a role can be started with; `auto` is CUDA where it works, else the CPU. */
export const deviceChoices = ["auto", "cpu", ...gpuDevices] as const;
export type DeviceChoice = (typeof deviceChoices)[number];
