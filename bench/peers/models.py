"""The architectures of shared/model, as PyTorch users would write them."""

import torch
import torch.nn.functional as F
from torch import nn


def build_model(arch, input_shape, classes):
    kinds = {"mlp": mlp, "cnn": cnn, "separable": separable, "transformer": Transformer}
    return kinds[arch["arch"]](arch, input_shape, classes)


def mlp(arch, input_shape, classes):
    widths = [torch.Size(input_shape).numel(), *arch["hidden"]]
    layers = [nn.Flatten()]
    if arch["inputDropout"] > 0:
        layers.append(nn.Dropout(arch["inputDropout"]))
    for before, after in zip(widths, widths[1:]):
        layers += [nn.Linear(before, after), nn.ReLU()]
        if arch["dropout"] > 0:
            layers.append(nn.Dropout(arch["dropout"]))
    return nn.Sequential(*layers, nn.Linear(widths[-1], classes))


def cnn(arch, input_shape, classes):
    height, width, before = input_shape
    layers = []
    for after in arch["channels"]:
        layers += [nn.Conv2d(before, after, 3, padding="same"), nn.ReLU(), nn.MaxPool2d(2)]
        before, height, width = after, height // 2, width // 2
    layers += [nn.Flatten(), nn.Linear(height * width * before, arch["dense"]), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(arch["dense"], classes))


def separable(arch, input_shape, classes):
    # TensorFlow pads an even image of stride 2 on one side only; the sizes and the work are the same.
    before = input_shape[2]
    layers = []

    def normalised(convolution):
        layers.extend([convolution, nn.BatchNorm2d(convolution.out_channels), nn.ReLU()])

    normalised(nn.Conv2d(before, arch["stem"], 3, arch["stemStride"], padding=1, bias=False))
    before = arch["stem"]
    for block in arch["blocks"]:
        after = block["channels"]
        normalised(nn.Conv2d(before, before, 3, block["stride"], padding=1, groups=before, bias=False))
        normalised(nn.Conv2d(before, after, 1, bias=False))
        before = after
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(before, classes))


class Transformer(nn.Module):
    def __init__(self, arch, input_shape, classes):
        super().__init__()
        width = arch["width"]
        self.tokens = nn.Embedding(arch["vocabulary"], width)
        self.places = nn.Parameter(torch.randn(input_shape[0], width) * 0.02)
        self.blocks = nn.ModuleList(
            Block(width, arch["heads"], arch.get("ff", 4 * width)) for _ in range(arch["layers"])
        )
        self.norm = nn.LayerNorm(width)
        self.logits = nn.Linear(width, classes)
        nn.init.normal_(self.tokens.weight, std=0.02)

    def forward(self, ids):  # [batch, length]
        is_token = ids != 0
        mask = is_token[:, None, None, :]
        x = self.tokens(ids) + self.places  # [batch, length, width]
        for block in self.blocks:
            x = block(x, mask)
        shares = is_token / is_token.sum(-1, keepdim=True).clamp(min=1)  # [batch, length]
        return self.logits(torch.bmm(shares[:, None], self.norm(x))[:, 0])


class Block(nn.Module):
    def __init__(self, width, heads, ff):
        super().__init__()
        self.heads = heads
        self.attention_norm = nn.LayerNorm(width)
        self.attention_in = nn.Linear(width, 3 * width)
        self.attention_out = nn.Linear(width, width)
        self.ff_norm = nn.LayerNorm(width)
        self.ff_in = nn.Linear(width, ff)
        self.ff_out = nn.Linear(ff, width)

    def forward(self, x, mask):  # [batch, length, width], [batch, 1, 1, length]
        joined = self.attention_in(self.attention_norm(x))
        q, k, v = joined.unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4).unbind()
        context = attend(q, k, v, mask)  # [batch, heads, length, size]
        x = x + self.attention_out(context.transpose(1, 2).flatten(2))
        return x + self.ff_out(F.gelu(self.ff_in(self.ff_norm(x))))


def attend(q, k, v, mask):
    if hasattr(F, "scaled_dot_product_attention"):
        return F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2)
    return scores.masked_fill(~mask, -1e9).softmax(-1) @ v
