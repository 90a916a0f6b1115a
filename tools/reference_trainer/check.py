"""Checks the fast model of `model.py` against the plainest one: loss, every gradient, and cached greedy decoding.

    python3 check.py
"""
import math
import torch
from evaluate import greedy
from model import Llama


def rms(x, w, eps):
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + eps) * w


def plain_logits(m, p, ids):
    """Logits [B,T,V] by autograd alone, in float64."""
    b, t = ids.shape
    h, kv, c = m["nHead"], m["nKvHead"], m["dModel"]
    d = c // h
    inverse = m["ropeTheta"] ** (-torch.arange(0, d, 2, dtype=torch.float64) / d)
    angle = torch.arange(t, dtype=torch.float64)[:, None] * inverse
    cos, sin = torch.cat([angle.cos()] * 2, -1), torch.cat([angle.sin()] * 2, -1)

    def rope(x):
        return x * cos + torch.cat([-x[..., d // 2:], x[..., :d // 2]], -1) * sin

    x = p["model.embed_tokens.weight"][ids]
    for i in range(m["nLayer"]):
        w = lambda name: p[f"model.layers.{i}.{name}.weight"]
        y = rms(x, w("input_layernorm"), m["normEps"])
        q = rope((y @ w("self_attn.q_proj").t()).view(b, t, h, d).transpose(1, 2))
        k = rope((y @ w("self_attn.k_proj").t()).view(b, t, kv, d).transpose(1, 2)).repeat_interleave(h // kv, 1)
        v = (y @ w("self_attn.v_proj").t()).view(b, t, kv, d).transpose(1, 2).repeat_interleave(h // kv, 1)
        s = q @ k.transpose(-1, -2) / math.sqrt(d)
        s = s.masked_fill(torch.ones(t, t).triu(1).bool(), -math.inf)
        a = (torch.softmax(s, -1) @ v).transpose(1, 2).reshape(b, t, c)
        x = x + a @ w("self_attn.o_proj").t()
        y = rms(x, w("post_attention_layernorm"), m["normEps"])
        gate, up = y @ w("mlp.gate_proj").t(), y @ w("mlp.up_proj").t()
        x = x + (gate * torch.sigmoid(gate) * up) @ w("mlp.down_proj").t()
    return rms(x, p["model.norm.weight"], m["normEps"]) @ p["model.embed_tokens.weight"].t()


def main():
    torch.manual_seed(1)
    m = dict(nLayer=2, dModel=32, nHead=4, nKvHead=2, dMlp=44, dVocab=61, nCtx=300, ropeTheta=10000.0, normEps=1e-5)
    model = Llama(m)
    with torch.no_grad():
        for name, view in model.p.items():
            view.copy_(1 + 0.1 * torch.randn(view.shape) if view.dim() == 1 else 0.2 * torch.randn(view.shape))
    ids, mask = torch.randint(0, 61, (3, 300)), torch.rand(3, 300) < 0.4
    loss, n = model.loss_sum(ids, mask)
    loss.backward()
    twin = {k: v.detach().double().requires_grad_(True) for k, v in model.p.items()}
    logp = torch.log_softmax(plain_logits(m, twin, ids), -1)
    nll = -logp[:, :-1].gather(-1, ids[:, 1:, None])[..., 0]
    plain = (nll * mask[:, 1:]).sum()
    plain.backward()
    assert n == int(mask[:, 1:].sum())
    worst = abs(loss.item() / plain.item() - 1)
    print(f"loss {loss.item():.6f} against {plain.item():.6f}")
    assert worst < 1e-6, worst
    for name, view in model.p.items():
        error = ((view.grad.double() - twin[name].grad).norm() / twin[name].grad.norm()).item()
        assert error < 1e-5, (name, error)
    prompt = ids[:2, :7].tolist()
    cached = greedy(model, prompt, 12)
    for row, answer in zip(prompt, cached):
        now = [1] + row
        for token in answer:
            assert plain_logits(m, twin, torch.tensor([now]))[0, -1].argmax().item() == token
            now.append(token)
    print("gradients and cached decoding agree")


if __name__ == "__main__":
    main()
