// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Mutations: what goes in wrong or is spoilt on the way must be seen by the comparisons that the other tests rely on.
#include <functional>

#include "omp/omp_fixture.h"

using namespace fw;
using namespace fw::test;

namespace {

Problem drawn() { return make_problem(Variant::gdn2, ProblemShape::parse("B2-T75-H1-HV2-Dk13-Dv20"), "mixed", 21); }

/// Gradients of a problem after `spoil` has had its hands on what forward saved.
template <class T>
std::vector<Named<T>> gradients_after(const Problem& p, const omp::Settings& settings, const std::function<void(omp::Saved<T>&)>& spoil) {
  const Inputs<T> in = cast_inputs<T>(p.in);
  omp::Saved<T> saved;
  Outputs<T> out;
  Gradients<T> grad = poisoned_gradients(in);
  omp::forward(in, p.options, out, &saved, settings);
  spoil(saved);
  omp::backward(in, cast_upstream<T>(p.up), p.options, grad, &saved, settings);
  return results(Outputs<T>{}, grad);
}

}  // namespace

TEST_SUITE_BEGIN("omp");

TEST_CASE("omp: fails when broken, what forward saved") {
  const Problem p = drawn();
  const auto truth = results(Outputs<double>{}, naive::backward(p.in, p.up, p.options));
  struct Mutation {
    const char* name;
    std::function<void(omp::Saved<double>&)> spoil;
  };
  const Mutation mutations[] = {
      {"one state number", [](omp::Saved<double>& s) { s.states[5] += 1.0; }},
      {"one row number", [](omp::Saved<double>& s) { s.rows[3] += 1.0; }},
      {"states of zero", [](omp::Saved<double>& s) { s.states.zero(); }},
      {"rows of zero", [](omp::Saved<double>& s) { s.rows.zero(); }},
      {"sign of the rows", [](omp::Saved<double>& s) { for (std::size_t i = 0; i < s.rows.size(); ++i) s.rows[i] = -s.rows[i]; }},
      {"states of another block", [](omp::Saved<double>& s) { std::rotate(s.states.data(), s.states.data() + s.states.size() / 3, s.states.data() + s.states.size()); }},
  };
  for (const omp::Isa isa : tested_isas()) {
    CAPTURE(omp::isa_name(isa));
    FW_CHECK_EMPTY_REASON("untouched", why_results_differ(gradients_after<double>(p, on(isa), [](omp::Saved<double>&) {}), truth));
    for (const Mutation& m : mutations) {
      CAPTURE(m.name);
      CHECK(largest_error(gradients_after<double>(p, on(isa), m.spoil), truth) > 1e-4);
    }
    const auto with_nan = gradients_after<double>(p, on(isa), [](omp::Saved<double>& s) { s.states[0] = kPoison<double>; });
    CHECK(!why_results_differ(with_nan, truth).empty());
  }
}

TEST_CASE("omp: fails when broken, what goes in") {
  const Problem p = drawn();
  const auto truth = naive_results(p);
  struct Mutation {
    const char* name;
    std::function<void(Problem&)> spoil;
    const char* seen_in;
  };
  const auto shift = [](Tensor<double>& x) { std::rotate(x.data(), x.data() + x.numel() / 150, x.data() + x.numel()); };
  const Mutation mutations[] = {
      {"scale", [](Problem& w) { w.options.scale = 0.28; }, "o"},
      {"initial state dropped", [](Problem& w) { w.in.initial_state.fill(0.0); }, "final_state"},
      {"g of the token before", [&](Problem& w) { shift(w.in.g); }, "o"},
      {"b of the token before", [&](Problem& w) { shift(w.in.b); }, "o"},
      {"w of the token before", [&](Problem& w) { shift(w.in.w); }, "dv"},
      {"base of two", [](Problem& w) { for (index_t i = 0; i < w.in.g.numel(); ++i) w.in.g[i] *= 0.6931471805599453; }, "dg"},
      {"keys normalised again", [](Problem& w) { w.options.l2norm_qk = true, w.options.l2norm_eps = 0.1; }, "dk"},
      {"one value", [](Problem& w) { w.in.v[700] += 0.1; }, "o"},
      {"batch rows exchanged", [](Problem& w) { std::rotate(w.in.q.data(), w.in.q.data() + 75 * 13, w.in.q.data() + w.in.q.numel()); }, "o"},
      {"gradient of the state dropped", [](Problem& w) { w.up.dfinal_state = {}; }, "dinitial_state"},
      {"gradient of the outputs dropped", [](Problem& w) { w.up.d_o = {}; }, "dq"},
      {"sequences run on", [](Problem& w) { w.in.g[40 * 13] = -50.0; }, "dg"},
  };
  for (const omp::Isa isa : tested_isas())
    for (const Mutation& m : mutations) {
      Problem wrong = p;
      m.spoil(wrong);
      const auto got = omp_results(wrong, on(isa));
      CAPTURE(omp::isa_name(isa));
      CAPTURE(m.name);
      CHECK_NOT_CLOSE(result(got, m.seen_in), result(truth, m.seen_in), Tolerance{1e-4, 1e-3});
    }
}

TEST_CASE("omp: fails when broken, packed sequences that run on") {
  const Problem p = make_problem(Variant::kda, ProblemShape::parse("T75-H1-HV2-Dk13-Dv20-cu0,40,75-noh0"), "weak", 21);
  const auto truth = naive_results(p);
  Problem wrong = p;
  wrong.in.cu_seqlens = {0, 75};
  wrong.up.dfinal_state = part(p.up.dfinal_state, 0, 1, 2);
  const auto got = omp_results(wrong);
  for (const char* name : {"o", "dq", "dk", "dv", "dg", "dbeta"}) CHECK_NOT_CLOSE(result(got, name), result(truth, name), Tolerance{1e-4, 1e-3});
}

TEST_SUITE_END();
