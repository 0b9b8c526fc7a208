// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The few SVG elements that the plots of ablations are made of. `more` holds further attributes, each with a blank before it.
#pragma once

#include <string>

namespace fw::cli {

std::string svg_text(double x, double y, const std::string& what, const char* anchor, int size, const std::string& more = "");
std::string svg_line(double x1, double y1, double x2, double y2, const char* colour, double width, const std::string& more = "");
/// A white page with `body` on it.
std::string svg_page(double width, double height, const std::string& body);

}  // namespace fw::cli
