#include "data/import/png_image.h"

#include <ATen/ATen.h>
#include <png.h>

#include "data/error.h"

namespace nextframe {

at::Tensor read_png(const std::filesystem::path& path) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  const auto fail = [&] {
    const std::string reason = image.message;
    png_image_free(&image);
    throw DataError(path.string() + ": cannot be read as PNG: " + reason);
  };
  if (png_image_begin_read_from_file(&image, path.c_str()) == 0) fail();
  const bool is_colour = (image.format & PNG_FORMAT_FLAG_COLOR) != 0;
  image.format = is_colour ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
  const at::Tensor pixels_HWC =
      at::empty({image.height, image.width, is_colour ? 3 : 1}, at::kByte);
  const png_color black{0, 0, 0};
  if (png_image_finish_read(&image, &black, pixels_HWC.data_ptr(), 0, nullptr) == 0) fail();
  return pixels_HWC;
}

}  // namespace nextframe
