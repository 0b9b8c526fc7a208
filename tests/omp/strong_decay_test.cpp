// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Decays from 0 to -inf: right numbers, exact resets, a dg whose every channel is accurate by itself; and the exponential of
// the kernels, seen through a state that one token decays.
#include <limits>

#include "core/random.h"
#include "omp/omp_fixture.h"

using namespace fw;
using namespace fw::test;

namespace {

constexpr double kReset = -std::numeric_limits<double>::infinity();

Problem problem(Variant variant = Variant::gdn2, const char* shape = "B1-T75-H2-HV2-Dk24-Dv17") {
  return make_problem(variant, ProblemShape::parse(shape), "mixed", 9);
}

/// Largest relative error of one channel, RMS over batch and tokens. Channels whose gradient is zero must be zero exactly.
double worst_channel(const Tensor<double>& candidate, const Tensor<double>& reference) {
  const index_t rows = reference.shape()[0] * reference.shape()[1], channels = reference.numel() / rows;
  double worst = 0;
  for (index_t i = 0; i < channels; ++i) {
    double error = 0, size = 0;
    for (index_t r = 0; r < rows; ++r) {
      error += std::pow(candidate[r * channels + i] - reference[r * channels + i], 2);
      size += std::pow(reference[r * channels + i], 2);
    }
    if (error > 0) worst = std::fmax(worst, std::sqrt(error / size));
  }
  return worst;
}

/// Double within 1e-12 of the truth, float within float rounding, nothing that is not finite. A tensor smaller than `least` has
/// underflowed and has no digits to compare.
void check_both(const Problem& p) {
  const FloatProblem narrow(p);
  const auto truth = naive_results(p), float_truth = naive_results(narrow.wide);
  for (const omp::Isa isa : tested_isas()) {
    CAPTURE(omp::isa_name(isa));
    const auto got = omp_results(p, on(isa));
    const auto single = omp_results(narrow, on(isa));
    for (std::size_t i = 0; i < truth.size(); ++i) {
      CAPTURE(truth[i].name);
      CHECK_ALL_FINITE(got[i].value);
      CHECK_ALL_FINITE(single[i].value);
      if (compare(truth[i].value, truth[i].value, {}).rms_reference > 1e-290) CHECK_CLOSE(got[i].value, truth[i].value, kExact);
      if (compare(truth[i].value, truth[i].value, {}).rms_reference > 1e-30)
        CHECK_CLOSE(single[i].value, float_truth[i].value, Tolerance{2e-6, 2e-5});
    }
    if (p.in.g.shape().rank() == 4) CHECK(worst_channel(result(got, "dg"), result(truth, "dg")) < 1e-12);
  }
}

/// Relative error of exp(g) for `count` decays from 0 to `lowest`, in units of `unit`; below `smallest` the error is absolute
/// and in units of the smallest denormal number.
template <class T>
void check_exponential(double lowest, double smallest, double unit, const omp::Settings& settings) {
  const index_t count = 4096;
  Inputs<T> in;
  in.q = in.k = in.g = Tensor<T>({1, 1, 1, count});
  in.v = Tensor<T>({1, 1, 1, 1});
  in.initial_state = Tensor<T>({1, 1, count, 1}, T(1));
  for (index_t i = 0; i < count; ++i) in.g[i] = static_cast<T>(lowest * static_cast<double>(i) / static_cast<double>(count - 2));
  in.g[count - 1] = -std::numeric_limits<T>::infinity();
  Options options;
  options.variant = Variant::gla;
  const Tensor<T> alpha = omp::forward(in, options, settings).final_state;
  CHECK(alpha[0] == T(1));
  CHECK(alpha[count - 1] == T(0));
  double worst = 0, worst_small = 0;
  for (index_t i = 0; i + 1 < count; ++i) {
    const long double exact = std::exp(static_cast<long double>(in.g[i]));
    const auto error = static_cast<double>(std::fabs(static_cast<long double>(alpha[i]) - exact));
    if (exact >= smallest) worst = std::fmax(worst, error / static_cast<double>(exact));
    else worst_small = std::fmax(worst_small, error / static_cast<double>(std::numeric_limits<T>::denorm_min()));
  }
  CHECK(worst <= unit);
  CHECK(worst_small <= 1.0);
}

}  // namespace

TEST_SUITE_BEGIN("omp");

TEST_CASE("omp: decay of one token matches the exponential, -inf gives exactly zero") {
  for (const omp::Isa isa : tested_isas()) {
    CAPTURE(omp::isa_name(isa));
    check_exponential<float>(-110.0, 1.1754944e-38, std::ldexp(1.0, -22), on(isa));
    check_exponential<float>(-0.02, 1.1754944e-38, std::ldexp(1.0, -23), on(isa));
    check_exponential<double>(-110.0, 2.3e-308, std::ldexp(1.0, -50), on(isa));
    check_exponential<double>(-760.0, 2.3e-308, std::ldexp(1.0, -50), on(isa));
  }
}

TEST_CASE("omp: matches naive at every strength of decay, the same for all channels") {
  for (Variant variant : {Variant::mamba2, Variant::gdn, Variant::gdn2})
    for (const double g : {0.0, -1e-4, -0.5, -5.0, -20.0, -88.0, -100.0, -700.0, -1e4, kReset}) {
      Problem p = problem(variant);
      p.in.g.fill(g);
      CAPTURE(info(variant).name);
      CAPTURE(g);
      check_both(p);
    }
}

TEST_CASE("omp: matches naive with strengths of decay mixed over channels and tokens, channel by channel in dg") {
  const double strengths[] = {0.0, -1e-4, -5.0, -20.0, -1000.0, kReset, -1e-2, -1e5};
  const index_t Dk = 24;
  for (int mix = 0; mix < 4; ++mix) {
    Problem p = problem();
    const Random draw(3, "strengths");
    for (index_t i = 0; i < p.in.g.numel(); ++i) {
      const index_t token = i / (2 * Dk), channel = i % Dk;
      const auto pick = draw.bits(static_cast<std::uint64_t>(i)) % 8;
      if (mix == 0) p.in.g[i] = strengths[channel % 8];                                  // one strength per channel
      if (mix == 1) p.in.g[i] = strengths[pick];                                         // any strength anywhere
      if (mix == 2) p.in.g[i] = token % 37 == 20 ? strengths[pick] : -1e-4;              // spikes among weak decay
      if (mix == 3 && token % 50 == 31) p.in.g[i] = token % 100 == 31 ? kReset : -30.0;  // events of all channels at once
    }
    CAPTURE(mix);
    check_both(p);
  }
}

TEST_CASE("omp: invariant under the past of a reset of all channels, bit for bit") {
  for (const index_t reset : {0, 1, 20, 32, 64}) {
    Problem p = problem();
    for (index_t h = 0; h < 2; ++h)
      for (index_t i = 0; i < 24; ++i) p.in.g(0, reset, h, i) = kReset;
    Problem other = p;
    other.in.initial_state.fill(3.0);
    for (index_t i = 0; i < reset * 2 * 17; ++i) other.in.v[i] += 5.0;
    for (const omp::Isa isa : tested_isas()) {
      const auto a = results_in<float>(p, on(isa)), b = results_in<float>(other, on(isa));
      CAPTURE(reset);
      CAPTURE(omp::isa_name(isa));
      CHECK_BITWISE_EQUAL(result(a, "final_state"), result(b, "final_state"));
      for (const char* name : {"o", "dq", "dv"}) CHECK_CLOSE(part(result(a, name), 1, reset, 75), part(result(b, name), 1, reset, 75), Tolerance{0, 0});
      bool zero = true;
      for (index_t i = 0; i < 2 * 24; ++i) zero = zero && result(a, "dg")[reset * 2 * 24 + i] == 0.0;
      for (index_t i = 0; reset == 0 && i < p.in.initial_state.numel(); ++i) zero = zero && result(a, "dinitial_state")[i] == 0.0;
      CHECK(zero);
    }
  }
}

TEST_SUITE_END();
