// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "model/parameter_table.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "core/error.h"
#include "core/portable_math.h"
#include "core/random.h"

namespace fw::model {
namespace {

/// Adds tensors under one prefix.
class Namer {
 public:
  Namer(ParameterTable& table, std::string prefix) : table_(table), prefix_(std::move(prefix)) {}
  Slot matrix(const std::string& name, index_t out, index_t in) const {
    return table_.add(prefix_ + name + ".weight", {out, in}, Start::linear);
  }
  Slot convolution(const std::string& name, index_t channels, index_t taps) const {
    return taps ? table_.add(prefix_ + name + ".weight", {channels, 1, taps}, Start::convolution) : Slot{};
  }
  Slot norm(const std::string& name, index_t width) const { return table_.add(prefix_ + name + ".weight", {width}, Start::ones); }
  Slot vector(const std::string& name, index_t size, Start start) const { return table_.add(prefix_ + name, {size}, start); }

 private:
  ParameterTable& table_;
  std::string prefix_;
};

MixerSlots attention_slots(const ModelConfig& c, const Namer& add) {
  const index_t d = c.hidden_size, width = d / c.attention_heads(), kv = c.attention_kv_heads() * width;
  MixerSlots s;
  s.q_proj = add.matrix("q_proj", d, d);
  s.k_proj = add.matrix("k_proj", kv, d);
  s.v_proj = add.matrix("v_proj", kv, d);
  if (c.qkv_bias) {
    s.q_bias = add.vector("q_proj.bias", d, Start::zeros);
    s.k_bias = add.vector("k_proj.bias", kv, Start::zeros);
    s.v_bias = add.vector("v_proj.bias", kv, Start::zeros);
  }
  s.o_proj = add.matrix("o_proj", d, d);
  return s;
}

MixerSlots recurrent_slots(const ModelConfig& c, Variant variant, const Namer& add) {
  const VariantInfo& row = info(variant);
  const index_t d = c.hidden_size, H = c.num_heads, HV = c.value_heads(), K = c.head_k_dim, V = c.head_v_dim;
  const bool two_gates = row.write == Write::channel || row.write == Write::mean;  // GDN-2 and its ablations
  MixerSlots s;
  s.q_proj = add.matrix("q_proj", H * K, d);
  s.k_proj = add.matrix("k_proj", H * K, d);
  s.v_proj = add.matrix("v_proj", HV * V, d);
  s.q_conv = add.convolution("q_conv1d", H * K, c.conv_size);
  s.k_conv = add.convolution("k_conv1d", H * K, c.conv_size);
  s.v_conv = add.convolution("v_conv1d", HV * V, c.conv_size);
  if (two_gates) {
    s.beta = add.matrix("b_proj", H * K, d);
    s.write = add.matrix("w_proj", HV * V, d);
  } else if (row.erase == Erase::scalar) {
    s.beta = add.matrix("b_proj", HV, d);
  }
  if (variant == Variant::gla) {
    s.decay_low = add.matrix("gk_proj.0", c.gla_rank, d);
    s.decay = add.matrix("gk_proj.1", H * K, c.gla_rank);
    s.decay_bias = add.vector("gk_proj.1.bias", H * K, Start::zeros);
  } else if (row.decay == Decay::channel) {
    const index_t heads = two_gates ? H : HV;  // GDN-2 decays per key head, KDA per value head
    s.decay_low = add.matrix("f_proj.0", V, d);
    s.decay = add.matrix("f_proj.1", heads * K, V);
    s.A_log = add.vector("A_log", heads, Start::decay_rate);
    s.dt_bias = add.vector("dt_bias", heads * K, Start::step_bias);
  } else if (row.decay == Decay::scalar) {
    s.decay = add.matrix("a_proj", HV, d);
    if (variant != Variant::mamba3) s.A_log = add.vector("A_log", HV, Start::decay_rate);
    s.dt_bias = add.vector("dt_bias", HV, Start::step_bias);
  }
  if (variant == Variant::mamba3) {
    s.dt = add.matrix("dt_proj", HV, d);
    s.trapezoid = add.matrix("trap_proj", HV, d);
    if (c.pairs() > 0) s.angle = add.matrix("angle_proj", c.pairs(), d);
  }
  if (c.use_gate && (two_gates || variant == Variant::kda)) {
    s.gate_low = add.matrix("g_proj.0", V, d);
    s.gate = add.matrix("g_proj.1", HV * V, V);
    s.gate_bias = add.vector("g_proj.1.bias", HV * V, Start::zeros);
  } else if (c.use_gate) {
    s.gate = add.matrix("g_proj", HV * V, d);
  }
  s.o_norm = add.norm("o_norm", V);
  s.o_proj = add.matrix("o_proj", d, HV * V);
  return s;
}

double linear_number(const ModelConfig& c, const Shape& shape, const Random& random, std::uint64_t i) {
  const double out = static_cast<double>(shape[0]), in = static_cast<double>(shape[1]);
  switch (c.initialisation) {
    case Initialisation::paper: return std::pow(2.0, -2.5) * std::sqrt(6.0 / (in + out)) * (2.0 * random.uniform(i) - 1.0);
    case Initialisation::fla: return c.initializer_range * random.normal(i);
    case Initialisation::wide: return 0.7 / std::sqrt(in) * random.normal(i);
  }
  std::abort();
}

}  // namespace

Slot ParameterTable::add(std::string name, Shape shape, Start start) {
  const Slot slot{size_, shape[0], shape.numel() / shape[0]};
  const bool decays = start == Start::linear || start == Start::convolution || start == Start::embedding;
  all_.push_back({std::move(name), shape, size_, start, decays});
  constexpr index_t kMost = index_t(1) << 48;
  if (shape.numel() > kMost - size_)
    throw Error("model parameters: must be at most " + std::to_string(kMost) + ", got more with " + all_.back().name + " " + shape.str());
  size_ += shape.numel();
  return slot;
}

const ParameterTensor* ParameterTable::find(std::string_view name) const {
  const auto at = std::find_if(all_.begin(), all_.end(), [&](const ParameterTensor& p) { return p.name == name; });
  return at == all_.end() ? nullptr : &*at;
}

ParameterLayout layout_parameters(const ModelConfig& c) {
  check_config(c);
  ParameterLayout layout;
  ParameterTable& table = layout.table;
  const index_t d = c.hidden_size, I = c.mlp_width();
  layout.slots.embeddings = table.add("model.embeddings.weight", {c.vocab_size, d}, Start::embedding);
  for (index_t n = 0; n < c.layers(); ++n) {
    const std::string prefix = "model.layers." + std::to_string(n) + ".";
    const Namer add(table, prefix), attn(table, prefix + "attn."), mlp(table, prefix + "mlp.");
    const Variant variant = c.mixers[static_cast<std::size_t>(n)];
    LayerSlots s;
    s.attn_norm = add.norm("attn_norm", d);
    s.mixer = variant == Variant::swa ? attention_slots(c, attn) : recurrent_slots(c, variant, attn);
    if (I > 0) {
      s.mlp_norm = add.norm("mlp_norm", d);
      s.mlp_gate = mlp.matrix("gate_proj", I, d);
      s.mlp_up = mlp.matrix("up_proj", I, d);
      s.mlp_down = mlp.matrix("down_proj", d, I);
    }
    layout.slots.layers.push_back(s);
  }
  layout.slots.norm = table.add("model.norm.weight", {d}, Start::ones);
  layout.slots.lm_head = c.tie_word_embeddings ? layout.slots.embeddings : table.add("lm_head.weight", {c.vocab_size, d}, Start::linear);
  return layout;
}

ParameterCount parameter_count(const ModelConfig& config) {
  const ParameterLayout layout = layout_parameters(config);
  ParameterCount count{layout.table.size(), 0};
  for (const ParameterTensor& p : layout.table.all())
    if (p.name.starts_with("model.layers.")) count.blocks += p.numel();
  return count;
}

template <class T>
void initialise(const ParameterTable& table, const ModelConfig& config, std::uint64_t seed, T* values) {
  for (const ParameterTensor& p : table.all()) {
    const Random random(seed, p.name);
    T* to = values + p.offset;
    for (index_t i = 0; i < p.numel(); ++i) {
      const auto at = static_cast<std::uint64_t>(i);
      double x = 0;
      switch (p.start) {
        case Start::zeros: break;
        case Start::ones: x = 1; break;
        case Start::linear: x = linear_number(config, p.shape, random, at); break;
        case Start::convolution: x = (2.0 * random.uniform(at) - 1.0) / std::sqrt(static_cast<double>(p.shape[2])); break;
        case Start::decay_rate: x = portable::log(1.0 + 15.0 * random.uniform(at)); break;
        case Start::step_bias: {
          const double low = portable::log(1e-3), high = portable::log(1e-1);
          x = portable::inverse_softplus(std::max(portable::exp(low + (high - low) * random.uniform(at)), 1e-4));
          break;
        }
        case Start::embedding: x = config.initializer_range * random.normal(at); break;
      }
      to[i] = static_cast<T>(x);
    }
  }
}

template void initialise(const ParameterTable&, const ModelConfig&, std::uint64_t, float*);
template void initialise(const ParameterTable&, const ModelConfig&, std::uint64_t, double*);

}  // namespace fw::model
