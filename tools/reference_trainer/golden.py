"""Turns the log of a float32 run into the golden that Benchtop's own trainer is checked against.

    python3 golden.py FOLDER recipes/goldens/reference_losses.json
"""
import hashlib
import json
import os
import sys

folder, out = sys.argv[1:3]
with open(os.path.join(folder, "recipe.json")) as f:
    recipe = json.load(f)
with open(os.path.join(folder, "losses.jsonl")) as f:
    lines = [json.loads(line) for line in f]
with open(os.path.join(folder, "initial.safetensors"), "rb") as f:
    initial = hashlib.sha256(f.read()).hexdigest()
golden = {
    "what": "Loss (nats per counted token, before the update), gradient norm before clipping and learning rate of every step "
            "of the reference trainer: PyTorch 1.13, CPU, float32.",
    "recipe": recipe,
    "initialSafetensorsSha256": initial,
    "losses": [line["loss"] for line in lines],
    "norms": [line["norm"] for line in lines],
    "learningRates": [line["lr"] for line in lines],
}
with open(out, "w") as f:
    json.dump(golden, f, indent=1)
    f.write("\n")
