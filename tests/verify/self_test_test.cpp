// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The judge's test of itself, a small part of it; the whole runs as `fastweight verify --self-test`.
#include <doctest/doctest.h>

#include <algorithm>

#include "verify/self_test.h"

using namespace fw;
using namespace fw::verify;

TEST_SUITE("verify") {
  TEST_CASE("self-test: on a part of the families nothing is missed and 95 % are named") {
    SelfTestSettings settings;
    settings.families = {"mixed", "strong"};
    settings.scenarios = {"dense", "tied", "packed"};
    settings.seeds = 1;
    settings.threads = 0;
    const SelfTestReport report = self_test(settings);
    CHECK_MESSAGE(report.passed(), self_test_text(report));
    CHECK(report.right_trials == 6);
    CHECK(report.total[0].trials > 800);
    CHECK(report.total[0].orphan_exact * 200 <= report.total[0].orphan_trials);  // an exact fit is hardly ever somebody else's
    CHECK(self_test_json(report).find("\"passed\": true") != std::string::npos);
  }

  TEST_CASE("self-test: every mistake of the bank has a problem in which it can act") {
    std::vector<char> acts(bank().size(), 0);
    for (const char* shape : {"B2-T140-H2-HV4-Dk8-Dv8", "H2-HV2-Dk8-Dv12-cu0,0,75,90", "B1-T140-H2-HV2-Dk12-Dv12-l2norm-softplus-sigmoid-times2"})
      for (Variant variant : {Variant::gdn2, Variant::kda, Variant::gdn, Variant::mamba3, Variant::swa}) {
        const bool activated = std::string_view(shape).find("l2norm") != std::string_view::npos;
        if (activated && variant != Variant::gdn2) continue;
        const Bench bench = make_bench(make_problem(variant, ProblemShape::parse(shape), "mixed", 1), true, 64, {}, 1);
        for (std::size_t i = 0; i < bank().size(); ++i) acts[i] = acts[i] || bank()[i].applies(bench);
      }
    const Bench large = make_bench(make_problem(Variant::gdn2, ProblemShape::parse("B1-T5-H2-HV2-Dk4-Dv4"), "magnitude-large", 1), true, 64, {}, 1);
    for (std::size_t i = 0; i < bank().size(); ++i) {
      // overflow of fp16 needs values beyond 65504
      const bool needs_size = bank()[i].id == "output-fp16-overflow";
      CHECK_MESSAGE((acts[i] || needs_size || bank()[i].applies(large)), bank()[i].id);
    }
  }
}
