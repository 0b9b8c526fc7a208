// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "viz/raster/animation.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <memory>
#include <unordered_map>

#include "core/error.h"

// In Debian's stb beside the PNG writer, but in no header.
extern "C" unsigned char* stbi_zlib_compress(unsigned char* data, int length, int* written, int quality);

namespace fw::viz {
namespace {

constexpr std::size_t kMostColours = 255;  // and one entry for "as before"
constexpr unsigned char kTransparent = 255;
constexpr int kQuality = 64;

void put32(std::string& out, std::uint32_t x) {
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>((x >> shift) & 0xff);
}
void put16(std::string& out, std::uint32_t x) { out += static_cast<char>((x >> 8) & 0xff), out += static_cast<char>(x & 0xff); }

std::uint32_t crc_of(std::string_view bytes) {
  static const auto table = [] {
    std::vector<std::uint32_t> t(256);
    for (std::uint32_t n = 0; n < 256; ++n) {
      std::uint32_t c = n;
      for (int k = 0; k < 8; ++k) c = (c & 1) ? 0xedb88320u ^ (c >> 1) : c >> 1;
      t[n] = c;
    }
    return t;
  }();
  std::uint32_t crc = 0xffffffffu;
  for (char b : bytes) crc = table[(crc ^ static_cast<unsigned char>(b)) & 0xff] ^ (crc >> 8);
  return ~crc;
}

void chunk(std::string& out, const char* type, const std::string& data) {
  put32(out, static_cast<std::uint32_t>(data.size()));
  const std::string body = type + data;
  out += body;
  put32(out, crc_of(body));
}

/// Colours of all frames by how often they occur; when there are too many, the rare ones go to the nearest of the frequent ones.
struct Palette {
  std::vector<std::uint32_t> colours;
  std::unordered_map<std::uint32_t, unsigned char> index;

  explicit Palette(const std::vector<AnimationFrame>& frames) {
    std::map<std::uint32_t, std::size_t> count;
    for (const AnimationFrame& f : frames)
      for (std::uint32_t p : f.image.pixels) ++count[p & 0xffffff];
    // A cut of the cube first, so that no region of it is without a colour; then the most frequent colours themselves.
    std::vector<std::pair<std::size_t, std::uint32_t>> order;
    for (const auto& [colour, n] : count) order.emplace_back(n, colour);
    std::sort(order.begin(), order.end(),
              [](const auto& a, const auto& b) { return a.first != b.first ? a.first > b.first : a.second < b.second; });
    const std::size_t frequent = order.size() <= kMostColours ? kMostColours : kMostColours / 2;
    for (const auto& [n, colour] : order)
      if (colours.size() < frequent) colours.push_back(colour);
    // Then always the most frequent colour among those that are farthest from all that are chosen.
    std::vector<int> away;
    for (const auto& [n, colour] : order) away.push_back(nearest(colour).second);
    while (colours.size() < std::min(kMostColours, order.size())) {
      std::size_t far = 0;
      for (std::size_t i = 0; i < order.size(); ++i)
        if (away[i] > away[far]) far = i;
      if (away[far] == 0) break;
      colours.push_back(order[far].second);
      for (std::size_t i = 0; i < order.size(); ++i) away[i] = std::min(away[i], distance(order[i].second, order[far].second));
    }
    for (const auto& [n, colour] : order) index[colour] = static_cast<unsigned char>(nearest(colour).first);
  }
  static int distance(std::uint32_t a, std::uint32_t b) {
    int sum = 0;
    for (int shift : {0, 8, 16}) {
      const int d = static_cast<int>((a >> shift) & 0xff) - static_cast<int>((b >> shift) & 0xff);
      sum += d * d;
    }
    return sum;
  }
  std::pair<std::size_t, int> nearest(std::uint32_t colour) const {
    std::pair<std::size_t, int> best{0, 1 << 30};
    for (std::size_t i = 0; i < colours.size(); ++i)
      if (const int d = distance(colour, colours[i]); d < best.second) best = {i, d};
    return best;
  }
};

struct Box {
  int x0, y0, x1, y1;
};

/// The pixels that differ; one pixel when none does, because a frame may not be empty.
Box changed(const std::vector<unsigned char>& a, const std::vector<unsigned char>& b, int width, int height) {
  Box box{width, height, 0, 0};
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x) {
      const std::size_t i = static_cast<std::size_t>(y) * static_cast<std::size_t>(width) + static_cast<std::size_t>(x);
      if (a[i] == b[i]) continue;
      box = {std::min(box.x0, x), std::min(box.y0, y), std::max(box.x1, x + 1), std::max(box.y1, y + 1)};
    }
  return box.x1 > box.x0 ? box : Box{0, 0, 1, 1};
}

/// Rows of a rectangle, each behind its filter byte (0: none), compressed; `before` null: all pixels, else only what changed.
std::string packed(const std::vector<unsigned char>& now, const std::vector<unsigned char>* before, int width, const Box& box) {
  std::vector<unsigned char> raw;
  for (int y = box.y0; y < box.y1; ++y) {
    raw.push_back(0);
    for (int x = box.x0; x < box.x1; ++x) {
      const std::size_t i = static_cast<std::size_t>(y) * static_cast<std::size_t>(width) + static_cast<std::size_t>(x);
      raw.push_back(before != nullptr && (*before)[i] == now[i] ? kTransparent : now[i]);
    }
  }
  int length = 0;
  const std::unique_ptr<unsigned char, decltype(&std::free)> bytes(
      stbi_zlib_compress(raw.data(), static_cast<int>(raw.size()), &length, kQuality), &std::free);
  if (bytes == nullptr) throw Error("apng_bytes: frame: expected pixels that can be compressed, got an error of the encoder");
  return {reinterpret_cast<const char*>(bytes.get()), static_cast<std::size_t>(length)};
}

/// `moves`: an animation, even if it has one frame.
std::string encoded(const std::vector<AnimationFrame>& frames, bool moves) {
  if (frames.empty() || frames[0].image.width < 1 || frames[0].image.height < 1)
    throw Error("apng_bytes: frames: expected at least one with pixels, got none");
  const int width = frames[0].image.width, height = frames[0].image.height;
  for (const AnimationFrame& f : frames) {
    if (f.image.width != width || f.image.height != height)
      throw Error("apng_bytes: frames: expected " + std::to_string(width) + " x " + std::to_string(height) + " pixels in all, got " +
                  std::to_string(f.image.width) + " x " + std::to_string(f.image.height));
    if (f.milliseconds < 10 || f.milliseconds > 60000)
      throw Error("apng_bytes: milliseconds: expected 10 to 60000, got " + std::to_string(f.milliseconds));
  }
  const Palette palette(frames);
  std::string out = "\x89PNG\r\n\x1a\n", data;
  put32(data, static_cast<std::uint32_t>(width)), put32(data, static_cast<std::uint32_t>(height));
  data += std::string("\x08\x03\x00\x00\x00", 5);  // eight bits, palette
  chunk(out, "IHDR", data);
  data.clear();
  put32(data, static_cast<std::uint32_t>(frames.size())), put32(data, 0);
  if (moves) chunk(out, "acTL", data);
  data.assign(3 * (kMostColours + 1), '\0');
  for (std::size_t i = 0; i < palette.colours.size(); ++i)
    for (std::size_t k = 0; k < 3; ++k) data[3 * i + k] = static_cast<char>((palette.colours[i] >> (8 * k)) & 0xff);
  chunk(out, "PLTE", data);
  data.assign(kMostColours, static_cast<char>(0xff));
  data += '\0';
  if (moves) chunk(out, "tRNS", data);

  std::uint32_t sequence = 0;
  std::vector<unsigned char> before;
  for (const AnimationFrame& f : frames) {
    std::vector<unsigned char> now;
    for (std::uint32_t p : f.image.pixels) now.push_back(palette.index.at(p & 0xffffff));
    const bool first = before.empty();
    const Box box = first ? Box{0, 0, width, height} : changed(before, now, width, height);
    data.clear();
    put32(data, sequence++);
    for (int x : {box.x1 - box.x0, box.y1 - box.y0, box.x0, box.y0}) put32(data, static_cast<std::uint32_t>(x));
    put16(data, static_cast<std::uint32_t>(f.milliseconds)), put16(data, 1000);
    data += std::string("\x00\x01", 2);  // leave it there, draw over what was
    if (moves) chunk(out, "fcTL", data);
    const std::string pixels = packed(now, first ? nullptr : &before, width, box);
    data.clear();
    if (!first) put32(data, sequence++);
    chunk(out, first ? "IDAT" : "fdAT", data + pixels);
    before = std::move(now);
  }
  chunk(out, "IEND", {});
  return out;
}

}  // namespace

std::string apng_bytes(const std::vector<AnimationFrame>& frames) { return encoded(frames, true); }
std::string reduced_png_bytes(const Image& image) { return encoded({{image, 1000}}, false); }

}  // namespace fw::viz
