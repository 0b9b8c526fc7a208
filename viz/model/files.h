// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Words of the command box that read and write files. They are no part of scripts and sessions, which may come from anywhere
// and must not be able to touch files.
//   save s.json    open s.json    csv out.csv    trace kernel.safetensors [head [sequence]]    save-trace run.safetensors
#pragma once

#include <string>
#include <string_view>

#include "viz/model/view_model.h"

namespace fw::viz {

/// Obey the line and say what was done; empty when it is no such command. Throws fw::Error with expected and got.
std::string run_file_command(ViewModel& view, std::string_view line);

}  // namespace fw::viz
