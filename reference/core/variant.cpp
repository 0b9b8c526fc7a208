// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "core/variant.h"

#include <array>
#include <cctype>
#include <string>

#include "core/error.h"

namespace fw {
namespace {

constexpr std::array kVariants = {
    VariantInfo{Variant::linear, "linear", "linear attention", "S += k v^T", "Katharopoulos et al. 2020, arXiv 2006.16236",
                "-", Family::delta_rule, Decay::none, Erase::none, Write::one},
    VariantInfo{Variant::mamba2, "mamba2", "decayed linear attention (Mamba-2 core)", "S = exp(g) S + k v^T",
                "Dao and Gu 2024, arXiv 2405.21060", "g = 0: linear", Family::delta_rule, Decay::scalar, Erase::none, Write::one},
    VariantInfo{Variant::gla, "gla", "gated linear attention", "S = Diag(exp g) S + k v^T", "Yang et al. 2023, arXiv 2312.06635",
                "g equal over channels: mamba2", Family::delta_rule, Decay::channel, Erase::none, Write::one},
    VariantInfo{Variant::delta, "delta", "DeltaNet", "S = S + beta k (v - S^T k)^T",
                "Schlag et al. 2021, arXiv 2102.11174; Yang et al. 2024, arXiv 2406.06484", "erase off, write one: linear",
                Family::delta_rule, Decay::none, Erase::scalar, Write::scalar},
    VariantInfo{Variant::gdn, "gdn", "Gated DeltaNet", "S = exp(g) S; S += beta k (v - S^T k)^T", "Yang et al. 2024, arXiv 2412.06464",
                "g = 0: delta", Family::delta_rule, Decay::scalar, Erase::scalar, Write::scalar},
    VariantInfo{Variant::kda, "kda", "Kimi Delta Attention", "S = Diag(exp g) S; S += beta k (v - S^T k)^T",
                "Kimi Linear 2025, arXiv 2510.26692", "g equal over channels: gdn", Family::delta_rule, Decay::channel, Erase::scalar,
                Write::scalar},
    VariantInfo{Variant::gdn2_write, "gdn2-write", "GDN-2, write-only channel-wise", "S = Diag(exp g) S; S += k (w*v - S^T mean(b) k)^T",
                "arXiv 2605.22791, Table 5", "w constant = mean(b): kda", Family::delta_rule, Decay::channel, Erase::mean, Write::channel},
    VariantInfo{Variant::gdn2_erase, "gdn2-erase", "GDN-2, erase-only channel-wise", "S = Diag(exp g) S; S += k (mean(w) v - S^T (b*k))^T",
                "arXiv 2605.22791, Table 5", "b constant = mean(w): kda", Family::delta_rule, Decay::channel, Erase::channel, Write::mean},
    VariantInfo{Variant::gdn2, "gdn2", "Gated DeltaNet-2", "S = Diag(exp g) S; S += k (w*v - S^T (b*k))^T", "arXiv 2605.22791 (10)",
                "b = w = beta: kda; b = 0, w = 1: gla", Family::delta_rule, Decay::channel, Erase::channel, Write::channel},
    VariantInfo{Variant::mamba3, "mamba3", "Mamba-3 core, SISO", "S = a S + (1-l) dt a k~_prev v_prev^T + l dt k~ v^T",
                "arXiv 2605.22791 (16); Mamba-3", "l = 1, dt = 1, theta = 0: mamba2", Family::mamba3, Decay::scalar, Erase::none, Write::scalar},
    VariantInfo{Variant::mamba3_mimo, "mamba3-mimo", "Mamba-3 core, MIMO of rank M", "as mamba3, each write a sum of M rank-one writes",
                "Mamba-3", "M = 1: mamba3", Family::mamba3, Decay::scalar, Erase::none, Write::scalar},
    VariantInfo{Variant::softmax, "softmax", "causal softmax attention", "o = sum_s softmax_s(scale q.k_s) v_s", "Vaswani et al. 2017",
                "-", Family::attention, Decay::none, Erase::none, Write::one},
    VariantInfo{Variant::swa, "swa", "sliding-window attention", "softmax over the last W tokens", "Beltagy et al. 2020, arXiv 2004.05150",
                "W >= T: softmax", Family::attention, Decay::none, Erase::none, Write::one},
};

struct Alias {
  std::string_view alias;
  Variant id;
};
constexpr std::array kAliases = {
    Alias{"linear-attention", Variant::linear},   Alias{"decayed-linear", Variant::mamba2},
    Alias{"deltanet", Variant::delta},            Alias{"delta-rule", Variant::delta},
    Alias{"gated-deltanet", Variant::gdn},        Alias{"gated-delta-rule", Variant::gdn},
    Alias{"kimi-delta-attention", Variant::kda},  Alias{"gated-deltanet-2", Variant::gdn2},
    Alias{"gated-delta-rule-2", Variant::gdn2},   Alias{"mamba3-siso", Variant::mamba3},
    Alias{"attention", Variant::softmax},         Alias{"sliding-window", Variant::swa},
};

}  // namespace

std::span<const VariantInfo> variants() { return kVariants; }

const VariantInfo& info(Variant id) { return kVariants[static_cast<std::size_t>(id)]; }

Variant variant_from_name(std::string_view name) {
  std::string folded;
  for (char c : name) folded += c == '_' || c == ' ' ? '-' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  for (const auto& row : kVariants)
    if (row.name == folded) return row.id;
  for (const auto& row : kAliases)
    if (row.alias == folded) return row.id;
  std::string known;
  for (const auto& row : kVariants) known += (known.empty() ? "" : ", ") + std::string(row.name);
  throw Error("variant: expected one of " + known + ", got \"" + std::string(name) + "\"");
}

}  // namespace fw
