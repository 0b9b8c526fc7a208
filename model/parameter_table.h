// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The parameters of a model as one table of named tensors in one flat vector. Names and shapes are those of
// flash-linear-attention (projections [out,in], convolutions [channels,1,taps]); mixers that library does not have in this
// form (mamba2, gla, mamba3 and linear cores in the common block) follow the same pattern:
//   model.embeddings.weight [vocab,d]     model.layers.N.attn_norm.weight [d]    model.layers.N.attn.*
//   model.layers.N.mlp_norm.weight [d]    model.layers.N.mlp.{gate,up,down}_proj.weight
//   model.norm.weight [d]                 lm_head.weight [vocab,d], absent when tied
// A table costs no memory for the numbers, so billions of parameters can be counted.
#pragma once

#include <string>
#include <vector>

#include "model/config.h"

namespace fw::model {

/// How a tensor starts: distributions in initialise().
enum class Start { zeros, ones, linear, convolution, decay_rate, step_bias, embedding };

struct ParameterTensor {
  std::string name;
  Shape shape;
  index_t offset = 0;  ///< of its first number in the flat vector
  Start start = Start::zeros;
  bool decays = true;  ///< by AdamW's weight decay, where that is not asked for all
  index_t numel() const { return shape.numel(); }
};

/// Where a tensor lies in the flat vector; a matrix is [rows, cols]. Not given: offset -1.
struct Slot {
  index_t offset = -1, rows = 0, cols = 0;
  explicit operator bool() const { return offset >= 0; }
};

class ParameterTable {
 public:
  Slot add(std::string name, Shape shape, Start start);
  const std::vector<ParameterTensor>& all() const { return all_; }
  /// Numbers in all tensors.
  index_t size() const { return size_; }
  /// Null when there is none of that name.
  const ParameterTensor* find(std::string_view name) const;

 private:
  std::vector<ParameterTensor> all_;
  index_t size_ = 0;
};

struct MixerSlots {
  Slot q_proj, k_proj, v_proj, q_conv, k_conv, v_conv;
  Slot beta;                          ///< b_proj: the tied step size, or GDN-2's erase gate
  Slot write;                         ///< w_proj
  Slot decay_low, decay, decay_bias;  ///< f_proj.{0,1} / gk_proj.{0,1} / a_proj
  Slot A_log, dt_bias;
  Slot dt, trapezoid, angle;       ///< Mamba-3
  Slot gate_low, gate, gate_bias;  ///< g_proj
  Slot o_norm, o_proj;
  Slot q_bias, k_bias, v_bias;  ///< attention
};
struct LayerSlots {
  Slot attn_norm, mlp_norm, mlp_gate, mlp_up, mlp_down;
  MixerSlots mixer;
};
struct ModelSlots {
  Slot embeddings, norm, lm_head;  ///< lm_head is embeddings when tied
  std::vector<LayerSlots> layers;
};

/// All parameters of a checked configuration, and where each layer finds its own.
struct ParameterLayout {
  ParameterTable table;
  ModelSlots slots;
};
ParameterLayout layout_parameters(const ModelConfig& config);

/// All parameters, and those of the blocks alone (without embeddings, final norm, head).
struct ParameterCount {
  index_t total = 0, blocks = 0;
};
ParameterCount parameter_count(const ModelConfig& config);

/// Fill values [table.size()]. A number depends on (seed, tensor name, index) only.
///   linear: by config.initialisation; convolution: U(-1/sqrt(W), 1/sqrt(W)); decay_rate: log U(1,16); embedding: N(0, initializer_range)
///   step_bias: inverse softplus of exp U(ln 1e-3, ln 1e-1), so that the memory starts with a spread of time scales
template <class T>
void initialise(const ParameterTable& table, const ModelConfig& config, std::uint64_t seed, T* values);

}  // namespace fw::model
