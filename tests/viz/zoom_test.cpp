// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "viz/model/zoom.h"

#include <string>

#include "core/error.h"
#include "fixtures.h"
#include "viz/model/describe.h"
#include "viz/model/view_model.h"

using namespace fw;
using namespace fw::viz;

TEST_SUITE_BEGIN("viz");

TEST_CASE("zoom: what is wanted is kept within what there is") {
  CHECK(shown_part({}, 32) == Range{0, 32});
  CHECK(shown_part({4, 8}, 32) == Range{4, 8});
  CHECK(shown_part({28, 8}, 32) == Range{28, 4});
  CHECK(shown_part({32, 8}, 32) == Range{0, 32});
  CHECK(shown_part({-1, 8}, 32) == Range{0, 32});
  CHECK(shown_part({0, 5}, 0) == Range{0, 0});
}

TEST_CASE("zoom: the wheel keeps what is under the pointer, ends at a few cells and at all of them") {
  for (int n : {1, 3, 4, 5, 17, 32, 256, 16384})
    for (double at : {0.0, 0.3, 0.5, 1.0}) {
      Range range{0, n};
      for (int i = 0; i < 80; ++i) {
        const Range next = zoomed(range, n, at, 1.0), part = shown_part(next, n);
        CHECK((part.first >= 0 && part.count >= std::min(n, kLeastCells) && part.first + part.count <= n));
        CHECK(part.count <= range.count);
        // The cell under the pointer moves by no more than the rounding of whole cells.
        CHECK(std::abs(part.first + at * part.count - (range.first + at * range.count)) <= 0.5 + 1e-9);
        range = part;
      }
      CHECK(range.count == std::min(n, kLeastCells));
      for (int i = 0; i < 80; ++i) range = shown_part(zoomed(range, n, at, -1.0), n);
      CHECK(range == Range{0, n});
      CHECK(zoomed(range, n, at, -1.0) == Range{});  // all of it is no zoom, however long the run becomes
    }
  CHECK(zoomed({0, 100}, 100, 0.5, 1e9).count == kLeastCells);
  CHECK(zoomed({0, 100}, 100, 0.5, -1e9) == Range{});
}

TEST_CASE("zoom: pulled along it stops at the ends") {
  CHECK(moved({4, 8}, 32, 3) == Range{7, 8});
  CHECK(moved({4, 8}, 32, -30) == Range{0, 8});
  CHECK(moved({4, 8}, 32, 300) == Range{24, 8});
  CHECK(moved({0, 32}, 32, 5) == Range{});
}

TEST_CASE("zoom: commands set axes, channels from 0 and tokens from 1, and the text says so") {
  ViewModel view;
  view.enter("zoom key 4 11");
  view.enter("zoom time 3 9");
  CHECK(view.options.zoom.key == Range{4, 8});
  CHECK(view.options.zoom.time == Range{2, 7});
  CHECK(text_of(view.options.zoom) == "key channels 4-11, tokens 3-9");
  CHECK(describe(view).find("Shown: key channels 4-11, tokens 3-9.") != std::string::npos);
  const Zoom before = view.options.zoom;
  for (const char* line :
       {"zoom", "zoom key", "zoom key 5 4", "zoom time 0 4", "zoom depth 1 2", "zoom key 1 2 3", "zoom off now", "zoom key 1 99999999"}) {
    CHECK_THROWS_AS(view.enter(line), Error);
    CHECK(view.options.zoom == before);
  }
  view.enter("zoom off");
  CHECK_FALSE(view.options.zoom.any());
  CHECK(text_of(view.options.zoom).empty());
  CHECK_FALSE(view.history().can_undo());
}

TEST_SUITE_END();
