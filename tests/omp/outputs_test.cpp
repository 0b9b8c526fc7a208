// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Every element is written, also of what forward saves; large results, which are written past the caches, have the bits of small
// ones.
#include <cstring>

#include "omp/omp_fixture.h"

using namespace fw;
using namespace fw::test;

namespace {

/// Cheap numbers in (-1, 1), 24 bits each.
class Stream {
 public:
  float next() {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return static_cast<float>(static_cast<std::int32_t>(state_ >> 40) - (1 << 23)) / static_cast<float>(1 << 23);
  }
  Tensor<float> tensor(Shape shape, float low, float high) {
    Tensor<float> x(std::move(shape));
    for (index_t i = 0; i < x.numel(); ++i) x[i] = low + (high - low) * (0.5f + 0.5f * next());
    return x;
  }

 private:
  std::uint64_t state_ = 1;
};

/// Batch row b.
Tensor<float> row_of(const Tensor<float>& x, index_t b) {
  std::vector<index_t> sizes = x.shape().sizes();
  const index_t numel = x.numel() / sizes[0];
  sizes[0] = 1;
  Tensor<float> out{Shape(sizes)};
  std::copy_n(x.data() + b * numel, numel, out.data());
  return out;
}

struct Large {
  Inputs<float> in;
  Upstream<float> up;
  Options options;
};

/// gdn2 with an own key head per value head, or kda with shared ones. Two batch rows, each below the limit from which results
/// are written past the caches, both together above it (2^21 outputs, plan.h).
Large large(bool shared) {
  constexpr index_t B = 2, T = 1024 + 8, HV = 32, Dk = 8, Dv = 32;
  const index_t H = shared ? HV / 2 : HV;
  Stream draw;
  Large p;
  p.options.variant = shared ? Variant::kda : Variant::gdn2;
  p.in.q = draw.tensor({B, T, H, Dk}, -0.5f, 0.5f);
  p.in.k = draw.tensor({B, T, H, Dk}, -0.5f, 0.5f);
  p.in.v = draw.tensor({B, T, HV, Dv}, -1.0f, 1.0f);
  p.in.g = draw.tensor({B, T, shared ? HV : H, Dk}, -0.1f, 0.0f);
  if (shared) p.in.beta = draw.tensor({B, T, HV}, 0.0f, 1.0f);
  else {
    p.in.b = draw.tensor({B, T, H, Dk}, 0.0f, 1.0f);
    p.in.w = draw.tensor({B, T, HV, Dv}, 0.0f, 1.0f);
  }
  p.up.d_o = draw.tensor({B, T, HV, Dv}, -1.0f, 1.0f);
  return p;
}

Large row_of(const Large& p, index_t b) {
  Large one;
  one.options = p.options;
  std::vector<const Tensor<float>*> whole;
  for_each_input(p.in, [&](const char*, const Tensor<float>& x) { whole.push_back(&x); });
  std::size_t i = 0;
  for_each_input(one.in, [&](const char*, Tensor<float>& x) {
    if (whole[i]->defined()) x = row_of(*whole[i], b);
    ++i;
  });
  one.up.d_o = row_of(p.up.d_o, b);
  return one;
}

}  // namespace

TEST_SUITE_BEGIN("omp");

TEST_CASE("omp: fills its outputs, and what forward saves as far as backward reads it") {
  for (Variant variant : delta_variants())
    for (const std::string shape : {"B2-T45-H1-HV2-Dk13-Dv20-gH", "T75-H2-HV2-Dk16-Dv9-cu0,40,40,41,75", "B1-T1-H1-HV1-Dk1-Dv1"}) {
      FloatProblem p(make_problem(variant, ProblemShape::parse(shape), "mixed", 3));
      CAPTURE(info(variant).name);
      CAPTURE(shape);
      for (const omp::Isa isa : tested_isas())
        for (const int threads : {1, 3}) {
          p.wide.options.threads = threads;
          const auto fresh = omp_results(p, on(isa));
          omp::Saved<float> saved;
          Outputs<float> out = poisoned_outputs(p.in);
          Gradients<float> grad = poisoned_gradients(p.in);
          omp::forward(p.in, p.wide.options, out, &saved, on(isa));
          std::fill_n(saved.states.data(), saved.states.size(), kPoison<float>);
          std::fill_n(saved.rows.data(), saved.rows.size(), kPoison<float>);
          omp::forward(p.in, p.wide.options, out, &saved, on(isa));
          omp::backward(p.in, p.up, p.wide.options, grad, &saved, on(isa));
          const auto again = results(out, grad);
          for (const auto& one : again) CHECK_ALL_FINITE(one.value);
          FW_CHECK_EMPTY_REASON("bitwise", why_results_not_bitwise(again, fresh));
        }
    }
}

TEST_CASE("omp: invariant when results are large enough to be written past the caches, bit for bit") {
  for (const bool shared : {false, true}) {
    Large both = large(shared);
    CHECK(both.in.v.numel() >= index_t{1} << 21);
    CHECK(both.in.v.numel() / 2 < index_t{1} << 21);
    const Large rows[] = {row_of(both, 0), row_of(both, 1)};
    for (const omp::Isa isa : tested_isas()) {
      CAPTURE(omp::isa_name(isa));
      both.options.threads = shared ? 2 : 1;
      const auto whole = omp_results(both.in, both.up, both.options, on(isa));
      for (index_t b = 0; b < 2; ++b) {
        const auto one = omp_results(rows[b].in, rows[b].up, rows[b].options, on(isa));
        for (std::size_t i = 0; i < whole.size(); ++i) {
          CAPTURE(whole[i].name);
          CHECK_BITWISE_EQUAL(row_of(whole[i].value, b), one[i].value);
        }
      }
    }
  }
}

TEST_SUITE_END();
