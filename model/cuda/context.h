// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// What every layer of a model on the device needs: the parameters of all replicas, where gradients go, products, and memory that is shared out
// once per batch shape.
//   activations [R,n,*], R replicas of n = B T rows;  parameters [R,stride];  gradients [R,slabs,stride], slab sums (cuda/layers/layers.h)
#pragma once

#include <initializer_list>

#include "cuda/layers/layers.h"
#include "cuda/support/blas.h"
#include "model/parameter_table.h"

namespace fw::model::device {

using cuda::Stream;
using cuda::layers::Parameter;
using cuda::layers::Partial;
using cuda::layers::Rows;

/// Memory in pieces of 256 bytes. Without a base it only counts.
class Arena {
 public:
  explicit Arena(char* base) : base_(base) {}
  template <class T = float>
  T* take(index_t count) {
    const std::size_t at = used;
    used += (static_cast<std::size_t>(count) * sizeof(T) + 255) / 256 * 256;
    return base_ ? reinterpret_cast<T*>(base_ + at) : nullptr;
  }
  std::size_t used = 0;

 private:
  char* base_;
};

/// Projections that lie one after another in the flat vector and read the same rows: one matrix.
struct Matrix {
  index_t offset = -1, rows = 0, cols = 0;
  explicit operator bool() const { return offset >= 0; }
};
/// Slots that are not there are left out; the others must be neighbours of equal width.
Matrix fused(std::initializer_list<Slot> slots);

struct Context {
  Rows rows;
  cuda::Blas* blas = nullptr;
  Stream stream = nullptr;
  const float* values = nullptr;
  float* partial = nullptr;
  index_t stride = 0;

  index_t all_rows() const { return rows.replicas * rows.rows; }
  Parameter parameter(Slot slot) const { return slot ? Parameter{values + slot.offset, stride} : Parameter{}; }
  Partial gradient(Slot slot) const { return slot ? Partial{partial + slot.offset, stride} : Partial{}; }
  /// y = x W^T; rows of x and y lie x_stride and y_stride apart.
  void project(Matrix w, const float* x, index_t x_stride, float* y, index_t y_stride) const;
  /// Gradient of W: the slabs' dy^T x.
  void weight_gradient(Matrix w, const float* x, index_t x_stride, const float* dy, index_t dy_stride) const;
  /// dx (+)= dy W.
  void input_gradient(Matrix w, const float* dy, index_t dy_stride, float* dx, index_t dx_stride, bool add) const;
};

}  // namespace fw::model::device
