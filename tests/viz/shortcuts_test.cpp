// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// What is computed by a shorter way is held to the long one.
#include <algorithm>

#include "core/random.h"
#include "fixtures.h"
#include "viz/model/lineage.h"
#include "viz/model/quantities.h"

using namespace fw;
using namespace fw::test;
using namespace fw::viz;

TEST_SUITE_BEGIN("viz");

namespace {

/// Rows of an orthogonal matrix: reflections of the identity.
Grid orthogonal(int n, std::uint64_t seed) {
  const Random random(seed, "orthogonal");
  Grid q(n, n);
  for (int i = 0; i < n; ++i) q(i, i) = 1.0;
  for (int r = 0; r < n; ++r) {
    Vec v(static_cast<std::size_t>(n));
    for (int i = 0; i < n; ++i) v[static_cast<std::size_t>(i)] = random.normal(Position{0, r, 0, i});
    const double vv = dot(v, v);
    for (int i = 0; i < n; ++i) {
      double along = 0;
      for (int j = 0; j < n; ++j) along += q(i, j) * v[static_cast<std::size_t>(j)];
      for (int j = 0; j < n; ++j) q(i, j) -= 2.0 * along / vv * v[static_cast<std::size_t>(j)];
    }
  }
  return q;
}

Grid with_singular_values(int rows, int cols, const Vec& sigma) {
  const Grid u = orthogonal(rows, 1), v = orthogonal(cols, 2);
  Grid m(rows, cols);
  for (int i = 0; i < rows; ++i)
    for (int j = 0; j < cols; ++j)
      for (std::size_t k = 0; k < sigma.size(); ++k) m(i, j) += sigma[k] * u(static_cast<int>(k), i) * v(static_cast<int>(k), j);
  return m;
}

}  // namespace

TEST_CASE("singular values: those a matrix was made of, with zeros, equal ones and wide ranges") {
  for (auto [rows, cols] : {std::pair{1, 1}, {2, 2}, {3, 8}, {17, 17}, {40, 24}, {64, 64}}) {
    const auto n = static_cast<std::size_t>(std::min(rows, cols));
    std::vector<Vec> spectra(5, Vec(n, 0.0));
    for (std::size_t i = 0; i < n; ++i) {
      spectra[0][i] = 1.0 / (1.0 + static_cast<double>(i));
      spectra[1][i] = i < (n + 1) / 2 ? 3.0 : 0.0;
      spectra[2][i] = 1.0;
      spectra[3][i] = std::pow(10.0, -static_cast<double>(i) / 2);
      spectra[4][i] = i == 0 ? 1e150 : 0.0;
    }
    for (const Vec& wanted : spectra) {
      const Vec got = singular_values(with_singular_values(rows, cols, wanted));
      REQUIRE(got.size() == n);
      for (std::size_t i = 0; i < n; ++i) CHECK(std::fabs(got[i] - wanted[i]) <= 1e-13 * wanted[0]);
    }
  }
  Grid bidiagonal(6, 6);  // with zeros on its diagonal, in the middle and at the end
  for (int i = 0; i < 5; ++i) bidiagonal(i, i + 1) = 1.0 + i, bidiagonal(i, i) = i == 2 ? 0.0 : 2.0;
  const Vec s = singular_values(bidiagonal);
  CHECK_CLOSE(tensor(norm(s)), tensor(norm(bidiagonal)), kExactToRounding);
  CHECK(s.back() < 1e-14);
  Grid broken(3, 3, 1.0);
  broken(1, 1) = std::nan("");
  CHECK(std::isnan(singular_values(broken)[0]));
}

TEST_CASE("growth of the transition: the largest singular value of the matrix itself") {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    const Random random(seed, "growth");
    const auto n = 1 + seed % 9;
    Step step;
    step.before = Grid(static_cast<int>(n), 3);
    for (std::size_t i = 0; i < n; ++i) {
      step.k.push_back(seed % 5 == 4 ? 0.0 : random.normal(i));
      step.e.push_back(seed % 7 == 6 ? 0.0 : random.normal(100 + i));
      step.alpha.push_back(seed % 3 == 0 ? 1.0 : seed % 3 == 1 ? random.uniform(200 + i) : i % 2 ? 0.0 : 0.9);
    }
    Grid m(static_cast<int>(n), static_cast<int>(n));
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < n; ++j) m(static_cast<int>(i), static_cast<int>(j)) = ((i == j) - step.k[i] * step.e[j]) * step.alpha[j];
    INFO("seed " << seed);
    CHECK_CLOSE(tensor(transition_growth(step)), tensor(singular_values(m)[0]), Tolerance{1e-12, 1e-12});
  }
}

TEST_CASE("survivors: every fact's origin at any time, in any order of looking") {
  for (const char* script : {kEverything, kSurgery}) {
    const auto run =
        std::make_shared<const Run>(timeline_of(std::string(script) + "... 90\nAna=red\nAna+=city:Rome\n... 50\n"), named(Variant::gdn2));
    Survivors survivors(run);
    for (int t : {run->length(), 3, 64, 65, 1, 128, 20}) {
      if (t > run->length()) continue;
      const std::vector<Origin> all = survivors.origins(t);
      for (int f = 0; f < static_cast<int>(run->timeline().facts.size()); ++f) {
        if (run->timeline().facts[static_cast<std::size_t>(f)].at(t) == nullptr) continue;
        const Origin one = origin_of(*run, t, f);
        INFO("t " << t << " fact " << f);
        CHECK_CLOSE(tensor(all[static_cast<std::size_t>(f)].signal), tensor(one.signal), kExactToRounding);
        CHECK_CLOSE(tensor(all[static_cast<std::size_t>(f)].crosstalk), tensor(one.crosstalk), kExactToRounding);
        CHECK_CLOSE(tensor(all[static_cast<std::size_t>(f)].retained), tensor(one.retained), kExactToRounding);
      }
    }
  }
}

TEST_CASE("run: one that grows has the bits of one that was whole, whatever it keeps") {
  const auto whole = timeline_of(kEverything);
  for (const std::size_t bytes : {std::size_t{1} << 27, std::size_t{8} * 32 * 32 * 9}) {
    auto line = std::make_shared<Timeline>(*whole);
    line->entries.resize(5);
    Run::Options options;
    options.state_bytes = bytes;
    Run grown(line, named(Variant::gdn2), options);
    for (std::size_t n = 5; n < whole->entries.size(); ++n) {
      line->entries.push_back(whole->entries[n]);
      if (n % 3 == 0) grown.extend();
    }
    grown.extend();
    const Run straight(whole, named(Variant::gdn2), options);
    REQUIRE(grown.length() == straight.length());
    for (int t = 0; t <= grown.length(); ++t) CHECK_BITWISE_EQUAL(tensor(grown.state(t)), tensor(straight.state(t)));
    CHECK_BITWISE_EQUAL(tensor(grown.series().decay), tensor(straight.series().decay));
    CHECK(grown.recall(0).cosine.size() == straight.recall(0).cosine.size());
    CHECK(grown.largest() == straight.largest());
    // Storage of another run changes nothing.
    const Run again(whole, named(Variant::gdn2), options, Run(whole, named(Variant::linear), options).take_states());
    CHECK_BITWISE_EQUAL(tensor(again.state(again.length())), tensor(straight.state(straight.length())));
  }
}

TEST_SUITE_END();
