#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the fastweight authors
#
# docs/images/one_step.svg: one token of Gated DeltaNet-2 on a small memory, (R1)-(R3) step by step. Standard library only.
import math
import pathlib
import random

D = 8
CELL, GAP, TOP, LEFT = 22, 74, 92, 96
ROOT = pathlib.Path(__file__).resolve().parent.parent


def colour(x, top=1.6):
    """Blue for negative, orange for positive, white at 0: tells apart with any kind of colour vision."""
    t = max(-1.0, min(1.0, x / top))
    end = (230, 97, 1) if t > 0 else (33, 102, 172)
    return "#%02x%02x%02x" % tuple(round(255 + (e - 255) * abs(t)) for e in end)


def grid(out, x, y, matrix, title, formula):
    width = len(matrix[0]) * CELL
    out.append(f'<text x="{x + width / 2}" y="{y - 42}" class="title">{title}</text>')
    out.append(f'<text x="{x + width / 2}" y="{y - 24}" class="formula">{formula}</text>')
    for i, row in enumerate(matrix):
        for j, value in enumerate(row):
            out.append(f'<rect x="{x + j * CELL}" y="{y + i * CELL}" width="{CELL}" height="{CELL}" fill="{colour(value)}" class="cell"/>')


def bars(out, x, y, values, vertical, label, fill):
    """One bar per channel: rows beside the grid, columns below it. Full length is 1."""
    size = 34
    for i, value in enumerate(values):
        length = size * abs(value)
        if vertical:
            out.append(f'<rect x="{x - 8 - length:.1f}" y="{y + i * CELL + 4}" width="{length:.1f}" height="{CELL - 8}" fill="{fill}"/>')
        else:
            out.append(f'<rect x="{x + i * CELL + 4}" y="{y + D * CELL + 8}" width="{CELL - 8}" height="{length:.1f}" fill="{fill}"/>')
    if vertical:
        out.append(f'<text x="{x - 8}" y="{y - 8}" class="gate" text-anchor="end">{label}</text>')
    else:
        out.append(f'<text x="{x + D * CELL / 2}" y="{y + D * CELL + 60}" class="gate" text-anchor="middle">{label}</text>')


def main():
    draw = random.Random(12)
    S = [[draw.gauss(0, 0.7) for _ in range(D)] for _ in range(D)]
    alpha = [1.0, 0.25, 0.9, 0.5, 1.0, 0.1, 0.8, 1.0]
    k = [0.75, 0.0, 0.5, 0.0, 0.25, 0.0, 0.0, 0.35]
    length = math.sqrt(sum(x * x for x in k))
    k = [x / length for x in k]
    b = [1.0, 0.6, 1.0, 0.2, 0.0, 0.8, 0.4, 0.5]
    w = [1.0, 1.0, 0.8, 0.5, 0.1, 0.0, 0.0, 0.0]
    v = [1.6, -1.4, 1.2, -1.5, 1.5, -1.0, 1.3, 1.1]
    decayed = [[alpha[i] * S[i][j] for j in range(D)] for i in range(D)]
    e = [b[i] * k[i] for i in range(D)]
    r = [sum(decayed[i][j] * e[i] for i in range(D)) for j in range(D)]
    erased = [[decayed[i][j] - k[i] * r[j] for j in range(D)] for i in range(D)]
    written = [[erased[i][j] + k[i] * w[j] * v[j] for j in range(D)] for i in range(D)]

    out = []
    step = D * CELL + GAP
    x = [LEFT + n * step for n in range(4)]
    grid(out, x[0], TOP, S, "memory before", "S: key channels down, value channels across")
    grid(out, x[1], TOP, decayed, "decay", "Diag(exp g) S")
    grid(out, x[2], TOP, erased, "erase", "− k (Sᵀ e)ᵀ,  e = b⊙k")
    grid(out, x[3], TOP, written, "write", "+ k zᵀ,  z = w⊙v")
    bars(out, x[1], TOP, alpha, True, "exp g", "#7b3294")
    bars(out, x[2], TOP, b, True, "b", "#1b7837")
    bars(out, x[3], TOP, k, True, "k", "#555555")
    bars(out, x[3], TOP, w, False, "write gate w", "#b2182b")
    width, height = x[3] + D * CELL + 40, TOP + D * CELL + 104
    legend = "blue −1.6, white 0, orange 1.6.  Bars: gates and key, 0 to 1.  The erase gate b picks which key channels answer, the write gate w which value channels are written."
    out.append(f'<text x="{width / 2}" y="{height - 14}" class="legend">{legend}</text>')
    style = ("text{font-family:Helvetica,Arial,sans-serif;fill:#222}.title{font-size:17px;font-weight:bold;text-anchor:middle}"
             ".formula{font-size:12px;text-anchor:middle}.gate{font-size:12px}.legend{font-size:12px;text-anchor:middle}.cell{stroke:#ddd;stroke-width:.5}")
    svg = (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">'
           f'<style>{style}</style><rect width="100%" height="100%" fill="#fff"/>' + "\n".join(out) + "</svg>\n")
    (ROOT / "docs/images/one_step.svg").write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    main()
