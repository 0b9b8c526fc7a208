# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the fastweight authors
#
# What flash-linear-attention's DeltaNet, Gated DeltaNet, KDA and GDN-2 models and their hybrids compute, as PyTorch modules under that
# library's names: our own reading of the definitions (docs/model.md), one token after the other, no kernel, no code of that library. A
# checkpoint in its format is a config.json and the state_dict of such a model.
import torch
from torch import nn
from torch.nn.functional import silu, softplus

DEFAULTS = {  # what a config.json may leave out; by that library's configuration classes
    "delta_net": {"expand_k": 1.0, "expand_v": 1.0, "use_gate": False},
    "gated_deltanet": {"head_dim": 256, "expand_v": 2.0, "use_gate": True},
    "kda": {"head_dim": 128, "expand_v": 1.0},
    "gdn2": {"head_dim": 128, "expand_v": 1.0},
}
COMMON = {"use_short_conv": True, "conv_size": 4, "allow_neg_eigval": False, "norm_eps": 1e-6, "tie_word_embeddings": False, "attn": None,
          "hidden_ratio": 4, "intermediate_size": None, "num_v_heads": None, "max_position_embeddings": 2048, "output_gate_act": None}


class Config:
    def __init__(self, values):
        kind = values["model_type"]
        if kind not in DEFAULTS:
            raise ValueError(f"model_type must be one of {', '.join(DEFAULTS)}, got {kind!r}")
        for key, value in {**COMMON, **DEFAULTS[kind], **values}.items():
            setattr(self, key, value)
        self.kind = kind
        H, d = self.num_heads, self.hidden_size
        self.HV = self.num_v_heads or H
        self.K = round(self.expand_k * d / H) if kind == "delta_net" else self.head_dim
        self.V = round(self.expand_v * d / H) if kind == "delta_net" else round(self.expand_v * self.head_dim)
        self.taps = self.conv_size if self.use_short_conv else 0
        self.mlp = self.intermediate_size or 256 * -(-int(d * self.hidden_ratio * 2 / 3) // 256)
        self.attending = {}  # layer -> its entry of attn
        for entry in [self.attn] if isinstance(self.attn, dict) else self.attn or []:
            self.attending.update({layer: entry for layer in entry["layers"]})
        # the layers of kda and gdn2 gate with a sigmoid, the others with SiLU; the key is this project's
        self.gate_act = {"sigmoid": torch.sigmoid, "silu": silu}[self.output_gate_act or ("sigmoid" if kind in ("kda", "gdn2") else "silu")]


class RMSNorm(nn.Module):
    def __init__(self, width, eps):
        super().__init__()
        self.weight, self.eps = nn.Parameter(torch.ones(width)), eps

    def forward(self, x):
        return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + self.eps) * self.weight


class ShortConv(nn.Module):
    """Depthwise, causal, tap W-1 on the current token; SiLU behind it. x [T,D]."""

    def __init__(self, channels, taps):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(channels, 1, taps))

    def forward(self, x):
        W = self.weight.shape[-1]
        padded = torch.cat([x.new_zeros(W - 1, x.shape[1]), x])
        return silu(sum(padded[j:j + x.shape[0]] * self.weight[:, 0, j] for j in range(W)))


def unit(x):
    return x * torch.rsqrt(x.square().sum(-1, keepdim=True) + 1e-6)


class Recurrent(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.c = c
        d, H, HV, K, V = c.hidden_size, c.num_heads, c.HV, c.K, c.V
        linear = lambda out, into=d, bias=False: nn.Linear(into, out, bias=bias)
        low_rank = lambda out, bias=False: nn.Sequential(linear(V), linear(out, V, bias))
        self.q_proj, self.k_proj, self.v_proj = linear(H * K), linear(H * K), linear(HV * V)
        if c.taps:
            self.q_conv1d, self.k_conv1d, self.v_conv1d = (ShortConv(n, c.taps) for n in (H * K, H * K, HV * V))
        self.b_proj = linear(H * K if c.kind == "gdn2" else HV)
        if c.kind == "gdn2":
            self.w_proj = linear(HV * V)
        if c.kind == "gated_deltanet":
            self.a_proj = linear(HV)
        if c.kind in ("kda", "gdn2"):
            self.f_proj = low_rank((H if c.kind == "gdn2" else HV) * K)  # GDN-2 decays per key head
        if c.kind != "delta_net":
            heads = H if c.kind == "gdn2" else HV
            self.A_log = nn.Parameter(torch.zeros(heads))
            self.dt_bias = nn.Parameter(torch.zeros(heads if c.kind == "gated_deltanet" else heads * K))
        self.gated = c.kind in ("kda", "gdn2") or c.use_gate
        if self.gated:
            self.g_proj = low_rank(HV * V, True) if c.kind in ("kda", "gdn2") else linear(HV * V)
        self.o_norm = RMSNorm(V, c.norm_eps)
        self.o_proj = nn.Linear(HV * V, d, bias=False)

    def forward(self, x):  # [T,d]
        c, T = self.c, x.shape[0]
        H, HV, K, V, group = c.num_heads, c.HV, c.K, c.V, c.HV // c.num_heads
        conv = lambda name, y: getattr(self, name)(y) if c.taps else silu(y)
        per_value_head = lambda y: y.repeat_interleave(group, 1) if y.shape[1] == H else y
        q = per_value_head(unit(conv("q_conv1d", self.q_proj(x)).view(T, H, K)))
        k = per_value_head(unit(conv("k_conv1d", self.k_proj(x)).view(T, H, K)))
        v = conv("v_conv1d", self.v_proj(x)).view(T, HV, V)
        erase_range = 2.0 if c.allow_neg_eigval else 1.0
        if c.kind == "gdn2":  # two gates; the range widens the erase gate alone
            b = per_value_head(erase_range * torch.sigmoid(self.b_proj(x)).view(T, H, K))
            w = torch.sigmoid(self.w_proj(x)).view(T, HV, V)
        else:  # one beta for both
            b = w = (erase_range * torch.sigmoid(self.b_proj(x)))[:, :, None]
        if c.kind == "delta_net":
            g = x.new_zeros(T, HV, 1)
        elif c.kind == "gated_deltanet":
            g = (-self.A_log.exp() * softplus(self.a_proj(x) + self.dt_bias))[:, :, None]
        else:
            g = per_value_head(-self.A_log.exp()[:, None] * softplus(self.f_proj(x) + self.dt_bias).view(T, -1, K))
        S, rows = x.new_zeros(HV, K, V), []
        for t in range(T):
            S = g[t].exp()[:, :, None] * S
            answer = torch.einsum("hkv,hk->hv", S, b[t] * k[t])
            S = S + torch.einsum("hk,hv->hkv", k[t], w[t] * v[t] - answer)
            rows.append(torch.einsum("hkv,hk->hv", S, q[t]) * K ** -0.5)
        o = self.o_norm(torch.stack(rows))
        if self.gated:
            o = o * c.gate_act(self.g_proj(x)).view(T, HV, V)
        return self.o_proj(o.reshape(T, HV * V))


class Attention(nn.Module):
    """Causal softmax attention over a window, rotary positions on halves of a head."""

    def __init__(self, c, entry):
        super().__init__()
        d, self.H = c.hidden_size, entry["num_heads"]
        self.kv = entry.get("num_kv_heads") or self.H
        self.D, self.window = d // self.H, entry.get("window_size") or c.max_position_embeddings
        self.theta, bias = entry.get("rope_theta", 10000.0), entry.get("qkv_bias", False)
        self.q_proj, self.k_proj, self.v_proj = (nn.Linear(d, n * self.D, bias=bias) for n in (self.H, self.kv, self.kv))
        self.o_proj = nn.Linear(d, d, bias=False)

    def turned(self, x):  # [T,h,D]
        half = self.D // 2
        rate = self.theta ** (-torch.arange(half, dtype=x.dtype) / half)
        angle = (torch.arange(x.shape[0], dtype=x.dtype)[:, None] * rate)[:, None]
        first, second = x[..., :half], x[..., half:]
        return torch.cat([first * angle.cos() - second * angle.sin(), first * angle.sin() + second * angle.cos()], -1)

    def forward(self, x):
        T, group = x.shape[0], self.H // self.kv
        q = self.turned(self.q_proj(x).view(T, self.H, self.D))
        k = self.turned(self.k_proj(x).view(T, self.kv, self.D)).repeat_interleave(group, 1)
        v = self.v_proj(x).view(T, self.kv, self.D).repeat_interleave(group, 1)
        age = torch.arange(T)[:, None] - torch.arange(T)[None]
        scores = torch.einsum("thd,shd->hts", q, k) * self.D ** -0.5
        weights = scores.masked_fill((age < 0) | (age >= self.window), -torch.inf).softmax(-1)
        return self.o_proj(torch.einsum("hts,shd->thd", weights, v).reshape(T, -1))


class MLP(nn.Module):
    def __init__(self, d, width):
        super().__init__()
        self.gate_proj, self.up_proj, self.down_proj = (nn.Linear(a, b, bias=False) for a, b in ((d, width), (d, width), (width, d)))

    def forward(self, x):
        return self.down_proj(silu(self.gate_proj(x)) * self.up_proj(x))


class Block(nn.Module):
    def __init__(self, c, layer):
        super().__init__()
        self.attn_norm, self.mlp_norm = RMSNorm(c.hidden_size, c.norm_eps), RMSNorm(c.hidden_size, c.norm_eps)
        self.attn = Attention(c, c.attending[layer]) if layer in c.attending else Recurrent(c)
        self.mlp = MLP(c.hidden_size, c.mlp)

    def forward(self, x):
        x = x + self.attn(self.attn_norm(x))
        return x + self.mlp(self.mlp_norm(x))


class Stack(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.embeddings = nn.Embedding(c.vocab_size, c.hidden_size)
        self.layers = nn.ModuleList(Block(c, n) for n in range(c.num_hidden_layers))
        self.norm = RMSNorm(c.hidden_size, c.norm_eps)

    def forward(self, tokens):
        x = self.embeddings(tokens)
        for layer in self.layers:
            x = layer(x)
        return self.norm(x)


class CausalLM(nn.Module):
    def __init__(self, values):
        super().__init__()
        self.c = Config(values)
        self.model = Stack(self.c)
        if not self.c.tie_word_embeddings:
            self.lm_head = nn.Linear(self.c.hidden_size, self.c.vocab_size, bias=False)

    def forward(self, tokens):  # [B,T] -> logits [B,T,vocab]
        head = self.model.embeddings.weight if self.c.tie_word_embeddings else self.lm_head.weight
        return torch.stack([self.model(row) @ head.T for row in tokens])
