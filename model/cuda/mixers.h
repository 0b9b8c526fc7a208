// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Token mixers on the device, forward and backward, as model/recurrent_mixer.cpp and model/attention_mixer.cpp have them for the CPU. One
// recurrent mixer serves every rule (rule.h).
#pragma once

#include <memory>

#include "model/cuda/context.h"

namespace fw::model::device {

class Mixer {
 public:
  virtual ~Mixer() = default;
  /// What the backward reads.
  virtual void place(Arena& arena, const Context& context, bool training) = 0;
  /// What no other layer needs to keep: memory that mixers share. alone: nobody else uses it between forward and backward.
  virtual void place_scratch(Arena& arena, const Context& context, bool training, bool alone) = 0;
  /// x y [R,n,d].
  virtual void forward(const Context& context, const float* x, float* y) = 0;
  /// dx is overwritten.
  virtual void backward(const Context& context, const float* x, const float* dy, float* dx) = 0;
};

/// Throws where the device cannot: widths outside 16..256.
std::unique_ptr<Mixer> make_recurrent_mixer(const ModelConfig& config, Variant variant, const MixerSlots& slots);
std::unique_ptr<Mixer> make_attention_mixer(const ModelConfig& config, const MixerSlots& slots);

}  // namespace fw::model::device
