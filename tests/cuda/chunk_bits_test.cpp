// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The bits of the chunkwise path: the same on every launch and in a graph, whatever lies beside a sequence, and behind 2^31 elements.
#include "cuda/backward_fixture.h"

using namespace fw;
using namespace fw::test;

TEST_SUITE_BEGIN("cuda");

TEST_CASE("cuda chunks: 10000 launches give the same bits") {
  for (const Variant variant : {Variant::gdn2, Variant::gdn}) {
    const Problem p = problem_of(variant, "B1-T130-H4-Dk64-Dv64", "mixed", DType::bf16, DType::f32);
    BackwardRun run(p, DType::bf16, DType::f32, cuda::StateLayout::key_value, {true, false});
    run.run();
    const auto bytes = run.bytes();
    const Tensor<double> o = run.forward.o();
    int different = 0;
    for (int i = 0; i < 5000; ++i) {
      run.launch(nullptr);
      if (i % 50 == 49) different += run.bytes() != bytes || why_not_bitwise_equal(run.forward.o(), o) != "";
      else if (i % 5 == 4) different += run.bytes() != bytes;
    }
    CHECK(different == 0);
  }
}

TEST_CASE("cuda chunks: in a graph, on another stream, the bits of a plain call") {
  const Problem p = problem_of(Variant::kda, "B2-T150-H2-HV4-Dk64-Dv32-l2norm-softplus-gHV", "typical", DType::bf16, DType::f32);
  BackwardRun plain(p, DType::bf16, DType::f32), captured(p, DType::bf16, DType::f32);
  plain.run();
  cudaStream_t stream;
  cudaGraph_t graph;
  cudaGraphExec_t launchable;
  cuda::check(cudaStreamCreate(&stream), "stream");
  cuda::check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal), "capture");
  captured.launch(stream);
  cuda::check(cudaStreamEndCapture(stream, &graph), "capture");
  cuda::check(cudaGraphInstantiate(&launchable, graph, 0), "graph");
  for (int i = 0; i < 3; ++i) cuda::check(cudaGraphLaunch(launchable, stream), "graph");
  cuda::check(cudaStreamSynchronize(stream), "graph");
  CHECK(plain.bytes() == captured.bytes());
  CHECK_BITWISE_EQUAL(plain.forward.o(), captured.forward.o());
  cudaGraphExecDestroy(launchable), cudaGraphDestroy(graph), cudaStreamDestroy(stream);
}

TEST_CASE("cuda chunks: a sequence of a packed batch has the bits of the sequence alone") {
  const Problem all = problem_of(Variant::gdn2, "T200-H2-Dk64-Dv64-cu0,70,70,135,200", "typical", DType::bf16, DType::f32);
  BackwardRun together(all, DType::bf16, DType::f32);
  together.run();
  const Tensor<double> o = together.forward.o(), dk = together.result("dk"), dg = together.result("dg");
  constexpr index_t kOffsets[] = {0, 70, 70, 135, 200};
  for (index_t n = 0; n < 4; ++n) {
    const index_t begin = kOffsets[n], length = kOffsets[n + 1] - begin;
    if (length == 0) continue;
    Problem one = all;
    one.in.cu_seqlens.clear();
    const auto cut = [&](Tensor<double>& x, bool per_sequence) {
      if (!x.defined()) return;
      std::vector<index_t> sizes = x.shape().sizes();
      const index_t row = per_sequence ? x.numel() / 4 : x.numel() / 200;
      (per_sequence ? sizes[0] : sizes[1]) = per_sequence ? 1 : length;
      Tensor<double> part{Shape(sizes)};
      for (index_t i = 0; i < part.numel(); ++i) part[i] = x[(per_sequence ? n : begin) * row + i];
      x = part;
    };
    for_each_input(one.in, [&](std::string_view name, Tensor<double>& x) { cut(x, name == "initial_state"); });
    cut(one.up.d_o, false), cut(one.up.dfinal_state, true);
    BackwardRun alone(one, DType::bf16, DType::f32);
    alone.run();
    const auto same = [&](const Tensor<double>& whole, const Tensor<double>& part) {
      const index_t row = whole.numel() / 200;
      for (index_t i = 0; i < part.numel(); ++i)
        if (whole[begin * row + i] != part[i]) return false;
      return true;
    };
    CHECK(same(o, alone.forward.o()));
    CHECK(same(dk, alone.result("dk")));
    CHECK(same(dg, alone.result("dg")));
  }
}

TEST_CASE("cuda chunks: right behind 2^31 elements") {
  std::size_t free = 0, all = 0;
  cuda::check(cudaMemGetInfo(&free, &all), "memory");
  constexpr index_t kHeads = 16, kWidth = 64, kTokens = (index_t{1} << 31) / (kHeads * kWidth) + 64, kLast = 100;
  if (free < std::size_t{70} << 30) {
    MESSAGE("skipped: needs 70 GB of device memory");
    return;
  }
  const Problem p = problem_of(Variant::gdn2, "B1-T100-H16-Dk64-Dv64-noh0", "typical", DType::bf16, DType::f32);
  BackwardRun alone(p, DType::bf16, DType::f32);
  alone.run();
  cuda::Call call = alone.forward.call;
  call.T = kTokens + kLast, call.N = 2;
  const std::size_t rows = static_cast<std::size_t>(call.T) * kHeads * kWidth, first = static_cast<std::size_t>(kTokens) * kHeads * kWidth;
  std::vector<cuda::DeviceBuffer> buffers;
  const auto tensor = [&](const void* last, std::size_t size) -> void* {
    buffers.emplace_back(rows * size);
    buffers.back().fill(0);
    if (last != nullptr)
      cuda::check(cudaMemcpy(buffers.back().as<char>() + first * size, last, (rows - first) * size, cudaMemcpyDeviceToDevice), "tail");
    return buffers.back().data();
  };
  buffers.reserve(20);
  const cuda::Inputs& one = alone.forward.in;
  cuda::Inputs in;
  in.q = tensor(one.q, 2), in.k = tensor(one.k, 2), in.v = tensor(one.v, 2), in.b = tensor(one.b, 2), in.w = tensor(one.w, 2), in.g = tensor(one.g, 4);
  const cuda::DeviceBuffer offsets(std::vector<index_t>{0, kTokens, call.T});
  in.cu_seqlens = offsets.as<index_t>();
  cuda::Outputs out;
  out.o = tensor(nullptr, 2);
  cuda::Upstream up;
  up.d_o = tensor(alone.up.d_o, 2);
  cuda::Gradients gradients;
  gradients.dk = tensor(nullptr, 2);
  cuda::DeviceBuffer saved(cuda::saved_bytes(call)), workspace(cuda::backward_workspace_bytes(call, true));
  cuda::forward(call, in, out, saved.data(), workspace.data());
  alone.up.dfinal_state = nullptr;
  cuda::backward(call, in, up, gradients, {saved.data(), true}, workspace.data());
  cuda::check(cudaDeviceSynchronize(), "large");
  alone.gradients = {};
  cuda::DeviceBuffer dk((rows - first) * 2);
  alone.gradients.dk = dk.data();
  alone.launch(nullptr);
  cuda::check(cudaDeviceSynchronize(), "large");
  const auto tail = [&](const void* data, std::size_t from) {
    std::vector<std::uint16_t> numbers(rows - first);
    cuda::check(cudaMemcpy(numbers.data(), static_cast<const std::uint16_t*>(data) + from, numbers.size() * 2, cudaMemcpyDeviceToHost), "tail");
    return numbers;
  };
  CHECK(tail(out.o, first) == tail(alone.forward.o_data(), 0));
  CHECK(tail(gradients.dk, first) == tail(dk.data(), 0));
}

TEST_SUITE_END();
