// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Attention of attention.h for one instruction set, in the namespace FW_MODEL_ISA; matmul_eigen.h says how code for different
// instruction sets is kept apart. Blocks of 64 queries and the keys that any of them sees.
#pragma once

#include <algorithm>
#include <cmath>

#include "model/attention.h"
#include "model/matmul_eigen.h"

namespace fw::model::FW_MODEL_ISA {

constexpr index_t kQueries = 64;

template <class T>
using Matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
template <class T>
using Strided = Eigen::Map<Matrix<T>, 0, Eigen::OuterStride<>>;
template <class T>
using ConstStrided = Eigen::Map<const Matrix<T>, 0, Eigen::OuterStride<>>;

/// One block of queries of one head and the keys that any of them sees.
struct Block {
  index_t first, count;  ///< queries
  index_t low, seen;     ///< keys
};
Block block_at(const AttentionShape& s, index_t first) {
  const index_t count = std::min(kQueries, s.queries - first), past = s.keys - s.queries;
  const index_t low = std::max<index_t>(0, past + first - s.window + 1);
  return {first, count, low, past + first + count - low};
}

/// softmax over the keys each query may see; the others get exactly 0.
template <class T>
void weights(const AttentionShape& s, const Block& b, Matrix<T>& a) {
  const index_t past = s.keys - s.queries;
  for (index_t i = 0; i < b.count; ++i) {
    const index_t at = past + b.first + i;
    const index_t from = std::max<index_t>(0, at - s.window + 1) - b.low, to = at + 1 - b.low;
    auto row = a.row(i).segment(from, to - from).array();
    row = (row - row.maxCoeff()).exp().eval();
    row /= row.sum();
    a.row(i).head(from).setZero();
    a.row(i).tail(b.seen - to).setZero();
  }
}

/// body(b, h, kv) for every head.
template <class F>
void for_each_head(const AttentionShape& s, F&& body) {
  for (index_t b = 0; b < s.B; ++b)
    for (index_t h = 0; h < s.heads; ++h) body(b, h, h / (s.heads / s.kv_heads));
}
template <class T, class Map = Strided<T>>
Map rows_of(T* x, index_t b, index_t tokens, index_t heads, index_t h, index_t width, index_t first, index_t count) {
  return Map(x + (b * tokens + first) * heads * width + h * width, count, width, Eigen::OuterStride<>(heads * width));
}

template <class T>
void attention(const AttentionShape& s, const T* q, const T* k, const T* v, T* o) {
  const T scale = static_cast<T>(1.0 / std::sqrt(static_cast<double>(s.width)));
  Matrix<T> a;
  for_each_head(s, [&](index_t b, index_t h, index_t kv) {
    for (index_t first = 0; first < s.queries; first += kQueries) {
      const Block at = block_at(s, first);
      const auto Q = rows_of<const T, ConstStrided<T>>(q, b, s.queries, s.heads, h, s.width, at.first, at.count);
      const auto Ks = rows_of<const T, ConstStrided<T>>(k, b, s.keys, s.kv_heads, kv, s.width, at.low, at.seen);
      const auto Vs = rows_of<const T, ConstStrided<T>>(v, b, s.keys, s.kv_heads, kv, s.width, at.low, at.seen);
      a.noalias() = scale * Q * Ks.transpose();
      weights(s, at, a);
      rows_of<T>(o, b, s.queries, s.heads, h, s.width, at.first, at.count).noalias() = a * Vs;
    }
  });
}

template <class T>
void attention_backward(const AttentionShape& s, const T* q, const T* k, const T* v, const T* d_o, T* dq, T* dk, T* dv) {
  const T scale = static_cast<T>(1.0 / std::sqrt(static_cast<double>(s.width)));
  const index_t kv_numbers = s.B * s.keys * s.kv_heads * s.width;
  std::fill_n(dk, kv_numbers, T(0));
  std::fill_n(dv, kv_numbers, T(0));
  Matrix<T> a, da;
  for_each_head(s, [&](index_t b, index_t h, index_t kv) {
    for (index_t first = 0; first < s.queries; first += kQueries) {
      const Block at = block_at(s, first);
      const auto Q = rows_of<const T, ConstStrided<T>>(q, b, s.queries, s.heads, h, s.width, at.first, at.count);
      const auto dO = rows_of<const T, ConstStrided<T>>(d_o, b, s.queries, s.heads, h, s.width, at.first, at.count);
      const auto Ks = rows_of<const T, ConstStrided<T>>(k, b, s.keys, s.kv_heads, kv, s.width, at.low, at.seen);
      const auto Vs = rows_of<const T, ConstStrided<T>>(v, b, s.keys, s.kv_heads, kv, s.width, at.low, at.seen);
      auto dK = rows_of<T>(dk, b, s.keys, s.kv_heads, kv, s.width, at.low, at.seen);
      auto dV = rows_of<T>(dv, b, s.keys, s.kv_heads, kv, s.width, at.low, at.seen);
      a.noalias() = scale * Q * Ks.transpose();
      weights(s, at, a);
      dV.noalias() += a.transpose() * dO;
      da.noalias() = dO * Vs.transpose();
      for (index_t i = 0; i < at.count; ++i) {
        const T dot = da.row(i).cwiseProduct(a.row(i)).sum();
        da.row(i).array() = scale * a.row(i).array() * (da.row(i).array() - dot);
      }
      rows_of<T>(dq, b, s.queries, s.heads, h, s.width, at.first, at.count).noalias() = da * Ks;
      dK.noalias() += da.transpose() * Q;
    }
  });
}

}  // namespace fw::model::FW_MODEL_ISA
