// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The texts of a case file's metadata and the options they stand for. Unknown keys are kept and mean nothing.
#pragma once

#include <map>
#include <string>

#include "core/case_file.h"

namespace fw {

/// Sets options, layout and state_layout of `file` from its metadata; warns of what had to be assumed. Throws with the
/// key, what was expected and what came.
void metadata_to_case(CaseFile& file);
/// Writes every key that matters for this call, as text.
void case_to_metadata(const CaseFile& file, std::map<std::string, std::string>& metadata);

}  // namespace fw
