"""Trains a model from what `export.ts` wrote into FOLDER; resumes from the newest checkpoint there.

    python3 train.py FOLDER [--precision float32|bfloat16] [--micro TOKENS] [--until STEP] [--log losses.jsonl]

Loss of a step: the mean nll over all tokens of the batch that count, however it is cut into micro-batches.
AdamW with decoupled decay on matrices other than the embedding; gradient clipped by global norm with
factor min(1, clip / (norm + 1e-6)); learning rate: linear warm-up, constant, linear decay (`learningRateAt`).
With bfloat16, matrix products take bfloat16 factors; weights, residual stream, norms, softmax and optimiser stay float32.
"""
import argparse
import json
import os
import time
import numpy as np
import torch
import safetensors
from evaluate import quick
from model import Llama

STEPS_PER_FILE = 100
torch.set_num_threads(1)
torch.set_flush_denormal(True)


class Recipe:
    def __init__(self, folder):
        with open(os.path.join(folder, "recipe.json")) as f:
            self.json = json.load(f)
        self.model, self.opt, self.phases = self.json["model"], self.json["optimizer"], self.json["phases"]
        self.total = sum(p["steps"] for p in self.phases)

    def phase(self, step):
        for p in self.phases:
            if step < p["steps"]:
                return p
            step -= p["steps"]
        raise ValueError("step beyond the recipe")

    def bytes_of(self, step):
        p = self.phase(step)
        return p["batch"] * p["length"] * 2

    def lr(self, step):
        o = self.opt
        rise = min(1.0, (step + 1) / o["warmup"]) if o["warmup"] > 0 else 1.0
        left = self.total - 1 - step
        fall = o["finalLr"] + (1 - o["finalLr"]) * left / o["decay"] if o["decay"] > 0 and left < o["decay"] else 1.0
        return o["lr"] * self.phase(step).get("lrScale", 1) * min(rise, fall)


def read_batch(folder, recipe, step):
    """ids [B,T] int64 and mask [B,T] bool of a step; waits for a file that is still being written."""
    first = step - step % STEPS_PER_FILE
    path = os.path.join(folder, "batches", f"{first:06d}.bin")
    while not os.path.exists(path):
        time.sleep(1)
    offset = sum(recipe.bytes_of(s) for s in range(first, step))
    p = recipe.phase(step)
    raw = np.fromfile(path, np.uint16, p["batch"] * p["length"], offset=offset).reshape(p["batch"], p["length"])
    return torch.from_numpy((raw & 0x7FFF).astype(np.int64)), torch.from_numpy((raw >> 15).astype(bool))


class AdamW:
    def __init__(self, model, opt):
        self.model, self.o, self.t = model, opt, 0
        self.m, self.v = torch.zeros_like(model.flat), torch.zeros_like(model.flat)
        self.decay = torch.zeros_like(model.flat)
        for name, part in model.slices.items():
            if name.endswith("proj.weight"):
                self.decay[part] = opt["weightDecay"]

    def step(self, lr):
        o, g, w = self.o, self.model.grad, self.model.flat
        norm = g.norm().item()
        if norm + 1e-6 > o["clip"]:
            g.mul_(o["clip"] / (norm + 1e-6))
        self.t += 1
        with torch.no_grad():
            w.addcmul_(w, self.decay, value=-lr)
            self.m.mul_(o["beta1"]).add_(g, alpha=1 - o["beta1"])
            self.v.mul_(o["beta2"]).addcmul_(g, g, value=1 - o["beta2"])
            c1, c2 = 1 - o["beta1"] ** self.t, 1 - o["beta2"] ** self.t
            w.addcdiv_(self.m, (self.v / c2).sqrt_().add_(o["eps"]), value=-lr / c1)
        return norm


def save(folder, model, adam, step, wall, tokens):
    path = os.path.join(folder, "checkpoint.pt")
    torch.save({"flat": model.flat, "m": adam.m, "v": adam.v, "step": step, "wall": wall, "tokens": tokens}, path + ".part")
    os.replace(path + ".part", path)
    weights = os.path.join(folder, "weights.safetensors")
    safetensors.write(weights + ".part", {k: v.detach().numpy() for k, v in model.p.items()})
    os.replace(weights + ".part", weights)
    with open(os.path.join(folder, "state.json"), "w") as f:
        json.dump({"step": step, "wallSeconds": round(wall), "tokens": tokens}, f)


def main():
    a = argparse.ArgumentParser()
    a.add_argument("folder")
    a.add_argument("--precision", default="float32", choices=["float32", "bfloat16"])
    a.add_argument("--micro", type=int, default=2048)
    a.add_argument("--until", type=int)
    a.add_argument("--log", default="losses.jsonl")
    a.add_argument("--eval-every", type=int, default=250)
    a.add_argument("--save-every", type=int, default=250)
    a = a.parse_args()
    recipe = Recipe(a.folder)
    model = Llama(recipe.model, getattr(torch, a.precision))
    model.load(safetensors.read(os.path.join(a.folder, "initial.safetensors")))
    adam = AdamW(model, recipe.opt)
    step, wall, tokens = 0, 0.0, 0
    checkpoint = os.path.join(a.folder, "checkpoint.pt")
    if os.path.exists(checkpoint):
        c = torch.load(checkpoint)
        with torch.no_grad():
            model.flat.copy_(c["flat"])
        adam.m, adam.v, step, wall, tokens = c["m"], c["v"], c["step"], c["wall"], c["tokens"]
        adam.t = step
    log = open(os.path.join(a.folder, a.log), "a")
    clock = time.time()
    while step < min(recipe.total, a.until or recipe.total):
        began = time.time()
        ids, mask = read_batch(a.folder, recipe, step)
        rows = max(1, a.micro // ids.shape[1])
        counted = int(mask[:, 1:].sum())
        model.grad.zero_()
        total = 0.0
        for i in range(0, ids.shape[0], rows):
            loss, n = model.loss_sum(ids[i:i + rows], mask[i:i + rows])
            (loss / counted).backward()
            total += loss.item()
        lr = recipe.lr(step)
        norm = adam.step(lr)
        step += 1
        tokens += ids.numel()
        line = {"step": step, "loss": total / counted, "lr": lr, "norm": norm, "tokensPerSecond": round(ids.numel() / (time.time() - began))}
        print(json.dumps(line), file=log, flush=step % 10 == 0)
        is_last = step == min(recipe.total, a.until or recipe.total)
        if step % a.save_every == 0 or is_last:
            save(a.folder, model, adam, step, wall + time.time() - clock, tokens)
            recipe = Recipe(a.folder)
        if a.eval_every and (step % a.eval_every == 0 or is_last):
            scores = quick(model, os.path.join(a.folder, "eval", "validation.json"))
            print(json.dumps({"step": step, "seconds": round(wall + time.time() - clock), "loss": round(total / counted, 4), **scores}), flush=True)


if __name__ == "__main__":
    main()
