// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "viz/raster/image.h"

#include "core/error.h"
#include "stb_image_write.h"

namespace fw::viz {

std::string png_bytes(const Image& image) {
  if (image.width < 1 || image.height < 1)
    throw Error("png_bytes: image: expected at least one pixel, got " + std::to_string(image.width) + " x " + std::to_string(image.height));
  std::vector<unsigned char> rgb;
  rgb.reserve(image.pixels.size() * 3);
  for (std::uint32_t p : image.pixels)
    for (int shift : {0, 8, 16}) rgb.push_back(static_cast<unsigned char>(p >> shift));
  std::string out;
  const auto append = [](void* to, void* data, int size) {
    static_cast<std::string*>(to)->append(static_cast<const char*>(data), static_cast<std::size_t>(size));
  };
  if (stbi_write_png_to_func(append, &out, image.width, image.height, 3, rgb.data(), image.width * 3) == 0)
    throw Error("png_bytes: image: expected a picture that can be coded, got an error of the encoder");
  return out;
}

}  // namespace fw::viz
