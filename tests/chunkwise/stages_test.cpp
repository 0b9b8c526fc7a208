// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "chunkwise/stages.h"

#include "chunkwise/chunk_fixture.h"

using namespace fw;
using namespace fw::chunkwise;
using namespace fw::test;

namespace {

struct Case {
  index_t C, Dk, Dv, block;
  double rate;
  bool resets;
};
const Case kCases[] = {{64, 24, 17, 16, 0.1, false}, {64, 24, 17, 16, 0.3, true}, {50, 13, 20, 16, 5.0, true}, {1, 5, 3, 16, 0.1, false},
                       {17, 8, 5, 16, 0.5, true},    {23, 7, 9, 5, 0.05, true},   {16, 9, 4, 1, 0.2, false}};

/// (C1), (C5) by their definition.
Mat scores_by_definition(const Mat& left, const Mat& k, const Mat& g, bool diagonal, double factor) {
  Mat A = Mat::Zero(left.rows(), left.rows());
  for (index_t r = 0; r < A.rows(); ++r)
    for (index_t s = 0; s < r + (diagonal ? 1 : 0); ++s)
      for (index_t i = 0; i < k.cols(); ++i) A(r, s) += factor * left(r, i) * k(s, i) * decay_between(g, r, s, i);
  return A;
}

}  // namespace

TEST_SUITE_BEGIN("chunkwise");

TEST_CASE("stage decay: every exponential is that of the sum between its rows, resets included") {
  for (const Case& c : kCases) {
    const ChunkFactors<double> f = random_chunk(c.C, c.Dk, c.Dv, c.rate, c.resets);
    DecayDifferences<double> decay;
    decay_differences(f.g, c.block, decay);
    double worst = 0;
    const auto see = [&](double got, double wanted) {
      if (wanted == 0.0 || got == 0.0) CHECK(got == wanted);
      else worst = std::fmax(worst, std::fabs(got - wanted) / wanted);
    };
    for (index_t i = 0; i < c.Dk; ++i) {
      for (index_t r = 0; r < c.C; ++r) {
        see(decay.gamma(r, i), decay_between(f.g, r, -1, i));
        see(decay.tail(r, i), decay_between(f.g, c.C - 1, r, i));
      }
      for (const RowBlock<double>& block : decay.blocks) {
        for (index_t r = 0; r < block.rows; ++r) {
          see(block.to_row(r, i), decay_between(f.g, block.begin + r, block.begin - 1, i));
          for (index_t s = 0; s < r; ++s)
            see(block.inside(RowBlock<double>::pair(r, s), i), decay_between(f.g, block.begin + r, block.begin + s, i));
        }
        for (index_t s = 0; s < block.begin; ++s) see(block.from_column(s, i), decay_between(f.g, block.begin - 1, s, i));
      }
    }
    CHECK(worst < 1e-12);
  }
}

TEST_CASE("stage decay: a mask of -1000 takes no digits from the decays around it") {
  Mat g = Mat::Constant(64, 3, -1e-4);
  g.row(20).setConstant(-1e5);
  DecayDifferences<double> decay;
  decay_differences(g, 16, decay);
  CHECK(std::fabs(std::log(decay.tail(30, 1)) / (33 * -1e-4) - 1) < 1e-12);
  CHECK(std::fabs(std::log(decay.blocks[3].from_column(25, 1)) / (22 * -1e-4) - 1) < 1e-12);
  CHECK(decay.tail(19, 1) == 0.0);
}

TEST_CASE("stage scores: matches the direct sums") {
  for (const Case& c : kCases) {
    ChunkFactors<double> f = random_chunk(c.C, c.Dk, c.Dv, c.rate, c.resets);
    Settings settings;
    settings.block = c.block;
    decay_differences(f.g, c.block, f.decay);
    erase_scores(f, settings);
    query_scores(f, settings);
    CHECK_MATRIX_CLOSE(f.A_ek, scores_by_definition(f.e, f.k, f.g, false, 1.0));
    CHECK_MATRIX_CLOSE(f.A_qk, scores_by_definition(f.q, f.k, f.g, true, f.scale));
  }
}

TEST_CASE("stage inverse: times I + A gives I; blocks of any size; the upper triangle of A is not read") {
  for (index_t C : {1, 2, 15, 16, 17, 33, 64, 100})
    for (index_t block : {1, 5, 16, 128}) {
      Mat A = normal_matrix("A", C, C, 0.2), lower = A, inverse;
      lower.triangularView<Eigen::Upper>().setZero();
      A.triangularView<Eigen::Upper>().setConstant(std::nan(""));
      unit_lower_inverse(A, block, inverse);
      const Mat product = inverse * (lower + Mat::Identity(C, C)), bound = inverse.cwiseAbs() * (lower.cwiseAbs() + Mat::Identity(C, C));
      CHECK((product - Mat::Identity(C, C)).cwiseAbs().maxCoeff() <= 1e-14 * bound.maxCoeff());
      CHECK(inverse.isLowerTriangular(0.0));
    }
}

TEST_CASE("stage inverse: closed form for one key repeated") {
  // A = ones below the diagonal: the inverse has -1 right below the diagonal and nothing else
  Mat A = Mat::Ones(64, 64), inverse;
  unit_lower_inverse(A, 16, inverse);
  for (index_t r = 0; r < 64; ++r)
    for (index_t s = 0; s < 64; ++s) CHECK(inverse(r, s) == (r == s ? 1.0 : r == s + 1 ? -1.0 : 0.0));
}

TEST_CASE("stages wy, carry, output: match their definitions, and a chunk run whole matches its tokens one by one") {
  for (const Case& c : kCases) {
    ChunkFactors<double> f = random_chunk(c.C, c.Dk, c.Dv, c.rate, c.resets);
    Settings settings;
    settings.block = c.block;
    build_chunk(f, settings);
    const Mat S0 = normal_matrix("S0", c.Dk, c.Dv), I = Mat::Identity(c.C, c.C);
    Mat gamma(c.C, c.Dk), tail(c.C, c.Dk);
    for (index_t r = 0; r < c.C; ++r)
      for (index_t i = 0; i < c.Dk; ++i) {
        gamma(r, i) = decay_between(f.g, r, -1, i);
        tail(r, i) = decay_between(f.g, c.C - 1, r, i);
      }
    CHECK_MATRIX_CLOSE(((I + f.A_ek) * f.Y).eval(), gamma.cwiseProduct(f.e).eval());
    CHECK_MATRIX_CLOSE(((I + f.A_ek) * f.U).eval(), f.z);
    Mat S = S0, O;
    chunk_forward(f, S, O, settings);
    CHECK_MATRIX_CLOSE(f.R, (f.U - f.Y * S0).eval());
    CHECK_MATRIX_CLOSE(O, (f.scale * gamma.cwiseProduct(f.q) * S0 + f.A_qk * f.R).eval());
    CHECK_MATRIX_CLOSE(S, (gamma.row(c.C - 1).transpose().asDiagonal() * S0 + tail.cwiseProduct(f.k).transpose() * f.R).eval());

    Mat state = S0, outputs(c.C, c.Dv), edits(c.C, c.Dv);
    for (index_t r = 0; r < c.C; ++r) {
      for (index_t i = 0; i < c.Dk; ++i) state.row(i) *= std::exp(f.g(r, i));
      edits.row(r) = f.z.row(r) - f.e.row(r) * state;
      state += f.k.row(r).transpose() * edits.row(r);
      outputs.row(r) = f.scale * f.q.row(r) * state;
    }
    CHECK_MATRIX_CLOSE(f.R, edits);
    CHECK_MATRIX_CLOSE(O, outputs);
    CHECK_MATRIX_CLOSE(S, state);
  }
}

TEST_SUITE_END();
