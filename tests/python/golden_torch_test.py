# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the fastweight authors
#
# The golden files against PyTorch: every rule written a second time as a plain loop in torch, differentiated by autograd. The
# comparison for GDN-2 is made by the very lines of docs/golden.md. Status 77 (skipped) without torch or safetensors.
#   golden_torch_test.py PROGRAM DOCS/golden.md
import os
import re
import subprocess
import sys
import tempfile

try:
    import safetensors.torch
    import torch
    from safetensors import safe_open
except ImportError as missing:
    print(f"skipped: {missing} (FASTWEIGHT_PYTHON chooses another python)")
    sys.exit(77)

TOLERANCE = 1e-12
DELTA = ("linear", "mamba2", "gla", "delta", "gdn", "kda", "gdn2-write", "gdn2-erase", "gdn2")
INPUTS = ("q", "k", "v", "g", "b", "w", "beta", "A_log", "dt_bias", "dt", "lambda", "theta",
          "initial_state", "initial_angle", "initial_key", "initial_value")


def heads(x, HV):
    """Key heads repeated for the value heads that use them: [T,H,..] to [T,HV,..]."""
    return x.repeat_interleave(HV // x.shape[1], dim=1)


def activated(x, meta):
    """Gates as the rule uses them."""
    x, rule = dict(x), meta["variant"]
    if meta["l2norm_qk"] == "true":
        for name in ("q", "k"):
            x[name] = x[name] / torch.sqrt((x[name] ** 2).sum(-1, keepdim=True) + float(meta["l2norm_eps"]))
    if meta["decay_activation"] != "none":
        wide = x["g"].dim() == 4
        gain, raw = x["A_log"].exp(), x["g"] + (x["dt_bias"] if "dt_bias" in x else 0.0)
        gain = gain[:, None] if wide else gain
        if meta["decay_activation"] == "softplus":
            x["g"] = -gain * torch.nn.functional.softplus(raw, threshold=1e9)
        else:
            x["g"] = float(meta["decay_lower_bound"]) * torch.sigmoid(gain * raw)
    if meta["sigmoid_gates"] == "true":
        erase = 2.0 if meta["erase_times_two"] == "true" else 1.0
        for name, times in (("b", erase), ("w", 1.0), ("beta", erase)):
            if name in x:
                x[name] = times * torch.sigmoid(x[name])
    return x


def delta_rule(x, rule, scale):
    """One sequence: tensors [T,H,..], S [HV,Dk,Dv]."""
    T, HV, Dv = x["v"].shape
    q, k = heads(x["q"], HV), heads(x["k"], HV)
    S = x["initial_state"] if "initial_state" in x else q.new_zeros(HV, q.shape[-1], Dv)
    gate = {name: heads(x[name], HV) for name in ("g", "b", "w", "beta") if name in x}
    o = []
    for t in range(T):
        g, b, w, beta = (gate[name][t] if name in gate else None for name in ("g", "b", "w", "beta"))
        if g is not None:
            S = (g.exp() if g.dim() == 2 else g.exp()[:, None])[:, :, None] * S
        erase = beta[:, None] if rule in ("delta", "gdn", "kda") else 0.0
        write = beta[:, None] if rule in ("delta", "gdn", "kda") else 1.0
        if b is not None:
            erase = b.mean(-1, keepdim=True) if rule == "gdn2-write" else b
            write = w.mean(-1, keepdim=True) if rule == "gdn2-erase" else w
        answer = torch.einsum("hij,hi->hj", S, erase * k[t])
        S = S + torch.einsum("hi,hj->hij", k[t], write * x["v"][t] - answer)
        o.append(scale * torch.einsum("hij,hi->hj", S, q[t]))
    return {"o": torch.stack(o) if o else x["v"] * 0.0, "final_state": S}


def rotated(x, angle):
    """Channel pairs (2i, 2i+1), i < P, turned by angle [HV,P]; x [HV,M,Dk]."""
    P = angle.shape[-1]
    even, odd, c, s = x[..., 0:2 * P:2], x[..., 1:2 * P:2], angle.cos()[:, None], angle.sin()[:, None]
    pairs = torch.stack((even * c - odd * s, even * s + odd * c), -1).flatten(-2)
    return torch.cat((pairs, x[..., 2 * P:]), -1)


def mamba3(x, rule, scale):
    mimo = rule == "mamba3-mimo"
    q, k, v = ((t if mimo else t[:, :, None]) for t in (x["q"], x["k"], x["v"]))
    T, HV, M, Dv = v.shape
    q, k = heads(q, HV), heads(k, HV)
    g = heads(x["g"], HV)
    Dk, P = q.shape[-1], x["theta"].shape[-1] if "theta" in x else 0
    S = x.get("initial_state", q.new_zeros(HV, Dk, Dv))
    angle = x.get("initial_angle", q.new_zeros(HV, P))
    key = x["initial_key"].reshape(HV, M, Dk) if "initial_key" in x else q.new_zeros(HV, M, Dk)
    value = x["initial_value"].reshape(HV, M, Dv) if "initial_value" in x else q.new_zeros(HV, M, Dv)
    o = []
    for t in range(T):
        alpha, dt, lam = g[t].exp()[:, None, None], x["dt"][t][:, None, None], x["lambda"][t][:, None, None]
        if P:
            angle = angle + x["theta"][t]
        q_t, k_t = rotated(q[t], angle), rotated(k[t], angle)
        S = alpha * S + (1 - lam) * dt * alpha * key.mT @ value + lam * dt * k_t.mT @ v[t]
        o.append(scale * q_t @ S)
        key, value = k_t, v[t]
    out = {"o": torch.stack(o) if o else v * 0.0, "final_state": S, "final_angle": angle, "final_key": key, "final_value": value}
    if not mimo:
        out = {name: out[name] if name in ("final_state", "final_angle") else out[name].squeeze(2 if name == "o" else 1) for name in out}
    return out


def attention(x, rule, scale, window):
    T, HV, _ = x["v"].shape
    scores = scale * torch.einsum("thd,shd->hts", heads(x["q"], HV), heads(x["k"], HV))
    age = torch.arange(T)[:, None] - torch.arange(T)[None]
    seen = (age >= 0) & (age < (window if rule == "swa" else T + 1))
    return {"o": torch.einsum("hts,shd->thd", scores.masked_fill(~seen, -torch.inf).softmax(-1), x["v"])}


def rule_in_torch(x, meta, cu_seqlens):
    """A whole call: batch rows or packed sequences one after the other."""
    rule, scale, x = meta["variant"], float(meta["scale"]), activated(x, meta)
    B, T = x["q"].shape[:2]
    spans = [(n, 0, T) for n in range(B)] if cu_seqlens is None else [(0, a, b) for a, b in zip(cu_seqlens[:-1], cu_seqlens[1:])]
    parts = []
    for n, (row, begin, end) in enumerate(spans):
        one = {name: t[n] if name.startswith("initial") else t if name in ("A_log", "dt_bias") else t[row, begin:end] for name, t in x.items()}
        if rule in DELTA:
            parts.append(delta_rule(one, rule, scale))
        elif rule.startswith("mamba3"):
            parts.append(mamba3(one, rule, scale))
        else:
            parts.append(attention(one, rule, scale, int(meta.get("window", 0))))
    out = {name: torch.stack([p[name] for p in parts]) for name in parts[0] if name != "o"}
    out["o"] = torch.stack([p["o"] for p in parts]) if cu_seqlens is None else torch.cat([p["o"] for p in parts])[None]
    return out


def canonical(name, tensor, meta):
    base = name[1:] if name[0] == "d" and name not in ("dt", "dt_bias") else name
    if meta["layout"] == "BHTK" and base in INPUTS[:7] + ("dt", "lambda", "theta", "o"):
        return tensor.transpose(1, 2)
    if meta["state_layout"] == "VK" and base in ("initial_state", "final_state"):
        return tensor.transpose(-1, -2)
    return tensor


def golden(program, folder, *options):
    path = os.path.join(folder, "golden.safetensors")
    subprocess.run([program, "golden", "-o", path, *options], check=True, stdout=subprocess.DEVNULL)
    with safe_open(path, "pt") as file:
        return path, file.metadata()


def check(program, folder, *options):
    """All outputs and gradients of a golden file against torch in float64. Returns the largest relative error."""
    path, meta = golden(program, folder, *options)
    case = {name: t if name == "cu_seqlens" else canonical(name, t.double(), meta) for name, t in safetensors.torch.load_file(path).items()}
    x = {name: case[name].clone().requires_grad_() for name in INPUTS if name in case}
    cu_seqlens = case["cu_seqlens"].tolist() if "cu_seqlens" in case else None
    mine = rule_in_torch(x, meta, cu_seqlens)
    results = [name for name in ("o", "final_state", "final_angle", "final_key", "final_value") if name in case]
    assert set(results) == set(mine), (results, sorted(mine))
    if "do" in case:
        roots = [name for name in results if mine[name].requires_grad and "d" + name in case]
        torch.autograd.backward([mine[name] for name in roots], [case["d" + name] for name in roots])
        mine |= {"d" + name: t.grad if t.grad is not None else torch.zeros_like(t) for name, t in x.items()}
    worst = 0.0
    for name, tensor in mine.items():
        truth = case[name]
        assert tensor.shape == truth.shape, (options, name, tensor.shape, truth.shape)
        size, error = truth.norm().item(), (tensor - truth).norm().item()
        relative = error / size if size > 0 else error
        assert relative <= TOLERANCE, (options, name, relative)
        worst = max(worst, relative)
    return worst


def snippets(docs):
    return re.findall(r"```python\n(.*?)```", open(docs, encoding="utf-8").read(), re.S)


def check_docs(program, docs, folder):
    """The two python blocks of the page, as they stand."""
    blocks = snippets(docs)
    assert len(blocks) == 2, f"expected two python blocks in {docs}, got {len(blocks)}"
    lines = [line for line in blocks[0].splitlines() if line and not line.startswith("import")]
    assert len(lines) == 6, f"the page promises six lines, it has {len(lines)}"

    for dtype, tolerance in (("f64", TOLERANCE), ("bf16", 4e-3)):
        path, meta = golden(program, folder, "--variant", "gdn2", "--shape", "B2-T40-H2-HV4-Dk8-Dv12", "--dtype", dtype)

        def my_kernel(**x):
            out = rule_in_torch({name: t.double() for name, t in x.items()}, meta, None)
            return out["o"], out["final_state"]

        here = os.getcwd()
        os.chdir(folder)
        try:
            scope = {"my_kernel": my_kernel}
            exec("".join(blocks), scope)
        finally:
            os.chdir(here)
        assert len(scope["error"]) == 9, sorted(scope["error"])
        for name, error in scope["error"].items():
            assert error <= tolerance, (dtype, name, error)
        with safe_open(os.path.join(folder, "mine.safetensors"), "pt") as file:
            assert file.metadata()["kernel"] == "my_kernel" and file.metadata()["variant"] == "gdn2"
        usage = subprocess.run([program, "--help"], check=True, capture_output=True, text=True).stdout
        if re.search(r"^ +verify ", usage, re.M):
            for name in (path, os.path.join(folder, "mine.safetensors")):
                status = subprocess.run([program, "verify", name], capture_output=True, text=True)
                assert status.returncode == 0, (dtype, name, status.stdout, status.stderr)


def main():
    program, docs = sys.argv[1:3]
    torch.set_num_threads(1)
    worst, cases = 0.0, 0
    with tempfile.TemporaryDirectory() as folder:
        check_docs(program, docs, folder)
        rules = DELTA + ("mamba3", "mamba3-mimo", "softmax", "swa")
        for rule in rules:
            shapes = [("--shape", "B2-T9-H2-HV4-Dk4-Dv6-M2-P1-W3", "--dtype", "f64"),
                      ("--shape", "H1-HV2-Dk4-Dv3", "--cu-seqlens", "0,0,5,5,12", "--dtype", "bf16", "--layout", "BHTK", "--state-layout", "VK"),
                      ("--shape", "B1-T5-H2-Dk4-Dv4", "--scale", "0.7", "--l2norm-qk", "--no-initial-state", "--seed", "3"),
                      ("--shape", "B1-T1-H1-Dk2-Dv1", "--no-gradients", "--dtype", "f16")]
            if rule not in ("linear", "delta", "softmax", "swa"):
                shapes += [("--shape", "B1-T7-H2-HV4-Dk4-Dv3", "--decay-activation", kind, "--dtype", "f64") for kind in ("softplus", "bounded")]
            if rule in ("delta", "gdn", "kda", "gdn2", "gdn2-write", "gdn2-erase"):
                shapes += [("--shape", "B1-T7-H2-HV4-Dk4-Dv3", "--sigmoid-gates", "--erase-times-two", "--dtype", "f64", "--g-heads", "value", "--b-heads", "value")]
            for options in shapes:
                worst = max(worst, check(program, folder, "--variant", rule, *options))
                cases += 1
    print(f"{cases} golden files of {len(rules)} rules agree with torch {torch.__version__}; largest relative error {worst:.1e} (limit {TOLERANCE:.0e})")


if __name__ == "__main__":
    main()
