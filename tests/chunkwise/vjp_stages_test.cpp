// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "chunkwise/vjp/stages.h"

#include "chunkwise/chunk_fixture.h"

using namespace fw;
using namespace fw::chunkwise;
using namespace fw::test;

namespace {

struct Fixture {
  explicit Fixture(index_t C, double rate, bool resets, index_t block = 16) : f(random_chunk(C, 14, 9, rate, resets)) {
    settings.block = block;
    build_chunk(f, settings);
    S0 = normal_matrix("S0", 14, 9);
    S = S0;
    chunk_forward(f, S, O, settings);
    dO = normal_matrix("dO", C, 9);
    dS_next = normal_matrix("dS", 14, 9);
  }
  ChunkFactors<double> f;
  ChunkGradients<double> d;
  Settings settings;
  Mat S0, S, O, dO, dS_next;
};

Mat lower(Mat m, bool strictly) {
  for (index_t r = 0; r < m.rows(); ++r)
    for (index_t s = r + (strictly ? 0 : 1); s < m.cols(); ++s) m(r, s) = 0.0;
  return m;
}

}  // namespace

TEST_SUITE_BEGIN("chunkwise");

TEST_CASE("reverse stages output, carry, wy: match their matrix formulas") {
  Fixture x(50, 0.2, true);
  const ChunkFactors<double>& f = x.f;
  Mat dS0;
  chunk_output_vjp(f, x.S0, x.dO, x.settings, x.d, dS0);
  CHECK_MATRIX_CLOSE(x.d.dA_qk, lower(x.dO * f.R.transpose(), false));
  CHECK_MATRIX_CLOSE(x.d.dQ_gamma, (f.scale * x.dO * x.S0.transpose()).eval());
  const Mat dR_output = f.A_qk.transpose() * x.dO;
  CHECK_MATRIX_CLOSE(x.d.dR, dR_output);

  carry_state_vjp(f, x.S0, x.dS_next, x.settings, x.d, dS0);
  const Mat dR = dR_output + f.K_tail * x.dS_next;
  CHECK_MATRIX_CLOSE(x.d.dR, dR);
  CHECK_MATRIX_CLOSE(x.d.dK_tail, (f.R * x.dS_next.transpose()).eval());

  residual_rows_vjp(f, x.S0, x.settings, x.d, dS0);
  CHECK_MATRIX_CLOSE(x.d.dY, (-dR * x.S0.transpose()).eval());
  CHECK_MATRIX_CLOSE(
      dS0,
      (f.scale * f.Q_gamma.transpose() * x.dO + f.decay.gamma.row(49).transpose().asDiagonal() * x.dS_next - f.Y.transpose() * dR).eval());

  wy_rows_vjp(f, x.settings, x.d);
  CHECK_MATRIX_CLOSE(x.d.dz, (f.A_inv.transpose() * dR).eval());
  CHECK_MATRIX_CLOSE(x.d.dE_gamma, (f.A_inv.transpose() * x.d.dY).eval());
}

TEST_CASE("reverse stage inverse: the short form matches the gradient through the inverse") {
  for (index_t C : {1, 17, 64}) {
    Fixture x(C, 0.2, true);
    const ChunkFactors<double>& f = x.f;
    Mat dS = x.dS_next;
    chunk_backward(f, x.S0, x.dO, dS, x.settings, x.d);
    const Mat dA_inv = x.d.dR * f.z.transpose() + x.d.dY * f.E_gamma.transpose();
    const Mat through_inverse = -lower(f.A_inv.transpose() * dA_inv * f.A_inv.transpose(), true);
    const Mat two_terms = -lower(x.d.dz * f.U.transpose() + x.d.dE_gamma * f.Y.transpose(), true);
    CHECK_MATRIX_CLOSE(x.d.dA_ek, through_inverse);
    CHECK_MATRIX_CLOSE(x.d.dA_ek, two_terms);
  }
}

TEST_CASE("reverse stage scores: matches the direct sums, dg as the sum over pairs that have the token between them") {
  struct Case {
    index_t C, block;
    double rate;
    bool resets;
  };
  for (const Case& c :
       {Case{64, 16, 0.1, false}, Case{50, 16, 0.4, true}, Case{23, 5, 3.0, true}, Case{16, 16, 0.1, false}, Case{1, 16, 0.1, false}}) {
    const ChunkFactors<double> f = [&] {
      ChunkFactors<double> rows = random_chunk(c.C, 11, 6, c.rate, c.resets);
      decay_differences(rows.g, c.block, rows.decay);
      return rows;
    }();
    Settings settings;
    settings.block = c.block;
    ChunkGradients<double> d;
    clear_rows(f, d);
    d.dA_ek = lower(normal_matrix("dA_ek", c.C, c.C), true);
    d.dA_qk = lower(normal_matrix("dA_qk", c.C, c.C), false);
    query_scores_vjp(f, settings, d);
    erase_scores_vjp(f, settings, d);
    Mat dq = Mat::Zero(c.C, 11), dk = dq, de = dq, dg = dq;
    for (index_t r = 0; r < c.C; ++r)
      for (index_t s = 0; s <= r; ++s)
        for (index_t i = 0; i < 11; ++i) {
          const double decay = decay_between(f.g, r, s, i), by_qk = f.scale * d.dA_qk(r, s) * decay, by_ek = d.dA_ek(r, s) * decay;
          dq(r, i) += by_qk * f.k(s, i);
          de(r, i) += by_ek * f.k(s, i);
          dk(s, i) += by_qk * f.q(r, i) + by_ek * f.e(r, i);
          for (index_t t = s + 1; t <= r; ++t) dg(t, i) += (by_qk * f.q(r, i) + by_ek * f.e(r, i)) * f.k(s, i);
        }
    CHECK_MATRIX_CLOSE(d.dq, dq);
    CHECK_MATRIX_CLOSE(d.dk, dk);
    CHECK_MATRIX_CLOSE(d.de, de);
    if (c.C > 1) CHECK_MATRIX_CLOSE(d.dg, dg);
  }
}

TEST_CASE("reverse of a chunk: matches central differences of the chunk run forward, for every row and the state") {
  for (const bool one_block : {false, true}) {
    Fixture x(20, 0.3, false, one_block ? 32 : 6);
    Mat dS = x.dS_next;
    chunk_backward(x.f, x.S0, x.dO, dS, x.settings, x.d);
    const auto loss = [&](const ChunkFactors<double>& rows, const Mat& S0) {
      ChunkFactors<double> f = rows;
      f.e = f.b.cwiseProduct(f.k);
      f.z = f.w.cwiseProduct(f.v);
      build_chunk(f, x.settings);
      Mat S = S0, O;
      chunk_forward(f, S, O, x.settings);
      return O.cwiseProduct(x.dO).sum() + S.cwiseProduct(x.dS_next).sum();
    };
    const auto check = [&](Mat ChunkFactors<double>::*rows, const Mat& gradient) {
      Mat differences(gradient.rows(), gradient.cols());
      for (index_t r = 0; r < gradient.rows(); ++r)
        for (index_t i = 0; i < gradient.cols(); ++i) {
          ChunkFactors<double> up = x.f, down = x.f;
          (up.*rows)(r, i) += 1e-5;
          (down.*rows)(r, i) -= 1e-5;
          differences(r, i) = (loss(up, x.S0) - loss(down, x.S0)) / 2e-5;
        }
      CHECK_CLOSE(as_tensor(gradient), as_tensor(differences), Tolerance{1e-8, 1e-7});
    };
    using F = ChunkFactors<double>;
    check(&F::q, x.d.dq);
    check(&F::k, x.d.dk);
    check(&F::v, x.d.dv);
    check(&F::g, x.d.dg);
    check(&F::b, x.d.db);
    check(&F::w, x.d.dw);
    Mat differences(dS.rows(), dS.cols());
    for (index_t i = 0; i < dS.rows(); ++i)
      for (index_t j = 0; j < dS.cols(); ++j) {
        Mat up = x.S0, down = x.S0;
        up(i, j) += 1e-5;
        down(i, j) -= 1e-5;
        differences(i, j) = (loss(x.f, up) - loss(x.f, down)) / 2e-5;
      }
    CHECK_CLOSE(as_tensor(dS), as_tensor(differences), Tolerance{1e-8, 1e-7});
  }
}

TEST_SUITE_END();
