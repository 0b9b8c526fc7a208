// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "viz/model/trace.h"

#include <string>

#include "core/error.h"
#include "fixtures.h"
#include "naive/reference.h"
#include "support/scratch.h"
#include "viz/model/files.h"
#include "viz/model/session.h"

using namespace fw;
using namespace fw::test;
using namespace fw::viz;

TEST_SUITE_BEGIN("viz");

namespace {

const std::string kDumps = "notebooks_data/kernel_dumps/";

}  // namespace

TEST_CASE("trace: the dumps of real kernels run with the bits of the reference") {
  for (const char* name : {"fla_gdn2_bf16", "fla_gdn2_fp32", "fla_kda_bf16", "fla_gdn_bf16", "fla_delta_bf16"}) {
    const CaseFile file = read_case(read_safetensors(kDumps + name + ".safetensors"));
    const Outputs<double> truth = naive::forward(file.in, file.options);
    const Geometry geo = check_inputs("test", file.in, file.options);
    const int sequence = static_cast<int>(geo.N) - 1, head = static_cast<int>(geo.HV) - 1;
    const Trace trace = trace_of(file, {name, sequence, head});
    CHECK(trace.variant == file.options.variant);
    const auto line = std::make_shared<const Timeline>(trace.timeline);
    const Run run(line, named(trace.variant));
    INFO(name);
    const double* last = truth.final_state.row(sequence, head);
    Grid final(line->dk, line->dv);
    std::copy(last, last + final.a.size(), final.a.begin());
    CHECK_BITWISE_EQUAL(tensor(run.state(run.length())), tensor(final));
    const auto& place = geo.sequences[static_cast<std::size_t>(sequence)];
    for (int t : {1, 2, run.length() / 2, run.length()}) {
      const double* o = truth.o.row(place.batch, place.begin + t - 1, head);
      CHECK_BITWISE_EQUAL(tensor(run.step(t).o), tensor(Vec(o, o + line->dv)));
    }
    CHECK(line->facts.size() == kTraceFacts);
  }
}

TEST_CASE("trace: a run comes back from its own file, any rule as GDN-2") {
  const auto line = timeline_of(kEverything);
  for (Variant variant : {Variant::gdn2, Variant::kda, Variant::gdn, Variant::delta, Variant::gla, Variant::linear}) {
    const Run run(line, named(variant));
    const Trace back = trace_of(read_case(case_of(run)), {"own", 0, 0});
    const Run again(std::make_shared<const Timeline>(back.timeline), named(back.variant));
    CHECK(back.variant == Variant::gdn2);
    CHECK_BITWISE_EQUAL(tensor(again.state(again.length())), tensor(run.state(run.length())));
  }
  CHECK_THROWS_WITH_AS(case_of(Run(timeline_of(kSurgery), named(Variant::gdn2))), doctest::Contains("\"zero row 3\" at token 3"), Error);
}

TEST_CASE("trace: a written token is its own signal, the state before it crosstalk") {
  ViewModel view;
  view.open_trace({kDumps + "fla_gdn2_bf16.safetensors", 0, 0});
  view.transport.go(1);
  const Association& first = view.side_a().associations[0];
  REQUIRE(first.intent != nullptr);
  const Vec& k = view.a().timeline().facts[0].k;
  CHECK_CLOSE(tensor(first.signal), tensor(dot(k, k)), kExactToRounding);
  CHECK(norm(view.a().state(0)) > 0.1);
  CHECK(first.crosstalk > 0.01);
}

TEST_CASE("trace: rejects what is not there, and a rule without a memory to show") {
  const std::string path = kDumps + "fla_gdn2_bf16.safetensors";
  CHECK_THROWS_WITH_AS(load_trace({path, 0, 2}), ("trace: " + path + ": head: expected 0 to 1, got 2").c_str(), Error);
  CHECK_THROWS_WITH_AS(load_trace({path, 2, 0}), doctest::Contains("sequence: expected 0 to 1, got 2"), Error);
  CHECK_THROWS_AS(load_trace({path, 0, -1}), Error);
  CHECK_THROWS_AS(load_trace({"absent.safetensors", 0, 0}), Error);
  CaseFile file;
  file.options.variant = Variant::softmax;
  file.in.q = file.in.k = file.in.v = Tensor<double>({1, 2, 1, 4}, 0.5);
  CHECK_THROWS_WITH_AS(trace_of(file, {"f", 0, 0}), "trace: f: variant: expected a rule of the delta family, got softmax", Error);
}

TEST_CASE("trace: in the view it is one undo step, takes no facts and is kept in sessions") {
  const std::string path = kDumps + "fla_kda_bf16.safetensors";
  ViewModel view, other;
  const Document before = view.document();
  view.open_trace({path, 0, 1});
  CHECK(view.a().head().variant == Variant::kda);
  CHECK(view.transport.t() == view.length());
  CHECK_THROWS_AS(view.enter("Ana=red"), Error);
  CHECK_THROWS_AS(view.enter("fork"), Error);
  CHECK_THROWS_AS(view.run_script("Ana=red\n"), Error);
  CHECK(view.document().trace.has_value());
  view.enter("set b gdn");
  view.enter("go 7");
  open_session(other, session_text(view), "s.json");
  CHECK(other.document() == view.document());
  CHECK(other.transport.t() == 7);
  CHECK(other.a().state(7) == view.a().state(7));
  view.undo(), view.undo();
  CHECK(view.document() == before);
  CHECK_THROWS_AS(view.open_trace({path, 0, 99}), Error);
  CHECK(view.document() == before);
  other.enter("clear");
  other.enter("Ana=red");
  CHECK(other.length() == 1);
}

TEST_CASE("trace: going back to a file that is gone is refused and leaves the view as it is") {
  const Scratch folder;
  ViewModel view;
  write_safetensors(folder.file("t.safetensors"), case_of(view.a()));
  view.open_trace({folder.file("t.safetensors"), 0, 0});
  view.enter("clear");
  const Document before = view.document();
  std::filesystem::remove(folder.file("t.safetensors"));
  CHECK_THROWS_AS(view.undo(), Error);
  CHECK(view.document() == before);
  CHECK(view.length() == 0);
}

TEST_CASE("file commands: write and read what they say, are refused with bad arguments, and stay out of scripts") {
  const Scratch folder;
  ViewModel view, other;
  view.enter("go end");
  view.enter("Zed=red");
  CHECK(run_file_command(view, "Ana=red").empty());
  CHECK(run_file_command(view, "save=3").empty());
  CHECK(run_file_command(view, "save " + folder.file("s.json")) == "saved " + folder.file("s.json"));
  CHECK_FALSE(run_file_command(other, "open " + folder.file("s.json")).empty());
  CHECK(other.document() == view.document());
  CHECK_FALSE(run_file_command(view, "csv " + folder.file("o.csv")).empty());
  CHECK(slurp(folder.file("o.csv")).find("t,head,quantity") == 0);
  CHECK_FALSE(run_file_command(view, "save-trace " + folder.file("t.safetensors")).empty());
  CHECK_FALSE(run_file_command(other, "trace " + folder.file("t.safetensors") + " 0 0").empty());
  CHECK(other.a().state(other.a().length()) == view.a().state(view.a().length()));
  for (const std::string& line : {std::string("save"), std::string("save a b"), std::string("open absent.json"),
                                  "trace " + folder.file("t.safetensors") + " x", "trace " + folder.file("t.safetensors") + " 1"})
    CHECK_THROWS_AS_MESSAGE(run_file_command(view, line), Error, line);
  CHECK_THROWS_AS(view.run_script("save " + folder.file("never.json") + "\n"), Error);
  CHECK(slurp(folder.file("never.json")).empty());
}

TEST_SUITE_END();
