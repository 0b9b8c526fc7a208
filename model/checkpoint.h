// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Checkpoints: a folder with
//   config.json            the configuration (config_json.h)
//   model.safetensors      every parameter under flash-linear-attention's name, F32 or BF16
//   training.safetensors   optim.m.<name>, optim.v.<name> in F32; step, optimizer options and the caller's notes as metadata
// A folder is written beside its place and then exchanged with what stood there, so that at any moment there is a whole checkpoint.
// Reading takes F32, BF16, F16 and F64, one file or the shards of model.safetensors.index.json, and what older files of
// flash-linear-attention have: gate_proj [2I,d] = [gate; up], an unused attn.D, no lm_head where embeddings serve for both.
// A file that does not fit is refused with everything that differs: tensors that are missing, too many, or of another shape.
#pragma once

#include <map>
#include <string>

#include "core/dtype.h"
#include "model/training.h"

namespace fw::model {

using Notes = std::map<std::string, std::string>;

/// The model alone, in `dtype` F32 or BF16. Notes are texts of the caller (task, seed, ...); keys must not be empty.
void save_model(const std::string& folder, const LanguageModel<float>& model, DType dtype = DType::f32, const Notes& notes = {});
/// Model and training state, for resume().
void save_training(const std::string& folder, const Training& training, const Notes& notes = {});

/// Throws unless a checkpoint can be written there; changes nothing. For those who would rather know before they train.
void check_place(const std::string& folder);

struct LoadedModel {
  LanguageModel<float> model;
  std::vector<std::string> ignored;  ///< keys of config.json that mean nothing here
  Notes notes;                       ///< what save_model() or save_training() was given
};
LoadedModel load_model(const std::string& folder, std::string_view backend = "omp");
/// Into a model that exists: its configuration must be that of the file, but for how it was initialised.
void load_parameters(const std::string& folder, LanguageModel<float>& model);

/// Parameters, moments and step: the next train_step gives the same bits as if there had been no interruption. Refuses other
/// configurations and other optimizer options. Returns the notes.
Notes resume(const std::string& folder, Training& training);

}  // namespace fw::model
