# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the fastweight authors
#
# Our reader and writer against the Python package: what the package writes comes back bit for bit through both, and what the
# package refuses, we refuse. Status 77 (skipped) where torch or safetensors is not installed.
#   safetensors_package_test.py SAFETENSORS_COPY DUMPS_FOLDER
import glob
import json
import os
import struct
import subprocess
import sys
import tempfile

try:
    import safetensors
    import torch
    from safetensors import safe_open
    from safetensors.torch import load_file, save_file
except ImportError as missing:
    print(f"skipped: {missing} (FASTWEIGHT_PYTHON chooses another python)")
    sys.exit(77)


def copied(program, source, target):
    return subprocess.run([program, source, target], capture_output=True, text=True)


def metadata(path):
    with safe_open(path, "pt") as file:
        return file.metadata()


def bits(tensor):
    return tensor.contiguous().reshape(-1).view(torch.uint8).tolist() if tensor.numel() else []


def check_round_trip(program, source, folder):
    target = os.path.join(folder, "ours.safetensors")
    status = copied(program, source, target)
    assert status.returncode == 0, (source, status.stderr)
    theirs, ours = load_file(source), load_file(target)
    assert sorted(theirs) == sorted(ours), (sorted(theirs), sorted(ours))
    for name, tensor in theirs.items():
        assert tensor.dtype == ours[name].dtype and tensor.shape == ours[name].shape, name
        assert bits(tensor) == bits(ours[name]), name
    assert (metadata(source) or {}) == (metadata(target) or {}), source
    return len(theirs)


def all_kinds():
    torch.manual_seed(1)
    tensors = {}
    for dtype in (torch.float64, torch.float32, torch.bfloat16, torch.float16):
        word = str(dtype).split(".")[1]
        for shape in ((), (1,), (0,), (3, 0, 2), (5, 7), (2, 3, 4, 5), (1,) * 12):
            tensors[f"{word} {shape}"] = torch.randn(shape, dtype=torch.float64).to(dtype)
        tensors[f"{word} special"] = torch.tensor([float("nan"), float("inf"), -float("inf"), -0.0, 1e-40, 65504.0]).to(dtype)
    every = torch.arange(65536, dtype=torch.int32).to(torch.uint16)
    tensors["all bfloat16"], tensors["all float16"] = every.clone().view(torch.bfloat16), every.clone().view(torch.float16)
    tensors["i64"], tensors["i32"] = torch.tensor([0, -1, 2**63 - 1, -(2**63)]), torch.tensor([0, -1, 2**31 - 1], dtype=torch.int32)
    tensors["näme \"quoted\" \\ \n中"] = torch.ones(2)
    tensors[""] = torch.ones(1)
    return tensors


def raw(header, data=b"", length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def refused_by_both():
    one = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
    yield "empty", b""
    yield "short", b"1234567"
    yield "header length 10 GB", raw({}, length=10 * 2**30)
    yield "header longer than the file", raw({}, length=100)
    yield "cut data", raw({"a": one}, b"\0\0\0")
    yield "data left over", raw({"a": one}, b"\0" * 5)
    yield "gap", raw({"a": {**one, "data_offsets": [4, 8]}}, b"\0" * 8)
    yield "overlap", raw({"a": one, "b": {**one, "data_offsets": [2, 6]}}, b"\0" * 6)
    yield "same bytes twice", raw({"a": one, "b": one}, b"\0" * 4)
    yield "shape does not fit", raw({"a": {**one, "shape": [2]}}, b"\0" * 4)
    yield "begin after end", raw({"a": {**one, "data_offsets": [4, 0]}}, b"\0" * 4)
    yield "overflow", raw({"a": {**one, "shape": [2**62, 4, 4]}}, b"\0" * 4)
    yield "negative size", raw({"a": {**one, "shape": [-1]}}, b"\0" * 4)
    yield "fraction", raw({"a": {**one, "shape": [1.5]}}, b"\0" * 4)
    yield "unknown dtype", raw({"a": {**one, "dtype": "F31"}}, b"\0" * 4)
    yield "no dtype", raw({"a": {"shape": [1], "data_offsets": [0, 4]}}, b"\0" * 4)
    yield "list", raw([])
    yield "not JSON", raw(b"{nonsense")
    yield "not UTF-8", raw(b'{"\xff": 1}')
    yield "number in metadata", raw({"__metadata__": {"scale": 1}})
    yield "deep", raw(b'{"a":' + b"[" * 100000)


def main():
    program, dumps = sys.argv[1:3]
    with tempfile.TemporaryDirectory() as folder:
        source = os.path.join(folder, "theirs.safetensors")
        save_file(all_kinds(), source, {"variant": "gdn2", "empty": "", "text": "é \" \\ \n 中"})
        tensors = check_round_trip(program, source, folder)
        save_file({}, source)
        check_round_trip(program, source, folder)
        files = sorted(glob.glob(os.path.join(dumps, "*.safetensors")))
        assert files, dumps
        for path in files:
            tensors += check_round_trip(program, path, folder)
        for dtype in (torch.int8, torch.uint8, torch.bool, torch.int16, torch.float8_e4m3fn, torch.float8_e5m2):
            save_file({"the odd one": torch.zeros(4, dtype=torch.float32).to(dtype)}, source)
            status = copied(program, source, os.path.join(folder, "ours.safetensors"))
            assert status.returncode == 1 and 'tensor "the odd one": expected a dtype out of' in status.stderr, (dtype, status.stderr)
        refused = 0
        for what, content in refused_by_both():
            with open(source, "wb") as file:
                file.write(content)
            try:
                load_file(source)
                raise SystemExit(f"the package accepts: {what}")
            except (safetensors.SafetensorError, OSError, ValueError):
                pass
            status = copied(program, source, os.path.join(folder, "ours.safetensors"))
            assert status.returncode == 1 and status.stderr.count("\n") == 1, (what, status.returncode, status.stderr[:300])
            refused += 1
    print(f"{tensors} tensors bit for bit through safetensors {safetensors.__version__} and ours; {refused} bad files refused by both")


if __name__ == "__main__":
    main()
