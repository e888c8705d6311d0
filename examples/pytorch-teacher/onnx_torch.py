"""ONNX weights in PyTorch: a graph of the operators that dense and convolutional classifiers are made of."""

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from onnx import numpy_helper


class OnnxInTorch:
    """A model's logits of samples, with the spec's mapping before and after it (docs/protocol.md, "The model")."""

    def __init__(self, model: bytes, mapping: dict):
        graph = onnx.load_model_from_string(model).graph
        self.weights = {t.name: torch.from_numpy(numpy_helper.to_array(t).copy()) for t in graph.initializer}
        self.steps = [(n, {a.name: onnx.helper.get_attribute_value(a) for a in n.attribute}) for n in graph.node]
        unknown = {n.op_type for n, _ in self.steps if n.op_type not in OPERATORS}
        if unknown:
            raise ValueError(f"Cannot serve the model: onnx_torch.py lacks {', '.join(sorted(unknown))}")
        inputs = [i for i in graph.input if i.name not in self.weights]
        self.input = next(i for i in inputs if i.name == mapping.get("input", inputs[0].name))
        self.output = mapping.get("outputName", graph.output[0].name)
        self.mapping = mapping
        # 0 stands for any size.
        self.batch, *self.shape = [d.dim_value for d in self.input.type.tensor_type.shape.dim]

    @torch.inference_mode()
    def logits(self, samples: np.ndarray) -> np.ndarray:
        """[n, height, width, channels] or [n, size], bytes as 0 to 1 -> float32 [n, classes]"""
        m = self.mapping
        x = (torch.from_numpy(samples) * m["scale"] - torch.tensor(m["mean"])) / torch.tensor(m["deviation"])
        x = x.float()
        images_first = x.ndim == 4 and len(self.shape) == 3 and list(x.shape[1:]) != self.shape
        if m.get("layout", "nchw" if images_first else "") == "nchw":
            x = x.permute(0, 3, 1, 2)
        x = x.reshape(len(x), *self.shape)
        out = torch.cat([self.run(part, len(x)) for part in x.split(self.batch or len(x))])[: len(samples)]
        if m["output"] == "probabilities":
            out = out.clamp(min=m["probabilityFloor"]).log()
        elif m["output"] == "sigmoids":
            out = out.clamp(min=m["probabilityFloor"]).log() - (1 - out).clamp(min=m["probabilityFloor"]).log()
        return (out[:, m["labels"]] if "labels" in m else out).numpy()

    def run(self, x: torch.Tensor, total: int) -> torch.Tensor:
        short = (self.batch or len(x)) - len(x)  # a fixed batch is filled up with its last sample
        values = {
            **self.weights,
            "": None,
            self.input.name: torch.cat([x, x[-1:].expand(short, *x.shape[1:])]),
        }
        for node, attributes in self.steps:
            values[node.output[0]] = OPERATORS[node.op_type](attributes, *[values[name] for name in node.input])
        return values[self.output]


def padded(a: dict, x: torch.Tensor, fill: float) -> torch.Tensor:
    """Pads height and width as `pads` or `auto_pad` say."""
    top, left, bottom, right = a.get("pads", (0, 0, 0, 0))
    if a.get("auto_pad", b"NOTSET") in (b"SAME_UPPER", b"SAME_LOWER"):
        need = [
            max(0, (-(-n // s) - 1) * s + (k - 1) * d + 1 - n)
            for n, k, s, d in zip(x.shape[2:], a["kernel_shape"], strides(a), a.get("dilations", (1, 1)))
        ]
        less, more = [n // 2 for n in need], [n - n // 2 for n in need]
        (top, left), (bottom, right) = (less, more) if a["auto_pad"] == b"SAME_UPPER" else (more, less)
    return F.pad(x, (left, right, top, bottom), value=fill)


def strides(a: dict) -> tuple:
    return tuple(a.get("strides", (1, 1)))


def conv(a, x, w, b=None):
    a.setdefault("kernel_shape", w.shape[2:])
    return F.conv2d(padded(a, x, 0), w, b, strides(a), 0, tuple(a.get("dilations", (1, 1))), a.get("group", 1))


def gemm(a, x, w, c=None):
    product = (x.T if a.get("transA") else x) @ (w.T if a.get("transB") else w)
    return a.get("alpha", 1) * product + (0 if c is None else a.get("beta", 1) * c)


def reshape(a, x, shape):
    return x.reshape([x.shape[i] if n == 0 else n for i, n in enumerate(shape.tolist())])


def mean(a, x, axes=None):
    dims = axes.tolist() if axes is not None else a.get("axes", list(range(x.ndim)))
    return x.mean(dim=list(dims), keepdim=bool(a.get("keepdims", 1)))


OPERATORS = {
    "Add": lambda a, x, y: x + y,
    "Constant": lambda a: torch.from_numpy(numpy_helper.to_array(a["value"]).copy()),
    "Conv": conv,
    "Div": lambda a, x, y: x / y,
    "Flatten": lambda a, x: x.flatten(a.get("axis", 1)),
    "Gemm": gemm,
    "Identity": lambda a, x: x,
    "MatMul": lambda a, x, y: x @ y,
    "MaxPool": lambda a, x: F.max_pool2d(padded(a, x, float("-inf")), tuple(a["kernel_shape"]), strides(a)),
    "Mul": lambda a, x, y: x * y,
    "ReduceMean": mean,
    "Relu": lambda a, x: x.relu(),
    "Reshape": reshape,
    "Softmax": lambda a, x: x.softmax(a.get("axis", -1)),
    "Sqrt": lambda a, x: x.sqrt(),
    "Sub": lambda a, x, y: x - y,
    "Transpose": lambda a, x: x.permute(tuple(a.get("perm", range(x.ndim)[::-1]))),
}
