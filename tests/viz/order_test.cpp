// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "viz/model/order.h"

#include <algorithm>
#include <numeric>
#include <string>

#include "core/error.h"
#include "fixtures.h"
#include "viz/model/describe.h"
#include "viz/model/view_model.h"

using namespace fw;
using namespace fw::test;
using namespace fw::viz;

TEST_SUITE_BEGIN("viz");

namespace {

bool is_permutation(const std::vector<int>& order, int n) {
  std::vector<int> sorted = order, counted(static_cast<std::size_t>(n));
  std::sort(sorted.begin(), sorted.end());
  std::iota(counted.begin(), counted.end(), 0);
  return sorted == counted;
}

}  // namespace

TEST_CASE("order: rows by norm fall, by decay go from slow to fast, and carry their numbers along") {
  const Run run(timeline_of(kEverything), named(Variant::gdn2));
  for (int t : {0, 5, run.length()}) {
    const auto order = key_order(run, RowOrder::norm, t);
    REQUIRE(is_permutation(order, run.timeline().dk));
    const Vec norms = row_norms(run.state(t));
    for (std::size_t i = 1; i < order.size(); ++i)
      CHECK(norms[static_cast<std::size_t>(order[i - 1])] >= norms[static_cast<std::size_t>(order[i])]);
    const Grid sorted = reordered(run.state(t), order);
    const auto row_of = inverse(order);
    for (int channel = 0; channel < run.timeline().dk; ++channel)
      for (int j = 0; j < run.timeline().dv; ++j) CHECK(sorted(row_of[static_cast<std::size_t>(channel)], j) == run.state(t)(channel, j));
  }
  const auto slow = key_order(run, RowOrder::decay, 0);
  REQUIRE(is_permutation(slow, run.timeline().dk));
  const auto mean_alpha = [&](int channel) {
    double sum = 0;
    for (int t = 1; t <= run.length(); ++t) sum += run.gates(t).g[static_cast<std::size_t>(channel)];
    return sum;
  };
  for (std::size_t i = 1; i < slow.size(); ++i) CHECK(mean_alpha(slow[i - 1]) >= mean_alpha(slow[i]));
  CHECK(reordered(run.state(3), {}) == run.state(3));
}

TEST_CASE("order: a reset, an empty run and a memory beyond all numbers are ordered too") {
  for (const char* script : {"gate a=0\nAna=red\nBo=blue\n", "", "Ana=red\nscale 1000000\nS[0,0]=1000000\n"}) {
    const Run run(timeline_of(script, uniform(5, 3)), named(Variant::gdn2));
    for (RowOrder by : {RowOrder::channel, RowOrder::norm, RowOrder::decay}) CHECK(is_permutation(key_order(run, by, 99), 5));
  }
}

TEST_CASE("order: sorted by norm the rows stay where they are while time goes on") {
  ViewModel view;
  view.enter("go 9");
  view.enter("set rows norm");
  const auto order = view.key_rows();
  CHECK(order == key_order(view.a(), RowOrder::norm, 9));
  view.enter("go 20");
  CHECK(view.key_rows() == order);
  CHECK(describe(view).find("Key channels by norm: " + std::to_string(order[0]) + " ") != std::string::npos);
  view.enter("Zed=red");  // another run, the same moment of it
  CHECK(view.key_rows() == key_order(view.a(), RowOrder::norm, 9));
  next_row_order(view);
  CHECK(view.options.rows == RowOrder::decay);
  next_row_order(view);
  CHECK(view.key_rows().empty());
  CHECK_THROWS_AS(view.enter("set rows upward"), Error);
}

TEST_CASE("order: facts by cosine, norm and impact; those not written yet stand last") {
  ViewModel view;
  view.enter("go 7");
  const Side& side = view.side_a();
  const auto row = [&](int n) -> const Association& { return side.associations[static_cast<std::size_t>(n)]; };
  for (FactOrder by : {FactOrder::written, FactOrder::cosine, FactOrder::norm, FactOrder::impact}) {
    const auto order = fact_order(side, by);
    REQUIRE(is_permutation(order, static_cast<int>(side.associations.size())));
    for (std::size_t i = 1; i < order.size(); ++i) {
      const Association &before = row(order[i - 1]), &after = row(order[i]);
      if (by == FactOrder::written) CHECK(order[i - 1] < order[i]);
      if (by == FactOrder::impact) CHECK(before.impact.total >= after.impact.total);
      if (by != FactOrder::cosine && by != FactOrder::norm) continue;
      CHECK((before.intent != nullptr || after.intent == nullptr));
      if (after.intent == nullptr) continue;
      if (by == FactOrder::cosine) CHECK(before.recall.cosine <= after.recall.cosine);
      if (by == FactOrder::norm) CHECK(before.recall.norm_ratio >= after.recall.norm_ratio);
    }
  }
  view.enter("set facts norm");
  const std::string text = describe(view),
                    first = view.a().timeline().facts[static_cast<std::size_t>(fact_order(side, FactOrder::norm)[0])].key;
  const std::size_t table = text.find("|---|");
  CHECK(text.compare(text.find('\n', table) + 1, 2 + first.size(), "| " + first) == 0);
}

TEST_SUITE_END();
