"""Greedy answers of a model to the examples of `eval/SPLIT.json`.

    python3 evaluate.py FOLDER [--split test] [--weights model.safetensors] [--out outputs.json]

Writes the ids each prompt was continued with; `card.ts` decodes and judges them with the tasks' own verifiers.
"""
import argparse
import json
import os
import torch
import safetensors
from model import CausalAttention, Llama

BOS, EOS = 1, 2


def forced(model, items, batch=16):
    """For each example: is the gold completion, with `<eos>`, what greedy decoding would write? One pass, no decoding."""
    right = [False] * len(items)
    order = sorted(range(len(items)), key=lambda i: len(items[i]["prompt"]) + len(items[i]["completion"]))
    with torch.no_grad():
        for at in range(0, len(order), batch):
            part = order[at:at + batch]
            rows = [[BOS] + items[i]["prompt"] + items[i]["completion"] + [EOS] for i in part]
            width = max(map(len, rows))
            ids = torch.tensor([r + [0] * (width - len(r)) for r in rows])
            best = model.logits(model.hidden(ids)).argmax(-1).view(len(rows), width).tolist()
            for i, r, got in zip(part, rows, best):
                start = 1 + len(items[i]["prompt"])
                right[i] = got[start - 1:len(r) - 1] == r[start:]
    return right


def quick(model, path):
    """Fraction of each skill's examples whose whole gold completion greedy decoding would write."""
    with open(path) as f:
        sets = json.load(f)
    return {s["skill"]: round(sum(forced(model, s["items"])) / len(s["items"]), 3) for s in sets}


class Cache:
    """Keys and values of the tokens so far, one row each; rows are of equal length."""

    def __init__(self, model):
        self.model, self.k, self.v = model, {}, {}

    def attend(self, layer, q, k, v, start):
        b, t, h, d = q.shape
        rep = h // k.shape[2]
        k, v = (z.repeat_interleave(rep, 2).transpose(1, 2) for z in (k, v))
        q = q.transpose(1, 2)
        if layer in self.k:
            k, v = torch.cat([self.k[layer], k], 2), torch.cat([self.v[layer], v], 2)
        self.k[layer], self.v[layer] = k, v
        if t > 1:
            return CausalAttention.apply(*(z.reshape(b * h, t, d) for z in (q, k, v)), self.model.mask)
        s = (q @ k.transpose(-1, -2)).float() / d ** 0.5
        return (torch.softmax(s, -1).to(v.dtype) @ v).reshape(b * h, t, d)


def greedy(model, prompts, limit):
    """Continuations of prompts of equal length, until `<eos>` or `limit` tokens or the context is full."""
    ids = torch.tensor([[BOS] + p for p in prompts])
    n = ids.shape[1]
    cache = Cache(model)
    out = [[] for _ in prompts]
    done = [False] * len(prompts)
    with torch.no_grad():
        y = model.hidden(ids, cache).view(len(prompts), n, -1)[:, -1]
        for t in range(min(limit, model.m["nCtx"] - n + 1)):
            nxt = model.logits(y).argmax(-1)
            for i, token in enumerate(nxt.tolist()):
                done[i] = done[i] or token == EOS
                if not done[i]:
                    out[i].append(token)
            if all(done) or n + t >= model.m["nCtx"]:
                break
            y = model.hidden(nxt[:, None], cache, start=n + t)
    return out


def main():
    a = argparse.ArgumentParser()
    a.add_argument("folder")
    a.add_argument("--split", default="test")
    a.add_argument("--weights", default="weights.safetensors")
    a.add_argument("--out", default="outputs.json")
    a.add_argument("--limit", type=int, help="examples of each skill; all of them when absent")
    a = a.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    with open(os.path.join(a.folder, "recipe.json")) as f:
        model = Llama(json.load(f)["model"])
    model.load(safetensors.read(os.path.join(a.folder, a.weights)))
    with open(os.path.join(a.folder, "eval", a.split + ".json")) as f:
        sets = json.load(f)
    for s in sets:
        s["items"] = s["items"][:a.limit]
    results = []
    for s in sets:
        # Where one pass shows that greedy decoding writes the gold answer, that is the output.
        right = forced(model, s["items"])
        outputs = [e["completion"] if ok else None for e, ok in zip(s["items"], right)]
        groups = {}
        for i, e in enumerate(s["items"]):
            if not right[i]:
                groups.setdefault(len(e["prompt"]), []).append(i)
        for members in groups.values():
            for j in range(0, len(members), 32):
                part = members[j:j + 32]
                limit = max(len(s["items"][i]["completion"]) for i in part) + 40
                for i, tokens in zip(part, greedy(model, [s["items"][i]["prompt"] for i in part], limit)):
                    outputs[i] = tokens
        results.append({"skill": s["skill"], "outputs": outputs})
        print(s["skill"], "done", flush=True)
    with open(os.path.join(a.folder, a.out), "w") as f:
        json.dump(results, f)


if __name__ == "__main__":
    main()
