// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// What differs between recurrent mixers on the device: the gates of a rule, with their projections, and the rule itself. The mixer around
// it (recurrent_mixer.cpp) makes q, k, v and takes o. A rule is computed by cuda/engine.h in float32 (Precision::accurate), the sequences
// of all replicas as one batch.
#pragma once

#include <memory>

#include "model/cuda/context.h"

namespace fw::model::device {

/// q k [R,n,H K], v o [R,n,HV V].
struct RuleTensors {
  const float *q = nullptr, *k = nullptr, *v = nullptr;
  float* o = nullptr;
};
/// dq dk dv are overwritten.
struct RuleGradients {
  const float* d_o = nullptr;
  float *dq = nullptr, *dk = nullptr, *dv = nullptr;
};

class Rule {
 public:
  virtual ~Rule() = default;
  /// As those of a Mixer (mixers.h).
  virtual void place(Arena& arena, const Context& context, bool training) = 0;
  virtual void place_scratch(Arena& arena, const Context& context, bool training, bool alone) = 0;
  /// Whether gates are projections of x, so that backward() writes dx.
  virtual bool reads_x() const = 0;
  virtual void forward(const Context& context, const float* x, const RuleTensors& t) = 0;
  /// add: dx already holds something.
  virtual void backward(const Context& context, const float* x, const RuleTensors& t, const RuleGradients& d, float* dx, bool add) = 0;
};

std::unique_ptr<Rule> make_delta_rule(const ModelConfig& config, Variant variant, const MixerSlots& slots);
std::unique_ptr<Rule> make_mamba3_rule(const ModelConfig& config, const MixerSlots& slots);

}  // namespace fw::model::device
