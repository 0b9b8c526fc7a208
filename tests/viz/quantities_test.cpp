// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "viz/model/quantities.h"

#include <cmath>

#include "core/random.h"
#include "fixtures.h"
#include "viz/model/frame.h"

using namespace fw;
using namespace fw::test;
using namespace fw::viz;

TEST_SUITE_BEGIN("viz");

namespace {

Grid random_grid(int rows, int cols, std::uint64_t seed) {
  const Random random(seed, "grid");
  Grid g(rows, cols);
  for (std::size_t i = 0; i < g.a.size(); ++i) g.a[i] = random.normal(i);
  return g;
}

/// Where a fact stands after the last token.
Association at_end(const Run& run, int fact = 0) {
  return side_at(run, run.length(), Phase::write, nullptr).associations.at(static_cast<std::size_t>(fact));
}

}  // namespace

TEST_CASE("spectrum: singular values match closed forms and keep the Frobenius norm") {
  Grid diagonal(3, 4);
  diagonal(0, 0) = -2.0, diagonal(1, 2) = 5.0;
  CHECK_CLOSE(tensor(singular_values(diagonal)), tensor(Vec{5.0, 2.0, 0.0}), kExactToRounding);
  for (auto [rows, cols] : {std::pair{1, 1}, {5, 9}, {32, 32}, {40, 7}}) {
    const Grid m = random_grid(rows, cols, 3);
    const Vec s = singular_values(m);
    CHECK(static_cast<int>(s.size()) == std::min(rows, cols));
    CHECK_CLOSE(tensor(norm(s)), tensor(norm(m)), kExactToRounding);
    for (std::size_t i = 0; i + 1 < s.size(); ++i) CHECK(s[i] >= s[i + 1]);
  }
  const Spectrum rank_one = spectrum_of([] {
    Grid g(4, 4);
    for (int i = 0; i < 4; ++i)
      for (int j = 0; j < 4; ++j) g(i, j) = (i + 1.0) * (j + 2.0);
    return g;
  }());
  CHECK_CLOSE(tensor(rank_one.effective_rank), tensor(1.0), Tolerance{1e-6, 1e-6});
  CHECK_CLOSE(tensor(rank_one.stable_rank), tensor(1.0), kExactToRounding);
  CHECK(spectrum_of(Grid(3, 3)).effective_rank == 0.0);
}

TEST_CASE("erase gauge: matches the singular values of I - k e^T") {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    const Random random(seed, "gauge");
    const int n = 2 + static_cast<int>(seed % 7);
    Vec k(static_cast<std::size_t>(n)), e = k;
    for (std::size_t i = 0; i < k.size(); ++i) k[i] = random.normal(i), e[i] = random.normal(100 + i);
    if (seed % 2 == 0) {
      const double length = norm(k);
      for (double& x : k) x /= length;
    }
    Grid m(n, n);
    for (int i = 0; i < n; ++i)
      for (int j = 0; j < n; ++j) m(i, j) = (i == j) - k[static_cast<std::size_t>(i)] * e[static_cast<std::size_t>(j)];
    const Vec s = singular_values(m);
    const EraseGauge g = erase_gauge(k, e);
    CHECK_CLOSE(tensor(g.sigma_max), tensor(s.front()), Tolerance{1e-10, 1e-10});
    CHECK_CLOSE(tensor(g.sigma_min), tensor(s.back()), Tolerance{1e-7, 1e-7});
    CHECK_CLOSE(tensor(g.beta), tensor(dot(k, e)), kExactToRounding);
  }
}

TEST_CASE("erase gauge: scalar gates never amplify, an oblique erase reaches 2/sqrt(3)") {
  const Vec k = {0.6, 0.8};
  for (double beta : {0.0, 0.3, 1.0}) {
    const EraseGauge g = erase_gauge(k, {beta * k[0], beta * k[1]});
    CHECK_CLOSE(tensor(g.sigma_max), tensor(1.0), kExactToRounding);
    CHECK(g.oblique < 1e-15);
  }
  // b = (1,0), beta_eff = k_0^2 = 1/3.
  const Vec third = {std::sqrt(1.0 / 3.0), std::sqrt(2.0 / 3.0)};
  const EraseGauge worst = erase_gauge(third, {third[0], 0.0});
  CHECK_CLOSE(tensor(worst.beta), tensor(1.0 / 3.0), kExactToRounding);
  CHECK_CLOSE(tensor(worst.sigma_max), tensor(2.0 / std::sqrt(3.0)), kExactToRounding);
}

TEST_CASE("edit impact: the change of the answer, exactly") {
  for (const char* script : {kEverything, kSurgery}) {
    const auto line = timeline_of(script);
    const Run run(line, named(Variant::gdn2));
    for (int t = 1; t <= run.length(); ++t)
      for (const Fact& fact : line->facts) {
        const Step step = run.step(t);
        const Vec change = transposed_times(difference(step.after, step.before), fact.k);
        CHECK(std::fabs(impact_on(step, fact.k).total - norm(change)) < 1e-13);
      }
  }
}

TEST_CASE("collapse gauge: zero exactly at the narrower rules") {
  const auto line = timeline_of(kEverything);
  const auto worst = [&](Variant variant) {
    const Run run(line, named(variant));
    CollapseGauge most;
    for (int t = 1; t <= run.length(); ++t) {
      const CollapseGauge g = collapse_gauge(run.gates(t));
      most.kda = std::max(most.kda, g.kda), most.gdn = std::max(most.gdn, g.gdn), most.delta = std::max(most.delta, g.delta);
    }
    return most;
  };
  CHECK(worst(Variant::gdn2).kda > 0.1);
  CHECK(worst(Variant::kda).kda == 0.0);
  CHECK(worst(Variant::kda).gdn > 1e-3);
  CHECK(worst(Variant::gdn).gdn == 0.0);
  CHECK(worst(Variant::gdn).delta > 1e-3);
  CHECK(worst(Variant::delta).delta == 0.0);
}

TEST_CASE("transition: its growth is that of the erase when nothing decays") {
  const Run run(timeline_of(kEverything), named(Variant::delta));
  for (int t = 1; t <= run.length(); ++t) {
    const Step step = run.step(t);
    CHECK_CLOSE(tensor(transition_growth(step)), tensor(erase_gauge(step.k, step.e).sigma_max), Tolerance{1e-10, 1e-10});
  }
}

TEST_CASE("closed form: writing twice piles up without erase and replaces with it") {
  const auto line = timeline_of("Ana=red\nAna=gold\n", uniform(32, 32));
  const Run linear(line, named(Variant::linear)), delta(line, named(Variant::delta));
  Vec both = line->entries[0].v;
  for (std::size_t j = 0; j < both.size(); ++j) both[j] += line->entries[1].v[j];
  CHECK_CLOSE(tensor(transposed_times(linear.state(2), line->facts[0].k)), tensor(both), kExactToRounding);
  CHECK_CLOSE(tensor(transposed_times(delta.state(2), line->facts[0].k)), tensor(line->entries[1].v), kExactToRounding);
  CHECK(at_end(delta).recall.residual < 1e-28);
}

TEST_CASE("closed form: decay shrinks the norm and leaves the cosine") {
  std::string script = "gate a=0.95\ngate b=0\ngate w=0\nAna=red @w=1\n... 30\n";
  const Run run(timeline_of(script, uniform(16, 16)), named(Variant::gdn2));
  const Association ana = at_end(run);
  CHECK_CLOSE(tensor(ana.recall.cosine), tensor(1.0), kExactToRounding);
  CHECK_CLOSE(tensor(ana.recall.norm_ratio), tensor(std::pow(0.95, 30)), kExactToRounding);
  CHECK_CLOSE(tensor(ana.retained), tensor(std::pow(0.95, 30)), kExactToRounding);
}

TEST_CASE("closed form: a delete leaves nothing at the key where erase and write are apart, and something where they are tied") {
  const auto line = timeline_of("Ana=red\ndel Ana\n", uniform(32, 32));
  CHECK(at_end(Run(line, named(Variant::gdn2))).recall.norm_ratio < 1e-14);
  // beta = 1/2: half of "red" stays and half of the token's own value is stored.
  Vec expected = line->entries[0].v;
  for (std::size_t j = 0; j < expected.size(); ++j) expected[j] = 0.5 * expected[j] + 0.5 * line->entries[1].v[j];
  const Run tied(line, named(Variant::kda));
  CHECK_CLOSE(tensor(transposed_times(tied.state(2), line->facts[0].k)), tensor(expected), kExactToRounding);
}

TEST_CASE("closed form: an appended attribute leaves the first whole with b = 0, not with a tied beta") {
  const auto line = timeline_of("Ana+=color:red\nAna+=city:Rome\n", uniform(32, 32));
  const Association apart = at_end(Run(line, named(Variant::gdn2)));
  CHECK_CLOSE(tensor(apart.recall.cosine), tensor(1.0), kExactToRounding);
  CHECK_CLOSE(tensor(apart.recall.norm_ratio), tensor(1.0), kExactToRounding);
  CHECK(at_end(Run(line, named(Variant::kda))).recall.norm_ratio < 0.5);
}

TEST_CASE("closed form: b = 2 flips the sign of what is stored") {
  const auto line = timeline_of("Ana=red\ndel Ana @b=2\n", uniform(32, 32));
  CHECK_CLOSE(tensor(at_end(Run(line, named(Variant::gdn2))).recall.cosine), tensor(-1.0), kExactToRounding);
}

TEST_CASE("interference: cosines between keys, their mean and the worst pair") {
  const auto line = timeline_of("Ana=red\nBo=blue\nCy=green\n");
  const Grid c = key_cosines(*line);
  CHECK_CLOSE(tensor(c(0, 1)), tensor(dot(line->facts[0].k, line->facts[1].k)), kExactToRounding);
  CHECK(c(0, 1) == c(1, 0));
  const Interference i = interference_of(c);
  CHECK_CLOSE(tensor(i.mean), tensor((std::fabs(c(0, 1)) + std::fabs(c(0, 2)) + std::fabs(c(1, 2))) / 3.0), kExactToRounding);
  CHECK(i.most == std::fabs(c(i.i, i.j)));
  CHECK(interference_of(key_cosines(*timeline_of("Ana=red\n"))).i == -1);
}

TEST_SUITE_END();
