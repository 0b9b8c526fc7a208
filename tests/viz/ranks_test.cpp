// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "viz/model/ranks.h"

#include <cmath>
#include <string>

#include "fixtures.h"
#include "viz/model/describe.h"
#include "viz/model/tables.h"
#include "viz/model/view_model.h"

using namespace fw;
using namespace fw::test;
using namespace fw::viz;

TEST_SUITE_BEGIN("viz");

TEST_CASE("ranks: those of every state, whatever the portions they are worked out in") {
  const Run run(timeline_of(kEverything), named(Variant::gdn2));
  Ranks whole, little;
  CHECK(whole.done());
  whole.measure(run, 1e12);
  CHECK((whole.done() && whole.points() == run.length() && whole.stride() == 1));
  for (int t = 1; t <= run.length(); ++t) {
    const Spectrum s = spectrum_of(run.state(t));
    CHECK(whole.effective()[static_cast<std::size_t>(t - 1)] == s.effective_rank);
    CHECK(whole.stable()[static_cast<std::size_t>(t - 1)] == s.stable_rank);
  }
  int portions = 0;
  do {
    CHECK(little.measure(run, 0) > 0);  // one at least, or it would never end
    CHECK(little.known() == ++portions);
  } while (!little.done());
  CHECK(portions == run.length());
  CHECK(little.effective() == whole.effective());
  CHECK(little.measure(run, 1e12) == 0);
}

TEST_CASE("ranks: from coarse to fine, so that few points show the whole run") {
  const Run run(timeline_of("... 200\n", uniform(4, 4)), named(Variant::gdn2));
  Ranks ranks;
  for (int i = 0; i < 16; ++i) ranks.measure(run, 0);
  int gap = 0, longest = 0;
  for (double x : ranks.effective()) longest = std::max(longest, gap = std::isnan(x) ? gap + 1 : 0);
  CHECK(longest <= 2 * 200 / 12);
}

TEST_CASE("ranks: a long run is thinned out; of a longer one only what is new is worked out") {
  const Run long_run(timeline_of("... 1000\n", uniform(3, 3)), named(Variant::gdn2));
  Ranks ranks;
  ranks.measure(long_run, 1e12);
  CHECK((ranks.stride() == 4 && ranks.points() == 250 && ranks.done()));
  CHECK(ranks.effective()[9] == spectrum_of(long_run.state(40)).effective_rank);
  const Run shorter(timeline_of("Ana=red\nBo=blue\n... 5\n", uniform(3, 3)), named(Variant::gdn2)),
      longer(timeline_of("Ana=red\nBo=blue\n... 9\n", uniform(3, 3)), named(Variant::gdn2));
  Ranks growing;
  growing.measure(shorter, 1e12);
  growing.measure(longer, 0);
  CHECK((growing.points() == 11 && growing.known() == 8));
  growing.measure(longer, 1e12);
  CHECK(growing.done());
}

TEST_CASE("ranks: of the view, in its text and its table") {
  ViewModel view;
  while (view.measure_ranks(1e5)) {
  }
  REQUIRE((view.ranks_a().done() && view.ranks_b()->done()));
  CHECK(view.ranks_a().effective()[13] == view.side_a().spectrum.effective_rank);
  CHECK(describe(view).find("effective rank over time: ") != std::string::npos);
  const std::string table = table_of(view, "spectrum");
  CHECK(table.find("\n14,,A,effective_rank_at,,," + shortest(view.side_a().spectrum.effective_rank) + "\n") != std::string::npos);
  CHECK(table.find("\n26,,B,stable_rank_at,,,") != std::string::npos);
  view.transport.to_end();
  view.enter("Zed=red");
  CHECK(view.ranks_a().known() == 0);
}

TEST_SUITE_END();
