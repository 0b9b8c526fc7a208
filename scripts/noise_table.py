#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the fastweight authors
#
# The table "noise of ideal kernels" in docs/numerics.md: what an emulated ideal kernel of each precision class errs on each
# input family (GDN-2, T 200, Dk 64, Dv 48), largest of three seeds. Standard library only; needs the built program.
#   scripts/noise_table.py [path of the program]   prints markdown
import json
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROGRAM = sys.argv[1] if len(sys.argv) > 1 else str(ROOT / "build/cpu/cli/fastweight")
CLASSES = {"bf16": "bf16", "fp16": "f16", "tf32": "f32", "fp32": "f32"}
SHAPE = "B1-T200-H2-Dk64-Dv48"


def ideal(family, precision, seed, folder):
    file = f"{folder}/case.safetensors"
    subprocess.run([PROGRAM, "golden", "--variant", "gdn2", "--shape", SHAPE, "--dtype", CLASSES[precision], "--family", family,
                    "--seed", str(seed), "-o", file], check=True, stdout=subprocess.DEVNULL)
    report = subprocess.run([PROGRAM, "verify", "--json", "--no-bank", "--no-range-check", "--precision", precision, file],
                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    worst = {"o": 0.0, "state": 0.0, "row": 0.0, "gradients": 0.0}
    for tensor in json.loads(report)[0]["tensors"]:
        error, row = (float(tensor["ideal"][key]) for key in ("rel_l2", "worst_row"))
        group = {"o": "o", "final_state": "state"}.get(tensor["name"], "gradients")
        worst[group] = max(worst[group], error)
        if group == "o":
            worst["row"] = row
    return worst


def main():
    families = [f["name"] for f in json.loads(subprocess.check_output([PROGRAM, "list", "--families", "--json"]))]
    print("| family | " + " | ".join(f"{p}: o (worst row) / state / gradients" for p in CLASSES) + " |")
    print("|---" * (len(CLASSES) + 1) + "|")
    with tempfile.TemporaryDirectory() as folder:
        for family in families:
            cells = []
            for precision in CLASSES:
                seeds = [ideal(family, precision, seed, folder) for seed in (1, 2, 3)]
                most = {key: max(s[key] for s in seeds) for key in seeds[0]}
                cells.append("{o:.1e} ({row:.1e}) / {state:.1e} / {gradients:.1e}".format(**most))
            print(f"| {family} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
