// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "viz/model/trace.h"

#include <algorithm>

#include "core/error.h"
#include "naive/token.h"

namespace fw::viz {
namespace {

constexpr int kMostChannels = 256;
constexpr index_t kMostTokens = 1 << 17;

Vec vec_of(const naive::Vector<double>& x) { return Vec(x.data(), x.data() + x.size()); }

/// What a rule makes of a token, in GDN-2's form.
Entry entry_of(const naive::Token<double>& x, const VariantInfo& rule, index_t Dk, index_t Dv) {
  const auto dk = static_cast<std::size_t>(Dk), dv = static_cast<std::size_t>(Dv);
  Entry e;
  e.kind = EntryKind::trace;
  e.q = vec_of(x.q), e.k = vec_of(x.k), e.v = vec_of(x.v);
  e.g = rule.decay == Decay::none ? Vec(dk, 0.0) : rule.decay == Decay::scalar ? Vec(dk, x.g[0]) : vec_of(x.g);
  e.b = rule.erase == Erase::none ? Vec(dk, 0.0) : rule.erase == Erase::scalar ? Vec(dk, x.beta) : vec_of(x.b);
  e.w = rule.write == Write::one ? Vec(dv, 1.0) : rule.write == Write::scalar ? Vec(dv, x.beta) : vec_of(x.w);
  return e;
}

void name_some_tokens(Timeline& line) {
  const int T = line.length(), count = std::min(T, kTraceFacts);
  for (int n = 0; n < count; ++n) {
    const int index = static_cast<int>(static_cast<long long>(n) * T / count);
    Entry& e = line.entries[static_cast<std::size_t>(index)];
    Vec z = e.v;
    for (std::size_t j = 0; j < z.size(); ++j) z[j] *= e.w[j];
    e.fact = static_cast<int>(line.facts.size());
    const std::string number = std::to_string(index + 1);
    line.facts.push_back({"k" + number, e.k, {{index, z, "z" + number, false}}});
    line.codebook.push_back({"z" + number, z});
  }
}

}  // namespace

Trace trace_of(const CaseFile& file, const TraceSource& source) {
  const VariantInfo& rule = info(file.options.variant);
  const auto refuse = [&](const std::string& what, const std::string& expected, const std::string& got) {
    throw Error("trace: " + source.path + ": " + what + ": expected " + expected + ", got " + got);
  };
  if (rule.family != Family::delta_rule) refuse("variant", "a rule of the delta family", std::string(rule.name));
  const Geometry geo = check_inputs("trace", file.in, file.options);
  if (source.sequence < 0 || source.sequence >= geo.N)
    refuse("sequence", "0 to " + std::to_string(geo.N - 1), std::to_string(source.sequence));
  if (source.head < 0 || source.head >= geo.HV) refuse("head", "0 to " + std::to_string(geo.HV - 1), std::to_string(source.head));
  if (geo.Dk > kMostChannels || geo.Dv > kMostChannels) refuse("channels", "at most 256", std::to_string(std::max(geo.Dk, geo.Dv)));
  const Geometry::Sequence& sequence = geo.sequences[static_cast<std::size_t>(source.sequence)];
  if (sequence.length > kMostTokens) refuse("tokens", "at most " + std::to_string(kMostTokens), std::to_string(sequence.length));

  Trace out;
  out.variant = rule.id;
  Timeline& line = out.timeline;
  line.dk = static_cast<int>(geo.Dk);
  line.dv = static_cast<int>(geo.Dv);
  line.scale = geo.scale;
  line.S0 = Grid(line.dk, line.dv);
  if (file.in.initial_state.defined())
    std::copy_n(file.in.initial_state.row(source.sequence, source.head), line.S0.a.size(), line.S0.a.begin());
  naive::Token<double> x;
  for (index_t t = 0; t < sequence.length; ++t) {
    naive::read_token(file.in, geo, file.options, sequence.batch, sequence.begin + t, source.head, x);
    line.entries.push_back(entry_of(x, rule, geo.Dk, geo.Dv));
    line.entries.back().label = "token " + std::to_string(t + 1);
  }
  name_some_tokens(line);
  return out;
}

Trace load_trace(const TraceSource& source) { return trace_of(read_case(read_safetensors(source.path)), source); }

TensorFile case_of(const Run& run) {
  const Timeline& line = run.timeline();
  const index_t T = line.length(), Dk = line.dk, Dv = line.dv;
  CaseFile file;
  file.options.variant = Variant::gdn2;
  file.options.scale = line.scale;
  Inputs<double>& in = file.in;
  in.q = in.k = in.g = in.b = Tensor<double>({1, T, 1, Dk});
  in.v = in.w = file.out.o = Tensor<double>({1, T, 1, Dv});
  in.initial_state = file.out.final_state = Tensor<double>({1, 1, Dk, Dv});
  std::copy(line.S0.a.begin(), line.S0.a.end(), in.initial_state.data());
  const Grid& last = run.state(run.length());
  std::copy(last.a.begin(), last.a.end(), file.out.final_state.data());
  for (index_t t = 0; t < T; ++t) {
    const Entry& e = line.entries[static_cast<std::size_t>(t)];
    if (e.kind == EntryKind::surgery)
      throw Error("case_of: run: expected steps of the rule only, got \"" + e.label + "\" at token " + std::to_string(t + 1));
    const Gates& gates = run.gates(static_cast<int>(t) + 1);
    const auto put = [t](Tensor<double>& to, const Vec& from) { std::copy(from.begin(), from.end(), to.row(0, t, 0)); };
    put(in.q, e.q), put(in.k, e.k), put(in.v, e.v);
    put(in.b, gates.b), put(in.w, gates.w), put(in.g, gates.g);
    put(file.out.o, run.step(static_cast<int>(t) + 1).o);
  }
  file.metadata["origin"] = "fastweight view, head " + short_name(run.head());
  return to_tensor_file(file);
}

}  // namespace fw::viz
