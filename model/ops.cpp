// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "model/ops.h"

#include <cmath>
#include <vector>

#include "model/op_table.h"

namespace fw::model {

template <class T>
void linear(const T* params, Slot W, Slot bias, const T* x, index_t n, T* y) {
  matmul_nt(x, params + W.offset, y, n, W.rows, W.cols);
  if (!bias) return;
  const T* b = params + bias.offset;
  for (index_t i = 0; i < n; ++i)
    for (index_t j = 0; j < W.rows; ++j) y[i * W.rows + j] += b[j];
}

template <class T>
void linear_backward(const T* params, T* grads, Slot W, Slot bias, const T* x, const T* dy, index_t n, T* dx, Into into) {
  matmul_tn(dy, x, grads + W.offset, W.rows, W.cols, n, Into::add);
  if (bias) {
    T* db = grads + bias.offset;
    for (index_t i = 0; i < n; ++i)
      for (index_t j = 0; j < W.rows; ++j) db[j] += dy[i * W.rows + j];
  }
  if (dx) matmul_nn(dy, params + W.offset, dx, n, W.cols, W.rows, into);
}

template <class T>
void rotary(T* x, index_t B, index_t T_, index_t heads, index_t D, index_t position, double theta, int sign) {
  const index_t half = D / 2;
  std::vector<T> c(static_cast<std::size_t>(half)), s(c.size());
  std::vector<double> frequency(c.size());
  for (index_t i = 0; i < half; ++i)
    frequency[static_cast<std::size_t>(i)] = std::pow(theta, -2.0 * static_cast<double>(i) / static_cast<double>(D));
  for (index_t t = 0; t < T_; ++t) {
    for (index_t i = 0; i < half; ++i) {
      const double angle = static_cast<double>(position + t) * frequency[static_cast<std::size_t>(i)];
      c[static_cast<std::size_t>(i)] = static_cast<T>(std::cos(angle));
      s[static_cast<std::size_t>(i)] = static_cast<T>(sign * std::sin(angle));
    }
    for (index_t b = 0; b < B; ++b)
      for (index_t h = 0; h < heads; ++h) {
        T* row = x + ((b * T_ + t) * heads + h) * D;
        for (index_t i = 0; i < half; ++i) {
          const T first = row[i], second = row[i + half], c_i = c[static_cast<std::size_t>(i)], s_i = s[static_cast<std::size_t>(i)];
          row[i] = first * c_i - second * s_i;
          row[i + half] = first * s_i + second * c_i;
        }
      }
  }
}

template <class T>
void rms_norm(const T* x, const T* w, double eps, index_t n, index_t d, T* y, T* inverse) {
  gated_rms_norm(x, w, static_cast<const T*>(nullptr), GateActivation::silu, eps, n, d, y, inverse);
}
template <class T>
void rms_norm_backward_add(const T* x, const T* w, const T* inverse, const T* dy, index_t n, index_t d, T* dx, T* dw) {
  return op_table<T>().rms_norm_backward_add(x, w, inverse, dy, n, d, dx, dw);
}
template <class T>
void gated_rms_norm(const T* x, const T* w, const T* z, GateActivation act, double eps, index_t n, index_t d, T* y, T* inverse) {
  return op_table<T>().gated_rms_norm(x, w, z, act, eps, n, d, y, inverse);
}
template <class T>
void gated_rms_norm_backward(const T* x, const T* w, const T* z, GateActivation act, const T* inverse, const T* dy, index_t n, index_t d,
                             T* dx, T* dw, T* dz) {
  return op_table<T>().gated_rms_norm_backward(x, w, z, act, inverse, dy, n, d, dx, dw, dz);
}
template <class T>
void short_conv_silu(const T* x, const T* weight, index_t W, index_t B, index_t T_, index_t D, T* history, T* p, T* y) {
  return op_table<T>().short_conv_silu(x, weight, W, B, T_, D, history, p, y);
}
template <class T>
void short_conv_silu_backward(const T* x, const T* weight, index_t W, index_t B, index_t T_, index_t D, const T* p, const T* dy, T* dx,
                              T* dweight) {
  return op_table<T>().short_conv_silu_backward(x, weight, W, B, T_, D, p, dy, dx, dweight);
}
template <class T>
void silu(const T* x, index_t n, T* y) {
  return op_table<T>().silu(x, n, y);
}
template <class T>
void silu_backward(const T* x, const T* dy, index_t n, T* dx) {
  return op_table<T>().silu_backward(x, dy, n, dx);
}
template <class T>
void swiglu(const T* a, const T* u, index_t n, T* y) {
  return op_table<T>().swiglu(a, u, n, y);
}
template <class T>
void swiglu_backward(const T* a, const T* u, const T* dy, index_t n, T* da, T* du) {
  return op_table<T>().swiglu_backward(a, u, dy, n, da, du);
}
template <class T>
double cross_entropy(T* logits, const std::int32_t* targets, index_t n, index_t vocab, double scale, bool gradient, index_t* right) {
  return op_table<T>().cross_entropy(logits, targets, n, vocab, scale, gradient, right);
}

#define FW_INSTANTIATE(T)                                                                                                                \
  template void linear(const T*, Slot, Slot, const T*, index_t, T*);                                                                     \
  template void linear_backward(const T*, T*, Slot, Slot, const T*, const T*, index_t, T*, Into);                                        \
  template void rms_norm(const T*, const T*, double, index_t, index_t, T*, T*);                                                          \
  template void rms_norm_backward_add(const T*, const T*, const T*, const T*, index_t, index_t, T*, T*);                                 \
  template void gated_rms_norm(const T*, const T*, const T*, GateActivation, double, index_t, index_t, T*, T*);                          \
  template void gated_rms_norm_backward(const T*, const T*, const T*, GateActivation, const T*, const T*, index_t, index_t, T*, T*, T*); \
  template void short_conv_silu(const T*, const T*, index_t, index_t, index_t, index_t, T*, T*, T*);                                     \
  template void short_conv_silu_backward(const T*, const T*, index_t, index_t, index_t, index_t, const T*, const T*, T*, T*);            \
  template void silu(const T*, index_t, T*);                                                                                             \
  template void silu_backward(const T*, const T*, index_t, T*);                                                                          \
  template void swiglu(const T*, const T*, index_t, T*);                                                                                 \
  template void swiglu_backward(const T*, const T*, const T*, index_t, T*, T*);                                                          \
  template void rotary(T*, index_t, index_t, index_t, index_t, index_t, double, int);                                                    \
  template double cross_entropy(T*, const std::int32_t*, index_t, index_t, double, bool, index_t*);
FW_INSTANTIATE(float)
FW_INSTANTIATE(double)

}  // namespace fw::model
