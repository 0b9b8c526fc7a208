// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The end of a training step on the device, for R replicas at once: the slabs of the gradients are added, the global norm is taken and clipped,
// AdamW makes its step (formulas in model/optimizer.h), all from a step counter in device memory, so that a graph can be replayed. A replica whose
// loss or norm is not finite is stopped: its parameters, moments, counter and the gradient that is to blame stay as they are, in this step and
// all that follow, until it is set again.
#pragma once

#include "cuda/layers/layers.h"

namespace fw::cuda::layers {

struct AdamW {
  double lr = 0, min_lr_ratio = 0, beta1 = 0, beta2 = 0, eps = 0, weight_decay = 0, clip = 0;
  long long warmup = 0, steps = 1;
};
/// What is known of a step, written to pinned memory of the host.
struct StepRecord {
  double loss = 0, norm = 0, lr = 0;  ///< loss: mean over the scored rows
  long long step = 0;                 ///< steps done, this one included
  std::int32_t scored = 0, right = 0;
  std::int32_t good = 0;              ///< 0: the step was not made
  std::int32_t reserved = 0;
};
/// Of a replica, in device memory; zero at the beginning.
struct Control {
  long long step = 0;   ///< steps done
  long long ticks = 0;  ///< calls, stopped ones included: place of the next record is ticks % records
  float shrink = 1, step_size = 0, correction = 0, decay = 0;
  std::int32_t good = 0, stopped = 0;
};

/// Numbers of scratch for the squares, of a replica.
index_t square_blocks(index_t parameters);

struct Optimize {
  index_t replicas = 1, parameters = 0, stride = 0, slabs = 1;  ///< stride: between replicas, and between slabs
  const float* partial = nullptr;                               ///< [R,slabs,stride]
  float *gradient = nullptr, *values = nullptr, *m = nullptr, *v = nullptr;  ///< [R,stride]
  const unsigned char* decays = nullptr;                        ///< [parameters] whether weight decay is for it
  double* squares = nullptr;                                    ///< [R,square_blocks]
  Control* control = nullptr;                                   ///< [R]
  const LossSums* sums = nullptr;                               ///< [R]
  StepRecord* records = nullptr;                                ///< [record_count,R], pinned
  index_t record_count = 1;
};
/// The gradients alone: slabs added, squares for the norm.
void add_slabs(const Optimize& p, Stream stream);
/// Then the norm, the record, and the step of AdamW.
void adamw_step(const Optimize& p, const AdamW& options, Stream stream);

}  // namespace fw::cuda::layers
