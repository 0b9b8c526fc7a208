# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the fastweight authors
#
# Checkpoints and PyTorch, both ways: those that this project writes load in fla_reading.py under flash-linear-attention's names and give the same
# logits; and those of notebooks_data/fla_checkpoints are what make_fla_checkpoints.py says. Status 77 (skipped) without torch or safetensors.
#   fla_checkpoint_test.py WRITE_CHECKPOINTS NOTEBOOKS_DATA/fla_checkpoints
import json
import os
import subprocess
import sys
import tempfile

try:
    import safetensors.torch
    import torch
except ImportError as missing:
    print(f"skipped: {missing} (FASTWEIGHT_PYTHON chooses another python)")
    sys.exit(77)

import fla_reading

LIMIT = 1e-4


def merged(folder):
    """The tensors of one file, or of all shards."""
    files = [name for name in os.listdir(folder) if name.startswith("model") and name.endswith(".safetensors")]
    return {key: t for name in files for key, t in safetensors.torch.load_file(os.path.join(folder, name)).items()}


@torch.no_grad()
def farthest(folder):
    with open(os.path.join(folder, "config.json"), encoding="utf-8") as file:
        model = fla_reading.CausalLM(json.load(file)).double()
    model.load_state_dict(merged(folder), strict=True)
    reference = safetensors.torch.load_file(os.path.join(folder, "reference.safetensors"))
    logits = model(reference["tokens"])
    assert logits.shape == reference["logits"].shape and logits.std() > 0.1
    return (logits - reference["logits"]).abs().max().item()


def main():
    program, shipped = sys.argv[1:3]
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([program, folder], check=True)
        for title, root in (("written here", folder), ("shipped", shipped)):
            names = sorted(name for name in os.listdir(root) if os.path.isdir(os.path.join(root, name)))
            assert len(names) >= 7, names
            for name in names:
                error = farthest(os.path.join(root, name))
                print(f"{title}: {name}: largest difference of a logit {error:.1e}")
                assert error <= LIMIT, (title, name, error)


if __name__ == "__main__":
    main()
