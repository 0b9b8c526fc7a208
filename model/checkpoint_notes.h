// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The notes of a checkpoint without its numbers: what `save_training` or `save_model` was given (task, settings, ...), for whoever only wants
// to know what a model was trained on. The moments of the optimizer are not read.
#pragma once

#include <string>

#include "model/checkpoint.h"

namespace fw::model {

/// Empty where there are none. Throws on a file that is not whole.
Notes read_notes(const std::string& folder);

}  // namespace fw::model
