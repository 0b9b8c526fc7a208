// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "chunkwise/problems_fixture.h"

using namespace fw;
using namespace fw::test;
using chunkwise::Settings;

namespace {

Problem drawn(Variant variant = Variant::gdn2) { return make_problem(variant, ProblemShape::parse("B1-T20-H1-HV1-Dk4-Dv3"), "mixed", 1); }

}  // namespace

TEST_SUITE_BEGIN("chunkwise");

TEST_CASE("chunkwise: rejects variants outside the delta-rule family") {
  for (const VariantInfo& row : variants()) {
    if (row.family == Family::delta_rule) continue;
    const Problem p = drawn(row.id);
    const std::string expected = ": variant must be of the delta-rule family, got " + std::string(row.name);
    CHECK(refusal([&] { chunkwise::forward(p.in, p.options); }) == std::string(row.name) + " chunkwise forward" + expected);
    CHECK(refusal([&] { chunkwise::backward(p.in, p.up, p.options); }) == std::string(row.name) + " chunkwise backward" + expected);
  }
}

TEST_CASE("chunkwise: rejects chunks and blocks below 1") {
  const Problem p = drawn();
  CHECK(refusal([&] { chunkwise::forward(p.in, p.options, Settings{0, 16, {}}); }) ==
        "gdn2 chunkwise forward: settings.chunk and settings.block must be at least 1, got 0 and 16");
  CHECK(refusal([&] { chunkwise::backward(p.in, p.up, p.options, Settings{64, -1, {}}); }) ==
        "gdn2 chunkwise backward: settings.chunk and settings.block must be at least 1, got 64 and -1");
}

TEST_CASE("chunkwise: rejects what the checks of the core reject, by its own name") {
  Problem p = drawn();
  p.in.g[3] = 0.5;
  CHECK(refusal([&] { chunkwise::forward(p.in, p.options); }).starts_with("gdn2 chunkwise forward: g must lie in"));
  p = drawn();
  p.in.w = Tensor<double>({1, 20, 1, 4});
  CHECK(refusal([&] { chunkwise::backward(p.in, p.up, p.options); }).starts_with("gdn2 chunkwise backward: w must be"));
  p = drawn();
  p.up.dfinal_state = Tensor<double>({1, 1, 3, 4});
  CHECK(refusal([&] { chunkwise::backward(p.in, p.up, p.options); }).starts_with("gdn2 chunkwise backward: dfinal_state must be"));
}

TEST_CASE("chunkwise: the trace rejects sequences and heads that are not there") {
  const Problem p = drawn();
  CHECK(refusal([&] { chunkwise::trace_head(p.in, p.options, {}, 0, 1); }) ==
        "chunkwise trace_head: sequence and value_head must be below N = 1 and HV = 1, got 0 and 1");
  CHECK(!refusal([&] { chunkwise::trace_head(p.in, p.options, {}, -1, 0); }).empty());
}

TEST_SUITE_END();
