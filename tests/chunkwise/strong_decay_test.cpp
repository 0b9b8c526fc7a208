// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Decays from 0 to -inf: right numbers, exact resets, and a dg whose every channel and token is accurate by itself.
#include <limits>

#include "chunkwise/chunk_fixture.h"
#include "chunkwise/problems_fixture.h"

using namespace fw;
using namespace fw::test;

namespace {

constexpr double kReset = -std::numeric_limits<double>::infinity();

Problem problem(Variant variant = Variant::gdn2, const char* shape = "B1-T150-H2-HV2-Dk24-Dv17") {
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

}  // namespace

TEST_SUITE_BEGIN("chunkwise");

TEST_CASE("strong decay: matches naive at every strength, the same for all channels") {
  for (double g : {0.0, -1e-4, -0.5, -5.0, -20.0, -88.0, -700.0, -1000.0, -1e5, kReset}) {
    Problem p = problem();
    p.in.g.fill(g);
    CAPTURE(g);
    const auto got = chunkwise_results(p), truth = naive_results(p);
    for (const auto& one : got) CHECK_ALL_FINITE(one.value);
    for (const auto& one : truth) {
      CAPTURE(one.name);
      // a gradient that has underflowed to subnormal numbers has no digits to compare
      if (compare(one.value, one.value, kExact).rms_reference > 1e-290) CHECK_CLOSE(result(got, one.name), one.value, kExact);
    }
  }
}

TEST_CASE("strong decay: matches naive with strengths mixed over channels and tokens, channel by channel in dg") {
  const double strengths[] = {0.0, -1e-4, -5.0, -20.0, -1000.0, kReset, -1e-2, -1e5};
  for (int mix = 0; mix < 4; ++mix) {
    Problem p = problem();
    const Random draw(3, "strengths");
    const index_t Dk = 24;
    for (index_t i = 0; i < p.in.g.numel(); ++i) {
      const index_t token = i / (2 * Dk), channel = i % Dk;
      const auto pick = draw.bits(static_cast<std::uint64_t>(i)) % 8;
      if (mix == 0) p.in.g[i] = strengths[channel % 8];                       // one strength per channel
      if (mix == 1) p.in.g[i] = strengths[pick];                              // any strength anywhere
      if (mix == 2) p.in.g[i] = token % 37 == 20 ? strengths[pick] : -1e-4;   // rare events among weak decay
      if (mix == 3 && token % 50 == 31) p.in.g[i] = token % 100 == 31 ? kReset : -30.0;  // events of all channels at once
    }
    CAPTURE(mix);
    const auto got = chunkwise_results(p), truth = naive_results(p);
    FW_CHECK_EMPTY_REASON("matches naive", why_results_differ(got, truth));
    CHECK(worst_channel(result(got, "dg"), result(truth, "dg")) < 1e-12);
  }
}

TEST_CASE("strong decay: dg keeps its digits at a token where the usual difference of running sums loses them") {
  Problem p = problem(Variant::gdn2, "B1-T64-H1-HV1-Dk16-Dv12");
  p.in.g.fill(-1e-3);
  const index_t t = 40;
  for (index_t i = 0; i < 16; ++i) p.in.g(0, t, 0, i) = -25.0;
  const Tensor<double> truth = naive::backward(p.in, p.up, p.options).dg, dg = chunkwise::backward(p.in, p.up, p.options).dg;

  const chunkwise::Settings settings;
  const Geometry geo = check_inputs("test", p.in, p.options);
  chunkwise::ChunkFactors<double> f;
  chunkwise::ChunkGradients<double> d;
  const chunkwise::Head<double> head{p.in, geo, p.options, 0, 0};
  chunkwise::prepare_chunk(head, 0, settings, f);
  const Mat S0 = head.initial_state();
  chunkwise::residual_rows(f, S0, settings);
  Mat dS = Eigen::Map<const Mat>(p.up.dfinal_state.data(), 16, 12);
  chunkwise::chunk_backward(f, S0, Mat(Eigen::Map<const Mat>(p.up.d_o.data(), 64, 12)), dS, settings, d);
  const Mat dk_rows = d.dk - d.de.cwiseProduct(f.b);
  const Mat dG = f.q.cwiseProduct(d.dq) + f.e.cwiseProduct(d.de) - f.k.cwiseProduct(dk_rows);
  double worst = 0, worst_shortcut = 0;
  for (index_t i = 0; i < 16; ++i) {
    const double shortcut = dG.col(i).tail(64 - t).sum() + f.K_tail.cwiseProduct(d.dK_tail).col(i).sum() + d.dlog_gamma_C[i];
    worst = std::fmax(worst, std::fabs(dg(0, t, 0, i) / truth(0, t, 0, i) - 1));
    worst_shortcut = std::fmax(worst_shortcut, std::fabs(shortcut / truth(0, t, 0, i) - 1));
  }
  CHECK(worst < 1e-12);
  CHECK(worst_shortcut > 1e-6);
  CHECK(worst_shortcut < 1.0);  // the same quantity, without its digits
}

TEST_CASE("strong decay: a reset of all channels forgets the past exactly") {
  for (index_t reset : {0, 1, 20, 64, 100}) {
    Problem p = problem();
    for (index_t h = 0; h < 2; ++h)
      for (index_t i = 0; i < 24; ++i) p.in.g(0, reset, h, i) = kReset;
    Problem other = p;
    other.in.initial_state.fill(3.0);
    for (index_t t = 0; t < reset; ++t)
      for (index_t h = 0; h < 2; ++h)
        for (index_t i = 0; i < 17; ++i) other.in.v(0, t, h, i) += 5.0;
    const Outputs<double> a = chunkwise::forward(p.in, p.options), b = chunkwise::forward(other.in, other.options);
    CHECK_BITWISE_EQUAL(a.final_state, b.final_state);
    bool same = true;
    for (index_t i = reset * 2 * 17; i < a.o.numel(); ++i) same = same && a.o[i] == b.o[i];
    CHECK(same);
    const Gradients<double> grad = chunkwise::backward(p.in, p.up, p.options);
    for (index_t h = 0; h < 2; ++h)
      for (index_t i = 0; i < 24; ++i) CHECK(grad.dg(0, reset, h, i) == 0.0);
    if (reset == 0)
      for (index_t i = 0; i < grad.dinitial_state.numel(); ++i) CHECK(grad.dinitial_state[i] == 0.0);
  }
}

TEST_CASE("strong decay: float and rounded products stay finite and close at every strength") {
  for (double g : {-5.0, -20.0, -88.0, -120.0, -1000.0, kReset}) {
    Problem p = problem();
    for (index_t i = 0; i < p.in.g.numel(); ++i)
      if (i % 3 != 0) p.in.g[i] = g;
    round_problem(p, DType::bf16, DType::f32);
    const auto truth = naive_results(p);
    const auto narrow = chunkwise_results(cast_inputs<float>(p.in), cast_upstream<float>(p.up), p.options);
    CAPTURE(g);
    for (std::size_t i = 0; i < truth.size(); ++i) {
      CAPTURE(truth[i].name);
      CHECK_CLOSE(narrow[i].value, truth[i].value, Tolerance{2e-6, 1e-4});
    }
    const auto rounded = chunkwise_results(p, {64, 16, {chunkwise::Rounding::Products::bf16, false}});
    FW_CHECK_EMPTY_REASON("bf16", why_results_differ(rounded, truth, Tolerance{1e-2, 5e-2}));
  }
}

TEST_SUITE_END();
