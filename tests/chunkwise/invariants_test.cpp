// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include <algorithm>

#include "chunkwise/problems_fixture.h"

using namespace fw;
using namespace fw::test;
using chunkwise::Settings;

namespace {

Problem draw(Variant variant, const std::string& shape, const char* family = "mixed") {
  return make_problem(variant, ProblemShape::parse(shape), family, 13);
}

/// Elements [from, from + length) of axis `axis`.
Tensor<double> cut(const Tensor<double>& x, index_t axis, index_t from, index_t length) {
  if (!x.defined()) return {};
  std::vector<index_t> sizes = x.shape().sizes();
  index_t outer = 1, inner = 1;
  for (index_t a = 0; a < x.shape().rank(); ++a) (a < axis ? outer : inner) *= a == axis ? 1 : x.shape()[a];
  const index_t whole = x.shape()[axis];
  sizes[static_cast<std::size_t>(axis)] = length;
  Tensor<double> out{Shape(sizes)};
  for (index_t o = 0; o < outer; ++o) std::copy_n(x.data() + (o * whole + from) * inner, length * inner, out.data() + o * length * inner);
  return out;
}

/// Tokens [from, from + length) of a problem, without its states.
Problem cut_tokens(const Problem& p, index_t from, index_t length) {
  Problem part;
  part.options = p.options;
  const Inputs<double>& in = p.in;
  part.in.q = cut(in.q, 1, from, length);
  part.in.k = cut(in.k, 1, from, length);
  part.in.v = cut(in.v, 1, from, length);
  part.in.g = cut(in.g, 1, from, length);
  part.in.b = cut(in.b, 1, from, length);
  part.in.w = cut(in.w, 1, from, length);
  part.in.beta = cut(in.beta, 1, from, length);
  part.up.d_o = cut(p.up.d_o, 1, from, length);
  return part;
}

struct Collapse {
  Variant wide, narrow;
};

/// The wide rule with its gates set so that it is the narrow one.
std::pair<Problem, Problem> collapse(const Collapse& c) {
  Problem narrow = draw(c.narrow, "B2-T100-H2-HV4-Dk16-Dv8-gHV-bHV"), wide = draw(c.wide, "B2-T100-H2-HV4-Dk16-Dv8-gHV-bHV");
  wide.in.q = narrow.in.q, wide.in.k = narrow.in.k, wide.in.v = narrow.in.v, wide.in.initial_state = narrow.in.initial_state;
  wide.up = narrow.up;
  // gates with a few bits, so that the mean of equal gates is that gate, exactly
  for (index_t i = 0; i < narrow.in.beta.numel(); ++i) narrow.in.beta[i] = std::round(narrow.in.beta[i] * 256) / 256;
  const bool tied = narrow.in.beta.defined();
  const auto spread = [&](Tensor<double>& gate, double otherwise) {
    if (!gate.defined()) return;
    const index_t channels = gate.numel() / (2 * 100 * 4);
    for (index_t i = 0; i < gate.numel(); ++i) gate[i] = tied ? narrow.in.beta[i / channels] : otherwise;
  };
  spread(wide.in.b, 0.0);
  spread(wide.in.w, 1.0);
  if (wide.in.beta.defined()) wide.in.beta = narrow.in.beta;
  if (wide.in.g.defined()) {
    if (!narrow.in.g.defined()) wide.in.g.fill(0.0);
    else if (narrow.in.g.shape() == wide.in.g.shape()) wide.in.g = narrow.in.g;
    else
      for (index_t i = 0; i < wide.in.g.numel(); ++i) wide.in.g[i] = narrow.in.g[i / 16];
  }
  return {wide, narrow};
}

}  // namespace

TEST_SUITE_BEGIN("chunkwise");

TEST_CASE("invariant: bitwise repeatable, whatever the number of threads") {
  for (Variant variant : {Variant::gdn, Variant::gdn2}) {
    Problem p = draw(variant, "B1-T300-H2-HV4-Dk24-Dv17-softplus-sigmoid-l2norm-gH-cu0,100,100,229,300");
    const auto once = chunkwise_results(p);
    for (int threads : {0, 2, 5}) {
      p.options.threads = threads;
      FW_CHECK_EMPTY_REASON("bitwise", why_results_not_bitwise(chunkwise_results(p), once));
    }
  }
}

TEST_CASE("invariant: a gate that collapses gives the narrower rule bit for bit") {
  const Collapse collapses[] = {{Variant::gdn2, Variant::kda}, {Variant::gdn2_write, Variant::kda}, {Variant::gdn2_erase, Variant::kda},
                                {Variant::gdn2, Variant::gla}, {Variant::kda, Variant::gdn},        {Variant::gdn, Variant::delta},
                                {Variant::gla, Variant::mamba2}, {Variant::mamba2, Variant::linear}, {Variant::gdn2, Variant::linear},
                                {Variant::gdn2, Variant::delta}, {Variant::gdn2, Variant::gdn}};
  for (const Collapse& c : collapses) {
    const auto [wide, narrow] = collapse(c);
    CAPTURE(info(c.wide).name);
    CAPTURE(info(c.narrow).name);
    const auto a = chunkwise_results(wide), b = chunkwise_results(narrow);
    for (const char* name : {"o", "final_state", "dq", "dk", "dv", "dinitial_state"}) {
      CAPTURE(name);
      CHECK_BITWISE_EQUAL(result(a, name), result(b, name));
    }
    if (narrow.in.g.defined() && narrow.in.g.shape() == wide.in.g.shape()) CHECK_BITWISE_EQUAL(result(a, "dg"), result(b, "dg"));
    if (narrow.in.g.defined() && narrow.in.g.shape() != wide.in.g.shape()) {
      Tensor<double> summed(narrow.in.g.shape());
      for (index_t i = 0; i < summed.numel() * 16; ++i) summed[i / 16] += result(a, "dg")[i];
      CHECK_CLOSE(summed, result(b, "dg"), kExact);
    }
  }
}

TEST_CASE("invariant: tied gates get the sum of what the untied ones get") {
  const auto [wide, narrow] = collapse({Variant::gdn2, Variant::kda});
  const auto a = chunkwise_results(wide), b = chunkwise_results(narrow);
  Tensor<double> summed(narrow.in.beta.shape());
  for (index_t i = 0; i < summed.numel(); ++i) {
    for (index_t j = 0; j < 16; ++j) summed[i] += result(a, "db")[i * 16 + j];
    for (index_t j = 0; j < 8; ++j) summed[i] += result(a, "dw")[i * 8 + j];
  }
  CHECK_CLOSE(summed, result(b, "dbeta"), kExact);
}

TEST_CASE("invariant: a sequence may be split anywhere; at a chunk's edge the bits stay the same") {
  for (Variant variant : {Variant::gla, Variant::gdn2})
    for (index_t split : {64, 128, 1, 30, 149}) {
      const Problem p = draw(variant, "B2-T150-H1-HV2-Dk13-Dv10");
      Problem head = cut_tokens(p, 0, split), tail = cut_tokens(p, split, 150 - split);
      head.in.initial_state = p.in.initial_state;
      const Outputs<double> first = chunkwise::forward(head.in, p.options);
      tail.in.initial_state = first.final_state;
      tail.up.dfinal_state = p.up.dfinal_state;
      const auto second = chunkwise_results(tail);
      head.up.dfinal_state = result(second, "dinitial_state");
      const auto whole = chunkwise_results(p);
      const auto head_grad = chunkwise_results(head);
      const auto check = [&](const Tensor<double>& part, const Tensor<double>& all) {
        if (split % 64 == 0) CHECK_BITWISE_EQUAL(part, all);
        else CHECK_CLOSE(part, all, kExact);
      };
      check(first.o, cut(result(whole, "o"), 1, 0, split));
      check(result(second, "final_state"), result(whole, "final_state"));
      for (const char* name : {"o", "dq", "dk", "dv", "dg"}) check(result(second, name), cut(result(whole, name), 1, split, 150 - split));
      for (const char* name : {"dq", "dk", "dv", "dg"}) check(result(head_grad, name), cut(result(whole, name), 1, 0, split));
      check(result(head_grad, "dinitial_state"), result(whole, "dinitial_state"));
    }
}

TEST_CASE("invariant: later tokens do not change earlier outputs, bit for bit") {
  for (index_t t : {0, 5, 64, 77, 129}) {
    const Problem p = draw(Variant::gdn2, "B1-T130-H2-HV2-Dk13-Dv10");
    Problem other = p;
    for (Tensor<double>* x : {&other.in.q, &other.in.k, &other.in.v, &other.in.g, &other.in.b, &other.in.w}) {
      const index_t row = x->numel() / 130;
      for (index_t i = t * row; i < x->numel(); ++i) (*x)[i] *= 0.37;
    }
    CHECK_BITWISE_EQUAL(cut(chunkwise::forward(other.in, p.options).o, 1, 0, t), cut(chunkwise::forward(p.in, p.options).o, 1, 0, t));
  }
}

TEST_CASE("invariant: packed sequences equal their sequences one by one, bit for bit; an empty one hands its state through") {
  const Problem p = draw(Variant::kda, "B1-T180-H1-HV2-Dk13-Dv10-cu0,70,70,71,180");
  const auto whole = chunkwise_results(p);
  for (std::size_t n = 0; n + 1 < p.in.cu_seqlens.size(); ++n) {
    const index_t from = p.in.cu_seqlens[n], length = p.in.cu_seqlens[n + 1] - from;
    Problem one = cut_tokens(p, from, length);
    one.in.initial_state = cut(p.in.initial_state, 0, static_cast<index_t>(n), 1);
    one.up.dfinal_state = cut(p.up.dfinal_state, 0, static_cast<index_t>(n), 1);
    const auto alone = chunkwise_results(one);
    for (const char* name : {"o", "dq", "dk", "dv", "dg", "dbeta"})
      CHECK_BITWISE_EQUAL(cut(result(whole, name), 1, from, length), result(alone, name));
    for (const char* name : {"final_state", "dinitial_state"})
      CHECK_BITWISE_EQUAL(cut(result(whole, name), 0, static_cast<index_t>(n), 1), result(alone, name));
    if (length == 0) {
      CHECK_BITWISE_EQUAL(result(alone, "final_state"), one.in.initial_state);
      CHECK_BITWISE_EQUAL(result(alone, "dinitial_state"), one.up.dfinal_state);
    }
  }
}

TEST_CASE("invariant: outputs are linear in value and initial state together") {
  Problem p = draw(Variant::gdn2, "B1-T100-H2-HV2-Dk13-Dv10");
  const Outputs<double> once = chunkwise::forward(p.in, p.options);
  for (Tensor<double>* x : {&p.in.v, &p.in.initial_state})
    for (index_t i = 0; i < x->numel(); ++i) (*x)[i] *= -4.0;
  Outputs<double> scaled = chunkwise::forward(p.in, p.options);
  for (Tensor<double>* x : {&scaled.o, &scaled.final_state})
    for (index_t i = 0; i < x->numel(); ++i) (*x)[i] /= -4.0;
  CHECK_BITWISE_EQUAL(scaled.o, once.o);
  CHECK_BITWISE_EQUAL(scaled.final_state, once.final_state);
}

TEST_CASE("chunkwise: fills its outputs; the trace of a head shows the same numbers") {
  const Problem p = draw(Variant::gdn2, "B2-T100-H1-HV2-Dk13-Dv10");
  const auto all = chunkwise_results(p);
  for (const auto& one : all) CHECK_ALL_FINITE(one.value);
  const auto trace = chunkwise::trace_head(p.in, p.options, Settings{32, 16, {}}, 1, 1);
  const Outputs<double> out = chunkwise::forward(p.in, p.options, Settings{32, 16, {}});
  REQUIRE(trace.chunks.size() == 4);
  REQUIRE(trace.states.size() == 5);
  bool same = true;
  for (std::size_t c = 0; c < 4; ++c)
    for (index_t r = 0; r < trace.chunks[c].rows(); ++r)
      for (index_t j = 0; j < 10; ++j) same = same && trace.outputs[c](r, j) == out.o(1, trace.chunks[c].first + r, 1, j);
  for (index_t i = 0; i < 13; ++i)
    for (index_t j = 0; j < 10; ++j) same = same && trace.states[4](i, j) == out.final_state(1, 1, i, j);
  CHECK(same);
}

TEST_SUITE_END();
