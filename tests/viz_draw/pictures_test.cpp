// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "viz/app/pictures.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "core/error.h"
#include "imgui.h"
#include "screen.h"
#include "stb_image.h"
#include "support/scratch.h"
#include "viz/model/session.h"
#include "viz/model_fixtures.h"
#include "viz/panels/registry.h"
#include "viz/raster/animation.h"

using namespace fw;
using namespace fw::test;
using namespace fw::viz;
using fw::test::random_trace;
using fw::test::Scratch;

TEST_SUITE_BEGIN("viz_draw");

namespace {

std::size_t colours_in(const Image& image) { return std::set<std::uint32_t>(image.pixels.begin(), image.pixels.end()).size(); }

std::uint64_t fingerprint(std::string_view bytes) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return hash;
}
std::uint64_t fingerprint(const Image& image) {
  return fingerprint({reinterpret_cast<const char*>(image.pixels.data()), 4 * image.pixels.size()});
}

/// Opening and closing tags match, every attribute is quoted; enough for what the writer can get wrong.
bool well_formed(const std::string& svg) {
  int open = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < svg.size(); ++i) {
    const char c = svg[i];
    if (open > 0 && c == '"') quoted = !quoted;
    if (quoted) {
      if (c == '<') return false;
      continue;
    }
    if (c == '<') ++open;
    if (c == '>') --open;
    if (open < 0 || open > 1) return false;
  }
  return open == 0 && !quoted && svg.rfind("<svg ", 0) == 0 && svg.substr(svg.size() - 7) == "</svg>\n";
}

std::uint32_t word_at(const std::string& bytes, std::size_t at) {
  std::uint32_t x = 0;
  for (std::size_t i = 0; i < 4; ++i) x = (x << 8) | static_cast<unsigned char>(bytes[at + i]);
  return x;
}

std::size_t chunks_of(const std::string& png, const std::string& type) {
  std::size_t n = 0;
  for (std::size_t at = 8; at + 12 <= png.size(); at += 12 + word_at(png, at)) n += png.substr(at + 4, 4) == type ? 1 : 0;
  return n;
}

}  // namespace

TEST_CASE("pictures: every panel alone, drawn twenty times, at one to four times the size, and as SVG") {
  ViewModel view;
  for (const PanelInfo& panel : panel_list()) {
    INFO(panel.name);
    const Image one = panel_picture(view, panel.name, sized(1600, 1000));
    CHECK(colours_in(one) > 8);
    CHECK(one == panel_picture(view, panel.name, sized(1600, 1000)));
    HeadlessOptions twice = sized(1600, 1000);
    twice.scale = 2;
    const Image two = panel_picture(view, panel.name, twice);
    CHECK((two.width == 2 * one.width && two.height == 2 * one.height));
    const std::string svg = panel_svg(view, panel.name, sized(1600, 1000));
    CHECK(well_formed(svg));
    CHECK(svg.find("<text ") != std::string::npos);
    Headless window(sized(600, 400));
    for (int i = 0; i < 20; ++i) {
      window.move(static_cast<float>(31 * i % 600), static_cast<float>(17 * i % 400));
      window.frame(view, panel.name, nullptr);
    }
  }
  HeadlessOptions four = sized(1600, 1000);
  four.scale = 4;
  CHECK(panel_picture(view, "gauges", four).width == 4 * panel_picture(view, "gauges", sized(1600, 1000)).width);
  four.scale = 5;
  CHECK_THROWS_AS(panel_picture(view, "gauges", four), Error);
  CHECK_THROWS_WITH_AS(panel_picture(view, "none", sized(1600, 1000)),
                       ("picture: panel: expected one of " + panel_names() + ", got \"none\"").c_str(), Error);
}

TEST_CASE("panels: twenty frames of each with every source, the pointer wandering over them, time passing") {
  const Scratch scratch;
  const std::string decoded = random_trace(scratch);
  for (const char* source :
       {"facts", "branch", "nothing", "kernel dump", "decode trace", "checkpoint, task", "checkpoint, prompt", "checkpoint, run again"}) {
    ViewModel view;
    const std::string name = source;
    if (name == "branch") view.run_script("go 9\nfork\ndel Ana\nS[1,1]=0.5\n");
    if (name == "nothing") view.enter("clear");
    ModelSource model = reading(kPour);
    if (name == "checkpoint, task") view.open_model(model);
    if (name == "checkpoint, prompt" || name == "checkpoint, run again") {
      model.prompt = "cup0 0->1 1->2";
      model.drawn = 20;
      view.open_model(model);
    }
    if (name == "checkpoint, run again") view.run_script("rerun on\nset b kda\n");
    if (name == "decode trace") view.open_trace({decoded, 0, 1}), view.enter("layer 2");
    if (name == "kernel dump") view.open_trace({"notebooks_data/kernel_dumps/fla_gdn2_bf16.safetensors", 1, 1});
    HeadlessOptions o = sized(700, 420);
    o.font_size = 14;
    Headless window(o);
    for (const PanelInfo& panel : panel_list()) {
      INFO(name, " ", std::string(panel.name));
      view.transport.go(view.length() / 2);
      for (int i = 0; i < 20; ++i) {
        window.move(static_cast<float>(35 * i + 5), static_cast<float>(21 * i + 5));
        view.transport.sub_step(1);
        window.frame(view, panel.name, nullptr);
      }
      CHECK(colours_in(window.picture(view.options.theme)) > 4);
    }
  }
}

TEST_CASE("window: while a trace opens it is drawn and used; then it shows what it shows at once") {
  const Scratch scratch;
  ViewModel source, at_once, view;
  source.run_script("clear\nset b off\nset size 64 64\nAna=red\n... 1700\n");
  write_safetensors(scratch.file("long.safetensors"), case_of(source.a()));
  std::ofstream(scratch.file("bad.safetensors")) << std::string(5 << 20, 'x');
  at_once.open_trace({scratch.file("long.safetensors"), 0, 0});
  view.work_in_background(true);
  Headless window(sized(1280, 720));
  PanelState& state = window.state();
  const auto until_done = [&] {
    while (view.working()) {
      press(view, state, Key::theme), press(view, state, Key::right);
      window.frame(view);
      CHECK(colours_in(window.picture(view.options.theme)) > 20);
      play(view, state, 0.05);
    }
  };
  window.frame(view);
  press(view, state, Key::home);
  view.open_trace({scratch.file("long.safetensors"), 0, 0});
  REQUIRE(view.working());
  until_done();
  CHECK_FALSE(state.refused);
  view.transport.to_end();
  view.options.theme = Theme::light;
  CHECK(screenshot(view, sized(1280, 720)) == screenshot(at_once, sized(1280, 720)));
  view.open_trace({scratch.file("bad.safetensors"), 0, 0});
  until_done();
  CHECK(state.refused);
  CHECK(state.message.find("bad.safetensors") != std::string::npos);
  view.open_trace({scratch.file("long.safetensors"), 0, 0});
  press(view, state, Key::escape);
  CHECK_FALSE(view.working());
}

TEST_CASE("pictures: names of users cannot break the SVG") {
  ViewModel view;
  view.run_script("clear\nset size 4 4\nAna=red\nB\xc3\xb6=blau\n");
  Svg svg(0, 0, 10, 10, 0xffffffffu);
  svg.text(0, 0, 5, 5, "a<b>&\"c\x01", 0x80ffffffu, true);
  CHECK(well_formed(svg.document()));
  CHECK(svg.document().find("a&lt;b&gt;&amp;&quot;c<") != std::string::npos);
  CHECK(well_formed(panel_svg(view, "associations", sized(1600, 1000))));
  CHECK(base64("") == "");
  CHECK(base64("a") == "YQ==");
  CHECK(base64("abcd") == "YWJjZA==");
}

TEST_CASE("pictures: the heatmap in an SVG has the colours of the screen") {
  ViewModel view;
  const std::string svg = panel_svg(view, "interference", sized(1600, 1000));
  CHECK(svg.find("data:image/png;base64,iVBORw0KGgo") != std::string::npos);
}

TEST_CASE("animation: a PNG with its first frame, and what changed in every other") {
  std::vector<AnimationFrame> frames;
  for (int i = 0; i < 4; ++i) {
    AnimationFrame f{Image(20, 10, 0xff102030u), 100};
    f.image.at(i, 2) = 0xff0000ffu;
    frames.push_back(f);
  }
  const std::string bytes = apng_bytes(frames);
  CHECK(chunks_of(bytes, "acTL") == 1);
  CHECK(chunks_of(bytes, "fcTL") == 4);
  CHECK(chunks_of(bytes, "fdAT") == 3);
  CHECK(chunks_of(bytes, "IEND") == 1);
  int width = 0, height = 0, channels = 0;
  stbi_uc* first =
      stbi_load_from_memory(reinterpret_cast<const stbi_uc*>(bytes.data()), static_cast<int>(bytes.size()), &width, &height, &channels, 4);
  REQUIRE(first != nullptr);
  CHECK((width == 20 && height == 10));
  for (int i = 0; i < 200; ++i)
    for (int k = 0; k < 3; ++k) CHECK(first[4 * i + k] == ((frames[0].image.pixels[static_cast<std::size_t>(i)] >> (8 * k)) & 0xff));
  std::free(first);
  CHECK_THROWS_AS(apng_bytes({}), Error);
  frames[1].milliseconds = 0;
  CHECK_THROWS_AS(apng_bytes(frames), Error);
  frames[1] = {Image(3, 3, 0), 100};
  CHECK_THROWS_AS(apng_bytes(frames), Error);
}

TEST_CASE("animation: more colours than a palette holds keep close to what they were") {
  AnimationFrame f{Image(64, 64, 0), 100};
  for (int i = 0; i < 64 * 64; ++i)
    f.image.pixels[static_cast<std::size_t>(i)] = 0xff000000u | static_cast<std::uint32_t>((i % 64) * 4 | (i / 64) * 4 << 8);
  const std::string bytes = apng_bytes({f});
  int width = 0, height = 0, channels = 0;
  stbi_uc* back =
      stbi_load_from_memory(reinterpret_cast<const stbi_uc*>(bytes.data()), static_cast<int>(bytes.size()), &width, &height, &channels, 4);
  REQUIRE(back != nullptr);
  int most = 0;
  for (int i = 0; i < 64 * 64; ++i)
    for (int k = 0; k < 2; ++k)
      most = std::max(most, std::abs(back[4 * i + k] - static_cast<int>((f.image.pixels[static_cast<std::size_t>(i)] >> (8 * k)) & 0xff)));
  std::free(back);
  CHECK(most < 40);
}

TEST_CASE("pictures: reduced to a palette a still is smaller, no animation, and exact where it has few colours") {
  Image few(40, 30, 0xff203040u);
  for (int i = 0; i < 254; ++i) few.pixels[static_cast<std::size_t>(3 * i)] = 0xff000000u | static_cast<std::uint32_t>(i * 0x010203);
  const std::string bytes = reduced_png_bytes(few);
  for (const char* chunk : {"acTL", "fcTL", "fdAT", "tRNS"}) CHECK(chunks_of(bytes, chunk) == 0);
  int width = 0, height = 0, channels = 0;
  stbi_uc* back =
      stbi_load_from_memory(reinterpret_cast<const stbi_uc*>(bytes.data()), static_cast<int>(bytes.size()), &width, &height, &channels, 3);
  REQUIRE(back != nullptr);
  CHECK((width == 40 && height == 30));
  for (std::size_t i = 0; i < few.pixels.size(); ++i)
    for (std::size_t k = 0; k < 3; ++k) CHECK(back[3 * i + k] == ((few.pixels[i] >> (8 * k)) & 0xff));
  std::free(back);
  ViewModel view;
  const Image window = screenshot(view, sized(800, 600));
  CHECK(2 * reduced_png_bytes(window).size() < png_bytes(window).size());
  CHECK_THROWS_AS(reduced_png_bytes(Image()), Error);
}

TEST_CASE("pictures: the commands write files and refuse what they cannot do") {
  const Scratch folder;
  ViewModel view;
  const HeadlessOptions window = sized(800, 600);
  CHECK(run_picture_command(view, "png " + folder.file("a.png") + " gates 2", window) == "wrote " + folder.file("a.png"));
  run_picture_command(view, "svg " + folder.file("a.svg") + " gates", window);
  run_picture_command(view, "csv " + folder.file("a.csv") + " gates", window);
  run_picture_command(view, "csv " + folder.file("all.csv"), window);
  run_picture_command(view, "animate " + folder.file("m.png") + " 3 5", window);
  CHECK(view.transport.t() == 14);
  CHECK(chunks_of(read_text(folder.file("m.png"), "test"), "fcTL") == 3);
  for (const char* file : {"a.png", "a.svg", "a.csv", "all.csv"}) CHECK(std::filesystem::file_size(folder.file(file)) > 1000);
  for (const std::string& line : std::vector<std::string>{"svg " + folder.file("b.svg"), "png " + folder.file("b.png") + " 9",
                                                          "animate " + folder.file("b.png") + " 5 3", "png a b c",
                                                          "csv " + folder.file("b.csv") + " bar", "png " + folder.file("none/b.png")})
    CHECK_THROWS_AS(run_picture_command(view, line, window), Error);
  CHECK(write_panels(view, folder.file("all"), window) == 2 * static_cast<int>(panel_list().size()) + 13);
}

// The same pixels from every compiler and flags. Letters come from a font file and ImGui's layout: with others there is nothing to compare.
TEST_CASE("pictures: goldens") {
  constexpr std::uint64_t kFont = 12514939278008150342u;  // DejaVu Sans 2.37
  const char* font = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf";
  if (!std::filesystem::exists(font) || fingerprint(read_text(font, "font")) != kFont || IMGUI_VERSION_NUM != 18600) {
    MESSAGE("another font or Dear ImGui than the goldens were made with: not compared");
    return;
  }
  struct Golden {
    const char *what, *script;
    std::uint64_t hash;
  };
  static constexpr Golden kGoldens[] = {{"memory", "", 6910889114576181491u},        {"gates", "set half-life on", 3209988612909014469u},
                                        {"associations", "", 13186644694855174098u},  {"impact", "set theme dark", 17666899753024062016u},
                                        {"attention", "go 20", 1587729977577186175u}, {"spectrum", "", 16461635838690097844u},
                                        {"gauges", "go 7", 7858481839901972449u},     {"step", "set b gla", 7014956956974314651u}};
  for (const Golden& g : kGoldens) {
    ViewModel view;
    if (*g.script != '\0') view.run_script(g.script);
    const Image image = panel_picture(view, g.what, sized(1600, 1000));
    INFO(std::string(g.what), " ", std::string(g.script), ": a picture that was changed on purpose, and looked at, gets its new number");
    CHECK(fingerprint(image) == g.hash);
  }
}

TEST_CASE("pictures: a frame at 1280x720 takes less than 16 ms") {
  ViewModel view;
  Headless window(sized(1280, 720));
  window.frame(view), window.picture(Theme::light);
  // Processor time: other programs on the machine do not count.
  double best = 1e9;
  for (int round = 0; round < 8; ++round) {
    const std::clock_t before = std::clock();
    for (int i = 0; i < 4; ++i) window.frame(view), window.picture(Theme::light);
    best = std::min(best, 1e3 * static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC / 4);
  }
  MESSAGE("1280x720: ", best, " ms a frame, widgets and pixels");
#if defined(NDEBUG) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  CHECK(best < 16.0);
#endif
}

TEST_SUITE_END();
