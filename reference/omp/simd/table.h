// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The table of one instruction set: everything in this folder compiled for it. A file kernels_<isa>.cpp sets FW_ISA,
// FW_VECTOR_BYTES and FW_REGISTERS, includes this, and hands the two tables out.
#pragma once

#include "omp/simd/backward_tile.h"
#include "omp/simd/decode_head.h"
#include "omp/simd/forward_tile.h"
#include "omp/simd/prepare.h"
#include "omp/simd/prepare_backward.h"
#include "omp/simd/token_loop.h"

namespace fw::omp::FW_ISA {

template <class T>
bool within(const T* x, std::ptrdiff_t count, T low, T high) {
  typename VecTypes<T>::I outside{};
  index i = 0;
  for (; i + kLanes<T> <= count; i += kLanes<T>) {
    const Vec<T> v = load(x + i);
    outside |= ~((v >= low) & (v <= high));
  }
  bool all = true;
  for (int j = 0; j < kLanes<T>; ++j) all = all && outside[j] == 0;
  for (; i < count; ++i) all = all && x[i] >= low && x[i] <= high;
  return all;
}

/// acc = acc x + y, whether or not anybody needs it.
template <class T>
FW_INLINE void multiply_add(Vec<T>& acc, Vec<T> x, Vec<T> y) {
  acc = acc * x + y;
  asm volatile("" : "+" FW_VECTOR_REGISTER(acc));
}

/// Ten chains: enough to hide the latency of two units, few enough for sixteen registers.
template <class T>
double multiply_adds(std::ptrdiff_t steps, T* sink) {
  const Vec<T> x = splat(sink[2]), y = splat(sink[3]);
  Vec<T> a = splat(sink[0]), b = a, c = a, d = a, e = a, f = a, g = a, h = a, i = a, j = a;
  for (index step = 0; step < steps; ++step) {
    multiply_add<T>(a, x, y), multiply_add<T>(b, x, y), multiply_add<T>(c, x, y), multiply_add<T>(d, x, y), multiply_add<T>(e, x, y);
    multiply_add<T>(f, x, y), multiply_add<T>(g, x, y), multiply_add<T>(h, x, y), multiply_add<T>(i, x, y), multiply_add<T>(j, x, y);
  }
  sink[0] = sum_of<T>(a + b + c + d + e + f + g + h + i + j);
  return 2.0 * 10 * kLanes<T> * double(steps);
}

template <class T>
void scale(T* x, std::ptrdiff_t count, T factor) {
  index i = 0;
  for (; i + 4 * kLanes<T> <= count; i += 4 * kLanes<T>)
    for (int c = 0; c < 4; ++c) store(x + i + c * kLanes<T>, factor * load(x + i + c * kLanes<T>));
  for (; i < count; ++i) x[i] *= factor;
}

/// out [rows, width] = a [rows, Kp] S; rows in whole micro-chunks.
template <class T>
void read_panel(T* out, const T* a, const T* S, std::ptrdiff_t Kp, std::ptrdiff_t rows, int vectors) {
  for (index r = 0; r < rows; r += kRows) {
    if (vectors == 2) read_state<T, 2>(out + r * 2 * kLanes<T>, a + r * Kp, Kp, S);
    else read_state<T, 1>(out + r * kLanes<T>, a + r * Kp, Kp, S);
  }
}

template <class T>
constexpr Kernels<T> table() {
  return {kLanes<T>,        2 * kLanes<T>, prepare<T>,     prepare_backward<T>, values<T>,  values_backward<T>, forward_tile<T>,
          backward_tile<T>, read_panel<T>, decode<T>,      read_tokens<T>,      token_loop<T>, finish_streams,  within<T>,
          multiply_adds<T>, scale<T>};
}

}  // namespace fw::omp::FW_ISA
