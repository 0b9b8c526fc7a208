// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "verify/chunk_engine.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numbers>

namespace fw::verify {
namespace {

constexpr double kForgets = -800.0;  // stands for anything below: exp of it is exactly 0, and differences stay finite and sharp

/// Cumulative log-decay inside the chunk, row r = sum of g up to and including token r.
Mat cumulative(const Head& head, index_t first, index_t rows) {
  Mat G(rows, head.Dk);
  for (index_t r = 0; r < rows; ++r) {
    G.row(r) = head.G.row(first + r).cwiseMax(kForgets);
    if (r > 0) G.row(r) += G.row(r - 1);
  }
  return G;
}

using Gap = std::function<double(index_t r, index_t s, index_t i)>;

/// sum_i left_ri right_si gap(r,s,i) over the rows s < r (strict) or s <= r.
Mat scores_with(const Mat& left, const Mat& right, bool strict, const Gap& gap) {
  const index_t rows = left.rows();
  Mat A = Mat::Zero(rows, rows);
  for (index_t r = 0; r < rows; ++r)
    for (index_t s = 0; s < r + (strict ? 0 : 1); ++s) {
      double sum = 0;
      for (index_t i = 0; i < left.cols(); ++i) sum += left(r, i) * right(s, i) * gap(r, s, i);
      A(r, s) = sum;
    }
  return A;
}

/// The decay between two rows as the mistaken kernel evaluates it; empty when the kernel gets it right.
Gap faulty_gap(const ChunkFaults& f, const Mat& G) {
  if (f.zero_gap_dropped) return [&G](index_t r, index_t s, index_t i) { return r != s && G(r, i) == G(s, i) ? 0.0 : std::exp(G(r, i) - G(s, i)); };
  if (f.positive_clamped) return [&G](index_t r, index_t s, index_t i) { return std::exp(std::min(G(r, i) - G(s, i), 0.0)); };
  if (f.clamp_factored)
    return [&G](index_t r, index_t s, index_t i) {
      const auto clamp = [](double x) { return std::clamp(x * std::numbers::log2e, -126.0, 126.0); };
      return std::exp2(clamp(G(r, i))) * std::exp2(clamp(-G(s, i)));
    };
  if (f.anchor_middle || f.anchor_start) {
    const index_t anchor = G.rows() / 2;
    const bool middle = f.anchor_middle;
    return [&G, anchor, middle](index_t r, index_t s, index_t i) {
      const double star = middle ? G(anchor, i) : 0.0;
      return static_cast<double>(static_cast<float>(std::exp(G(r, i) - star)) * static_cast<float>(std::exp(star - G(s, i))));
    };
  }
  return {};
}

Mat unit_lower_inverse(const Mat& A) {
  Mat X = Mat::Identity(A.rows(), A.rows());
  (Mat::Identity(A.rows(), A.rows()) + A).triangularView<Eigen::UnitLower>().solveInPlace(X);
  return X;
}

/// Off-diagonal 16x16 blocks dropped, or taken from the block row above.
Mat spoil_blocks(const Mat& A_inv, bool drop) {
  Mat X = A_inv;
  const index_t n = A_inv.rows();
  for (index_t r = 16; r < n; ++r)
    for (index_t s = 0; s < r / 16 * 16; ++s) X(r, s) = drop ? 0.0 : A_inv(r - 16, s);
  return X;
}

/// Block forward substitution whose 16x16 diagonal inverses are 8 terms of the Neumann series (exact for 8 rows).
Mat truncated_inverse(const Mat& A) {
  const index_t n = A.rows();
  Mat X = Mat::Zero(n, n);
  for (index_t first = 0; first < n; first += 16) {
    const index_t rows = std::min<index_t>(16, n - first);
    const Mat D = A.block(first, first, rows, rows);
    Mat inverse = Mat::Identity(rows, rows), power = Mat::Identity(rows, rows);
    for (int term = 1; term < 8; ++term) {
      power = -(power * D).eval();
      inverse += power;
    }
    X.block(first, first, rows, rows) = inverse;
    if (first > 0) X.block(first, 0, rows, first) = -inverse * (A.block(first, 0, rows, first) * X.topLeftCorner(first, first));
  }
  return X;
}

Mat solve(const ChunkFaults& f, const Mat& A, const Mat& rhs) {
  const Mat I = Mat::Identity(A.rows(), A.rows());
  if (f.inverse_missing) return rhs;
  if (f.inverse_first_order) return rhs - A * rhs;
  if (f.inverse_truncated) return truncated_inverse(A) * rhs;
  if (f.inverse_transposed) return unit_lower_inverse(A).transpose() * rhs;
  if (f.inverse_blocks_shifted) return spoil_blocks(unit_lower_inverse(A), false) * rhs;
  if (f.inverse_block_diagonal) return spoil_blocks(unit_lower_inverse(A), true) * rhs;
  Mat lower = I + A;
  if (f.erase_scores_inclusive) return lower.triangularView<Eigen::Lower>().solve(rhs);
  return lower.triangularView<Eigen::UnitLower>().solve(rhs);
}

}  // namespace

std::vector<ChunkScores> chunk_scores(const Head& head, index_t chunk) {
  std::vector<ChunkScores> all;
  for (index_t first = 0; first < head.T; first += chunk) {
    const index_t rows = std::min(chunk, head.T - first);
    const Mat G = cumulative(head, first, rows);
    ChunkScores scores{Mat::Zero(rows, rows), Mat::Zero(rows, rows)};
    for (index_t r = 0; r < rows; ++r)
      for (index_t s = 0; s <= r; ++s) {
        const Eigen::ArrayXd gap = (G.row(r) - G.row(s)).array().exp().transpose() * head.K.row(first + s).array().transpose();
        if (s < r) scores.erase(r, s) = (head.E.row(first + r).array().transpose() * gap).sum();
        scores.causal(r, s) = head.scale * (head.Q.row(first + r).array().transpose() * gap).sum();
      }
    all.push_back(std::move(scores));
  }
  return all;
}

HeadOutput run_chunks(const Head& head, index_t chunk, const std::vector<ChunkScores>& scores, const ChunkFaults& f, const Vec& leak) {
  const index_t T = head.T;
  HeadOutput out{Mat::Zero(T, head.Dv), head.S0};
  Mat S = head.S0, previous_start = head.S0;
  for (index_t first = 0, c = 0; first < T; first += chunk, ++c) {
    const index_t rows = std::min(chunk, T - first);
    const bool tail = rows < chunk, at_end = first + rows == T;
    const Mat G = cumulative(head, first, rows);
    const auto Q = head.Q.middleRows(first, rows), K = head.K.middleRows(first, rows), E = head.E.middleRows(first, rows),
               Z = head.Z.middleRows(first, rows);
    const auto exp_or_exp2 = [&](const Mat& x, bool two) -> Mat { return two ? Mat((x * std::numbers::ln2).array().exp()) : Mat(x.array().exp()); };
    const auto power = [&](bool two) {
      return [&G, two](index_t r, index_t s, index_t i) { return std::exp((G(r, i) - G(s, i)) * (two ? std::numbers::ln2 : 1.0)); };
    };

    // (C1), (C5)
    Mat A_ek = scores[static_cast<std::size_t>(c)].erase, A_qk = scores[static_cast<std::size_t>(c)].causal;
    if (const Gap gap = faulty_gap(f, G)) {
      A_ek = scores_with(E, K, true, gap);
      A_qk = head.scale * scores_with(Q, K, false, gap);
    }
    if (f.intra_exp2 || f.wy_exp2) A_ek = scores_with(E, K, true, power(true));
    if (f.intra_exp2) A_qk = head.scale * scores_with(Q, K, false, power(true));
    if (f.scores_undecayed) A_qk = head.scale * Mat((Q * K.transpose()).triangularView<Eigen::Lower>());
    if (f.erase_scores_undecayed) A_ek = (E * K.transpose()).triangularView<Eigen::StrictlyLower>();
    if (f.scores_acausal) A_qk = head.scale * (Q * K.transpose());
    if (f.erase_scores_inclusive) A_ek.diagonal() += E.cwiseProduct(K).rowwise().sum();

    // (C2)-(C4): R = A_inv (Z - (gamma . E) S0)
    Mat gamma = exp_or_exp2(G, f.state_exp2);
    if (f.decay_offset_leaks && c == 0) gamma = gamma * leak.array().exp().matrix().asDiagonal();
    Mat gated_E = E.cwiseProduct(f.wy_exp2 ? exp_or_exp2(G, true) : gamma);
    if (f.wy_gated_twice) gated_E = gated_E.cwiseProduct(gamma);
    if (f.wy_not_gated) gated_E = E;
    if (f.tail_last_not_erased && at_end) {
      gated_E.row(rows - 1).setZero();
      A_ek.row(rows - 1).setZero();
    }
    const Mat start = f.carry_dropped && c > 0 ? Mat(Mat::Zero(head.Dk, head.Dv)) : S;
    const Mat R = solve(f, A_ek, Z - gated_E * start);

    // (C6)
    Mat O = A_qk * R;
    if (!f.inter_output_missing) {
      const Mat reading = f.inter_output_undecayed ? Mat(Q) : Mat(Q.cwiseProduct(gamma));
      const Mat& read = f.carry_stale ? previous_start : start;
      O += (f.inter_output_unscaled ? 1.0 : head.scale) * (f.state_read_transposed ? Mat(reading * read.transpose()) : Mat(reading * read));
    }
    if (f.tail_nan && tail) O.setConstant(std::numeric_limits<double>::quiet_NaN());
    out.O.middleRows(first, rows) = O;

    // (C7)
    const Mat to_end = (-G).rowwise() + G.row(rows - 1);
    Mat K_tail = f.keys_not_decayed ? Mat(K) : Mat(K.cwiseProduct(exp_or_exp2(to_end, f.state_exp2)));
    Mat next = start;
    if (!f.state_not_decayed && !(f.tail_state_not_decayed && tail))
      for (index_t j = 0; j < head.Dv; ++j) {
        const index_t end_row = f.block_end_early && !tail ? std::max<index_t>(rows - 7 + 2 * (j % 4), 0) : rows - 1;
        next.col(j) = start.col(j).cwiseProduct(gamma.row(end_row).transpose());
      }
    if (f.tail_edit_lost && tail) next = start;
    else next += K_tail.transpose() * R;
    if (f.round_state)
      for (index_t i = 0; i < next.size(); ++i) next.data()[i] = round_to(DType::bf16, next.data()[i]);
    previous_start = start;
    S = next;
  }
  out.ST = S;
  return out;
}

}  // namespace fw::verify
