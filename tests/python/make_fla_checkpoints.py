# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the fastweight authors
#
# Writes notebooks_data/fla_checkpoints: small models with random weights in flash-linear-attention's format, made by PyTorch, and beside each
# its tokens and logits (computed in double from the weights as they are stored).
#   make_fla_checkpoints.py FOLDER
import json
import os
import sys

import safetensors.torch
import torch
from fla_reading import CausalLM

TOKENS, SEQUENCES = 40, 2
SMALL = {"hidden_size": 24, "num_heads": 2, "num_hidden_layers": 2, "vocab_size": 32, "intermediate_size": 32, "hidden_act": "swish"}
GATED = {**SMALL, "head_dim": 8, "expand_v": 1.0, "num_v_heads": 4}
CASES = {  # name: settings, type of the stored weights
    "delta_net": ({"model_type": "delta_net", "architectures": ["DeltaNetForCausalLM"], **SMALL, "expand_k": 1.0, "expand_v": 0.5}, "float32"),
    "gated_deltanet": ({"model_type": "gated_deltanet", "architectures": ["GatedDeltaNetForCausalLM"], **GATED, "tie_word_embeddings": True}, "float32"),
    "kda": ({"model_type": "kda", "architectures": ["KDAForCausalLM"], **GATED, "allow_neg_eigval": True, "norm_eps": 1e-5}, "float32"),
    "gdn2": ({"model_type": "gdn2", "architectures": ["GDN2ForCausalLM"], **GATED, "allow_neg_eigval": True}, "float32"),
    "gdn2_hybrid": ({"model_type": "gdn2", "architectures": ["GDN2ForCausalLM"], **GATED, "num_v_heads": 2,
                     "attn": {"layers": [1], "num_heads": 4, "num_kv_heads": 2, "qkv_bias": True, "window_size": 9, "rope_theta": 500.0}}, "float32"),
    "gated_deltanet_bf16": ({"model_type": "gated_deltanet", "architectures": ["GatedDeltaNetForCausalLM"], **GATED, "expand_v": 2.0, "num_v_heads": 2,
                             "use_short_conv": False, "allow_neg_eigval": True}, "bfloat16"),
    "kda_shards_bf16": ({"model_type": "kda", "architectures": ["KDAForCausalLM"], **GATED}, "bfloat16"),
}


@torch.no_grad()
def scattered(model, generator):
    """Weights far from any special value, so that every tensor matters."""
    normal = lambda p, scale, mean=0.0: p.copy_(mean + scale * torch.randn(p.shape, generator=generator))
    for name, p in model.named_parameters():
        if name.endswith("A_log"):
            p.copy_((1 + 3 * torch.rand(p.shape, generator=generator)).log())
        elif name.endswith("dt_bias"):
            normal(p, 1.0, -2.0)
        elif p.dim() == 1:
            normal(p, 0.2, 1.0 if "norm" in name else 0.0)
        elif "conv1d" in name:
            normal(p, 0.6)
        else:
            normal(p, 1.0 if "embeddings" in name else 1.2 * p.shape[-1] ** -0.5)


def save(folder, values, dtype, model):
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "config.json"), "w", encoding="utf-8") as file:
        json.dump({**values, "torch_dtype": dtype}, file, indent=2)
        file.write("\n")
    tensors = {name: t.to(getattr(torch, dtype)).contiguous() for name, t in model.state_dict().items()}
    if "shards" not in folder:
        safetensors.torch.save_file(tensors, os.path.join(folder, "model.safetensors"), metadata={"format": "pt"})
        return
    places = {name: f"model-0000{1 + ('layers.1' in name or 'lm_head' in name)}-of-00002.safetensors" for name in tensors}
    for shard in set(places.values()):
        part = {name: t for name, t in tensors.items() if places[name] == shard}
        safetensors.torch.save_file(part, os.path.join(folder, shard), metadata={"format": "pt"})
    with open(os.path.join(folder, "model.safetensors.index.json"), "w", encoding="utf-8") as file:
        json.dump({"metadata": {"total_size": sum(t.nbytes for t in tensors.values())}, "weight_map": places}, file, indent=2, sort_keys=True)
        file.write("\n")


def main():
    for number, (name, (values, dtype)) in enumerate(CASES.items()):
        generator = torch.Generator().manual_seed(number)
        model = CausalLM(values)
        scattered(model, generator)
        model = model.to(getattr(torch, dtype)).double()  # what a reader of the file gets
        folder = os.path.join(sys.argv[1], name)
        save(folder, values, dtype, model)
        tokens = torch.randint(values["vocab_size"], (SEQUENCES, TOKENS), generator=generator)
        with torch.no_grad():
            logits = model(tokens)
        assert logits.isfinite().all() and logits.std() > 0.3, (name, logits.std())
        safetensors.torch.save_file({"tokens": tokens, "logits": logits.float()}, os.path.join(folder, "reference.safetensors"),
                                    metadata={"made_by": f"torch {torch.__version__.split('+')[0]}, float64"})
        print(f"{name}: {sum(p.numel() for p in model.parameters())} parameters, {dtype}, logits of size {logits.std():.2f}")


if __name__ == "__main__":
    main()
