// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "viz/model/decoder.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/error.h"
#include "model/sampler.h"
#include "viz/model/trace.h"

namespace fw::viz {
namespace {

constexpr int kMostPrompt = Decoder::kMostTokens, kMostExample = 100000;

Inputs<double> doubles_of(const Inputs<float>& in) {
  std::vector<Tensor<double>> all;
  for_each_input(in, [&](const char*, const Tensor<float>& t) { all.push_back(t.defined() ? t.cast<double>() : Tensor<double>()); });
  Inputs<double> out;
  std::size_t i = 0;
  for_each_input(out, [&](const char*, Tensor<double>& t) { t = std::move(all[i++]); });
  return out;
}

}  // namespace

/// Sits in the model while it reads: writes down what rules are handed and, for B, narrows their gates.
class Decoder::Watch final : public model::RuleObserver<float>, public model::RuleTransform<float> {
 public:
  explicit Watch(Decoder& of) : of_(of), model_(of.checkpoint_->model) {
    of.narrowed_ ? static_cast<void>(model_.transform = this) : static_cast<void>(model_.observer = this);
  }
  ~Watch() override { model_.transform = nullptr, model_.observer = nullptr; }
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  void observe(index_t layer, const Inputs<float>& in, const Options& options, const Outputs<float>&) override {
    static_cast<void>(write_down(layer, in, options));
  }
  void transform(index_t layer, Inputs<float>& in, Options& options) override {
    DecodedLayer* const seen = write_down(layer, in, options);
    if (seen == nullptr) return;
    const index_t T = in.q.shape()[1], HV = in.v.shape()[2], H = in.q.shape()[2];
    const auto first = seen->heads[0].size() - static_cast<std::size_t>(T);
    Inputs<float> narrow;
    narrow.q = in.q, narrow.k = in.k, narrow.v = in.v, narrow.initial_state = in.initial_state;
    narrow.b = narrow.g = Tensor<float>({1, T, HV, seen->dk});
    narrow.w = Tensor<float>({1, T, HV, seen->dv});
    const Head own{false, seen->variant, {}};
    const auto put = [](Tensor<float>& to, index_t t, index_t h, const Vec& from) {
      std::transform(from.begin(), from.end(), to.row(0, t, h), [](double x) { return static_cast<float>(x); });
    };
    for (index_t h = 0; h < HV; ++h)
      for (index_t t = 0; t < T; ++t) {
        Entry entry = seen->heads[static_cast<std::size_t>(h)][first + static_cast<std::size_t>(t)];
        Gates gates = gates_of(entry, own);
        entry.b = gates.b, entry.w = gates.w, entry.g = gates.g;
        gates = gates_of(entry, *of_.narrowed_);
        put(narrow.q, t, h * H / HV, entry.q), put(narrow.k, t, h * H / HV, entry.k), put(narrow.v, t, h, entry.v);
        put(narrow.b, t, h, gates.b), put(narrow.w, t, h, gates.w), put(narrow.g, t, h, gates.g);
      }
    in = std::move(narrow);
    Options plain;
    plain.variant = Variant::gdn2, plain.scale = seen->scale, plain.threads = options.threads;
    plain.check_ranges = plain.check_finite = false;
    options = plain;
  }

 private:
  DecodedLayer* write_down(index_t number, const Inputs<float>& raw, const Options& options) {
    const auto layer = std::find_if(of_.layers_.begin(), of_.layers_.end(), [&](const DecodedLayer& l) { return l.number == number; });
    if (layer == of_.layers_.end()) return nullptr;
    const Inputs<double> in = doubles_of(raw);
    const Geometry geo = check_inputs("decoder", in, options);
    layer->scale = geo.scale;
    layer->heads.resize(static_cast<std::size_t>(geo.HV));
    for (index_t h = 0; h < geo.HV; ++h)
      for (index_t t = 0; t < geo.T; ++t) layer->heads[static_cast<std::size_t>(h)].push_back(entry_of(in, geo, options, 0, t, h));
    return &*layer;
  }

  Decoder& of_;
  model::LanguageModel<float>& model_;
};

Decoder::Decoder(std::shared_ptr<Checkpoint> checkpoint, const ModelSource& source) : checkpoint_(std::move(checkpoint)), source_(source) {
  start();
  const float nothing = 0.0f;
  model::sample(&nothing, 1, {source.temperature, source.top_k, source.seed}, 0, 0);  // refuses the options
  if (source.prompt) {
    given_ = checkpoint_->tokens_of(*source.prompt);
    if (given_.size() > static_cast<std::size_t>(kMostPrompt))
      throw Error("prompt: expected at most " + std::to_string(kMostPrompt) + " tokens, got " + std::to_string(given_.size()));
    return;
  }
  if (!checkpoint_->task)
    throw Error("checkpoint: " + checkpoint_->path + ": expected a prompt or a task (its files name none), got neither");
  if (source.example < 0 || source.example > kMostExample)
    throw Error("example: expected 0 to " + std::to_string(kMostExample) + ", got " + std::to_string(source.example));
  const model::Batch batch = checkpoint_->task->make(source.seed, 0, source.example + 1, model::Split::eval);
  if (batch.T > kMostPrompt)
    throw Error("example: expected at most " + std::to_string(kMostPrompt) + " tokens, got " + std::to_string(batch.T));
  given_.assign(batch.tokens.end() - batch.T, batch.tokens.end());
  targets_.assign(batch.targets.end() - batch.T, batch.targets.end());
}

Decoder::Decoder(const Decoder& leader, const Head& narrowed)
    : checkpoint_(leader.checkpoint_), source_(leader.source_), narrowed_(narrowed), targets_(leader.targets_) {
  start();
}

void Decoder::start() {
  const model::ModelConfig& config = checkpoint_->model.config();
  for (index_t l = 0; l < config.layers(); ++l) {
    const Variant variant = config.mixers[static_cast<std::size_t>(l)];
    if (info(variant).family != Family::delta_rule) continue;
    layers_.push_back({static_cast<int>(l), variant, 1.0, static_cast<int>(config.head_k_dim), static_cast<int>(config.head_v_dim),
                       std::vector<std::vector<Entry>>(static_cast<std::size_t>(config.value_heads()))});
  }
  if (layers_.empty()) throw Error("checkpoint: " + checkpoint_->path + ": expected a layer of the delta family, got none");
  state_ = checkpoint_->model.new_state(1);
}

const DecodedLayer& Decoder::layer(int number) const {
  std::string known;
  for (const DecodedLayer& l : layers_) {
    if (l.number == number || number < 0) return l;
    known += (known.empty() ? "" : ", ") + std::to_string(l.number);
  }
  throw Error("layer: expected one with a memory (" + known + "), got " + std::to_string(number));
}

Forecast Decoder::forecast_of(const float* logits, int index) const {
  const auto vocab = static_cast<int>(checkpoint_->model.config().vocab_size);
  std::vector<int> order(static_cast<std::size_t>(vocab));
  std::iota(order.begin(), order.end(), 0);
  const int most = std::min(kForecasts, vocab);
  std::partial_sort(order.begin(), order.begin() + most, order.end(),
                    [&](int a, int b) { return logits[a] > logits[b] || (logits[a] == logits[b] && a < b); });
  const double top = logits[order[0]];
  double sum = 0.0, weighted = 0.0;
  for (int i = 0; i < vocab; ++i) {
    const double x = logits[i] - top;
    sum += std::exp(x), weighted += std::exp(x) * x;
  }
  Forecast out;
  out.entropy = std::log(sum) - weighted / sum;
  const auto chance = [&](int token) { return Forecast::Chance{token, std::exp(logits[token] - top) / sum}; };
  for (int n = 0; n < most; ++n) out.best.push_back(chance(order[static_cast<std::size_t>(n)]));
  if (index < static_cast<int>(targets_.size())) out.target = targets_[static_cast<std::size_t>(index)];
  if (out.target >= 0) out.right = chance(out.target);
  return out;
}

void Decoder::read(const std::vector<std::int32_t>& tokens) {
  const Watch watch(*this);
  const Tensor<float> logits = checkpoint_->model.continued(tokens, 1, static_cast<index_t>(tokens.size()), state_);
  for (std::size_t t = 0; t < tokens.size(); ++t) {
    const float* row = logits.row(0, static_cast<index_t>(t));
    if (!std::all_of(row, row + logits.shape()[2], [](float x) { return std::isfinite(x); }))
      throw Error("checkpoint: " + checkpoint_->path + ": expected finite logits, got others after token " + std::to_string(length() + 1));
    forecasts_.push_back(forecast_of(row, length()));
    tokens_.push_back(tokens[t]);
  }
  const float* last = logits.row(0, static_cast<index_t>(tokens.size()) - 1);
  last_logits_.assign(last, last + logits.shape()[2]);
}

void Decoder::extend(int tokens) {
  if (length() == 0) read(given_);
  if (tokens > length() && !draws()) throw Error("decode: expected a prompt to go on from, got a sequence of the task, which ends here");
  if (tokens > kMostTokens)
    throw Error("decode: expected at most " + std::to_string(kMostTokens) + " tokens, got " + std::to_string(tokens));
  const auto vocab = static_cast<index_t>(last_logits_.size());
  while (length() < tokens)
    read({model::sample(last_logits_.data(), vocab, {source_.temperature, source_.top_k, source_.seed}, 0, length() - given())});
}

void Decoder::follow(const Decoder& leader) {
  if (length() < leader.length()) read({leader.tokens_.begin() + length(), leader.tokens_.end()});
}

}  // namespace fw::viz
