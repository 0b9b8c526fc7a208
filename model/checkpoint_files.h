// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The files under a checkpoint: reading weights from one file or from shards, fitting them to a table of parameters or saying all
// that does not fit, and putting a whole folder in the place of another at once. Part of checkpoint.h, which is the door.
#pragma once

#include <functional>
#include <string>

#include "core/safetensors.h"
#include "model/parameter_table.h"

namespace fw::model {

struct WeightFile {
  std::string path;  ///< for messages
  TensorFile file;
};

/// The whole file as a text. Throws when it cannot be read.
std::string read_text(const std::string& path);
/// folder/model.safetensors, or the shards that folder/model.safetensors.index.json names.
WeightFile read_weights(const std::string& folder);
/// Older layouts of flash-linear-attention: fused gate_proj [2I,d] split, attn.D dropped, lm_head dropped where it is tied.
void adapt_old_names(const ModelConfig& config, WeightFile& weights);
/// Throws with all differences unless there is a tensor prefix + p.name of p's shape, axes of size 1 not counted, for every
/// parameter p of the table, and no other.
void require_fit(const WeightFile& weights, const ParameterTable& table, const std::string& prefix);
/// Every parameter from its tensor. Throws as require_fit does, and then `values` is as before.
void take_parameters(const WeightFile& weights, const ParameterTable& table, const std::string& prefix, std::vector<float>& values);
/// `write` fills a fresh folder, which then takes the place of `folder` in one step. Where write throws, nothing has changed.
/// Without `write` it is only tried whether that could be done.
void replace_folder(const std::string& folder, const std::function<void(const std::string&)>& write);

}  // namespace fw::model
