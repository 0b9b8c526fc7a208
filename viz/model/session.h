// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// A session as JSON: the settings, the log as text of the fact language, heads, branch, time, view options. Everything else
// is replayed, so a session is small, can be read and written by hand and gives the same numbers everywhere. A file may come
// from anywhere: every key, type and range is checked, and what is unusable is refused with what was expected and what came.
#pragma once

#include <string>
#include <string_view>

#include "viz/model/view_model.h"

namespace fw::viz {

/// The session of a view, indented, ending with a line end.
std::string session_text(const ViewModel& view);
/// Put the view into the state of a session; throws fw::Error and changes nothing when the text is unusable. `name` stands for
/// the file in messages.
void open_session(ViewModel& view, std::string_view text, std::string_view name);

/// The same with files. A file is written whole or not at all.
void save_session(const ViewModel& view, const std::string& path);
void load_session(ViewModel& view, const std::string& path);

/// A whole file; throws with the function's name when it cannot be read or is larger than `most` bytes.
std::string read_text(const std::string& path, std::string_view what, std::size_t most = std::size_t{16} << 20);
/// Through a temporary file beside it, renamed when complete.
void write_whole(const std::string& path, std::string_view bytes);

}  // namespace fw::viz
