// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The judge: a kernel's tensors against the float64 truth on the very same (rounded) inputs. For each tensor a verdict
// with its numbers and limits; for the inputs, what they could not have shown; for a wrong kernel, where it is wrong and
// which known mistake leaves such a residual.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "verify/diagnose.h"
#include "verify/localise.h"
#include "verify/other_verdicts.h"
#include "verify/yardstick.h"

namespace fw::verify {

/// One call of a kernel: the problem as the kernel saw it, and what it returned.
struct Call {
  Problem problem;
  Results results;      ///< absent tensors are not judged
  StoredTypes stored;   ///< types of inputs and results as stored
};

struct JudgeSettings {
  std::optional<Precision> precision;  ///< unset: by the type of q; float32 tensors may turn out to be tf32 kernels
  index_t chunk = 64;                  ///< chunk length assumed by the bank of mistakes and the yardstick
  int threads = 0;                     ///< 0: all cores
  bool bank = true;                    ///< run the bank of mistakes (blind spots, diagnosis)
  double bank_budget = 1.5e8;          ///< state elements x tokens the bank may visit per mistake; decides how many heads it sees
  std::function<void(const std::string& stage, double fraction)> progress;  ///< may be empty
};

enum class Verdict {
  right,
  wrong,
  ill_conditioned,  ///< over the cap, but an ideal kernel of the class errs as much: these inputs decide nothing
  vacuous           ///< a trivial answer would have passed: no verdict
};

struct TensorReport {
  std::string name;
  Direction direction = Direction::forward;
  Verdict verdict = Verdict::right;
  Comparison error;        ///< candidate against truth
  Comparison noise;        ///< yardstick against truth
  Tolerance limit;
  std::string vacuous_because;
  std::vector<OtherVerdict> others;
  std::optional<Localisation> where;          ///< wrong tensors only
  std::vector<Finding> why_nonfinite;
  /// error / noise, global.
  double multiple() const;
};

struct BlindSpot {
  std::string id, title;
  Direction direction = Direction::forward;
  double ratio = 0;  ///< error over limit of the mistake on these inputs
};

struct Judgement {
  Verdict verdict = Verdict::right;
  Precision precision = Precision::bf16;   ///< class the limits belong to
  bool seen_as_tf32 = false;               ///< float32 tensors that pass as a tf32 kernel, not as an IEEE float32 one
  Geometry geo;
  Options options;
  std::vector<TensorReport> tensors;
  std::vector<std::string> missing;        ///< results the rule has, the file has not
  // the bank on these inputs
  bool bank_ran = false;
  std::string bank_scope;                  ///< "all heads" or which part was used
  index_t applicable = 0, caught = 0;
  std::vector<BlindSpot> blind;
  std::optional<Diagnosis> forward, backward;
  double inverse_growth = 0;               ///< largest row sum of |(I + A_ek)^-1|: conditioning of the chunk solve
  double seconds_truth = 0, seconds_yardstick = 0, seconds_bank = 0, seconds_diagnosis = 0;
};

/// Throws fw::Error when the inputs are unusable.
Judgement judge(const Call& call, const JudgeSettings& settings = {});

}  // namespace fw::verify
