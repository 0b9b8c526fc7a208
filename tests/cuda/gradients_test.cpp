// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The kernel of a chunk's gradients alone: states from the forward on the device, gradients of the states at the ends of chunks from
// the recurrence in double, rounded.
#include "cuda/chunk/gradient_params.h"
#include "cuda/forward_fixture.h"

using namespace fw;
using namespace fw::test;

namespace {

/// Gradient of the state at the end of every chunk [slots,HV,Dk,Dv], dense problems with H = HV and plain options.
Tensor<double> chunk_adjoints(const Problem& p, const Upstream<double>& up) {
  const Shape &q = p.in.q.shape(), &v = p.in.v.shape();
  const index_t B = q[0], T = q[1], H = q[2], Dk = q[3], Dv = v[3];
  const double scale = std::isnan(p.options.scale) ? 1.0 / std::sqrt(static_cast<double>(Dk)) : p.options.scale;
  Tensor<double> out({B * T / 64 + B, H, Dk, Dv});
  std::vector<double> dS(static_cast<std::size_t>(Dk * Dv)), delta(static_cast<std::size_t>(Dv));
  for (index_t n = 0; n < B; ++n)
    for (index_t h = 0; h < H; ++h) {
      for (index_t i = 0; i < Dk * Dv; ++i) dS[i] = up.dfinal_state.defined() ? up.dfinal_state[(n * H + h) * Dk * Dv + i] : 0.0;
      for (index_t t = T - 1; t >= 0; --t) {
        if (t == T - 1 || t % 64 == 63)
          for (index_t i = 0; i < Dk * Dv; ++i) out[((n * T / 64 + n + t / 64) * H + h) * Dk * Dv + i] = dS[i];
        const index_t at = (n * T + t) * H + h;
        for (index_t j = 0; j < Dv; ++j) delta[j] = 0;
        for (index_t i = 0; i < Dk; ++i)
          for (index_t j = 0; j < Dv; ++j) {
            dS[i * Dv + j] += scale * p.in.q[at * Dk + i] * up.d_o[at * Dv + j];
            delta[j] += dS[i * Dv + j] * p.in.k[at * Dk + i];
          }
        for (index_t i = 0; i < Dk; ++i) {
          const double e = p.in.b.defined() ? p.in.b[at * Dk + i] * p.in.k[at * Dk + i] : 0.0, alpha = std::exp(p.in.g[at * Dk + i]);
          for (index_t j = 0; j < Dv; ++j) dS[i * Dv + j] = alpha * (dS[i * Dv + j] - e * delta[j]);
        }
      }
    }
  return out;
}

void check_gradients(Variant variant, const std::string& shape, const std::string& family, DType tensors = DType::bf16, DType g = DType::f32, double limit = 8e-3) {
  CAPTURE(info(variant).name);
  CAPTURE(shape);
  CAPTURE(family);
  Problem p = rounded(make_problem(variant, ProblemShape::parse(shape), family, 5), tensors, g);
  for (index_t i = 0; i < p.up.d_o.numel(); ++i) p.up.d_o[i] = round_to(tensors, p.up.d_o[i]);
  const Gradients<double> truth = naive::backward(p.in, p.up, p.options);
  ForwardRun run(p, tensors, g);
  run.run();
  const cuda::Call& call = run.call;
  const DType operand = tensors == DType::f16 ? DType::f16 : DType::bf16;
  const auto device = [](const Tensor<double>& x, DType dtype) {
    const AnyTensor narrow = AnyTensor::from(x, dtype);
    Placed out(narrow.bytes().size(), 0);
    out.upload(narrow.bytes().data());
    return out;
  };
  const Placed adjoints = device(chunk_adjoints(p, p.up), operand), d_o = device(p.up.d_o, tensors);
  cuda::chunk::GradientParams params{};
  cuda::chunk::FactorParams& f = params.raw;
  f.q = run.in.q, f.k = run.in.k, f.g = run.in.g, f.b = run.in.b, f.images = static_cast<char*>(run.workspace());
  f.tokens = {nullptr, call.T, static_cast<int>(call.N)}, f.slots = call.B * call.T / 64 + call.N;
  f.H = f.HV = f.heads = f.g_heads = f.b_heads = static_cast<int>(call.H), f.Dk = static_cast<int>(call.Dk), f.Kp = cuda::chunk::padded_width(call.Dk);
  f.g_is_float = g == DType::f32, f.decay = Decay::channel, f.erase = info(variant).erase, f.erase_gain = 1.0f;
  f.scale = static_cast<float>(1.0 / std::sqrt(static_cast<double>(call.Dk)));
  params.v = run.in.v, params.w = run.in.w, params.d_o = d_o.data(), params.states = run.saved(), params.adjoints = adjoints.data();
  params.Dv = static_cast<int>(call.Dv), params.erase = f.erase != Erase::none, params.write_channel = info(variant).write == Write::channel;
  params.floats = tensors == DType::f32, params.vectors = call.Dk % 8 == 0 && call.Dv % 8 == 0, params.state_vectors = call.Dv % 8 == 0, params.direct = 1;
  const auto made = [](const Tensor<double>& like, DType dtype) { return Placed(static_cast<std::size_t>(like.numel()) * dtype_size(dtype), 0); };
  const Placed dq = made(truth.dq, tensors), dk = made(truth.dk, tensors), dv = made(truth.dv, tensors), dg = made(truth.dg, g), db = made(truth.db, tensors),
               dw = made(truth.dw, tensors);
  params.dq = dq.data(), params.dk = dk.data(), params.dv = dv.data(), params.dg = dg.data();
  if (params.erase) params.db = db.data();
  if (params.write_channel) params.dw = dw.data();
  cuda::chunk::launch_gradients(params, operand == DType::f16, 232448, nullptr);
  cuda::check(cudaDeviceSynchronize(), "gradients test");
  const auto close = [&](const char* name, const Placed& placed, const Tensor<double>& expected, DType dtype) {
    CAPTURE(name);
    AnyTensor out(dtype, expected.shape());
    out.bytes() = placed.download();
    const Tensor<double> got = out.to_double();
    double square = 0, difference = 0;
    for (index_t i = 0; i < got.numel(); ++i) difference += (got[i] - expected[i]) * (got[i] - expected[i]), square += expected[i] * expected[i];
    MESSAGE(std::string(info(variant).name) << " " << shape << " " << family << " " << name << " " << std::sqrt(difference / square));
    CHECK_CLOSE(got, expected, Tolerance{limit, 16 * limit});
  };
  close("dv", dv, truth.dv, tensors);
  close("dq", dq, truth.dq, tensors);
  close("dk", dk, truth.dk, tensors);
  if (params.erase) close("db", db, truth.db, tensors);
  if (params.write_channel) close("dw", dw, truth.dw, tensors);
  close("dg", dg, truth.dg, g);
}

}  // namespace

TEST_SUITE_BEGIN("cuda");

TEST_CASE("cuda gradients of chunks: match naive at every length") {
  for (const char* T : {"1", "2", "17", "63", "64", "65", "130"})
    for (const Variant variant : {Variant::gdn2, Variant::gla}) check_gradients(variant, std::string("B2-H2-Dk128-Dv128-T") + T, "typical");
}

TEST_CASE("cuda gradients of chunks: match naive at every width and type") {
  for (const char* shape : {"B2-T100-H2-Dk128-Dv64", "B2-T70-H2-Dk64-Dv64", "B2-T70-H2-Dk60-Dv100", "B1-T70-H1-Dk100-Dv60", "B1-T70-H1-Dk16-Dv16", "B1-T70-H1-Dk17-Dv33",
                            "B1-T70-H1-Dk128-Dv256", "B1-T70-H1-Dk256-Dv48"})
    for (const Variant variant : {Variant::gdn2, Variant::gla}) check_gradients(variant, shape, "typical");
  check_gradients(Variant::gdn2, "B2-T100-H2-Dk128-Dv128", "typical", DType::bf16, DType::bf16);
  check_gradients(Variant::gdn2, "B2-T100-H2-Dk128-Dv128", "typical", DType::f16, DType::f32, 1e-3);
  check_gradients(Variant::gdn2, "B2-T100-H2-Dk128-Dv128", "typical", DType::f32, DType::f32);
}

TEST_SUITE_END();
