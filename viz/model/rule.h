// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// One token through the naive reference of a head's rule: a named variant runs its dedicated step, a morph runs GDN-2's
// with collapsed gates. Surgery changes S by hand instead. The recorder's e, r, z, delta come from inside the reference.
#pragma once

#include "naive/types.h"
#include "viz/model/gates.h"

namespace fw::viz {

/// Advance S by token `index` (0-based) of the timeline; `record` gets what happened inside, o [Dv] the output. The decayed
/// state is a copy that costs as much as a part of the step: not everybody wants it.
/// S may be some columns of the state, from column `first` on, where the rule treats columns apart: then v, w, r, z, o are theirs.
void advance(naive::Matrix<double>& S, const Timeline& timeline, int index, const Head& head, const Gates& gates,
             naive::StepRecord<double>& record, naive::Vector<double>& o, bool keep_decayed = true, int first = 0);

/// Does every value channel go its own way, whatever is in the others? Not where one number is the mean of all write gates.
bool columns_apart(const Head& head);

}  // namespace fw::viz
