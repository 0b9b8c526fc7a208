// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Causal softmax attention: numbers worked by hand, an independent evaluation in long double, gradients, invariants, edges.
#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "core/families.h"
#include "naive/reference.h"
#include "naive/vjp/softmax_driver.h"
#include "support/check.h"
#include "support/derivatives.h"
#include "support/sequences.h"

namespace fw::test {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr Tolerance kExact{1e-14, 1e-14};
constexpr Tolerance kComplexStep{1e-11, 1e-11};
constexpr Tolerance kDifferences{1e-7, 1e-6};
constexpr Variant kRules[] = {Variant::softmax, Variant::swa};
const auto kForward = [](const auto& in, const Options& options) { return naive::forward(in, options); };

Outputs<double> run(const Problem& p) { return naive::forward(p.in, p.options); }
Gradients<double> run_back(const Problem& p) { return naive::backward(p.in, p.up, p.options); }

Problem problem(Variant rule, const char* shape, std::uint64_t seed, const char* family = "mixed") {
  return make_problem(rule, ProblemShape::parse(shape), family, seed);
}

/// Every token against every other, in long double, the window as a mask.
Tensor<double> masked(const Problem& p, double scale) {
  const index_t B = p.in.q.shape()[0], T = p.in.q.shape()[1], H = p.in.q.shape()[2], HV = p.in.v.shape()[2];
  const index_t Dk = p.in.q.shape()[3], Dv = p.in.v.shape()[3];
  Tensor<double> o(p.in.v.shape());
  for (index_t b = 0; b < B; ++b)
    for (index_t hv = 0; hv < HV; ++hv)
      for (index_t t = 0; t < T; ++t) {
        std::vector<long double> sum(static_cast<std::size_t>(Dv), 0.0L);
        long double total = 0;
        for (index_t s = 0; s < T; ++s) {
          const bool seen = s <= t && (p.options.variant == Variant::softmax || s > t - p.options.window);
          long double score = 0;
          for (index_t i = 0; i < Dk; ++i) score += static_cast<long double>(p.in.q(b, t, hv * H / HV, i)) * p.in.k(b, s, hv * H / HV, i);
          const long double weight = seen ? std::exp(static_cast<long double>(scale) * score) : 0.0L;
          total += weight;
          for (index_t j = 0; j < Dv; ++j) sum[static_cast<std::size_t>(j)] += weight * p.in.v(b, s, hv, j);
        }
        for (index_t j = 0; j < Dv; ++j) o(b, t, hv, j) = static_cast<double>(sum[static_cast<std::size_t>(j)] / total);
      }
  return o;
}

enum class Fault { none, normalisation_ignored, scale_missing, values_of_last_only };

template <Fault fault>
struct Faulty : naive::Softmax {};

template <class T, Fault fault>
void step_vjp(Faulty<fault>, const Eigen::Ref<const naive::Matrix<T>>& K, const Eigen::Ref<const naive::Matrix<T>>& V,
              const naive::Vector<T>& q, T scale, const naive::Vector<T>& d_o, naive::Vector<T>& dq, Eigen::Ref<naive::Matrix<T>> dK,
              Eigen::Ref<naive::Matrix<T>> dV) {
  naive::step_vjp<T>(naive::Softmax{}, K, V, q, scale, d_o, dq, dK, dV);
  if (fault == Fault::scale_missing) dq /= scale;
  if (fault == Fault::values_of_last_only) dV.topRows(dV.rows() - 1).setZero();
  if (fault == Fault::normalisation_ignored) {  // da = p (.) dp
    const naive::Vector<T> p = naive::attention_weights<T>(K, q, scale), dp = V * d_o;
    dq += scale * (K.transpose() * p) * p.cwiseProduct(dp).sum();
  }
}

template <Fault fault>
double error_of(const Problem& p, const Gradients<double>& truth) {
  return worst_gradient_error(naive::run_attention_backward<Faulty<fault>>("faulty softmax backward", p.in, p.up, p.options), truth);
}

}  // namespace

TEST_SUITE("naive") {
  TEST_CASE("softmax naive: closed form of three tokens worked by hand") {
    // scores against q = 1: ln 1, ln 3, ln 4; values 8, 16, 40
    Problem p;
    p.options.variant = Variant::softmax;
    p.options.scale = 0.5;
    p.in.q = tensor_of({1, 3, 1, 1}, {2, 2, 2});
    p.in.k = tensor_of({1, 3, 1, 1}, {0, std::log(3.0), std::log(4.0)});
    p.in.v = tensor_of({1, 3, 1, 1}, {8, 16, 40});
    CHECK_CLOSE(run(p).o, tensor_of({1, 3, 1, 1}, {8, 14, (8 + 48 + 160) / 8.0}), kExact);
    CHECK(!run(p).final_state.defined());
    p.up.d_o = tensor_of({1, 3, 1, 1}, {0, 0, 64});
    // p = 1/8, 3/8, 1/2, o = 27: da = 64 p (v - o) = -152, -264, 416
    const Gradients<double> grad = run_back(p);
    CHECK_CLOSE(grad.dv, tensor_of({1, 3, 1, 1}, {8, 24, 32}), kExact);
    CHECK_CLOSE(grad.dk, tensor_of({1, 3, 1, 1}, {-152, -264, 416}), kExact);
    CHECK_CLOSE(grad.dq, tensor_of({1, 3, 1, 1}, {0, 0, 0.5 * (-264 * std::log(3.0) + 416 * std::log(4.0))}), kExact);
    p.options.variant = Variant::swa;
    p.options.window = 2;
    CHECK_CLOSE(run(p).o, tensor_of({1, 3, 1, 1}, {8, 14, (48 + 160) / 7.0}), kExact);
  }

  TEST_CASE("softmax naive: matches the masked sum in long double") {
    for (const Variant rule : kRules)
      for (const char* shape : {"B2-T40-H2-HV4-Dk6-Dv5-W7", "B1-T70-H1-HV3-Dk5-Dv2-W64", "B1-T9-H1-HV1-Dk4-Dv3-W1"}) {
        const Problem p = problem(rule, shape, 31);
        CHECK_CLOSE(run(p).o, masked(p, 1.0 / std::sqrt(static_cast<double>(p.in.q.shape()[3]))), Tolerance{1e-14, 1e-13});
      }
  }

  TEST_CASE("swa naive: a window as long as the sequence reduces to softmax bit for bit, W = 1 copies v") {
    for (const index_t window : {index_t{40}, index_t{41}, std::numeric_limits<index_t>::max()}) {
      Problem p = problem(Variant::swa, "B2-T40-H2-HV4-Dk6-Dv5", 32);
      p.options.window = window;
      const Outputs<double> out = run(p);
      const Gradients<double> grad = run_back(p);
      p.options.variant = Variant::softmax;
      const Gradients<double> expected = run_back(p);
      CHECK_BITWISE_EQUAL(out.o, run(p).o);
      CHECK_BITWISE_EQUAL(grad.dq, expected.dq);
      CHECK_BITWISE_EQUAL(grad.dk, expected.dk);
      CHECK_BITWISE_EQUAL(grad.dv, expected.dv);
    }
    Problem one = problem(Variant::swa, "B2-T40-H2-HV4-Dk6-Dv5-W1", 32);
    CHECK_BITWISE_EQUAL(run(one).o, one.in.v);
    one.options.window = 39;
    const Outputs<double> almost = run(one);
    one.options.variant = Variant::softmax;
    CHECK_BITWISE_EQUAL(part(almost.o, 1, 0, 39), part(run(one).o, 1, 0, 39));
    CHECK_NOT_CLOSE(part(almost.o, 1, 39, 40), part(run(one).o, 1, 39, 40), Tolerance{1e-6, 1e-6});
  }

  TEST_CASE("swa naive: a token equals the last token of its window alone") {
    const Problem p = problem(Variant::swa, "B2-T40-H1-HV2-Dk6-Dv5-W8", 33);
    const Outputs<double> whole = run(p);
    for (const index_t t : {7, 8, 20, 39}) {
      Problem window = tokens_of(p, t - 7, t + 1);
      window.options.variant = Variant::softmax;
      CHECK_CLOSE(part(run(window).o, 1, 7, 8), part(whole.o, 1, t, t + 1), kExact);
    }
  }

  TEST_CASE("softmax naive: equal keys reduce to the running mean of the values") {
    Problem p = problem(Variant::softmax, "B1-T50-H1-HV2-Dk4-Dv3", 34);
    for (index_t i = 0; i < p.in.k.numel(); ++i) p.in.k[i] = p.in.k[i % 4];
    Tensor<double> mean(p.in.v.shape());
    for (index_t hv = 0; hv < 2; ++hv)
      for (index_t j = 0; j < 3; ++j) {
        long double sum = 0;
        for (index_t t = 0; t < 50; ++t) {
          sum += p.in.v(0, t, hv, j);
          mean(0, t, hv, j) = static_cast<double>(sum / (t + 1));
        }
      }
    CHECK_CLOSE(run(p).o, mean, kExact);
  }

  TEST_CASE("softmax naive: invariant under a common shift of all scores, stable at huge ones") {
    for (const Variant rule : kRules) {
      Problem p = problem(rule, "B1-T30-H1-HV2-Dk4-Dv3-W5", 35);
      for (index_t t = 0; t < 30; ++t) p.in.q(0, t, 0, 3) = 1.0;
      for (index_t t = 0; t < 30; ++t) p.in.k(0, t, 0, 3) = 0.0;
      const Tensor<double> base = run(p).o;
      for (index_t t = 0; t < 30; ++t) p.in.k(0, t, 0, 3) = 4096.0;  // exp(2048) overflows, the differences do not
      CHECK_CLOSE(run(p).o, base, Tolerance{1e-11, 1e-11});
      p.in.k(0, 17, 0, 3) = 1e6;
      const Outputs<double> sharp = run(p);
      CHECK_BITWISE_EQUAL(part(sharp.o, 1, 17, 18), part(p.in.v, 1, 17, 18));
      const Gradients<double> grad = run_back(p);
      CHECK_ALL_FINITE(grad.dq);
      CHECK_ALL_FINITE(grad.dk);
    }
  }

  TEST_CASE("softmax naive: gradient matches the complex step and central differences") {
    for (const Variant rule : kRules)
      for (const char* shape : {"B2-T7-H2-HV4-Dk6-Dv5-W3", "B1-T9-H1-HV3-Dk5-Dv2-W2-cu0,0,4,5,9,9", "B1-T8-H2-HV4-Dk4-Dv6-W4-l2norm",
                                "B1-T0-H1-HV2-Dk4-Dv3", "B2-T1-H1-HV1-Dk2-Dv1", "B1-T70-H1-HV1-Dk2-Dv1-W65"}) {
        CAPTURE(info(rule).name);
        CAPTURE(shape);
        const Problem p = problem(rule, shape, 36);
        const Gradients<double> grad = run_back(p);
        FW_CHECK_EMPTY_REASON("complex step", why_gradients_differ(grad, complex_step(p.in, p.up, p.options, kForward), kComplexStep));
        FW_CHECK_EMPTY_REASON("differences", why_gradients_differ(grad, central_difference(p.in, p.up, p.options, kForward), kDifferences));
      }
  }

  TEST_CASE("softmax naive: gradient fails when broken") {
    const Problem p = problem(Variant::softmax, "B1-T7-H1-HV2-Dk4-Dv3", 37);
    const Gradients<double> truth = complex_step(p.in, p.up, p.options, kForward);
    CHECK(error_of<Fault::none>(p, truth) <= 1e-11);
    CHECK(error_of<Fault::normalisation_ignored>(p, truth) > 1e-3);
    CHECK(error_of<Fault::scale_missing>(p, truth) > 1e-3);
    CHECK(error_of<Fault::values_of_last_only>(p, truth) > 1e-3);
  }

  TEST_CASE("softmax naive: packed sequences, empty ones too, equal them run one by one, bit for bit") {
    for (const Variant rule : kRules) {
      const Problem p = problem(rule, "B1-T53-H2-HV4-Dk4-Dv3-W6-cu0,0,7,42,42,53", 38);
      const Outputs<double> packed = run(p);
      const Gradients<double> grad = run_back(p);
      for (index_t n = 0; n < 5; ++n) {
        const Problem alone = sequence_of(p, n);
        const index_t begin = p.in.cu_seqlens[static_cast<std::size_t>(n)], end = p.in.cu_seqlens[static_cast<std::size_t>(n) + 1];
        CHECK_BITWISE_EQUAL(part(packed.o, 1, begin, end), run(alone).o);
        CHECK_BITWISE_EQUAL(part(grad.dq, 1, begin, end), run_back(alone).dq);
        CHECK_BITWISE_EQUAL(part(grad.dk, 1, begin, end), run_back(alone).dk);
        CHECK_BITWISE_EQUAL(part(grad.dv, 1, begin, end), run_back(alone).dv);
      }
    }
  }

  TEST_CASE("softmax naive: bitwise repeatable on any number of threads, fills its outputs, causal") {
    for (const Variant rule : kRules) {
      Problem p = problem(rule, "B2-T40-H2-HV4-Dk6-Dv5-W9-l2norm", 39);
      const Outputs<double> one = run(p);
      const Gradients<double> grad = run_back(p);
      CHECK_ALL_FINITE(one.o);
      p.options.threads = 3;
      CHECK_BITWISE_EQUAL(run(p).o, one.o);
      CHECK_BITWISE_EQUAL(run_back(p).dq, grad.dq);
      CHECK_BITWISE_EQUAL(run_back(p).dk, grad.dk);
      CHECK_BITWISE_EQUAL(run(tokens_of(p, 0, 23)).o, part(one.o, 1, 0, 23));
      Upstream<double> nothing;
      const Gradients<double> zero = naive::backward(p.in, nothing, p.options);
      CHECK_BITWISE_EQUAL(zero.dk, Tensor<double>(p.in.k.shape(), 0.0));
    }
  }

  TEST_CASE("softmax naive: single precision matches double") {
    const Problem p = problem(Variant::swa, "B1-T40-H1-HV2-Dk6-Dv5-W9", 40);
    CHECK_CLOSE(naive::forward(inputs_as<float>(p.in), p.options).o, run(p).o, Tolerance{1e-6, 1e-5});
  }

  TEST_CASE("softmax naive: rejects what it cannot use") {
    const auto rejects = [](Variant rule, const char* expected, auto spoil) {
      Problem p = problem(rule, "B1-T4-H1-HV2-Dk4-Dv3", 41);
      spoil(p);
      CHECK_THROWS_WITH_AS(run_back(p), doctest::Contains(expected), Error);
    };
    for (const Variant rule : kRules) {
      rejects(rule, "g is not used by this variant", [](Problem& p) { p.in.g = Tensor<double>({1, 4, 2}); });
      rejects(rule, "dt is not used by this variant", [](Problem& p) { p.in.dt = Tensor<double>({1, 4, 2}); });
      rejects(rule, "initial_state is not used by attention", [](Problem& p) { p.in.initial_state = Tensor<double>({1, 2, 4, 3}); });
      rejects(rule, "dfinal_state is not used by attention", [](Problem& p) { p.up.dfinal_state = Tensor<double>({1, 2, 4, 3}); });
      rejects(rule, "dfinal_key is not used by this variant", [](Problem& p) { p.up.dfinal_key = Tensor<double>({1, 2, 4}); });
      rejects(rule, "do must be [B,T,HV,Dv] = [1,4,2,3], got [1,4,1,3]", [](Problem& p) { p.up.d_o = Tensor<double>({1, 4, 1, 3}); });
      rejects(rule, "q must be finite, got inf at flat index 3", [](Problem& p) { p.in.q[3] = kInfinity; });
      rejects(rule, "decay activation needs a variant with decay",
              [](Problem& p) { p.options.decay_activation = DecayActivation::softplus; });
    }
    rejects(Variant::swa, "swa backward: window must be at least 1 token, got 0", [](Problem& p) { p.options.window = 0; });
  }
}

}  // namespace fw::test
