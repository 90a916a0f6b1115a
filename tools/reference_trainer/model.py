"""The Llama family in plain PyTorch, arranged to be fast on one CPU core.

Independent of Benchtop's own engine on purpose: it is the reference the engine is checked against.
Shapes: B batch, T time, H heads, K kv heads, D head width, C model width, N = B*T.
RMSNorm weights are folded into the next matrix (the product is the same), norms then have no own pass.
"""
import math
import torch
import torch.nn.functional as F


class Rope(torch.autograd.Function):
    """Half rotation: (x1, x2) -> (x1 cos - x2 sin, x2 cos + x1 sin) over the two halves of D. x [B,T,H,D]."""

    @staticmethod
    def forward(ctx, x, cos, sin):
        ctx.save_for_backward(cos, sin)
        return Rope.turn(x, cos, sin)

    @staticmethod
    def backward(ctx, g):
        cos, sin = ctx.saved_tensors
        return Rope.turn(g, cos, -sin), None, None

    @staticmethod
    def turn(x, cos, sin):
        half = x.shape[-1] // 2
        a, b = x[..., :half], x[..., half:]
        out = torch.cat([a * cos, b * cos], -1)
        out[..., :half].sub_(b * sin)
        out[..., half:].add_(a * sin)
        return out


class Normalize(torch.autograd.Function):
    """x / rms(x): the RMSNorm without its weight. x [N,C] float32; the result in the compute type."""

    @staticmethod
    def forward(ctx, x, eps, dtype):
        inv = torch.linalg.vector_norm(x, dim=-1, keepdim=True).square_().div_(x.shape[-1]).add_(eps).rsqrt_()
        y = x * inv
        out = y.to(dtype)
        ctx.save_for_backward(out, inv)
        return out

    @staticmethod
    def backward(ctx, g):
        y, inv = ctx.saved_tensors
        g = g.float()
        y = y.float()
        dot = (g * y).mean(-1, keepdim=True)
        return torch.addcmul(g, y, dot, value=-1).mul_(inv), None, None


class CausalAttention(torch.autograd.Function):
    """softmax(q k^T / sqrt(D)) v below the diagonal, in blocks of queries; q, k, v [B*H,T,D]."""

    block = 128

    @staticmethod
    def forward(ctx, q, k, v, mask):
        z, t, d = q.shape
        scale = 1.0 / math.sqrt(d)
        size = min(CausalAttention.block, t)
        out = torch.empty_like(q)
        patterns = []
        for start in range(0, t, size):
            stop = min(start + size, t)
            s = torch.bmm(q[:, start:stop], k[:, :stop].transpose(1, 2))
            s = s.float() if s.dtype != torch.float32 else s
            s.mul_(scale)
            n = stop - start
            s[:, :, start:stop].add_(mask[:n, :n])
            p = torch.softmax(s, -1).to(q.dtype)
            patterns.append(p)
            out[:, start:stop] = torch.bmm(p, v[:, :stop])
        ctx.save_for_backward(q, k, v, *patterns)
        ctx.scale = scale
        ctx.size = size
        return out

    @staticmethod
    def backward(ctx, g):
        q, k, v, *patterns = ctx.saved_tensors
        t = q.shape[1]
        dq, dk, dv = torch.empty_like(q), torch.zeros_like(k), torch.zeros_like(v)
        for i, p in enumerate(patterns):
            start = i * ctx.size
            stop = min(start + ctx.size, t)
            go = g[:, start:stop]
            dv[:, :stop] += torch.bmm(p.transpose(1, 2), go)
            dp = torch.bmm(go, v[:, :stop].transpose(1, 2))
            if p.dtype == torch.float32:
                ds = torch._softmax_backward_data(dp, p, -1, torch.float32).mul_(ctx.scale)
            else:
                dp = dp.mul_(p)
                ds = torch.addcmul(dp, p, dp.sum(-1, keepdim=True), value=-1).mul_(ctx.scale)
            dq[:, start:stop] = torch.bmm(ds, k[:, :stop])
            dk[:, :stop] += torch.bmm(ds.transpose(1, 2), q[:, start:stop])
        return dq, dk, dv, None


class SwiGlu(torch.autograd.Function):
    """silu(gate) * up over the two halves of x [N,2M]."""

    @staticmethod
    def forward(ctx, x):
        gate, up = x.chunk(2, -1)
        ctx.save_for_backward(x)
        return F.silu(gate).mul_(up)

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        gate, up = x.chunk(2, -1)
        out = torch.empty_like(x)
        m = gate.shape[-1]
        sig = torch.sigmoid(gate)
        silu = gate * sig
        torch.mul(g, silu, out=out[:, m:])
        # d silu = sig * (1 + gate - silu)
        d = (gate - silu).add_(1.0).mul_(sig)
        torch.mul(d, up, out=out[:, :m])
        out[:, :m].mul_(g)
        return out


class Linear(torch.autograd.Function):
    """y = x W^T in the compute type; the gradient of W in float32."""

    @staticmethod
    def forward(ctx, x, w):
        wc = w.to(x.dtype)
        ctx.save_for_backward(x, wc)
        return x @ wc.t()

    @staticmethod
    def backward(ctx, g):
        x, wc = ctx.saved_tensors
        return g @ wc, (g.t() @ x).float()


def linear(x, w):
    return F.linear(x, w) if x.dtype == torch.float32 else Linear.apply(x, w)


def names_and_shapes(m):
    """Every tensor of the checkpoint in the order in which it is drawn and stored."""
    c, f, d = m["dModel"], m["dMlp"], m["dModel"] // m["nHead"]
    out = [("model.embed_tokens.weight", (m["dVocab"], c))]
    for i in range(m["nLayer"]):
        p = f"model.layers.{i}."
        out += [
            (p + "input_layernorm.weight", (c,)),
            (p + "self_attn.q_proj.weight", (m["nHead"] * d, c)),
            (p + "self_attn.k_proj.weight", (m["nKvHead"] * d, c)),
            (p + "self_attn.v_proj.weight", (m["nKvHead"] * d, c)),
            (p + "self_attn.o_proj.weight", (c, m["nHead"] * d)),
            (p + "post_attention_layernorm.weight", (c,)),
            (p + "mlp.gate_proj.weight", (f, c)),
            (p + "mlp.up_proj.weight", (f, c)),
            (p + "mlp.down_proj.weight", (c, f)),
        ]
    return out + [("model.norm.weight", (c,))]


class Llama:
    """Weights in one flat float32 buffer, gradients in another; `p[name]` are views."""

    def __init__(self, config, dtype=torch.float32):
        self.m = config
        self.dtype = dtype
        shapes = names_and_shapes(config)
        total = sum(math.prod(s) for _, s in shapes)
        self.flat = torch.zeros(total)
        self.grad = torch.zeros(total)
        self.p, self.slices, at = {}, {}, 0
        for name, shape in shapes:
            n = math.prod(shape)
            view = self.flat[at:at + n].view(shape)
            view.requires_grad_(True)
            view.grad = self.grad[at:at + n].view(shape)
            self.p[name], self.slices[name] = view, slice(at, at + n)
            at += n
        d = config["dModel"] // config["nHead"]
        inverse = config["ropeTheta"] ** (-torch.arange(0, d, 2, dtype=torch.float64) / d)
        angle = torch.arange(config["nCtx"], dtype=torch.float64)[:, None] * inverse[None]
        self.cos, self.sin = angle.cos().to(dtype)[:, None], angle.sin().to(dtype)[:, None]
        b = CausalAttention.block
        self.mask = torch.full((b, b), -1e30).triu_(1)

    def load(self, tensors):
        with torch.no_grad():
            for name, view in self.p.items():
                view.copy_(torch.as_tensor(tensors[name]).float())

    def hidden(self, ids, cache=None, start=0):
        """Residual stream after the last layer and its norm. ids [B,T] -> [B*T,C] in the compute type."""
        m, p = self.m, self.p
        b, t = ids.shape
        h, kv, c = m["nHead"], m["nKvHead"], m["dModel"]
        d = c // h
        eps, dtype = m["normEps"], self.dtype
        cos, sin = self.cos[start:start + t], self.sin[start:start + t]
        x = F.embedding(ids.reshape(-1), p["model.embed_tokens.weight"])
        for i in range(m["nLayer"]):
            w = lambda name: p[f"model.layers.{i}.{name}.weight"]
            norm = w("input_layernorm")
            qkv_w = torch.cat([w("self_attn.q_proj"), w("self_attn.k_proj"), w("self_attn.v_proj")]) * norm
            y = linear(Normalize.apply(x, eps, dtype), qkv_w).view(b, t, h + 2 * kv, d)
            qk = Rope.apply(y[:, :, :h + kv], cos, sin)
            q, k, v = qk[:, :, :h], qk[:, :, h:], y[:, :, h + kv:]
            if cache is None:
                if kv != h:
                    k, v = k.repeat_interleave(h // kv, 2), v.repeat_interleave(h // kv, 2)
                q, k, v = (z.transpose(1, 2).reshape(b * h, t, d) for z in (q, k, v))
                a = CausalAttention.apply(q, k, v, self.mask)
            else:
                a = cache.attend(i, q, k, v, start)
            a = a.view(b, h, t, d).transpose(1, 2).reshape(b * t, c)
            x = x + linear(a, w("self_attn.o_proj"))
            norm = w("post_attention_layernorm")
            gate_up = torch.cat([w("mlp.gate_proj"), w("mlp.up_proj")]) * norm
            x = x + linear(SwiGlu.apply(linear(Normalize.apply(x, eps, dtype), gate_up)), w("mlp.down_proj"))
        return Normalize.apply(x, eps, dtype)

    def logits(self, hidden):
        return linear(hidden, self.p["model.embed_tokens.weight"] * self.p["model.norm.weight"])

    def loss_sum(self, ids, mask):
        """Sum of nll over the tokens that count. ids, mask [B,T]; mask[t] = 1 where ids[t] is a counted target."""
        y = self.hidden(ids)
        at = mask.clone()
        at[:, 0] = False
        rows = at.view(-1).nonzero().view(-1)
        targets = ids.reshape(-1)[rows]
        return F.cross_entropy(self.logits(y[rows - 1]).float(), targets, reduction="sum"), rows.numel()
