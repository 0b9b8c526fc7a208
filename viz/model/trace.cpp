// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "viz/model/trace.h"

#include <algorithm>
#include <filesystem>
#include <functional>
#include <set>

#include "core/error.h"
#include "model/trace.h"
#include "naive/token.h"
#include "viz/model/checkpoint.h"

namespace fw::viz {
namespace {

constexpr int kMostChannels = 256;
constexpr index_t kMostTokens = 1 << 17;

Vec vec_of(const naive::Vector<double>& x) { return Vec(x.data(), x.data() + x.size()); }

/// Outputs and gradients are nothing to a view, and in long traces they are most of the file.
void drop_results(TensorFile& file) {
  std::set<std::string, std::less<>> results;
  Outputs<double> out;
  Gradients<double> gradients;
  for_each_output(out, [&](const char* name, const Tensor<double>&) { results.insert(name), results.insert("d" + std::string(name)); });
  for_each_gradient(gradients, [&](const char* name, const Tensor<double>&) { results.insert(name); });
  std::erase_if(file.tensors, [&](const auto& tensor) { return results.count(tensor.first) > 0; });
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

Entry entry_of(const Inputs<double>& in, const Geometry& geo, const Options& options, index_t batch, index_t t, index_t head) {
  naive::Token<double> x;
  naive::read_token(in, geo, options, batch, t, head, x);
  const VariantInfo& rule = info(options.variant);
  const auto dk = static_cast<std::size_t>(geo.Dk), dv = static_cast<std::size_t>(geo.Dv);
  Entry e;
  e.kind = EntryKind::trace;
  e.q = vec_of(x.q), e.k = vec_of(x.k), e.v = vec_of(x.v);
  e.g = rule.decay == Decay::none ? Vec(dk, 0.0) : rule.decay == Decay::scalar ? Vec(dk, x.g[0]) : vec_of(x.g);
  e.b = rule.erase == Erase::none ? Vec(dk, 0.0) : rule.erase == Erase::scalar ? Vec(dk, x.beta) : vec_of(x.b);
  e.w = rule.write == Write::one ? Vec(dv, 1.0) : rule.write == Write::scalar ? Vec(dv, x.beta) : vec_of(x.w);
  return e;
}

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
  for (index_t t = 0; t < sequence.length; ++t) {
    line.entries.push_back(entry_of(file.in, geo, file.options, sequence.batch, sequence.begin + t, source.head));
    line.entries.back().label = "token " + std::to_string(t + 1);
  }
  name_some_tokens(line);
  return out;
}

std::string TraceFile::stamp_of(const std::string& path) {
  std::error_code code;
  const auto size = std::filesystem::file_size(path, code);
  const auto time = std::filesystem::last_write_time(path, code);
  return code ? "none" : std::to_string(size) + " " + std::to_string(time.time_since_epoch().count());
}

TraceFile::TraceFile(const std::string& path) : path_(path), stamp_(stamp_of(path)) {
  TensorFile file = read_safetensors(path);
  const auto format = file.metadata.find("format");
  if (format == file.metadata.end() || format->second != "fastweight-trace") {
    numbers_ = {0};
    drop_results(file);
    files_.push_back(read_case(file));
    return;
  }
  const model::Trace trace = model::read_trace(file, path);
  for (const model::TraceLayer& layer : trace.layers) {
    if (info(layer.options.variant).family != Family::delta_rule) continue;
    numbers_.push_back(static_cast<int>(layer.layer));
    CaseFile one;
    one.in = layer.in;
    one.options = layer.options;
    files_.push_back(std::move(one));
  }
  if (files_.empty()) throw Error("trace: " + path + ": expected a layer of the delta family, got none");
  const bool bytes = trace.names.empty() && trace.config.vocab_size == 256;
  const auto word = [&](index_t token) {
    const auto name = trace.names.find(token);
    return name != trace.names.end() ? name->second : bytes ? letter(static_cast<std::int32_t>(token)) : "#" + std::to_string(token);
  };
  for (std::size_t t = 0; t < trace.tokens.size(); ++t) {
    Word w{word(trace.tokens[t]), {}, 0, static_cast<index_t>(t) >= trace.prompt};
    if (!trace.predictions.empty()) w.note = "expects " + word(trace.predictions[t]);
    if (!trace.predictions.empty() && !trace.targets.empty() && trace.targets[t] >= 0) {
      w.verdict = trace.targets[t] == trace.predictions[t] ? 1 : -1;
      w.note = "answers " + word(trace.predictions[t]) + (w.verdict > 0 ? ", right" : ", right would be " + word(trace.targets[t]));
    }
    words_.push_back(std::move(w));
  }
}

int TraceFile::heads() const { return static_cast<int>(files_.front().in.v.shape()[2]); }

const CaseFile& TraceFile::file(const TraceSource& source) const {
  const auto found = source.layer < 0 ? numbers_.begin() : std::find(numbers_.begin(), numbers_.end(), source.layer);
  if (found == numbers_.end()) {
    std::string known;
    for (const int n : numbers_) known += (known.empty() ? "" : ", ") + std::to_string(n);
    throw Error("trace: " + path_ + ": layer: expected one with a memory (" + known + "), got " + std::to_string(source.layer));
  }
  return files_[static_cast<std::size_t>(found - numbers_.begin())];
}

Trace TraceFile::open(const TraceSource& source) const {
  Trace out = trace_of(file(source), source);
  for (std::size_t t = 0; t < std::min(words_.size(), out.timeline.entries.size()); ++t) {
    Entry& e = out.timeline.entries[t];
    e.label = words_[t].label, e.note = words_[t].note, e.verdict = words_[t].verdict, e.drawn = words_[t].drawn;
    if (e.fact < 0) continue;
    const auto f = static_cast<std::size_t>(e.fact);
    out.timeline.facts[f].intents[0].text = e.label;
    out.timeline.codebook[f].text += " " + e.label;
  }
  return out;
}

Trace load_trace(const TraceSource& source) { return TraceFile(source.path).open(source); }

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
