// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The rungs that stay runnable compute what the engine computes: each against the reference, the last ones with its bits.
#include "omp/omp_fixture.h"
#include "omp/rungs.h"

using namespace fw;
using namespace fw::test;

namespace {

template <class T>
Outputs<T> by_rung(int rung, const Inputs<T>& in, const Options& options, const omp::Settings& settings) {
  Outputs<T> out = poisoned_outputs(in);
  omp::forward_rung(rung, in, options, out, settings);
  return out;
}

}  // namespace

TEST_SUITE_BEGIN("omp");

TEST_CASE("omp rungs: each matches naive, every rule and shape") {
  const int last = static_cast<int>(omp::rungs().size()) - 1;
  for (Variant variant : delta_variants())
    for (const char* shape : {"B1-T0-H1-HV1-Dk8-Dv8", "B2-T45-H1-HV2-Dk13-Dv21-gH-bH-l2norm", "B1-T70-H2-HV2-Dk24-Dv40",
                              "T107-H2-HV2-Dk16-Dv20-cu0,40,40,41,107"}) {
      Problem p = make_problem(variant, ProblemShape::parse(shape), "mixed", 3);
      p.options.threads = 2;
      const Outputs<double> truth = naive::forward(p.in, p.options);
      CAPTURE(info(variant).name);
      CAPTURE(shape);
      for (const omp::Isa isa : tested_isas())
        for (int rung = 1; rung <= last; ++rung) {
          CAPTURE(rung);
          const Outputs<double> got = by_rung(rung, p.in, p.options, on(isa));
          CHECK_CLOSE(got.o, truth.o, kExact);
          CHECK_CLOSE(got.final_state, truth.final_state, kExact);
        }
    }
}

TEST_CASE("omp rungs: bitwise equal to the engine from the micro-chunks on") {
  const int last = static_cast<int>(omp::rungs().size()) - 1;
  FloatProblem p(make_problem(Variant::gdn2, ProblemShape::parse("B1-T150-H2-HV4-Dk32-Dv48-gH-bH"), "typical", 3));
  for (const int threads : {1, 2}) {
    p.wide.options.threads = threads;
    for (const omp::Isa isa : tested_isas()) {
      const Outputs<float> engine = omp::forward(p.in, p.wide.options, on(isa));
      for (int rung = last - 1; rung <= last; ++rung) {
        const Outputs<float> got = by_rung(rung, p.in, p.wide.options, on(isa));
        CHECK_BITWISE_EQUAL(got.o, engine.o);
        CHECK_BITWISE_EQUAL(got.final_state, engine.final_state);
      }
    }
  }
}

TEST_CASE("omp rungs: rejects a rung that is not there") {
  const Problem p = make_problem(Variant::gdn2, ProblemShape::parse("B1-T5-H1-HV1-Dk8-Dv8"), "typical", 3);
  Outputs<double> out;
  for (const int rung : {-1, 0, 7, 100}) {
    const std::string why = refusal([&] { omp::forward_rung(rung, p.in, p.options, out); });
    CAPTURE(why);
    CHECK(why.find("rung") != std::string::npos);
  }
}

TEST_SUITE_END();
