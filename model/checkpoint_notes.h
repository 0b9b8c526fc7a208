// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The notes of a checkpoint without its numbers: what `save_training` was given (task, settings, ...), for whoever only wants
// to know what a model was trained on. The moments of the optimizer are not read.
#pragma once

#include <string>

#include "model/checkpoint.h"

namespace fw::model {

/// Empty where the folder holds a model alone. Throws on a training.safetensors that is not whole.
Notes read_notes(const std::string& folder);

}  // namespace fw::model
