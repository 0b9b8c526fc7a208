// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Memory of one block of one prep while it is worked on: the chunk factors, the edit values, the panels. Sizes do not
// depend on T. `chunks` is how many micro-chunks the block has room for.
#pragma once

#include "omp/aligned.h"
#include "omp/plan.h"

namespace fw::omp {

template <class T>
struct BlockSpace {
  T *E, *Q, *Kt, *gamma, *A_ek, *A_qk;  ///< [chunks, ...] as in Factors
  T* Z;                                 ///< [head, tile][chunks,kRows,width]
  T* S;                                 ///< [head, tile] panels

  Factors<T> factors(const Plan& plan, index_t chunk) const {
    const index_t rows = chunk * kRows * plan.Kp, square = chunk * kRows * kRows;
    return {E + rows, Q + rows, Kt + rows, gamma + chunk * plan.Kp, A_ek + square, A_qk + square};
  }
};

/// Room for `count` preps at once.
template <class T>
class Workspace {
 public:
  Workspace(const Plan& plan, index_t count, index_t chunks) : plan_(plan), chunks_(chunks), memory_(static_cast<std::size_t>(count * size())) {}

  BlockSpace<T> of(index_t place) {
    T* at = memory_.data() + place * size();
    const auto take = [&](index_t n) { T* p = at; at += n; return p; };
    const index_t factor = chunks_ * kRows * plan_.Kp, square = chunks_ * kRows * kRows;
    BlockSpace<T> b;
    b.E = take(factor);
    b.Q = take(factor);
    b.Kt = take(factor);
    b.gamma = take(chunks_ * plan_.Kp);
    b.A_ek = take(square);
    b.A_qk = take(square);
    b.Z = take(plan_.panels() * z_step());
    b.S = take(plan_.panels() * plan_.panel());
    return b;
  }
  index_t z_step() const { return chunks_ * plan_.rows(); }

 private:
  index_t size() const {
    return chunks_ * (3 * kRows * plan_.Kp + plan_.Kp + 2 * kRows * kRows) + plan_.panels() * (z_step() + plan_.panel());
  }
  const Plan& plan_;
  index_t chunks_;
  Aligned<T> memory_;
};

}  // namespace fw::omp
