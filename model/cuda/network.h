// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// A language model on the device for one shape of batch: where every number of a forward and a backward lies, and the calls in their order. The
// head is computed at M rows a replica that the host names (`index`), the scored ones and some that are none (-1).
#pragma once

#include <vector>

#include "model/cuda/mixers.h"

namespace fw::model::device {

/// Of every replica alike.
struct BatchShape {
  index_t B = 0, T = 0;
  index_t M = 0;  ///< rows of the head
  bool training = false;
  auto operator<=>(const BatchShape&) const = default;
};

/// One block of memory, in this order, the same on the host and on the device.
struct BatchInputs {
  std::int32_t *tokens = nullptr;   ///< [R,n]
  std::int32_t *index = nullptr;    ///< [R,M] row of the head in its replica, -1: none
  std::int32_t *targets = nullptr;  ///< [R,M], -1: none
  float* scale = nullptr;           ///< [R] one over the number of scored rows
  std::size_t bytes = 0;
};
BatchInputs place_inputs(char* base, index_t replicas, const BatchShape& shape);

class Network {
 public:
  Network(const ModelConfig& config, const ParameterLayout& layout, index_t replicas, const BatchShape& shape);
  /// Slabs of the gradients' sums, of a replica.
  index_t slabs() const { return context_.rows.slabs; }
  /// Shares out memory from `base` on; null: only says how much it takes.
  std::size_t place(char* base);
  /// Who computes: products, stream, parameters [R,stride].
  void bind(cuda::Blas& blas, Stream stream, const float* values, index_t stride);

  /// M rounded up so that slabs divide it.
  const BatchShape& shape() const { return shape_; }
  const BatchInputs& inputs() const { return inputs_; }
  /// Tokens to logits, losses, predictions.
  void forward();
  /// To the slabs' gradients of all parameters. Behind forward() of a shape that trains.
  void backward();

  const float* partial() const { return context_.partial; }
  const float* logits() const { return loss_.logits; }
  const std::int32_t* predicted() const { return loss_.predicted; }
  const double* row_loss() const { return loss_.row_loss; }
  /// [R]
  const cuda::layers::LossSums* sums() const { return loss_.sums; }

 private:
  struct Layer {
    std::unique_ptr<Mixer> mixer;
    float *x = nullptr, *normed = nullptr, *inverse = nullptr;
    float *h = nullptr, *mlp_normed = nullptr, *mlp_inverse = nullptr, *gate_up = nullptr, *act = nullptr;
  };
  cuda::layers::Norm norm(const float* a, const float* b, Slot w, float* sum, float* normed, float* inverse) const;
  cuda::layers::Norm head_norm() const;
  Context head() const;

  ModelConfig c_;
  ParameterLayout layout_;
  BatchShape shape_;
  Context context_;
  BatchInputs inputs_;
  std::vector<Layer> layers_;
  cuda::layers::CrossEntropy loss_;
  float *x_ = nullptr, *y_ = nullptr, *rows_ = nullptr, *rows_inverse_ = nullptr;
  float *dx_ = nullptr, *dy_ = nullptr, *drows_ = nullptr, *dact_ = nullptr, *dgate_up_ = nullptr;
};

}  // namespace fw::model::device
