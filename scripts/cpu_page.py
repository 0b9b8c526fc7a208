#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the fastweight authors
#
# A page of docs/benchmarks from the JSON files that scripts/bench_cpu.sh left in a folder. Standard library only.
#   scripts/cpu_page.py FOLDER COMMIT   prints markdown
import json
import pathlib
import sys

FOLDER, COMMIT = pathlib.Path(sys.argv[1]), sys.argv[2]
RUNS = {f.stem: json.loads(f.read_text()) for f in sorted(FOLDER.glob("*.json"))}
COMMANDS = {f.stem: f.read_text().strip() for f in sorted(FOLDER.glob("*.txt"))}
VARIANTS = ["linear", "mamba2", "gla", "delta", "gdn", "kda", "gdn2-write", "gdn2-erase", "gdn2"]
out = []


def ms(seconds):
    return f"{seconds * 1e3:.1f}" if seconds >= 1e-3 else f"{seconds * 1e3:.4f}"


def spread(row):
    return f"{ms(row['median_s'])} ({ms(row['least_s'])} to {ms(row['most_s'])})"


def find(run, **wanted):
    return next(r for r in RUNS[run]["rows"] if all(r.get(k) == v for k, v in wanted.items()))


def peak(run, row):
    ceiling = next(c for c in RUNS[run]["ceilings"] if c["threads"] == row["threads"])
    return 100 * row["gflops"] / ceiling["multiply_add_gflops"]


def table(head, rows):
    out.append("| " + " | ".join(head) + " |")
    out.append("|---" * len(head) + "|")
    out.extend("| " + " | ".join(str(c) for c in row) + " |" for row in rows)
    out.append("")


def commands(*names):
    out.extend(["```", *(COMMANDS[n] for n in names), "```", ""])


def section_forward():
    out.append("## Forward, one thread, every rule\n")
    out.append("T 2048, 16 heads, Dk = Dv = 128, float32. Median (least to most) in milliseconds; the naive loop and the fast path take turns "
               "in one process. GFLOP/s counts useful work, 8 Dk Dv per token and head, so the recomputation of the chunk form is not "
               "counted as work.\n")
    rows = []
    for v in VARIANTS:
        run = f"forward_{v}"
        naive, fast = find(run, backend="naive"), find(run, backend="omp")
        rows.append([v, spread(naive), spread(fast), f"**{fast['times_naive']:.2f}x**", f"{fast['gflops']:.0f}", f"{peak(run, fast):.0f} %", f"{fast['gbs']:.1f}"])
    table(["rule", "naive loop", "fast path", "naive / fast", "GFLOP/s", "of the multiply-add peak", "GB/s"], rows)
    rows = []
    for v in ("kda", "gdn2"):
        fast = find(f"native_{v}", backend="omp")
        rows.append([v, spread(find(f"native_{v}", backend="naive")), spread(fast), f"{fast['times_naive']:.2f}x"])
    out.append("The naive loop is shipped for any CPU of its architecture. Given this CPU's vectors (`-march=x86-64-v3` or `-v4`) it is faster, and the factor smaller:\n")
    table(["rule", "naive loop, its vectors", "fast path", "naive / fast"], rows)
    commands("forward_gdn2", "native_gdn2")


def thread_rows(run, name, label):
    rows = []
    for row in (r for r in RUNS[run]["rows"] if r["pass"] == name and r["backend"] == "omp"):
        one, forward = find(run, backend="omp", threads=1, **{"pass": name}), find(run, backend="omp", threads=row["threads"], **{"pass": "forward"})
        rows.append([*label, "forward" if name == "forward" else "forward + backward", row["threads"], spread(row),
                     f"{row['times_naive']:.1f}x" if "times_naive" in row else "", f"{one['median_s'] / row['median_s']:.2f}x",
                     "" if name == "forward" else f"{row['median_s'] / forward['median_s']:.2f}x"])
    return rows


def section_training():
    out.append("## Threads, and forward with backward\n")
    rows = []
    for v in ("kda", "gdn2"):
        for name in ("forward", "training"):
            naive = find(f"training_{v}", backend="naive", **{"pass": name})
            rows.append([v, "forward" if name == "forward" else "forward + backward", "naive loop", spread(naive), "", "", ""])
            rows += thread_rows(f"training_{v}", name, [v])
    table(["rule", "pass", "threads", "ms", "naive / this", "one thread / this", "over the forward"], rows)
    commands("training_gdn2")
    out.append("One sequence of 8192 tokens with one head (threads share the columns of its state):\n")
    rows = [row[:3] + row[4:] for name in ("forward", "training") for row in thread_rows("long_gdn2", name, [])]
    table(["pass", "threads", "ms", "one thread / this", "over the forward"], rows)
    commands("long_gdn2")


def section_decode():
    out.append("## Decode\n")
    out.append("One token of 16 heads of GDN-2, 128 x 128 each: 1 MiB of state read and written. One layer stays in the caches, 24 layers do not. "
               "The floor is a sweep over as many bytes, read, multiplied and written back, by as many threads in the same run. Per layer:\n")
    rows = []
    for layers in (1, 24):
        for row in (r for r in RUNS["decode_gdn2"]["rows"] if r["backend"] == "omp" and r["layers"] == layers):
            rows.append([layers, row["threads"], f"{row['median_s'] * 1e6:.1f}", f"{row['floor_s'] * 1e6:.1f}", f"{100 * row['floor_share']:.0f} %",
                         f"{row['gbs']:.1f}", f"{row['times_naive']:.1f}x"])
    table(["layers", "threads", "step, us", "floor, us", "of the floor's speed", "GB/s", "naive / fast"], rows)
    commands("decode_gdn2")


def section_rungs():
    out.append("## The rungs of [cpu.md](../cpu.md)\n")
    rows, before = [], None
    for row in RUNS["rungs"]["rows"]:
        gain = f"{before / row['median_s']:.2f}x" if before else ""
        rows.append([row["by"], spread(row), gain, f"{row.get('times_naive', 1):.2f}x", f"{row['gflops']:.0f}"])
        before = row["median_s"]
    table(["rung", "ms", "over the one before", "over the naive loop", "GFLOP/s"], rows)
    commands("rungs")


def section_isas():
    out.append("## Instruction sets\n")
    out.append("The kernels are chosen when the program runs; `--isa` takes others.\n")
    rows = []
    for run in sorted(n for n in RUNS if n.startswith("isa_")):
        forward, training = (find(run, **{"pass": p}) for p in ("forward", "training"))
        ceiling = RUNS[run]["ceilings"][0]["multiply_add_gflops"]
        rows.append([RUNS[run]["isa"], spread(forward), spread(training), f"{forward['gflops']:.0f}", f"{ceiling:.0f}", f"{peak(run, forward):.0f} %"])
    table(["kernels", "forward", "forward + backward", "GFLOP/s", "multiply-add peak", "of it"], rows)


def section_errors():
    out.append("## Errors\n")
    out.append("Relative L2 error of each tensor against the float64 truth, in brackets that of the naive float32 loop on the same inputs: "
               "GDN-2, T 200, two heads of 128 x 128, every input family.\n")
    checks = [c for c in RUNS["errors_gdn2"]["checks"] if c["by"].startswith("omp") and c["tensor"] != "decode"]
    tensors = list(dict.fromkeys(c["tensor"] for c in checks))
    by = {(c["family"], c["tensor"]): c for c in checks}
    rows = []
    for family in dict.fromkeys(c["family"] for c in checks):
        cells = [f"{by[family, t]['error']:.1e} ({by[family, t]['naive_error']:.1e})" if (family, t) in by else "" for t in tensors]
        rows.append([family, *cells])
    table(["family", *tensors], rows)
    rows = []
    for v in VARIANTS:
        checks = [c for c in RUNS[f"errors_{v}"]["checks"] if c["by"].startswith("omp")]
        worst = max(checks, key=lambda c: c["error"] / c["limit"])
        rows.append([v, len(checks), f"{max(c['error'] for c in checks):.1e}", f"{worst['family']}, {worst['tensor']}: {worst['error']:.1e}, naive {worst['naive_error']:.1e}"])
    out.append("Every rule over all its families, forward, gradients and decode; a check passes within twice the naive loop's error or 4e-7:\n")
    table(["rule", "tensors checked, all right", "largest error", "nearest to its limit"], rows)
    commands("errors_gdn2")


def main():
    wrong = [why for run in RUNS.values() for why in run["wrong"]]
    if wrong:
        sys.exit("cpu_page.py: results are wrong, no page: " + "; ".join(wrong))
    first = RUNS["forward_gdn2"]
    out.append("# The fast CPU path, measured\n")
    out.append("Generated by `scripts/bench_cpu.sh`; do not edit. Each command checks its results against the float64 truth first and shows no time "
               "where they are wrong.\n")
    ceilings = {c["threads"]: c for run in ("training_gdn2",) for c in RUNS[run]["ceilings"]}
    table(["", ""], [["machine", f"{first['machine']['cpu']}, {first['machine']['cores']} cores (virtual)"], ["kernels", first["isa"]],
                     ["compiler", "g++ " + first["compiler"]], ["commit", COMMIT], ["date", first["date"]],
                     *[[f"ceilings, {n} thread" + "s" * (n > 1), f"{c['multiply_add_gflops']:.0f} GFLOP/s of float32 multiply-adds, {c['copy_gbs']:.1f} GB/s copied"]
                       for n, c in sorted(ceilings.items())]])
    for section in (section_forward, section_training, section_decode, section_rungs, section_isas, section_errors):
        section()
    print("\n".join(out).rstrip())


if __name__ == "__main__":
    main()
