// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Pictures of the window and of single panels as files: PNG by the CPU rasteriser at one to four times the size, SVG, an
// animation of the run. What the keys P and E, the command box and the program's options use.
//   png [FILE] [PANEL] [SCALE]   svg [FILE] [PANEL]   csv [FILE] [PANEL]   animate [FILE] [FIRST LAST]
#pragma once

#include <string>
#include <string_view>

#include "viz/app/headless.h"

namespace fw::viz {

/// A panel alone, as large as its content asks for. Throws fw::Error for a name that is none.
Image panel_picture(ViewModel& view, const std::string& panel, const HeadlessOptions& options);
/// The same as SVG; letters stay letters.
std::string panel_svg(ViewModel& view, const std::string& panel, const HeadlessOptions& options);
/// Every panel into a folder: NAME.png, NAME.svg, NAME.csv. Returns how many files were written.
int write_panels(ViewModel& view, const std::string& folder, const HeadlessOptions& options);
/// The window at every token from `first` to `last` as an animated PNG, `seconds` a token; the view stands where it stood afterwards.
void write_animation(ViewModel& view, const std::string& path, const HeadlessOptions& options, int first, int last, double seconds = 0.7);

bool is_picture_command(std::string_view line);
/// Carry out one of the commands above and say what was written; `options` is the window's size. Without FILE a name is found
/// that does not exist yet. Throws fw::Error.
std::string run_picture_command(ViewModel& view, std::string_view line, const HeadlessOptions& options);

}  // namespace fw::viz
