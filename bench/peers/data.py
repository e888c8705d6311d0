"""A dataset of the same shapes as bench/dataset.ts, in memory."""

import torch


class Data:
    def __init__(self, task):
        rows, classes, arch = task["rows"], task["classes"], task["arch"]
        torch.manual_seed(1)
        if arch["arch"] == "transformer":
            length = task["inputShape"][0]
            self.scale = None
            self.inputs = torch.randint(1, arch["vocabulary"], (rows, length))
            lengths = torch.randint(length // 4, length + 1, (rows, 1))
            self.inputs[torch.arange(length) >= lengths] = 0
        else:
            height, width, channels = task["inputShape"]
            self.scale = 1 / 255
            self.inputs = torch.randint(0, 256, (rows, channels, height, width), dtype=torch.uint8)
        self.labels = torch.randint(0, classes, (rows,))
        # One row a sample, so that a gather reads what the teachers say of it from one place.
        self.teachers = (torch.randn(rows, task["teachers"], classes) * 3).half()
        self.order = torch.randperm(rows)

    def ids(self, step, batch):
        """The samples of a step; the last, smaller batch of a pass is left out."""
        place = step % (len(self.order) // batch) * batch
        return self.order[place : place + batch]

    def as_input(self, stored):
        return stored if self.scale is None else stored.float().mul_(self.scale)
