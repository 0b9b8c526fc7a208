// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The fast path in float: no tensor further from the truth than twice the token-by-token reference in float. The truth is the
// reference in double on the same float numbers, the error its rel-L2, the root mean square over a few seeds: a tensor may
// hang on a handful of numbers (one token's gate, the last token's state), and one draw of them is luck.
// Floor: two units of 2^-24, four times the rounding of a stored result (at most half a unit). Below it a tensor is as good as exact, and
// what the reference has is luck.
#include <cmath>
#include <map>

#include "omp/omp_fixture.h"

using namespace fw;
using namespace fw::test;

namespace {

const double kUnit = std::ldexp(1.0, -24);
constexpr int kSeeds = 3;

/// Mean squares of the error of every tensor, by name.
using Errors = std::map<std::string, double>;

void add_errors(Errors& errors, const std::vector<Named<float>>& candidate, const std::vector<Named<double>>& truth) {
  for (std::size_t i = 0; i < truth.size(); ++i)
    errors[truth[i].name] += std::pow(compare(candidate[i].value.cast<double>(), truth[i].value, {}).rel_l2, 2) / kSeeds;
}

/// dA_log and ddt_bias are a few numbers each, sums over all tokens: one draw says little, so their errors are compared on
/// average over the families (geometric mean of the ratio).
class Sums {
 public:
  static bool includes(const std::string& name) { return name == "dA_log" || name == "ddt_bias"; }
  void add(omp::Isa isa, const std::string& name, double error, double naive) {
    Mean& mean = means_[{isa, name}];
    mean.logs += std::log(std::fmax(error, kUnit) / std::fmax(naive, kUnit));
    ++mean.count;
  }
  ~Sums() {
    for (const auto& [key, mean] : means_) {
      const double ratio = std::exp(mean.logs / mean.count);
      CAPTURE(omp::isa_name(key.first));
      CAPTURE(key.second);
      CHECK(ratio <= 2.0);
    }
  }

 private:
  struct Mean {
    double logs = 0;
    int count = 0;
  };
  std::map<std::pair<omp::Isa, std::string>, Mean> means_;
};

/// f(problem) may change what was drawn.
template <class F>
void check_accuracy(Variant variant, const std::string& shape, const std::string& family, Sums& sums, F&& change) {
  CAPTURE(info(variant).name);
  CAPTURE(shape);
  CAPTURE(family);
  Errors reference;
  std::map<omp::Isa, Errors> fast;
  for (int seed = 1; seed <= kSeeds; ++seed) {
    Problem drawn = make_problem(variant, ProblemShape::parse(shape), family, static_cast<std::uint64_t>(seed));
    change(drawn);
    const FloatProblem p(drawn);
    const auto truth = naive_results(p.wide);
    add_errors(reference, naive_results(p.in, p.up, p.wide.options), truth);
    for (const omp::Isa isa : tested_isas()) add_errors(fast[isa], omp_results(p, on(isa)), truth);
  }
  for (const auto& [isa, errors] : fast)
    for (const auto& [name, square] : errors) {
      const double error = std::sqrt(square), naive = std::sqrt(reference.at(name));
      CAPTURE(omp::isa_name(isa));
      CAPTURE(name);
      CAPTURE(error / kUnit);
      CAPTURE(naive / kUnit);
      CHECK(std::isfinite(error));
      if (Sums::includes(name)) sums.add(isa, name, error, naive);
      else CHECK((error <= 2.0 * naive || error <= 2.0 * kUnit));
    }
}
/// Every family the variant has, drawn so that no result is rounding and nothing else.
void check_families(Variant variant, const std::string& shape) {
  Sums sums;
  for (const InputFamily& family : input_families())
    if (family_applies(variant, family.name))
      check_accuracy(variant, shape + (family.name == "keys-orthonormal" ? "-noh0" : ""), std::string(family.name), sums, [](Problem&) {});
}

}  // namespace

TEST_SUITE_BEGIN("omp");

TEST_CASE("omp: float matches the truth as closely as the reference in float, on every input family") {
  for (Variant variant : delta_variants()) check_families(variant, "B1-T200-H2-HV2-Dk24-Dv17");
}

TEST_CASE("omp: float matches the truth as closely as the reference in float, with softplus and norms") {
  for (Variant variant : delta_variants())
    check_families(variant, std::string("B2-T100-H2-HV4-Dk16-Dv12-gHV-l2norm") + (info(variant).decay == Decay::none ? "" : "-softplus"));
}

TEST_CASE("omp: float matches the truth as closely as the reference in float, with sigmoids") {
  for (Variant variant : delta_variants())
    if (info(variant).erase != Erase::none)
      check_families(variant, std::string("B2-T100-H2-HV4-Dk16-Dv12-gH-sigmoid") + (info(variant).decay == Decay::none ? "" : "-bounded"));
}

TEST_CASE("omp: float matches the truth with correlated keys, cosine 0.9, erase gates of 1 and 2") {
  Sums sums;
  for (Variant variant : {Variant::delta, Variant::gdn, Variant::kda, Variant::gdn2_write, Variant::gdn2_erase, Variant::gdn2})
    for (const double gate : {1.0, 2.0}) {
      CAPTURE(gate);
      check_accuracy(variant, "B1-T200-H2-HV2-Dk32-Dv20", "keys-correlated", sums, [&](Problem& p) {
        if (p.in.b.defined()) p.in.b.fill(gate);
        if (p.in.beta.defined()) p.in.beta.fill(gate);
      });
    }
}

TEST_CASE("omp: float matches the truth over long sequences of slow decay") {
  Sums sums;
  // decays of 1e-5 to 1e-4 a token: a product of eight of them, each rounded to a multiple of 2^-24, loses its second order
  for (Variant variant : {Variant::mamba2, Variant::gla, Variant::kda})
    for (const double rate : {1e-5, 3e-5, 1e-4, 1e-3}) {
      CAPTURE(rate);
      check_accuracy(variant, "B1-T1024-H1-HV1-Dk16-Dv12", "weak", sums, [&](Problem& p) {
        for (index_t i = 0; i < p.in.g.numel(); ++i) p.in.g[i] = rate * (100.0 * p.in.g[i] - 0.5);
      });
    }
}

TEST_SUITE_END();
