#include "data/import/png_image.h"

#include <ATen/ATen.h>
#include <png.h>

#include "data/error.h"
#include "data/input_file.h"

namespace nextframe {

namespace {

constexpr uint64_t kMostSide_px = 16384;
constexpr uint64_t kMostInflated = 1032;  // bytes of a deflated one

/// A row has a byte of its own and at least one bit a pixel.
bool can_hold(uint64_t file_bytes, const png_image& image) {
  const uint64_t row_bytes = 1 + (uint64_t{image.width} + 7) / 8;
  return row_bytes * image.height <= file_bytes * kMostInflated;
}

}  // namespace

at::Tensor read_png(const std::filesystem::path& path) {
  require_regular_file(path);
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  const auto fail = [&] {
    const std::string reason = image.message;
    png_image_free(&image);
    throw DataError(path.string() + ": cannot be read as PNG: " + reason);
  };
  if (png_image_begin_read_from_file(&image, path.c_str()) == 0) fail();
  const bool is_small = image.width <= kMostSide_px && image.height <= kMostSide_px;
  if (!is_small || !can_hold(std::filesystem::file_size(path), image)) {
    const auto size = c10::str(image.width, "x", image.height, " pixels");
    png_image_free(&image);
    throw DataError(c10::str(path.string(), ": says to be ", size, ", which ",
                             is_small ? "its bytes cannot hold; it is damaged"
                                      : "is too large; scale the frames first"));
  }
  const bool is_colour = (image.format & PNG_FORMAT_FLAG_COLOR) != 0;
  image.format = is_colour ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
  const at::Tensor pixels_HWC =
      at::empty({image.height, image.width, is_colour ? 3 : 1}, at::kByte);
  const png_color black{0, 0, 0};
  if (png_image_finish_read(&image, &black, pixels_HWC.data_ptr(), 0, nullptr) == 0) fail();
  return pixels_HWC;
}

}  // namespace nextframe
