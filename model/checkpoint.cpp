// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "model/checkpoint.h"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/safetensors.h"
#include "model/checkpoint_files.h"
#include "model/config_json.h"

namespace fw::model {
namespace {

namespace fs = std::filesystem;

Tensor<double> tensor_of(const ParameterTensor& p, const std::vector<float>& flat) {
  Tensor<double> out(p.shape);
  for (index_t i = 0; i < p.numel(); ++i) out[i] = static_cast<double>(flat[static_cast<std::size_t>(p.offset + i)]);
  return out;
}

void add_notes(TensorFile& file, const Notes& notes) {
  for (const auto& [key, text] : notes) {
    if (key.empty()) throw Error("save_training: keys of notes must not be empty, got one with the text \"" + text + "\"");
    file.metadata["note." + key] = text;
  }
}
Notes notes_of(const TensorFile& file) {
  Notes notes;
  for (const auto& [key, text] : file.metadata)
    if (key.starts_with("note.")) notes[key.substr(5)] = text;
  return notes;
}

TensorFile model_file(const LanguageModel<float>& model, DType dtype, const Notes& notes) {
  if (dtype != DType::f32 && dtype != DType::bf16)
    throw Error("save_model: dtype must be f32 or bf16, got " + std::string(dtype_name(dtype)));
  TensorFile file;
  file.metadata["format"] = "pt";
  add_notes(file, notes);
  for (const ParameterTensor& p : model.table().all()) file.tensors[p.name] = AnyTensor::from(tensor_of(p, model.parameters()), dtype);
  return file;
}

/// Options as texts that give the same doubles again.
Notes options_as_text(const OptimizerOptions& o) {
  const auto exact = [](double x) {
    char text[40];
    std::snprintf(text, sizeof text, "%.17g", x);
    return std::string(text);
  };
  return {{"lr", exact(o.lr)},
          {"min_lr_ratio", exact(o.min_lr_ratio)},
          {"warmup", std::to_string(o.warmup)},
          {"steps", std::to_string(o.steps)},
          {"beta1", exact(o.beta1)},
          {"beta2", exact(o.beta2)},
          {"eps", exact(o.eps)},
          {"weight_decay", exact(o.weight_decay)},
          {"decay_all", o.decay_all ? "true" : "false"},
          {"clip", exact(o.clip)}};
}

TensorFile training_file(const Training& training, const Notes& notes) {
  TensorFile file;
  file.metadata["step"] = std::to_string(training.step());
  for (const auto& [key, text] : options_as_text(training.options())) file.metadata["optimizer." + key] = text;
  add_notes(file, notes);
  if (training.step() == 0) return file;
  for (const ParameterTensor& p : training.model().table().all()) {
    file.tensors["optim.m." + p.name] = AnyTensor::from(tensor_of(p, training.state().m), DType::f32);
    file.tensors["optim.v." + p.name] = AnyTensor::from(tensor_of(p, training.state().v), DType::f32);
  }
  return file;
}

void write_text(const fs::path& path, const std::string& text) {
  std::ofstream out(path, std::ios::binary);
  out << text;
  out.close();
  if (!out) throw Error("save checkpoint: cannot write " + path.string());
}

/// Texts of the settings that decide about shapes and numbers, for the list of differences.
std::string config_differences(const ModelConfig& wanted, ModelConfig got) {
  got.initialisation = wanted.initialisation, got.initializer_range = wanted.initializer_range;
  const auto a = nlohmann::ordered_json::parse(config_to_json(wanted)), b = nlohmann::ordered_json::parse(config_to_json(got));
  std::string text;
  for (const auto& [key, value] : a.items())
    if (!b.contains(key) || b[key] != value)
      text += "\n  " + key + ": the model has " + value.dump() + ", the file " + (b.contains(key) ? b[key].dump() : "nothing");
  for (const auto& [key, value] : b.items())
    if (!a.contains(key)) text += "\n  " + key + ": the model has nothing, the file " + value.dump();
  return text;
}

ReadConfig read_config(const std::string& folder) {
  const std::string path = (fs::path(folder) / "config.json").string();
  return config_from_json(read_text(path), path);
}

/// An interrupted or finished training, checked against the one that goes on: all that differs.
void check_resumable(const std::string& folder, const std::string& path, const TensorFile& file, const Training& training) {
  std::string text = config_differences(training.model().config(), read_config(folder).config);
  for (const auto& [key, wanted] : options_as_text(training.options())) {
    const auto at = file.metadata.find("optimizer." + key);
    if (at == file.metadata.end() || at->second != wanted)
      text +=
          "\n  optimizer." + key + ": the training has " + wanted + ", the file " + (at == file.metadata.end() ? "nothing" : at->second);
  }
  if (!text.empty()) throw Error("resume: " + path + " does not fit:" + text);
}

index_t step_of(const std::string& path, const TensorFile& file) {
  const auto at = file.metadata.find("step");
  if (at == file.metadata.end() || at->second.empty() || at->second.size() > 18 ||
      at->second.find_first_not_of("0123456789") != std::string::npos)
    throw Error("resume: " + path + ": step must be a whole number, got " +
                (at == file.metadata.end() ? "nothing" : "\"" + at->second + "\""));
  return std::stoll(at->second);
}

}  // namespace

void save_model(const std::string& folder, const LanguageModel<float>& model, DType dtype, const Notes& notes) {
  const TensorFile file = model_file(model, dtype, notes);
  replace_folder(folder, [&](const std::string& place) {
    write_text(fs::path(place) / "config.json", config_to_json(model.config()));
    write_safetensors((fs::path(place) / "model.safetensors").string(), file);
  });
}

void save_training(const std::string& folder, const Training& training, const Notes& notes) {
  const TensorFile numbers = model_file(training.model(), DType::f32, notes), state = training_file(training, notes);
  replace_folder(folder, [&](const std::string& place) {
    write_text(fs::path(place) / "config.json", config_to_json(training.model().config()));
    write_safetensors((fs::path(place) / "model.safetensors").string(), numbers);
    write_safetensors((fs::path(place) / "training.safetensors").string(), state);
  });
}

void check_place(const std::string& folder) { replace_folder(folder, nullptr); }

LoadedModel load_model(const std::string& folder, std::string_view backend) {
  ReadConfig read = read_config(folder);
  WeightFile weights = read_weights(folder);
  if (!weights.file.tensors.count("lm_head.weight")) read.config.tie_word_embeddings = true;
  adapt_old_names(read.config, weights);
  require_fit(weights, layout_parameters(read.config).table, "");  // before memory is asked for what a file only claims
  LoadedModel loaded{LanguageModel<float>(read.config, backend), std::move(read.ignored), notes_of(weights.file)};
  take_parameters(weights, loaded.model.table(), "", loaded.model.parameters());
  return loaded;
}

void load_parameters(const std::string& folder, LanguageModel<float>& model) {
  const std::string differences = config_differences(model.config(), read_config(folder).config);
  if (!differences.empty()) throw Error("load_parameters: " + folder + " does not fit:" + differences);
  WeightFile weights = read_weights(folder);
  adapt_old_names(model.config(), weights);
  take_parameters(weights, model.table(), "", model.parameters());
}

Notes resume(const std::string& folder, Training& training) {
  const std::string path = (fs::path(folder) / "training.safetensors").string();
  if (!fs::exists(path)) throw Error("resume: " + folder + " must hold training.safetensors, got a model alone");
  WeightFile state{path, read_safetensors(path)};
  check_resumable(folder, path, state.file, training);
  OptimizerState next;
  next.step = step_of(path, state.file);
  const ParameterTable& table = training.model().table();
  if (next.step > 0) {
    next.m.resize(static_cast<std::size_t>(table.size())), next.v.resize(next.m.size());
    WeightFile m{path, {}}, v{path, {}};
    for (auto& [name, tensor] : state.file.tensors) (name.starts_with("optim.m.") ? m : v).file.tensors[name] = std::move(tensor);
    take_parameters(m, table, "optim.m.", next.m);
    take_parameters(v, table, "optim.v.", next.v);
  }
  load_parameters(folder, training.model());
  training.state() = std::move(next);
  return notes_of(state.file);
}

}  // namespace fw::model
