// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Inside localise: which slice of the truth along one axis each slice of the candidate really is.
#pragma once

#include <functional>
#include <vector>

#include "verify/localise_rows.h"

namespace fw::verify::detail {

struct Explained {
  double share = 0;    ///< of the error energy, among the elements that have a source
  double covered = 0;  ///< energy of those elements / energy of all
};

/// The bad rows of the map, thinned out evenly where there are very many.
std::vector<index_t> rows_to_look_at(const RowTable& table, const ErrorMap& map);

/// How much of the rows' error vanishes when flat element i of the candidate is compared with truth[source(i)] (-1: none).
Explained explain(const RowTable& table, const std::vector<index_t>& rows, const std::function<index_t(index_t)>& source);

/// Best match of slices along an axis other than time, named where it is a known pattern.
std::vector<Finding> match_slices(const RowTable& table, const std::vector<index_t>& rows, Axis axis);

}  // namespace fw::verify::detail
