"""Writes a trained model for the page: weights in float16 and the Hugging Face files beside them.

    python3 publish.py FOLDER public/models/NAME
"""
import os
import shutil
import sys
import numpy as np
import safetensors

folder, out = sys.argv[1:3]
os.makedirs(out, exist_ok=True)
weights = safetensors.read(os.path.join(folder, "weights.safetensors"))
largest = max(float(np.abs(w).max()) for w in weights.values())
if not largest < 60000:
    raise SystemExit(f"a weight of {largest} does not fit float16")
path = os.path.join(out, "model.safetensors")
safetensors.write(path + ".part", {name: w.astype(np.float16) for name, w in weights.items()})
os.replace(path + ".part", path)
for name in ("config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json"):
    shutil.copyfile(os.path.join(folder, name), os.path.join(out, name))
