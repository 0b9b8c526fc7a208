// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "model/cuda/context.h"

#include "core/error.h"

namespace fw::model::device {

Matrix fused(std::initializer_list<Slot> slots) {
  Matrix all;
  for (const Slot& slot : slots) {
    if (!slot) continue;
    if (!all) {
      all = {slot.offset, slot.rows, slot.cols};
      continue;
    }
    if (slot.offset != all.offset + all.rows * all.cols || slot.cols != all.cols)
      throw Error("device model: fused projections must be neighbours of equal width, got offset " + std::to_string(slot.offset) + " behind " +
                  std::to_string(all.offset + all.rows * all.cols));
    all.rows += slot.rows;
  }
  return all;
}

void Context::project(Matrix w, const float* x, index_t x_stride, float* y, index_t y_stride) const {
  const index_t n = rows.rows;
  blas->nt(n, w.rows, w.cols, {x, x_stride, n * x_stride}, {values + w.offset, w.cols, stride}, {y, y_stride, n * y_stride}, rows.replicas);
}
void Context::weight_gradient(Matrix w, const float* x, index_t x_stride, const float* dy, index_t dy_stride) const {
  const index_t n = rows.rows / rows.slabs;
  blas->tn(w.rows, w.cols, n, {dy, dy_stride, n * dy_stride}, {x, x_stride, n * x_stride}, {partial + w.offset, w.cols, stride}, rows.replicas * rows.slabs);
}
void Context::input_gradient(Matrix w, const float* dy, index_t dy_stride, float* dx, index_t dx_stride, bool add) const {
  const index_t n = rows.rows;
  blas->nn(n, w.cols, w.rows, {dy, dy_stride, n * dy_stride}, {values + w.offset, w.cols, stride}, {dx, dx_stride, n * dx_stride}, rows.replicas, add);
}

}  // namespace fw::model::device
