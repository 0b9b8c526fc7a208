// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Vectors as the compiler offers them (vector_size), FW_VECTOR_BYTES wide, and the functions the gates need. Included only by
// the files kernels_<isa>.cpp, each of which compiles everything below in a namespace of its own (FW_ISA) for its own
// instruction set: nothing here may be shared with code compiled for another one, so no library templates are used.
// A product and the sum behind it contract to one fused multiply-add where the CPU has it (-ffp-contract=fast).
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#if !defined(FW_ISA) || !defined(FW_VECTOR_BYTES) || !defined(FW_REGISTERS)
#error "included by kernels_<isa>.cpp only"
#endif
#define FW_INLINE inline __attribute__((always_inline))
#define FW_LAMBDA __attribute__((always_inline))

namespace fw::omp::FW_ISA {

using index = std::ptrdiff_t;

template <class T>
struct VecTypes;
template <>
struct VecTypes<float> {
  typedef float HalfLoose __attribute__((vector_size(FW_VECTOR_BYTES / 2), aligned(4), may_alias));
  typedef float V __attribute__((vector_size(FW_VECTOR_BYTES)));
  typedef float Loose __attribute__((vector_size(FW_VECTOR_BYTES), aligned(4), may_alias));
  typedef std::int32_t I __attribute__((vector_size(FW_VECTOR_BYTES)));
};
template <>
struct VecTypes<double> {
  typedef double V __attribute__((vector_size(FW_VECTOR_BYTES)));
  typedef double Loose __attribute__((vector_size(FW_VECTOR_BYTES), aligned(8), may_alias));
  typedef std::int64_t I __attribute__((vector_size(FW_VECTOR_BYTES)));
};
template <>
struct VecTypes<long long> {
  typedef long long V __attribute__((vector_size(FW_VECTOR_BYTES)));
};
template <class T>
using Vec = typename VecTypes<T>::V;
template <class T>
constexpr int kLanes = FW_VECTOR_BYTES / sizeof(T);

template <class T>
FW_INLINE Vec<T> load(const T* p) { return *reinterpret_cast<const typename VecTypes<T>::Loose*>(p); }
template <class T>
FW_INLINE void store(T* p, Vec<T> v) { *reinterpret_cast<typename VecTypes<T>::Loose*>(p) = v; }
template <class T>
FW_INLINE Vec<T> splat(T x) { return x - Vec<T>{}; }
/// x, rounded here and now: a sum behind it does not contract with the product in it, whichever product a compiler would pick.
template <class T>
FW_INLINE Vec<T> rounded(Vec<T> x) {
  asm("" : "+" FW_VECTOR_REGISTER(x));
  return x;
}
/// As many floats as a vector has doubles, to double and back.
FW_INLINE Vec<double> load_wide(const float* p) {
  return __builtin_convertvector(*reinterpret_cast<const VecTypes<float>::HalfLoose*>(p), Vec<double>);
}
FW_INLINE void store_narrow(float* p, Vec<double> v) {
  typedef float Half __attribute__((vector_size(FW_VECTOR_BYTES / 2)));
  *reinterpret_cast<VecTypes<float>::HalfLoose*>(p) = __builtin_convertvector(v, Half);
}
FW_INLINE Vec<double> load_wide(const double* p) { return load(p); }
FW_INLINE void store_narrow(double* p, Vec<double> v) { store(p, v); }
/// Elements [i, i + lanes) of a row of D; zero past its end.
template <class T>
FW_INLINE Vec<T> load_row(const T* row, index i, index D) {
  if (i + kLanes<T> <= D) return load(row + i);
  Vec<T> v{};
  for (index j = i; j < D; ++j) v[j - i] = row[j];
  return v;
}
template <class T>
FW_INLINE void store_row(T* row, index i, index D, Vec<T> v) {
  if (i + kLanes<T> <= D) return store(row + i, v);
  for (index j = i; j < D; ++j) row[j] = v[j - i];
}

/// A store past the caches, for whole lines of large results that nobody reads soon: the line is not fetched first. p on a
/// vector boundary. Ordered for other threads by finish_streams.
template <class T>
FW_INLINE void stream(T* p, Vec<T> v) {
#if defined(__clang__)
  __builtin_nontemporal_store(v, reinterpret_cast<Vec<T>*>(p));
#elif FW_VECTOR_BYTES == 64 && defined(__AVX512F__)
  using Whole = VecTypes<long long>::V;
  __builtin_ia32_movntdq512(reinterpret_cast<Whole*>(p), reinterpret_cast<Whole>(v));
#elif FW_VECTOR_BYTES == 32 && defined(__AVX__)
  using Whole = VecTypes<long long>::V;
  __builtin_ia32_movntdq256(reinterpret_cast<Whole*>(p), reinterpret_cast<Whole>(v));
#elif FW_VECTOR_BYTES == 16 && defined(__SSE2__)
  using Whole = VecTypes<long long>::V;
  __builtin_ia32_movntdq(reinterpret_cast<Whole*>(p), reinterpret_cast<Whole>(v));
#else
  store(p, v);
#endif
}
inline void finish_streams() {
#if defined(__SSE2__)
  __builtin_ia32_sfence();
#endif
}
/// Whether rows of D numbers at `first`, `stride` apart, may be streamed.
template <class T>
FW_INLINE bool streamable(const T* first, index stride, index D) {
  return reinterpret_cast<std::uintptr_t>(first) % FW_VECTOR_BYTES == 0 && stride % kLanes<T> == 0 && D % kLanes<T> == 0;
}

template <class T, int W, std::size_t... I>
FW_INLINE Vec<T> pair_sum(Vec<T> a, Vec<T> b, std::index_sequence<I...>) {
  constexpr int L = kLanes<T>;
  return __builtin_shufflevector(a, b, ((int(I) / W % 2 ? L : 0) + int(I) / (2 * W) * 2 * W + int(I) % W)...) +
         __builtin_shufflevector(a, b, ((int(I) / W % 2 ? L : 0) + int(I) / (2 * W) * 2 * W + int(I) % W + W)...);
}
template <class T, int W>
FW_INLINE void pair_sums(Vec<T>* a) {
  if constexpr (W < kLanes<T>) {
    for (int j = 0; j < kLanes<T> / (2 * W); ++j) a[j] = pair_sum<T, W>(a[2 * j], a[2 * j + 1], std::make_index_sequence<kLanes<T>>());
    pair_sums<T, 2 * W>(a);
  }
}
/// Lane j of the result is the sum of the lanes of a[j], j < lanes. Overwrites a.
template <class T>
FW_INLINE Vec<T> sums_of(Vec<T>* a) {
  pair_sums<T, 1>(a);
  return a[0];
}
template <class T>
FW_INLINE T sum_of(Vec<T> v) {
  T total = v[0];
  for (int j = 1; j < kLanes<T>; ++j) total += v[j];
  return total;
}

template <class T>
struct ExpTable;
template <>
struct ExpTable<float> {
  static constexpr float lowest = -110.0f, highest = 89.0f, log2e = 1.44269504088896341f, magic = 12582912.0f;
  static constexpr float ln2_high = 0.693145751953125f, ln2_low = 1.42860682030941723e-6f;
  static constexpr int terms = 8, bias = 127, mantissa = 23, log_terms = 9;
};
template <>
struct ExpTable<double> {
  static constexpr double lowest = -760.0, highest = 710.0, log2e = 1.44269504088896340736, magic = 6755399441055744.0;
  static constexpr double ln2_high = 6.93147180369123816490e-01, ln2_low = 1.90821492927058770002e-10;
  static constexpr int terms = 14, bias = 1023, mantissa = 52, log_terms = 18;
};

/// e^x to little more than half a unit in the last place, exp(-inf) = 0 exactly, denormal results included. As exact as that
/// because decays multiply up: a constant decay that is off by a unit is off the same way at every token.
template <class T>
FW_INLINE Vec<T> exp(Vec<T> x) {
  using Table = ExpTable<T>;
  using I = typename VecTypes<T>::I;
  x = x < Table::lowest ? splat(Table::lowest) : x;
  x = x > Table::highest ? splat(Table::highest) : x;
  const Vec<T> shifted = x * Table::log2e + Table::magic;  // the nearest integer sits in the low bits
  const I n = reinterpret_cast<I>(shifted) - reinterpret_cast<I>(splat(Table::magic));
  const Vec<T> whole = shifted - Table::magic;
  const Vec<T> exact = x - whole * Table::ln2_high, rest = whole * Table::ln2_low;
  const Vec<T> r = exact - rest, r_low = (exact - r) - rest;
  T coefficient = 1;
  for (int i = 2; i <= Table::terms; ++i) coefficient /= T(i);
  Vec<T> p = splat(coefficient);  // (e^r - 1 - r) / r^2
  for (int i = Table::terms; i > 2; --i) {
    coefficient *= T(i);
    p = p * r + coefficient;
  }
  const Vec<T> high = T(1) + r, low = (r - (high - T(1))) + r_low;
  p = high + (low + r * r * p);
  const I half = n >> 1;  // in two steps, so that results below the normal numbers are right
  return p * reinterpret_cast<Vec<T>>((half + Table::bias) << Table::mantissa) * reinterpret_cast<Vec<T>>((n - half + Table::bias) << Table::mantissa);
}

template <class T>
FW_INLINE Vec<T> minus_abs(Vec<T> x) { return x < T(0) ? x : -x; }

template <class T>
FW_INLINE Vec<T> sigmoid(Vec<T> x) {
  const Vec<T> e = exp<T>(minus_abs<T>(x));
  return (x < T(0) ? e : splat(T(1))) / (T(1) + e);
}

/// sigmoid (1 - sigmoid) at x, with all its digits where the sigmoid is nearly flat: 1 - sigmoid would cancel there.
template <class T>
FW_INLINE Vec<T> sigmoid_slope(Vec<T> x) {
  const Vec<T> e = exp<T>(minus_abs<T>(x)), d = T(1) + e;
  return e / (d * d);
}

/// log(1 + e^x) without overflow; log1p(y) = 2 atanh(y / (2 + y)) needs no cancelling difference.
template <class T>
FW_INLINE Vec<T> softplus(Vec<T> x) {
  const Vec<T> y = exp<T>(minus_abs<T>(x)), t = y / (T(2) + y), s = t * t;
  Vec<T> p{};
  for (int i = ExpTable<T>::log_terms - 1; i >= 0; --i) p = p * s + T(2) / T(2 * i + 1);
  return (x > T(0) ? x : Vec<T>{}) + t * p;
}

}  // namespace fw::omp::FW_ISA
