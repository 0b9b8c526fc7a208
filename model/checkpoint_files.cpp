// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "model/checkpoint_files.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>

#include "core/error.h"

namespace fw::model {
namespace {

namespace fs = std::filesystem;

std::vector<index_t> without_ones(const Shape& shape) {
  std::vector<index_t> sizes;
  for (const index_t n : shape.sizes())
    if (n != 1) sizes.push_back(n);
  return sizes;
}

/// Rows [first, first + rows) of a matrix.
AnyTensor some_rows(const AnyTensor& matrix, index_t first, index_t rows) {
  const index_t columns = matrix.shape()[1];
  AnyTensor out(matrix.dtype(), {rows, columns});
  const std::size_t row_bytes = static_cast<std::size_t>(columns) * dtype_size(matrix.dtype());
  std::memcpy(out.bytes().data(), matrix.bytes().data() + static_cast<std::size_t>(first) * row_bytes,
              static_cast<std::size_t>(rows) * row_bytes);
  return out;
}

/// Both names change places, or `from` takes a free name. False where the system cannot do it.
bool exchange(const std::string& from, const std::string& to) {
#ifdef RENAME_EXCHANGE
  return ::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_EXCHANGE) == 0;
#else
  return false;
#endif
}

}  // namespace

std::string read_text(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw Error("load checkpoint: cannot read " + path);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

WeightFile read_weights(const std::string& folder) {
  const std::string single = (fs::path(folder) / "model.safetensors").string(), index = single + ".index.json";
  if (fs::exists(single) || !fs::exists(index)) return {single, read_safetensors(single)};
  const auto json = nlohmann::json::parse(read_text(index), nullptr, false);
  if (!json.is_object() || !json.contains("weight_map") || !json["weight_map"].is_object())
    throw Error("load checkpoint: " + index + " must have an object weight_map, got none");
  std::set<std::string> shards;
  for (const auto& [name, shard] : json["weight_map"].items()) {
    if (!shard.is_string() || fs::path(shard.get<std::string>()).filename() != fs::path(shard.get<std::string>()))
      throw Error("load checkpoint: " + index + ": " + name + " must name a file beside it, got " + shard.dump());
    shards.insert(shard.get<std::string>());
  }
  WeightFile all{index, {}};
  for (const std::string& shard : shards) {
    TensorFile part = read_safetensors((fs::path(folder) / shard).string());
    all.file.tensors.merge(part.tensors);
    if (!part.tensors.empty())
      throw Error("load checkpoint: " + index + ": tensor " + part.tensors.begin()->first + " must be in one shard, got two");
  }
  return all;
}

void adapt_old_names(const ModelConfig& config, WeightFile& weights) {
  auto& tensors = weights.file.tensors;
  if (config.tie_word_embeddings) tensors.erase("lm_head.weight");
  const index_t I = config.mlp_width();
  for (index_t n = 0; n < config.layers(); ++n) {
    const std::string prefix = "model.layers." + std::to_string(n) + ".";
    tensors.erase(prefix + "attn.D");
    const auto gate = tensors.find(prefix + "mlp.gate_proj.weight");
    if (gate == tensors.end() || tensors.count(prefix + "mlp.up_proj.weight") || gate->second.shape() != Shape{2 * I, config.hidden_size})
      continue;
    tensors[prefix + "mlp.up_proj.weight"] = some_rows(gate->second, I, I);
    gate->second = some_rows(gate->second, 0, I);
  }
}

void require_fit(const WeightFile& weights, const ParameterTable& table, const std::string& prefix) {
  std::string differences;
  std::set<std::string, std::less<>> wanted;
  for (const ParameterTensor& p : table.all()) {
    const std::string name = prefix + p.name;
    wanted.insert(name);
    const auto at = weights.file.tensors.find(name);
    if (at == weights.file.tensors.end())
      differences += "\n  " + name + ": missing, expected " + p.shape.str();
    else if (without_ones(at->second.shape()) != without_ones(p.shape))
      differences += "\n  " + name + ": shape " + at->second.shape().str() + ", expected " + p.shape.str();
    else if (!is_floating(at->second.dtype()))
      differences += "\n  " + name + ": type " + std::string(dtype_name(at->second.dtype())) + ", expected a floating type";
  }
  for (const auto& [name, tensor] : weights.file.tensors)
    if (!wanted.count(name)) differences += "\n  " + name + ": not in the model, has shape " + tensor.shape().str();
  if (!differences.empty()) throw Error("load checkpoint: " + weights.path + " does not fit:" + differences);
}

void take_parameters(const WeightFile& weights, const ParameterTable& table, const std::string& prefix, std::vector<float>& values) {
  require_fit(weights, table, prefix);
  for (const ParameterTensor& p : table.all()) {
    const AnyTensor& tensor = weights.file.tensors.at(prefix + p.name);
    for (index_t i = 0; i < p.numel(); ++i) values[static_cast<std::size_t>(p.offset + i)] = static_cast<float>(tensor.at(i));
  }
}

void replace_folder(const std::string& folder, const std::function<void(const std::string&)>& write) {
  fs::path place(folder);
  if (!place.has_filename()) place = place.parent_path();
  const std::string target = place.string(), fresh = target + ".partial-" + std::to_string(::getpid());
  std::error_code error;
  fs::remove_all(fresh, error);
  if (!fs::create_directories(fresh, error)) throw Error("save checkpoint: cannot make the folder " + fresh + ": " + error.message());
  try {
    if (fs::exists(target) && !fs::exists(fs::path(target) / "config.json") && !(fs::is_directory(target) && fs::is_empty(target)))
      throw Error("save checkpoint: " + target + " must be free or a checkpoint, got something else");
    if (!write) {
      fs::remove_all(fresh, error);
      return;
    }
    write(fresh);
    if (!fs::exists(target)) {
      fs::rename(fresh, target);
      return;
    }
    if (!exchange(fresh, target)) {  // a file system that cannot exchange: the old one steps aside for a moment
      const std::string old = target + ".old-" + std::to_string(::getpid());
      fs::rename(target, old);
      fs::rename(fresh, target, error);
      if (error) {
        const std::string why = error.message();
        fs::rename(old, target);
        throw Error("save checkpoint: cannot rename " + fresh + " to " + target + ": " + why);
      }
      fs::rename(old, fresh);
    }
    fs::remove_all(fresh, error);
  } catch (const fs::filesystem_error& e) {
    fs::remove_all(fresh, error);
    throw Error("save checkpoint: " + std::string(e.what()));
  } catch (...) {
    fs::remove_all(fresh, error);
    throw;
  }
}

}  // namespace fw::model
