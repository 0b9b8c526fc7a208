// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Mutations: a wrong piece between right stages must be seen. Also shows how a caller composes the stages.
#include <functional>

#include "chunkwise/chunk_fixture.h"
#include "chunkwise/problems_fixture.h"

using namespace fw;
using namespace fw::chunkwise;
using namespace fw::test;
using Factors = ChunkFactors<double>;
using Grads = ChunkGradients<double>;

namespace {

Problem drawn() { return make_problem(Variant::gdn2, ProblemShape::parse("B1-T150-H1-HV1-Dk12-Dv9"), "mixed", 21); }

/// What may be changed on the way; each is called once per chunk.
struct Hooks {
  std::function<void(Factors&)> scores = [](Factors&) {};    ///< after scores, before the inverse
  std::function<void(Factors&)> built = [](Factors&) {};     ///< after Y and U
  std::function<void(Factors&)> residual = [](Factors&) {};  ///< after R
  std::function<void(Mat&)> carried = [](Mat&) {};           ///< after the state was carried
};

Outputs<double> run(const Problem& p, const Hooks& hooks) {
  const Settings settings;
  const Geometry geo = check_inputs("test", p.in, p.options);
  const Head<double> head{p.in, geo, p.options, 0, 0};
  Mat S = head.initial_state(), O;
  Outputs<double> out;
  out.o = Tensor<double>({1, 150, 1, 9});
  out.final_state = Tensor<double>({1, 1, 12, 9});
  Factors f;
  for (index_t first = 0; first < 150; first += settings.chunk) {
    gather_rows(head, first, std::min<index_t>(settings.chunk, 150 - first), settings.rounding, f);
    decay_differences(f.g, settings.block, f.decay);
    decayed_rows(f);
    erase_scores(f, settings);
    query_scores(f, settings);
    hooks.scores(f);
    invert_erase(f, settings);
    wy_rows(f, settings);
    hooks.built(f);
    residual_rows(f, S, settings);
    hooks.residual(f);
    chunk_output(f, S, settings, O);
    carry_state(f, S, settings);
    hooks.carried(S);
    Eigen::Map<Mat>(out.o.row(0, first, 0), f.rows(), 9) = O;
  }
  Eigen::Map<Mat>(out.final_state.data(), 12, 9) = S;
  return out;
}

using Stage = std::function<void(const Factors&, Grads&)>;

/// Reverse of one chunk with a change after the stages that make dA_qk and dA_ek, and one before the gates.
Grads reverse(const Problem& p, const Stage& scores, const Stage& rows) {
  const Settings settings;
  const Geometry geo = check_inputs("test", p.in, p.options);
  const Head<double> head{p.in, geo, p.options, 0, 0};
  Factors f;
  Grads d;
  prepare_chunk(head, 0, settings, f);
  const Mat S0 = head.initial_state(), dO = normal_matrix("dO", 64, 9), dS = normal_matrix("dS", 12, 9);
  Mat dS0;
  residual_rows(f, S0, settings);
  clear_rows(f, d);
  chunk_output_vjp(f, S0, dO, settings, d, dS0);
  carry_state_vjp(f, S0, dS, settings, d, dS0);
  residual_rows_vjp(f, S0, settings, d, dS0);
  wy_rows_vjp(f, settings, d);
  invert_erase_vjp(f, settings, d);
  scores(f, d);
  query_scores_vjp(f, settings, d);
  erase_scores_vjp(f, settings, d);
  decayed_rows_vjp(f, d);
  rows(f, d);
  gated_rows_vjp(f, d);
  return d;
}

constexpr Tolerance kVisible{1e-4, 1e-3};

}  // namespace

TEST_SUITE_BEGIN("chunkwise");

TEST_CASE("chunkwise: stages composed by hand give the same bits as the door") {
  const Problem p = drawn();
  const Outputs<double> door = chunkwise::forward(p.in, p.options), composed = run(p, {});
  CHECK_BITWISE_EQUAL(composed.o, door.o);
  CHECK_BITWISE_EQUAL(composed.final_state, door.final_state);
}

TEST_CASE("chunkwise: fails when broken, forward") {
  const Problem p = drawn();
  const Outputs<double> truth = naive::forward(p.in, p.options);
  std::vector<std::pair<const char*, Hooks>> mutations;
  const auto mutation = [&](const char* name) -> Hooks& { return mutations.emplace_back(name, Hooks{}).second; };
  mutation("erase scores missing").scores = [](Factors& f) { f.A_ek.setZero(); };
  mutation("sign of the erase scores").scores = [](Factors& f) { f.A_ek *= -1.0; };
  mutation("inverse of first order").built = [](Factors& f) {
    f.A_inv = Mat::Identity(f.rows(), f.rows()) - f.A_ek;
    wy_rows(f, {});
  };
  mutation("inverse transposed").built = [](Factors& f) {
    f.A_inv.transposeInPlace();
    wy_rows(f, {});
  };
  mutation("query scores strictly lower").scores = [](Factors& f) { f.A_qk.diagonal().setZero(); };
  mutation("scale twice").scores = [](Factors& f) { f.A_qk *= f.scale; };
  mutation("erase side not decayed").built = [](Factors& f) { f.Y = f.A_inv * f.e; };
  mutation("write gate missing").built = [](Factors& f) { f.U = f.A_inv * f.v; };
  mutation("past not erased").residual = [](Factors& f) { f.R = f.U; };
  mutation("queries not decayed").built = [](Factors& f) { f.Q_gamma = f.q; };
  mutation("keys not decayed to the end").built = [](Factors& f) { f.K_tail = f.k; };
  mutation("state carried without decay").built = [](Factors& f) { f.decay.gamma.row(f.rows() - 1).setOnes(); };
  mutation("carry dropped").carried = [](Mat& S) { S.setZero(); };
  for (const auto& [name, hooks] : mutations) {
    CAPTURE(name);
    const Outputs<double> got = run(p, hooks);
    CHECK(
        (!passes(compare(got.o, truth.o, kVisible), kVisible) || !passes(compare(got.final_state, truth.final_state, kVisible), kVisible)));
  }
}

TEST_CASE("chunkwise: fails when broken, reverse") {
  const Problem p = drawn();
  const Stage nothing = [](const Factors&, Grads&) {};
  const Grads right = reverse(p, nothing, nothing);
  struct Mutation {
    const char* name;
    Mat Grads::*seen_in;
    Stage scores, rows;
  };
  const Mutation mutations[] = {
      {"dA_ek missing", &Grads::db, [](const Factors&, Grads& d) { d.dA_ek.setZero(); }, nothing},
      {"dA_ek without the state's part", &Grads::db,
       [](const Factors& f, Grads& d) {
         d.dA_ek = -(d.dz * f.U.transpose());
         d.dA_ek.triangularView<Eigen::Upper>().setZero();
       },
       nothing},
      {"sign of dA_ek", &Grads::dk, [](const Factors&, Grads& d) { d.dA_ek *= -1.0; }, nothing},
      {"diagonal of dA_qk missing", &Grads::dq, [](const Factors&, Grads& d) { d.dA_qk.diagonal().setZero(); }, nothing},
      {"dg without the carried state", &Grads::dg, [](const Factors&, Grads& d) { d.dlog_gamma_C.setZero(); }, nothing},
      {"dg without the tail", &Grads::dg, nothing, [](const Factors& f, Grads& d) {
         Mat tail = Mat::Zero(64, 12);
         add_prefix_sums(Mat(f.K_tail.cwiseProduct(d.dK_tail)), tail);
         d.dg -= tail;
       }},
      {"dk without the tail", &Grads::dk, nothing, [](const Factors& f, Grads& d) { d.dk -= f.decay.tail.cwiseProduct(d.dK_tail); }},
      {"erase path of dk missing", &Grads::dk, nothing, [](const Factors& f, Grads& d) { d.dk -= d.de.cwiseProduct(f.b); }},
  };
  for (const Mutation& m : mutations) {
    CAPTURE(m.name);
    const Grads wrong = reverse(p, m.scores, m.rows);
    CHECK_NOT_CLOSE(as_tensor(wrong.*m.seen_in), as_tensor(right.*m.seen_in), kVisible);
  }
}

TEST_SUITE_END();
