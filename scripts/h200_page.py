#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the fastweight authors
#
# A page of docs/benchmarks from the files that scripts/bench_h200.sh left in a folder. Standard library only.
#   scripts/h200_page.py FOLDER COMMIT DRIVER TOOLKIT   prints markdown
import json
import pathlib
import re
import sys

FOLDER, COMMIT, DRIVER, TOOLKIT = pathlib.Path(sys.argv[1]), *sys.argv[2:5]
RUNS = {f.stem: json.loads(f.read_text()) for f in sorted(FOLDER.glob("*.json"))}
VARIANTS = ["linear", "mamba2", "gla", "delta", "gdn", "kda", "gdn2-write", "gdn2-erase", "gdn2"]
GIB = 1 << 30
out = []


def table(head, rows):
    out.append("| " + " | ".join(head) + " |")
    out.append("|---" * len(head) + "|")
    out.extend("| " + " | ".join(str(c) for c in row) + " |" for row in rows)
    out.append("")


def row_of(run, name):
    return next(r for r in RUNS[run]["rows"] if r["pass"] == name)


def ms(x):
    return f"{x:.2f}" if x >= 0.1 else f"{x:.4f}"


def spread(row):
    return f"{ms(row['median_ms'])} ({ms(row['least_ms'])} to {ms(row['most_ms'])})"


def micro(row):
    return f"{1e3 * row['median_ms']:.2f} ({1e3 * row['least_ms']:.2f} to {1e3 * row['most_ms']:.2f})"


def command(*names):
    out.extend(["```", *((FOLDER / f"{n}.cmd.txt").read_text().strip() for n in names), "```", ""])


def text(name):
    path = FOLDER / name
    return path.read_text() if path.exists() else ""


def section_cases():
    out.append("## The cases the path is built for\n")
    out.append("GDN-2, bf16 tensors, g in float32, Dk = Dv = 128, 16 heads. Forward and backward: states and chunk factors kept, as their extra "
               "memory says. The third column is what a set of Triton kernels of the same rule took on the same kind of GPU; the fourth is the "
               "project's own mark.\n")
    cases = [("forward, 8 x 8192", "batch_gdn2", "forward", 3.75, 1.6), ("forward + backward, 8 x 8192", "batch_gdn2", "training", 21.7, 8.0),
             ("forward, 1 x 65536", "long_gdn2", "forward", 5.70, 2.8), ("forward, 1 x 8192", "one_gdn2", "forward", 0.636, 0.35),
             ("forward + backward, 1 x 8192", "one_gdn2", "training", 3.15, 1.6)]
    rows = []
    for label, run, name, triton, mark in cases:
        row = row_of(run, name)
        rows.append([label, f"{spread(row)} ms", f"{triton} ms", f"{mark} ms", "reached" if row["median_ms"] <= mark else f"missed by {100 * (row['median_ms'] / mark - 1):.1f} %",
                     f"{triton / row['median_ms']:.1f}x", f"{row['tbs']:.2f}", f"{row['extra_bytes'] / GIB:.2f} GiB"])
    extra = row_of("batch_gdn2", "training")["extra_bytes"] / GIB
    rows.append(["extra memory of forward + backward, 8 x 8192", f"{extra:.2f} GiB", "8.5 GiB", "3 GiB", "reached" if extra <= 3 else "missed", f"{8.5 / extra:.1f}x", "", ""])
    for label, run, name, triton, mark in [("decode, 512 sequences, a step", "decode_gdn2", "decode, states from memory", 293, 275), ("decode, 1 sequence, a step", "decode1_gdn2", "decode, same states", 14.3, 5)]:
        row = row_of(run, name)
        micros = 1e3 * row["median_ms"]
        rows.append([label, f"{micro(row)} us", f"{triton} us", f"{mark} us", "reached" if micros <= mark else "missed", f"{triton / micros:.1f}x", f"{row['tbs']:.2f}", ""])
    table(["case", "here", "Triton", "mark", "", "Triton / here", "TB/s", "extra memory"], rows)
    out.append(f"A copy on the device in the same runs: {RUNS['batch_gdn2']['copy_tbs']:.2f} TB/s, read and written. TB/s counts inputs and results once each "
               "(decode: states too).\n")
    out.append("Where the time goes, and what was tried: [where the time goes](../cuda.md#where-the-time-goes).\n")
    command("batch_gdn2", "long_gdn2", "one_gdn2", "decode_gdn2", "decode1_gdn2")


def section_rules():
    out.append("## Every rule, 8 x 8192 x 16 heads\n")
    table(["rule", "forward, ms", "TB/s", "forward + backward, ms", "TB/s", "extra GiB"],
          [[v, spread(row_of(f"batch_{v}", "forward")), f"{row_of(f'batch_{v}', 'forward')['tbs']:.2f}", spread(row_of(f"batch_{v}", "training")),
            f"{row_of(f'batch_{v}', 'training')['tbs']:.2f}", f"{row_of(f'batch_{v}', 'training')['extra_bytes'] / GIB:.2f}"] for v in VARIANTS])
    rows = []
    for v in ("gdn", "kda", "gdn2"):
        rows.append([v, *(ms(row_of(f"{run}_{v}", name)["median_ms"]) for run in ("one", "long") for name in ("forward", "training")),
                     *(f"{1e3 * row_of(f'{run}_{v}', 'decode, states from memory')['median_ms']:.1f}" for run in ("decode", "decode1"))])
    out.append("Other cases of three of them, medians:\n")
    table(["rule", "1 x 8192 forward, ms", "with backward", "1 x 65536 forward, ms", "with backward", "decode 512, us", "decode 1, us, states from memory"], rows)


def section_accurate():
    out.append("## The accurate mode: float32 tensors, float32 products\n")
    rows = [[label, spread(row_of(run, "forward")), spread(row_of(run, "training")), f"{row_of(run, 'training')['extra_bytes'] / GIB:.2f}"]
            for label, run in (("8 x 8192", "accurate_gdn2"), ("1 x 8192", "accurate_one"))]
    table(["GDN-2, 16 heads", "forward, ms", "forward + backward, ms", "extra GiB"], rows)
    out.append("It walks token by token and is made to be right: a ground truth at GPU speed, not a way to train.\n")
    command("accurate_gdn2")


def section_errors():
    out.append("## Errors against float64\n")
    out.append("Relative L2 over the tensor, GDN-2, every input family; the problem goes in as the kernel gets it. The largest over the families where "
               "the problem is well posed in the type, with the limit the judge allows it (`fastweight verify --backend cuda`):\n")
    runs = ("errors_bf16", "errors_f16", "errors_accurate")
    names = list(dict.fromkeys((c["pass"], c["tensor"]) for c in RUNS[runs[0]]["checks"]))
    rows = []
    for name in names:
        cells = []
        for run in runs:
            checks = [c for c in RUNS[run]["checks"] if (c["pass"], c["tensor"]) == name and c["posed"]]
            typical = next((c for c in checks if c["family"] == "typical"), None)
            worst = max(checks, key=lambda c: c["error"] / c["limit"] if c["limit"] > 0 else 0)
            cells += [f"{typical['error']:.1e}" if typical else "", f"{worst['error']:.1e} of {worst['limit']:.1e} ({worst['family']})"]
        rows.append([*name, *cells])
    table(["pass", "tensor", "bf16, typical", "nearest to its limit", "f16, typical", "nearest to its limit", "accurate, typical", "nearest to its limit"], rows)
    command(*runs)


def section_checks():
    out.append("## What was checked before anything was timed\n")
    summary = [re.sub(r"\[doctest\] ", "", line) for line in text("tests.txt").splitlines() if line.startswith("[doctest] test cases") or line.startswith("[doctest] assertions")]
    rows = [["`test_cuda`", "; ".join(" ".join(s.replace("|", ",").split()).replace(" ,", ",").rstrip(",") for s in summary)]]
    for name, flags in (("verify", ""), ("verify_f16", " --dtype f16"), ("verify_accurate", " --dtype f32 --accurate")):
        lines = text(f"{name}.txt").splitlines()
        ill = [" ".join(line.split()[1:3]) for line in lines if line.startswith("ill-conditioned")]
        wrong = [" ".join(line.split()[1:3]) for line in lines if line.startswith("wrong ")]
        last = next(line for line in reversed(lines) if line.endswith(" right"))
        rows.append([f"`fastweight verify --backend cuda{flags}`", last + (f"; ill-conditioned in this type: {', '.join(ill)}" if ill else "") + (f"; **wrong: {', '.join(wrong)}**" if wrong else "")])
    for tool in ("memcheck", "racecheck", "initcheck", "synccheck"):
        files = sorted(FOLDER.glob(f"{tool}_*.txt"))
        if files:
            ends = {f.read_text().splitlines()[-1].replace("========= ", "") for f in files}
            rows.append([f"`compute-sanitizer --tool {tool}` on verify: gdn2 and gla, bf16 and accurate; gdn2 with 72 heads (wide tiles) and on 2060 tokens in segments", "; ".join(sorted(ends))])
    table(["", ""], rows)


def main():
    wrong = [why for run in RUNS.values() for why in run["wrong"]]
    if wrong:
        sys.exit("h200_page.py: results are wrong, no page: " + "; ".join(wrong))
    first = RUNS["batch_gdn2"]
    out.append("# The CUDA path, measured\n")
    out.append("Generated by `scripts/bench_h200.sh`; do not edit. Each command checks its results against the float64 truth first and shows no time "
               "where they are wrong. Medians of single launches of a CUDA graph between events, the L2 flushed before each (least to most); decode in chains of steps.\n")
    table(["", ""], [["GPU", first["device"]], ["driver, toolkit", f"{DRIVER}, CUDA {TOOLKIT}"], ["host compiler", "g++ " + first["compiler"]], ["command", "`" + ("FASTWEIGHT_SANITIZE=1 " if any(FOLDER.glob("memcheck_*")) else "") + "scripts/bench_h200.sh`"],
                     ["commit", COMMIT], ["date", first["date"]]])
    for section in (section_cases, section_rules, section_accurate, section_errors, section_checks):
        section()
    print("\n".join(out).rstrip())


if __name__ == "__main__":
    main()
