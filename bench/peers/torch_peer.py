"""One block of a PyTorch peer: python torch_peer.py TASK, where TASK is JSON as `Task` in bench/task.ts.

Prints one line of JSON: what `measure` gives and the version, or why there is nothing to measure.
"""

import json
import math
import sys

try:
    import torch
    import torch.nn.functional as F
    from data import Data
    from measure import measure
    from models import build_model
except ImportError as error:
    print(json.dumps({"unavailable": f"{error}"}))
    sys.exit(0)


def distillation_loss(student, teachers, labels, temperature, alpha):
    """The loss of shared/distill/losses/kd.ts with the mean of the teachers' probabilities as target.

    student: logits, [batch, classes]; teachers: logits, [batch, teachers, classes]; labels: [batch]
    """
    logs = F.log_softmax(teachers.float() / temperature, -1)
    target = torch.logsumexp(logs, 1) - math.log(teachers.shape[1])  # [batch, classes]
    soft = F.kl_div(
        F.log_softmax(student / temperature, -1), target, log_target=True, reduction="batchmean"
    )
    return alpha * temperature**2 * soft + (1 - alpha) * F.cross_entropy(student, labels)


def make_optimizer(parameters, spec):
    parameters = list(parameters)
    kind = {"sgd": torch.optim.SGD, "adamw": torch.optim.AdamW}[spec["kind"]]
    options = {"lr": spec["lr"], "weight_decay": spec["weightDecay"]}
    try:
        return kind(parameters, **options, fused=True)  # the fastest, where this version has it
    except (TypeError, RuntimeError):
        return kind(parameters, **options)


def model_of(task):
    model = build_model(task["arch"], task["inputShape"], task["classes"])
    if task["backend"] == "pytorch channels last":
        # Images of one channel are the same in both layouts: the weights decide.
        model = model.to(memory_format=torch.channels_last)
    return model


def training_step(task, compiled):
    data = Data(task)
    model = model_of(task)
    optimizer = make_optimizer(model.parameters(), task["optimizer"])

    def loss_of(stored, teachers, labels):
        logits = model(data.as_input(stored))
        return distillation_loss(logits, teachers, labels, task["temperature"], task["alpha"])

    compute = torch.compile(loss_of) if compiled else loss_of

    def step(i):
        ids = data.ids(i, task["batch"])
        loss = compute(data.inputs[ids], data.teachers[ids], data.labels[ids])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        value = loss.item()
        if not math.isfinite(value):
            raise ArithmeticError(f"the loss is {value} at step {i}")

    return step


def prediction(task, compiled):
    data = Data(task)
    model = model_of(task).eval()

    def logits_of(stored):
        return model(data.as_input(stored))

    compute = torch.compile(logits_of) if compiled else logits_of

    def step(i):
        with torch.inference_mode():
            compute(data.inputs[data.ids(i, task["batch"])]).numpy()

    return step


def main():
    task = json.loads(sys.argv[1])
    compiled = task["backend"].startswith("pytorch compile")
    torch.set_num_threads(task["threads"])
    peer = f"PyTorch {torch.__version__}"
    if compiled and not hasattr(torch, "compile"):
        return {"peer": peer, "unavailable": "has no torch.compile"}
    step = (training_step if task["bench"] == "step" else prediction)(task, compiled)
    if compiled:
        try:
            step(0)
        except Exception as error:  # of many kinds: no compiler, no headers, a graph it cannot do
            return {"peer": peer, "unavailable": f"cannot compile: {str(error).strip().splitlines()[0]}"}
    return {"peer": peer, **measure(step, task["seconds"])}


print(json.dumps(main()))
