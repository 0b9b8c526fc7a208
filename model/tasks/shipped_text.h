// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The text that is built into the library: the files of notebooks_data/text one after the other, in ASCII. It is put
// together when the project is configured, so that a program needs no file to train on text.
#pragma once

#include <string_view>

namespace fw::model {

std::string_view shipped_text();

}  // namespace fw::model
