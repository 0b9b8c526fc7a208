// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "core/case_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "core/case_metadata.h"
#include "core/safetensors_header.h"

namespace fw {
namespace {

/// A call may ask for states of this many numbers in all; a few bytes of shapes must not cost all memory.
constexpr index_t kLargestState = index_t{1} << 36;
constexpr index_t kLargestEmptyAxis = index_t{1} << 20;

[[noreturn]] void refuse(const std::string& text) { throw Error("read_case: " + text); }

/// f(name, tensor) for all tensors of a call, in the order inputs, upstream, outputs, gradients.
template <class Case, class F>
void for_each_tensor(Case& file, F&& f) {
  for_each_input(file.in, f);
  for_each_upstream(file.up, f);
  for_each_output(file.out, f);
  for_each_gradient(file.grad, f);
}

bool one_of(std::string_view name, std::initializer_list<std::string_view> names) { return std::find(names.begin(), names.end(), name) != names.end(); }

/// "q" of "dq", "o" of "do"; a tensor that is no gradient is its own.
std::string_view without_d(std::string_view name) {
  return name.size() > 1 && name.front() == 'd' && !one_of(name, {"dt", "dt_bias"}) ? name.substr(1) : name;
}
bool has_token_axis(std::string_view name) {
  return one_of(without_d(name), {"q", "k", "v", "g", "b", "w", "beta", "dt", "lambda", "theta", "o"});
}
bool is_state(std::string_view name) { return one_of(without_d(name), {"initial_state", "final_state"}); }

/// [..,A,B,..] to [..,B,A,..]; A is `axis`.
Tensor<double> swapped(const Tensor<double>& t, index_t axis) {
  std::vector<index_t> sizes = t.shape().sizes();
  index_t outer = 1, inner = 1;
  for (index_t i = 0; i < axis; ++i) outer *= t.shape()[i];
  for (index_t i = axis + 2; i < t.shape().rank(); ++i) inner *= t.shape()[i];
  const index_t A = t.shape()[axis], B = t.shape()[axis + 1];
  std::swap(sizes[static_cast<std::size_t>(axis)], sizes[static_cast<std::size_t>(axis) + 1]);
  Tensor<double> out{Shape(std::move(sizes))};
  if (t.numel() == 0) return out;
  for (index_t o = 0; o < outer; ++o)
    for (index_t a = 0; a < A; ++a)
      for (index_t b = 0; b < B; ++b) std::copy_n(t.data() + ((o * A + a) * B + b) * inner, inner, out.data() + ((o * B + b) * A + a) * inner);
  return out;
}

/// Between the file's layout and [B,T,H,...], [N,HV,Dk,Dv]; its own inverse.
Tensor<double> relaid(std::string_view name, Tensor<double> t, Layout layout, StateLayout state_layout) {
  if (layout == Layout::BHTK && has_token_axis(name) && t.shape().rank() >= 3) return swapped(t, 1);
  if (state_layout == StateLayout::VK && is_state(name) && t.shape().rank() == 4) return swapped(t, 2);
  return t;
}

std::vector<index_t> read_offsets(const AnyTensor& tensor) {
  if (is_floating(tensor.dtype()) || tensor.shape().rank() != 1 || tensor.numel() < 2)
    refuse(fmt::format("cu_seqlens must be N+1 >= 2 integers, got {} {}", dtype_name(tensor.dtype()), tensor.shape().str()));
  return tensor.to_indices();
}

void sort_tensors(const TensorFile& file, CaseFile& out) {
  std::set<std::string_view> known = {"cu_seqlens"};
  for_each_tensor(out, [&](const char* name, Tensor<double>& tensor) {
    known.insert(name);
    const auto found = file.tensors.find(name);
    if (found == file.tensors.end()) return;
    if (!is_floating(found->second.dtype()))
      refuse(fmt::format("{} must be of a floating type (f64 f32 bf16 f16), got {}", name, dtype_name(found->second.dtype())));
    for (index_t size : found->second.shape().sizes())
      if (found->second.numel() == 0 && size > kLargestEmptyAxis)
        refuse(fmt::format("{} has no elements and must have axes of at most {}, got {}", name, kLargestEmptyAxis, found->second.shape().str()));
    tensor = relaid(name, found->second.to_double(), out.layout, out.state_layout);
    out.dtypes[name] = found->second.dtype();
  });
  if (const auto found = file.tensors.find("cu_seqlens"); found != file.tensors.end()) {
    out.in.cu_seqlens = read_offsets(found->second);
    out.dtypes["cu_seqlens"] = found->second.dtype();
  }
  for (const auto& [name, tensor] : file.tensors)
    if (known.count(name) == 0) out.warnings.push_back("tensor " + quoted_name(name) + " is unknown and ignored");
}

/// Shape of an output (or of its gradient); rank 0: the rule has none.
Shape output_shape(std::string_view output, const Geometry& geo, const Options& options) {
  const Family family = info(options.variant).family;
  const bool mimo = options.variant == Variant::mamba3_mimo;
  const auto with_rank = [&](index_t width) { return mimo ? Shape{geo.N, geo.HV, geo.M, width} : Shape{geo.N, geo.HV, width}; };
  if (output == "o") return mimo ? Shape{geo.B, geo.T, geo.HV, geo.M, geo.Dv} : Shape{geo.B, geo.T, geo.HV, geo.Dv};
  if (output == "final_state" && family != Family::attention) return Shape{geo.N, geo.HV, geo.Dk, geo.Dv};
  if (family != Family::mamba3) return {};
  if (output == "final_angle") return Shape{geo.N, geo.HV, geo.P};
  return output == "final_key" ? with_rank(geo.Dk) : output == "final_value" ? with_rank(geo.Dv) : Shape{};
}

void require_moderate_state(const Geometry& geo) {
  index_t state = geo.N;
  for (index_t size : {geo.HV, geo.Dk, geo.Dv})
    if (__builtin_mul_overflow(state, size, &state) || state > kLargestState)
      refuse(fmt::format("the states [N,HV,Dk,Dv] = {} must have at most {} elements", Shape{geo.N, geo.HV, geo.Dk, geo.Dv}.str(), kLargestState));
}

/// Shapes of everything; what the rule does not have is dropped with a warning.
void check_shapes(CaseFile& file) {
  Options shapes_only = file.options;
  shapes_only.check_finite = shapes_only.check_ranges = false;
  const Geometry geo = check_inputs("read_case", file.in, shapes_only);
  require_moderate_state(geo);
  const auto drop = [&](const char* name, Tensor<double>& tensor, const std::string& why) {
    file.warnings.push_back(fmt::format("tensor \"{}\" is ignored: {}", name, why));
    file.dtypes.erase(name);
    tensor = {};
  };
  const auto check_output = [&](const char* name, Tensor<double>& tensor) {
    if (!tensor.defined()) return;
    const Shape expected = output_shape(without_d(name), geo, file.options);
    if (expected.rank() == 0) return drop(name, tensor, std::string(info(file.options.variant).name) + " has no such output");
    if (tensor.shape() != expected) refuse(fmt::format("{} must be {}, got {}", name, expected.str(), tensor.shape().str()));
  };
  for_each_output(file.out, check_output);
  for_each_upstream(file.up, check_output);
  std::map<std::string, Shape> inputs;
  for_each_input(file.in, [&](const char* name, const Tensor<double>& tensor) {
    if (tensor.defined()) inputs[name] = tensor.shape();
  });
  bool gradients = false, upstream = false;
  for_each_gradient(file.grad, [&](const char* name, Tensor<double>& tensor) {
    if (!tensor.defined()) return;
    const auto input = inputs.find(name + 1);
    if (input == inputs.end()) return drop(name, tensor, fmt::format("there is no {}", name + 1));
    if (tensor.shape() != input->second)
      refuse(fmt::format("{} must be as {}, {}, got {}", name, name + 1, input->second.str(), tensor.shape().str()));
    gradients = true;
  });
  for_each_upstream(file.up, [&](const char*, const Tensor<double>& tensor) { upstream |= tensor.defined(); });
  if (gradients && !upstream) refuse("gradients need the gradient of the output, do (or dfinal_state), got neither");
}

/// The layout whose shapes fit, when the one assumed does not: ", but the shapes fit layout BHTK ...". Empty when none does.
std::string fitting_layout(const TensorFile& file, const CaseFile& refused) {
  for (Layout layout : {Layout::BTHK, Layout::BHTK})
    for (StateLayout state_layout : {StateLayout::KV, StateLayout::VK}) {
      if (layout == refused.layout && state_layout == refused.state_layout) continue;
      CaseFile attempt;
      attempt.options = refused.options;
      attempt.layout = layout;
      attempt.state_layout = state_layout;
      try {
        sort_tensors(file, attempt);
        check_shapes(attempt);
        return fmt::format("; the shapes fit layout {} with state_layout {}", layout_name(layout), state_layout_name(state_layout));
      } catch (const Error&) {
        continue;
      }
    }
  return {};
}

}  // namespace

CaseFile read_case(const TensorFile& file, const CaseOptions& overrides) {
  CaseFile out;
  out.metadata = file.metadata;
  for (const auto& [key, value] : overrides.metadata) out.metadata[key] = value;
  if (!overrides.variant.empty()) out.metadata["variant"] = overrides.variant;
  if (!overrides.layout.empty()) out.metadata["layout"] = overrides.layout;
  if (!overrides.state_layout.empty()) out.metadata["state_layout"] = overrides.state_layout;
  if (overrides.scale) out.metadata["scale"] = fmt::format("{}", *overrides.scale);
  metadata_to_case(out);
  std::string as_read;
  if (out.layout != Layout::BTHK || out.state_layout != StateLayout::KV)
    as_read = fmt::format(" (read with layout {} and state_layout {})", layout_name(out.layout), state_layout_name(out.state_layout));
  sort_tensors(file, out);
  try {
    check_shapes(out);
  } catch (const Error& error) {
    throw Error(error.what() + as_read + fitting_layout(file, out));
  }
  return out;
}

TensorFile to_tensor_file(const CaseFile& file) {
  TensorFile out;
  out.metadata = file.metadata;
  case_to_metadata(file, out.metadata);
  const auto type_of = [&](const std::string& name, DType otherwise) {
    const auto found = file.dtypes.find(name);
    return found == file.dtypes.end() ? otherwise : found->second;
  };
  for_each_tensor(file, [&](const char* name, const Tensor<double>& tensor) {
    if (tensor.defined())
      out.tensors[name] = AnyTensor::from(relaid(name, tensor, file.layout, file.state_layout), type_of(name, DType::f64));
  });
  if (const std::vector<index_t>& offsets = file.in.cu_seqlens; !offsets.empty()) {
    Tensor<double> values(Shape{static_cast<index_t>(offsets.size())});
    std::copy(offsets.begin(), offsets.end(), values.data());
    out.tensors["cu_seqlens"] =
        type_of("cu_seqlens", DType::i64) == DType::i32 ? AnyTensor::from(values, DType::i32) : AnyTensor::from_indices(offsets);
  }
  return out;
}

}  // namespace fw
