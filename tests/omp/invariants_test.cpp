// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// What must not change a bit: threads, repetition, what lies beside a sequence, what comes behind a token, where a sequence is
// handed over.
#include <array>

#include "omp/omp_fixture.h"

using namespace fw;
using namespace fw::test;

namespace {

Problem drawn(Variant variant, const std::string& shape, const char* family = "mixed") {
  return make_problem(variant, ProblemShape::parse(shape), family, 13);
}

/// f(isa) for every instruction set.
template <class F>
void on_every_isa(F&& f) {
  for (const omp::Isa isa : tested_isas()) {
    CAPTURE(omp::isa_name(isa));
    f(on(isa));
  }
}

template <class T>
void check_threads(Problem p) {
  on_every_isa([&](const omp::Settings& settings) {
    p.options.threads = 1;
    const auto once = results_in<T>(p, settings);
    for (const int threads : {1, 2, 3, 8}) {
      CAPTURE(threads);
      p.options.threads = threads;
      FW_CHECK_EMPTY_REASON("bitwise", why_results_not_bitwise(results_in<T>(p, settings), once));
    }
  });
}

/// What keeps its bits when a sequence is cut: nothing, what forward returns, or everything.
enum class SameBits { none, outputs, all };

/// Both halves of a problem cut at `split`, the state handed over: the same bits or, where chunks or blocks fall otherwise, close.
template <class T>
void check_split(const Problem& p, index_t split, SameBits same, const omp::Settings& settings) {
  const index_t T_all = p.in.q.shape()[1];
  CAPTURE(split);
  const auto whole = results_in<T>(p, settings);
  Problem head = tokens_of(p, 0, split), tail = tokens_of(p, split, T_all);
  tail.in.initial_state = result(results_in<T>(head, settings), "final_state");
  const auto second = results_in<T>(tail, settings);
  head.up.dfinal_state = result(second, "dinitial_state");
  const auto first = results_in<T>(head, settings);
  const auto check = [&](const std::string& name, const Tensor<double>& candidate, const Tensor<double>& reference) {
    CAPTURE(name);
    const bool output = name == "o" || name == "final_state";
    if (same == SameBits::all || (same == SameBits::outputs && output)) CHECK_BITWISE_EQUAL(candidate, reference);
    else CHECK_CLOSE(candidate, reference, sizeof(T) == 4 ? Tolerance{2e-6, 2e-5} : kExact);
  };
  for (const auto& [name, value] : whole) {
    if (name == "final_state") check(name, result(second, name), value);
    else if (name == "dinitial_state") check(name, result(first, name), value);
    else if (is_per_token(name)) {
      check(name, result(first, name), part(value, 1, 0, split));
      check(name, result(second, name), part(value, 1, split, T_all));
    }
  }
}

void check_split(index_t split, SameBits same) {
  for (Variant variant : delta_variants()) {
    const Problem p = drawn(variant, "B2-T77-H1-HV2-Dk13-Dv20");
    CAPTURE(info(variant).name);
    on_every_isa([&](const omp::Settings& settings) {
      check_split<float>(FloatProblem(p).wide, split, same, settings);
      check_split<double>(p, split, same, settings);
    });
  }
}

/// Every sequence of a packed problem against itself alone.
template <class T>
void check_packed(const Problem& p, const omp::Settings& settings) {
  const auto whole = results_in<T>(p, settings);
  for (index_t n = 0; n + 1 < static_cast<index_t>(p.in.cu_seqlens.size()); ++n) {
    const index_t from = p.in.cu_seqlens[static_cast<std::size_t>(n)], to = p.in.cu_seqlens[static_cast<std::size_t>(n) + 1];
    const Problem one = sequence_of(p, n);
    const auto alone = results_in<T>(one, settings);
    for (const auto& [name, value] : whole) {
      CAPTURE(name);
      if (is_per_token(name)) CHECK_BITWISE_EQUAL(result(alone, name), part(value, 1, from, to));
      else if (is_per_sequence(name)) CHECK_BITWISE_EQUAL(result(alone, name), part(value, 0, n, n + 1));
    }
    if (from == to) {
      CHECK_BITWISE_EQUAL(result(alone, "final_state"), one.in.initial_state.cast<T>().template cast<double>());
      CHECK_BITWISE_EQUAL(result(alone, "dinitial_state"), one.up.dfinal_state.cast<T>().template cast<double>());
    }
  }
}

}  // namespace

TEST_SUITE_BEGIN("omp");

TEST_CASE("omp: bitwise repeatable at 1, 2, 3 and 8 threads") {
  const std::array shapes = {"B1-T70-H1-HV2-Dk24-Dv40-gH-bH", "B3-T40-H2-HV4-Dk13-Dv20-gHV-bHV", "T75-H2-HV4-Dk16-Dv16-cu0,40,40,41,75-gH-bHV"};
  for (Variant variant : delta_variants())
    for (const std::string shape : shapes) {
      CAPTURE(info(variant).name);
      CAPTURE(shape);
      check_threads<float>(drawn(variant, shape));
      check_threads<double>(drawn(variant, shape));
    }
  for (const std::string activation : {"softplus", "bounded"})
    for (const std::string shape : shapes) check_threads<float>(drawn(Variant::gdn2, shape + "-sigmoid-l2norm-" + activation));
  check_threads<float>(drawn(Variant::gdn, "B2-T70-H1-HV3-Dk24-Dv40-gHV-softplus"));
}

TEST_CASE("omp: bitwise repeatable into tensors that are used again, whatever was in them") {
  for (Variant variant : {Variant::linear, Variant::gdn, Variant::gdn2}) {
    const FloatProblem small(drawn(variant, "B1-T40-H1-HV2-Dk13-Dv20")), large(drawn(variant, "B2-T100-H2-HV4-Dk24-Dv40"));
    on_every_isa([&](const omp::Settings& settings) {
      Outputs<float> out;
      Gradients<float> grad;
      omp::Saved<float> saved;
      const auto run = [&](const FloatProblem& p) {
        omp::forward(p.in, p.wide.options, out, &saved, settings);
        omp::backward(p.in, p.up, p.wide.options, grad, &saved, settings);
        return results(out, grad);
      };
      const auto fresh = omp_results(small, settings), fresh_large = omp_results(large, settings);
      FW_CHECK_EMPTY_REASON("fresh", why_results_not_bitwise(run(small), fresh));
      const float *o = out.o.data(), *dk = grad.dk.data();
      FW_CHECK_EMPTY_REASON("again", why_results_not_bitwise(run(small), fresh));
      CHECK(out.o.data() == o);
      CHECK(grad.dk.data() == dk);
      FW_CHECK_EMPTY_REASON("larger", why_results_not_bitwise(run(large), fresh_large));
      FW_CHECK_EMPTY_REASON("smaller", why_results_not_bitwise(run(small), fresh));
    });
  }
}

TEST_CASE("omp: bitwise repeatable with and without what forward saves") {
  for (Variant variant : delta_variants()) {
    FloatProblem p(drawn(variant, "B2-T75-H1-HV2-Dk24-Dv40"));
    for (const int threads : {1, 3}) {
      p.wide.options.threads = threads;
      on_every_isa([&](const omp::Settings& settings) {
        const auto saving = omp_results(p, settings);
        const auto without = results(omp::forward(p.in, p.wide.options, settings), omp::backward(p.in, p.up, p.wide.options, settings));
        FW_CHECK_EMPTY_REASON("bitwise", why_results_not_bitwise(without, saving));
      });
    }
  }
}

TEST_CASE("omp: invariant when a sequence is split anywhere") {
  for (const index_t split : {0, 1, 30, 77}) check_split(split, SameBits::none);
}

TEST_CASE("omp: invariant when a sequence is split at a block's edge, bit for bit") {
  for (const index_t split : {32, 64}) check_split(split, SameBits::all);
}

TEST_CASE("omp: invariant when a sequence is split at a micro-chunk's edge, outputs bit for bit") {
  for (const index_t split : {8, 40, 72}) check_split(split, SameBits::outputs);
}

TEST_CASE("omp: invariant when later tokens change, outputs before them keep their bits") {
  for (Variant variant : delta_variants())
    for (const index_t t : {0, 5, 32, 47, 69}) {
      const Problem p = drawn(variant, "B1-T70-H2-HV2-Dk13-Dv20");
      Problem other = p;
      for_each_input(other.in, [&](const char* name, Tensor<double>& x) {
        if (!x.defined() || !is_per_token(name)) return;
        for (index_t i = t * (x.numel() / 70); i < x.numel(); ++i) x[i] *= 0.37;
      });
      CAPTURE(info(variant).name);
      on_every_isa([&](const omp::Settings& settings) {
        const Tensor<double> before = part(result(results_in<float>(p, settings), "o"), 1, 0, t);
        CHECK_BITWISE_EQUAL(part(result(results_in<float>(other, settings), "o"), 1, 0, t), before);
      });
    }
}

TEST_CASE("omp: invariant when sequences are packed, the same bits as one by one, empty ones hand their state through") {
  for (Variant variant : delta_variants())
    for (const std::string heads : {"H1-HV2-gH", "H2-HV2-gHV-l2norm"}) {
      const Problem p = drawn(variant, "T107-Dk13-Dv20-cu0,40,40,41,73,107,107-" + heads);
      CAPTURE(info(variant).name);
      on_every_isa([&](const omp::Settings& settings) {
        check_packed<float>(p, settings);
        check_packed<double>(p, settings);
      });
    }
}

TEST_CASE("omp: invariant under a factor on values and initial state, a power of two changes no other bit") {
  for (Variant variant : delta_variants()) {
    Problem p = drawn(variant, "B1-T70-H2-HV2-Dk13-Dv20");
    const auto once = results_in<float>(p);
    for (Tensor<double>* x : {&p.in.v, &p.in.initial_state})
      for (index_t i = 0; i < x->numel(); ++i) (*x)[i] *= -4.0;
    const auto scaled = results_in<float>(p);
    CAPTURE(info(variant).name);
    for (const char* name : {"o", "final_state"}) {
      Tensor<double> back = result(scaled, name);
      for (index_t i = 0; i < back.numel(); ++i) back[i] /= -4.0;
      CHECK_BITWISE_EQUAL(back, result(once, name));
    }
  }
}

TEST_SUITE_END();
