// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Decoding on the GPU against itself, bit for bit: slots, places, snapshots, batch, tiling, tokens at once, graphs.
#include "cuda/decode_fixture.h"

using namespace fw;
using namespace fw::test;

namespace {

Problem drawn(Variant variant, const std::string& shape, DType tensors = DType::f32) {
  return rounded(make_problem(variant, ProblemShape::parse(shape), "mixed", 5), tensors, DType::f32);
}
/// Row `i` of the first axis.
template <class T>
Tensor<T> row(const Tensor<T>& x, index_t i) {
  std::vector<index_t> sizes = x.shape().sizes();
  const index_t size = x.numel() / sizes[0];
  sizes[0] = 1;
  Tensor<T> out{Shape(sizes)};
  std::copy_n(x.data() + i * size, size, out.data());
  return out;
}
template <class F>
void for_each_kernel(F&& f) {
  for (const cuda::StateLayout layout : kLayouts)
    for (const char* width : {"-Dk128-Dv128", "-Dk100-Dv72", "-Dk64-Dv36", "-Dk50-Dv33", "-Dk200-Dv40"}) {
      CAPTURE(static_cast<int>(layout));
      CAPTURE(width);
      f(layout, std::string(width));
    }
}

}  // namespace

TEST_SUITE_BEGIN("cuda");

TEST_CASE("cuda decode: bitwise repeatable, fills its outputs") {
  for_each_kernel([](cuda::StateLayout layout, const std::string& width) {
    for (const Variant variant : delta_variants()) {
      const Problem p = drawn(variant, "B3-T2-H2-HV4" + width);
      DecodeRun first(p, {.layout = layout});
      first.step();
      CHECK_ALL_FINITE(first.o());
      CHECK_ALL_FINITE(first.states());
      for (int again = 0; again < 5; ++again) {
        DecodeRun run(p, {.layout = layout});
        run.step();
        CHECK_BITWISE_EQUAL(run.o(), first.o());
        CHECK_BITWISE_EQUAL(run.states(), first.states());
      }
    }
  });
}

TEST_CASE("cuda decode: skipped sequences give zeros, slots nobody names stay as they were") {
  for_each_kernel([](cuda::StateLayout layout, const std::string& width) {
    const Problem p = drawn(Variant::gdn2, "B5-T2-H1-HV2" + width);
    DecodeRun plain(p, {.layout = layout}), run(p, {.layout = layout, .from = {6, -1, 0, 9, 3}, .slots = 9});
    const Tensor<float> before = run.states();
    plain.step();
    run.step();
    const Tensor<float> after = run.states();
    const index_t slot_of[] = {6, -1, 0, -1, 3};  // 9 is outside the pool
    for (index_t n = 0; n < 5; ++n) {
      CAPTURE(n);
      if (slot_of[n] < 0) {
        CHECK_BITWISE_EQUAL(row(run.o(), n), Tensor<double>({1, 2, 2, p.in.v.shape()[3]}));
        continue;
      }
      CHECK_BITWISE_EQUAL(row(run.o(), n), row(plain.o(), n));
      CHECK_BITWISE_EQUAL(row(after, slot_of[n]), row(plain.states(), n));
    }
    for (const index_t slot : {1, 2, 4, 5, 7, 8}) CHECK_BITWISE_EQUAL(row(after, slot), row(before, slot));
  });
}

TEST_CASE("cuda decode: out of place equals in place, and leaves the source") {
  for_each_kernel([](cuda::StateLayout layout, const std::string& width) {
    const Problem p = drawn(Variant::gdn2, "B3-T2-H1-HV2" + width);
    DecodeRun plain(p, {.layout = layout}), run(p, {.layout = layout, .from = {5, 1, 0}, .to = {2, -1, 3}, .slots = 6});
    const Tensor<float> before = run.states();
    plain.step();
    run.step();
    const Tensor<float> after = run.states();
    CHECK_BITWISE_EQUAL(run.o(), plain.o());
    CHECK_BITWISE_EQUAL(row(after, 2), row(plain.states(), 0));
    CHECK_BITWISE_EQUAL(row(after, 3), row(plain.states(), 2));
    for (const index_t slot : {0, 1, 4, 5}) CHECK_BITWISE_EQUAL(row(after, slot), row(before, slot));
  });
}

TEST_CASE("cuda decode: tokens at once equal tokens one by one, a snapshot is the state after its token") {
  for_each_kernel([](cuda::StateLayout layout, const std::string& width) {
    for (const Variant variant : delta_variants()) {
      CAPTURE(info(variant).name);
      const Problem p = drawn(variant, "B2-T8-H1-HV2" + width + "-l2norm");
      DecodeRun at_once(p, {.layout = layout, .snapshots = true});
      at_once.step();
      Problem token = p;
      for (index_t t = 0; t < 8; ++t) {
        const Tensor<double> state = token.in.initial_state;
        token = tokens_of(p, t, t + 1);
        token.in.initial_state = state;
        DecodeRun one(token, {.layout = layout});
        one.step();
        CHECK_BITWISE_EQUAL(one.o(), part(at_once.o(), 1, t, t + 1));
        token.in.initial_state = one.states().cast<double>();
        const Tensor<double> snapshot = part(at_once.snapshots().cast<double>(), 1, t, t + 1);
        CHECK_BITWISE_EQUAL(snapshot.reshaped(token.in.initial_state.shape()), token.in.initial_state);
      }
      CHECK_BITWISE_EQUAL(at_once.states().cast<double>(), token.in.initial_state);
    }
  });
}

TEST_CASE("cuda decode: bits do not depend on the batch, the tiling or the alignment") {
  for_each_kernel([](cuda::StateLayout layout, const std::string& width) {
    for (const char* batch : {"B70-T1-H2-HV4", "B70-T2-H2-HV4"}) {
      const Problem p = drawn(Variant::gdn2, batch + width, DType::bf16);
      DecodeRun many(p, {.tensors = DType::bf16, .layout = layout});
      many.step();
      const Tensor<double> o = many.o();
      const Tensor<float> states = many.states();
      Problem one = p;
      for_each_tensor(one, [](const char*, Tensor<double>& x) {
        if (x.defined() && x.shape().rank() > 1) x = part(x, 0, 3, 4);
      });
      DecodeRun alone(one, {.tensors = DType::bf16, .layout = layout});
      alone.step();
      CHECK_BITWISE_EQUAL(alone.o(), row(o, 3));
      CHECK_BITWISE_EQUAL(alone.states(), row(states, 3));
      for (const cuda::DecodeTiling tiling : kTilings) {
        DecodeRun tiled(p, {.tensors = DType::bf16, .layout = layout, .tiling = tiling});
        tiled.step();
        CHECK_BITWISE_EQUAL(tiled.o(), o);
        CHECK_BITWISE_EQUAL(tiled.states(), states);
      }
      DecodeRun askew(p, {.tensors = DType::bf16, .layout = layout, .askew = true});
      askew.step();
      CHECK_BITWISE_EQUAL(askew.o(), o);
      CHECK_BITWISE_EQUAL(askew.states(), states);
    }
  });
}

TEST_CASE("cuda decode: captured steps that follow one another can be replayed") {
  for (const cuda::StateLayout layout : kLayouts) {
    const Problem p = drawn(Variant::gdn2, "B64-T1-H2-Dk128-Dv128");
    DecodeRun plain(p, {.layout = layout}), captured(p, {.layout = layout});
    for (int i = 0; i < 12; ++i) plain.step();
    cudaStream_t stream = nullptr;
    cudaGraph_t graph = nullptr;
    cudaGraphExec_t exec = nullptr;
    cuda::check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "cudaStreamCreateWithFlags");
    cuda::check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal), "cudaStreamBeginCapture");
    for (int i = 0; i < 4; ++i) captured.enqueue(stream);
    cuda::check(cudaStreamEndCapture(stream, &graph), "cudaStreamEndCapture");
    cuda::check(cudaGraphInstantiate(&exec, graph, 0), "cudaGraphInstantiate");
    for (int i = 0; i < 3; ++i) cuda::check(cudaGraphLaunch(exec, stream), "cudaGraphLaunch");
    cuda::check(cudaStreamSynchronize(stream), "cudaStreamSynchronize");
    CHECK_BITWISE_EQUAL(captured.o(), plain.o());
    CHECK_BITWISE_EQUAL(captured.states(), plain.states());
    cudaGraphExecDestroy(exec);
    cudaGraphDestroy(graph);
    cudaStreamDestroy(stream);
  }
}

TEST_SUITE_END();
