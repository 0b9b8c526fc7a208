// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// A token mixer: n rows of width d in, n rows of width d out, tokens of a sequence see each other. One recurrent mixer serves
// every rule of the variant table (recurrent_mixer.cpp), one attention mixer the sliding window (attention_mixer.cpp).
// A mixer holds no numbers: parameters come as the flat vector, what the backward needs lies in a Cache of the caller, and a
// sequence that is continued later has a MixerState of constant size.
#pragma once

#include <memory>

#include "model/backend.h"
#include "model/config.h"
#include "model/parameter_table.h"

namespace fw::model {

/// What one layer remembers of B sequences between calls. Undefined tensors: the beginning.
template <class T>
struct MixerState {
  Tensor<T> q_inputs, k_inputs, v_inputs;  ///< [B,W-1,D] raw inputs of the convolutions
  Tensor<T> state, angle, key, value;      ///< of the rule: [B,HV,K,V]; Mamba-3: [B,HV,P], [B,HV,K], [B,HV,V]
  Tensor<T> keys, values;                  ///< attention: [B,window-1,KV*D] ring by position, keys after rotation
  index_t position = 0;                    ///< tokens seen
  std::size_t bytes() const {
    index_t n = 0;
    for (const Tensor<T>* t : {&q_inputs, &k_inputs, &v_inputs, &state, &angle, &key, &value, &keys, &values}) n += t->numel();
    return static_cast<std::size_t>(n) * sizeof(T);
  }
};

/// Numbers of a forward that its backward reads, and scratch. Made by the mixer, reused from call to call.
template <class T>
struct MixerCache {
  virtual ~MixerCache() = default;
};

/// Looks at every call of a rule inside a model, e.g. to record it (trace.h).
template <class T>
struct RuleObserver {
  virtual ~RuleObserver() = default;
  /// After the rule of layer `layer`: what went in (raw, as `options` say; initial_* of tokens before) and what came out.
  virtual void observe(index_t layer, const Inputs<T>& in, const Options& options, const Outputs<T>& out) = 0;
};

/// Changes what a rule is given, e.g. narrows its gates: an ablation of a trained model at inference. Not used while training.
template <class T>
struct RuleTransform {
  virtual ~RuleTransform() = default;
  /// Before the rule of layer `layer` runs; shapes of the outputs must stay. An observer sees what this leaves.
  virtual void transform(index_t layer, Inputs<T>& in, Options& options) = 0;
};

/// Sizes and who computes, of one call.
template <class T>
struct CallContext {
  index_t B = 0, T_ = 0;
  const Backend<T>* backend = nullptr;
  int threads = 1;                        ///< inside the rule
  bool training = false;                  ///< a backward will follow
  RuleObserver<T>* observer = nullptr;    ///< null: nobody looks
  RuleTransform<T>* transform = nullptr;  ///< null: rules get what the layer made
  index_t layer = 0;                      ///< for the observer and the transform
};

template <class T>
class Mixer {
 public:
  virtual ~Mixer() = default;
  virtual std::unique_ptr<MixerCache<T>> make_cache() const = 0;
  /// x y [B,T,d]. state: null, or what the sequences were before; it is moved on by T tokens.
  virtual void forward(const CallContext<T>& call, const T* params, const T* x, MixerCache<T>& cache, MixerState<T>* state, T* y) const = 0;
  /// Adds to grads; dx [B,T,d] is overwritten. The cache is that of the forward, run with training and without state.
  virtual void backward(const CallContext<T>& call, const T* params, const T* x, MixerCache<T>& cache, const T* dy, T* grads,
                        T* dx) const = 0;
};

template <class T>
std::unique_ptr<Mixer<T>> make_recurrent_mixer(const ModelConfig& config, Variant variant, const MixerSlots& slots);
template <class T>
std::unique_ptr<Mixer<T>> make_attention_mixer(const ModelConfig& config, const MixerSlots& slots);

}  // namespace fw::model
