// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "core/families.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <system_error>

namespace fw {
namespace {

constexpr std::array kFamilies = {
    InputFamily{"typical", "g = -A softplus(randn + bias), A in (1,16); gates sigmoid(randn); unit keys", "baseline, comparable with other suites"},
    InputFamily{"mixed", "time constants 1 to 1e5 side by side, channel by channel", "carry between chunks, per-channel decay and precision together"},
    InputFamily{"weak", "g uniform in (-0.01, 0)", "carry, block-end decay, final state, dg"},
    InputFamily{"zero", "g = 0 everywhere", "no decay: reduces to DeltaNet; safe exponentials"},
    InputFamily{"zero-half", "g = 0 at half of the elements, else mixed", "exact zeros among decays"},
    InputFamily{"strong", "decay of 80 to 600 nats per 64 tokens", "overflow of factored exponentials"},
    InputFamily{"hard-mask", "mixed, with -1000 and -inf at random tokens; whole tokens on odd heads", "resets, inf - inf"},
    InputFamily{"positive", "g uniform in (-0.06, 0.05): expands at times", "clamps at zero, cumulative decay that is not monotone"},
    InputFamily{"gates-extreme", "gates exactly 0, 1 or 2, some tokens all 0 or all 2", "no-op tokens, reflections, gates at their ends"},
    InputFamily{"gates-wide", "gates uniform in (0,2), channel by channel", "negative eigenvalues, gates averaged over channels"},
    InputFamily{"gates-constant", "one gate per token for all channels, erase = write", "collapse to the tied rules"},
    InputFamily{"keys-correlated", "keys around one direction, cosine 0.9", "conditioning of the triangular solve"},
    InputFamily{"keys-duplicate", "each key one of eight, exact or with 1e-3 noise", "repeated keys inside and across chunks"},
    InputFamily{"keys-identical", "one key for all tokens", "worst conditioning; strict against inclusive masks"},
    InputFamily{"keys-orthonormal", "keys run through an orthonormal basis, queries ask for earlier keys", "exact recall"},
    InputFamily{"keys-positive", "q and k of positive numbers", "strongly correlated keys and queries"},
    InputFamily{"keys-zero", "one token in eight has k = 0, another q = 0", "division by the norm, tokens that must do nothing"},
    InputFamily{"keys-long", "q and k of norm 3; erase gates divided by 9", "normalisation assumed or done twice"},
    InputFamily{"magnitude-large", "v and initial state times 1e4", "overflow of 16-bit numbers"},
    InputFamily{"magnitude-tiny", "v and initial state times 1e-20 (all zero in f16)", "absolute floors, underflow"},
};

struct Flag {
  std::string_view text;
  void (*set)(ProblemShape&);
  bool (*is_set)(const ProblemShape&);
};
constexpr std::array kFlags = {
    Flag{"gH", [](ProblemShape& s) { s.g_per_value_head = false; }, [](const ProblemShape& s) { return s.g_per_value_head == false; }},
    Flag{"gHV", [](ProblemShape& s) { s.g_per_value_head = true; }, [](const ProblemShape& s) { return s.g_per_value_head == true; }},
    Flag{"bH", [](ProblemShape& s) { s.b_per_value_head = false; }, [](const ProblemShape& s) { return s.b_per_value_head == false; }},
    Flag{"bHV", [](ProblemShape& s) { s.b_per_value_head = true; }, [](const ProblemShape& s) { return s.b_per_value_head == true; }},
    Flag{"noh0", [](ProblemShape& s) { s.initial_state = false; }, [](const ProblemShape& s) { return !s.initial_state; }},
    Flag{"l2norm", [](ProblemShape& s) { s.l2norm_qk = true; }, [](const ProblemShape& s) { return s.l2norm_qk; }},
    Flag{"softplus", [](ProblemShape& s) { s.decay_activation = DecayActivation::softplus; },
         [](const ProblemShape& s) { return s.decay_activation == DecayActivation::softplus; }},
    Flag{"bounded", [](ProblemShape& s) { s.decay_activation = DecayActivation::bounded; },
         [](const ProblemShape& s) { return s.decay_activation == DecayActivation::bounded; }},
    Flag{"sigmoid", [](ProblemShape& s) { s.sigmoid_gates = true; }, [](const ProblemShape& s) { return s.sigmoid_gates; }},
    Flag{"times2", [](ProblemShape& s) { s.erase_times_two = true; }, [](const ProblemShape& s) { return s.erase_times_two; }},
};

/// Sizes by their prefix; optional ones are written only when they differ from the default (HV: from H).
struct Size {
  std::string_view prefix;
  index_t ProblemShape::*member;
  bool optional = false;
};
constexpr std::array kSizes = {Size{"B", &ProblemShape::B},       Size{"T", &ProblemShape::T},       Size{"H", &ProblemShape::H},
                               Size{"HV", &ProblemShape::HV},     Size{"Dk", &ProblemShape::Dk},     Size{"Dv", &ProblemShape::Dv},
                               Size{"M", &ProblemShape::M, true}, Size{"P", &ProblemShape::P, true}, Size{"W", &ProblemShape::window, true}};

bool read_number(std::string_view text, index_t& value) {
  const auto end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, value);
  return !text.empty() && error == std::errc() && at == end && value >= 0;
}

[[noreturn]] void refuse(std::string_view text, std::string_view part) {
  throw Error("ProblemShape::parse: expected parts like B2-T100-H3-HV6-Dk32-Dv48-M1-P16-W16-cu0,15,100 and flags gH gHV bH bHV noh0 l2norm "
              "softplus bounded sigmoid times2, got \"" + std::string(part) + "\" in \"" + std::string(text) + "\"");
}

std::vector<std::string_view> parts_of(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (std::size_t from = 0; from <= text.size();) {
    const std::size_t to = std::min(text.find(separator, from), text.size());
    parts.push_back(text.substr(from, to - from));
    from = to + 1;
  }
  return parts;
}

bool starts_with(std::string_view text, std::string_view prefix) { return text.substr(0, prefix.size()) == prefix; }

}  // namespace

std::span<const InputFamily> input_families() { return kFamilies; }

const InputFamily& input_family(std::string_view name) {
  std::string known;
  for (const auto& family : kFamilies) {
    if (family.name == name) return family;
    known += (known.empty() ? "" : ", ") + std::string(family.name);
  }
  throw Error("input_family: expected one of " + known + ", got \"" + std::string(name) + "\"");
}

bool family_applies(Variant variant, std::string_view family) {
  const VariantInfo& row = info(variant);
  input_family(family);
  for (std::string_view decay : {"mixed", "weak", "zero", "zero-half", "strong", "hard-mask", "positive"})
    if (family == decay) return row.decay != Decay::none;
  if (starts_with(family, "gates-")) return row.family == Family::mamba3 || row.erase != Erase::none || row.write != Write::one;
  return true;
}

std::string ProblemShape::str() const {
  const ProblemShape usual;
  std::string text;
  for (const Size& size : kSizes) {
    if (size.prefix == "HV" ? HV == H : size.optional && this->*size.member == usual.*size.member) continue;
    text += (text.empty() ? "" : "-") + std::string(size.prefix) + std::to_string(this->*size.member);
  }
  for (const Flag& flag : kFlags)
    if (flag.is_set(*this)) text += "-" + std::string(flag.text);
  for (std::size_t i = 0; i < cu_seqlens.size(); ++i) text += (i == 0 ? "-cu" : ",") + std::to_string(cu_seqlens[i]);
  return text;
}

ProblemShape ProblemShape::parse(std::string_view text) {
  ProblemShape shape;
  bool heads = false, value_heads = false, batch = false, tokens = false;
  const auto read_part = [&](std::string_view part) {
    for (const Flag& flag : kFlags)
      if (part == flag.text) {
        flag.set(shape);
        return true;
      }
    if (starts_with(part, "cu")) {
      shape.cu_seqlens.clear();
      for (std::string_view offset : parts_of(part.substr(2), ','))
        if (!read_number(offset, shape.cu_seqlens.emplace_back())) return false;
      return true;
    }
    for (const Size& size : kSizes) {
      if (!starts_with(part, size.prefix) || !read_number(part.substr(size.prefix.size()), shape.*size.member)) continue;
      heads |= size.prefix == "H";
      value_heads |= size.prefix == "HV";
      batch |= size.prefix == "B";
      tokens |= size.prefix == "T";
      return true;
    }
    return false;
  };
  for (std::string_view part : parts_of(text, '-'))
    if (!read_part(part)) refuse(text, part);
  if (heads && !value_heads) shape.HV = shape.H;
  if (!shape.cu_seqlens.empty()) {
    if (!batch) shape.B = 1;
    if (!tokens) shape.T = shape.cu_seqlens.back();
  }
  return shape;
}

DType gate_dtype_of(DType tensor_dtype) { return dtype_size(tensor_dtype) < 4 ? DType::f32 : tensor_dtype; }

void round_problem(Problem& problem, DType tensor_dtype, DType gate_dtype) {
  for (DType dtype : {tensor_dtype, gate_dtype})
    if (!is_floating(dtype)) throw Error("round_problem: expected a floating type, got " + std::string(dtype_name(dtype)));
  const auto round = [&](std::string_view name, Tensor<double>& tensor) {
    bool narrow = false;
    for (std::string_view operand : {"q", "k", "v", "b", "w", "do"}) narrow |= name == operand;
    for (index_t i = 0; i < tensor.numel(); ++i) tensor[i] = round_to(narrow ? tensor_dtype : gate_dtype, tensor[i]);
  };
  for_each_input(problem.in, round);
  for_each_upstream(problem.up, round);
}

}  // namespace fw
