// By libpng's row interface: its simple one takes 16-bit images for linear light, and so changes
// their brightness.
#include "data/import/png_image.h"

#include <ATen/ATen.h>
#include <png.h>

#include <csetjmp>
#include <cstdio>

#include "data/error.h"
#include "data/input_file.h"

namespace nextframe {
namespace {

constexpr uint64_t kMostSide_px = 16384;
constexpr uint64_t kMostInflated = 1032;  // bytes of a deflated one

/// An open file with libpng's objects; what failed stands in `reason`.
struct PngFile {
  std::FILE* file = nullptr;
  png_structp png = nullptr;
  png_infop info = nullptr;
  std::array<char, 128> reason{};

  ~PngFile() {
    png_destroy_read_struct(&png, &info, nullptr);
    if (file != nullptr) std::fclose(file);
  }
};

void on_png_error(png_structp png, png_const_charp message) {
  auto& reason = static_cast<PngFile*>(png_get_error_ptr(png))->reason;
  std::snprintf(reason.data(), reason.size(), "%s", message);
  png_longjmp(png, 1);
}

void on_png_warning(png_structp, png_const_charp) {}

/// libpng reports errors by longjmp, so nothing here has a destructor. False where it failed.
bool read_info(PngFile& open) {
  if (setjmp(png_jmpbuf(open.png)) != 0) return false;
  png_init_io(open.png, open.file);
  png_read_info(open.png, open.info);
  return true;
}

/// 8 bits a value, and no palette.
bool start_rows(PngFile& open) {
  if (setjmp(png_jmpbuf(open.png)) != 0) return false;
  png_set_scale_16(open.png);
  png_set_expand(open.png);
  png_set_interlace_handling(open.png);
  png_read_update_info(open.png, open.info);
  return true;
}

bool read_rows(PngFile& open, png_bytepp rows) {
  if (setjmp(png_jmpbuf(open.png)) != 0) return false;
  png_read_image(open.png, rows);
  png_read_end(open.png, nullptr);
  return true;
}

[[noreturn]] void fail(const std::filesystem::path& path, const PngFile& open) {
  throw DataError(path.string() + ": cannot be read as PNG: " + open.reason.data());
}

void open_png(const std::filesystem::path& path, PngFile& open) {
  require_regular_file(path);
  open.file = std::fopen(path.c_str(), "rb");
  if (open.file == nullptr) throw_file_error("read", path);
  open.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &open, on_png_error, on_png_warning);
  TORCH_CHECK(open.png != nullptr, "libpng does not start");
  open.info = png_create_info_struct(open.png);
  if (!read_info(open)) fail(path, open);
}

/// A row has a byte of its own and at least one bit a pixel.
bool can_hold(uint64_t file_bytes, const PngHeader& header) {
  const uint64_t row_bytes = 1 + (static_cast<uint64_t>(header.width_px) + 7) / 8;
  return row_bytes * static_cast<uint64_t>(header.height_px) <= file_bytes * kMostInflated;
}

PngHeader header_of(const std::filesystem::path& path, const PngFile& open) {
  const auto colour = png_get_color_type(open.png, open.info);
  const PngHeader header{
      .height_px = png_get_image_height(open.png, open.info),
      .width_px = png_get_image_width(open.png, open.info),
      .channels = (colour & PNG_COLOR_MASK_COLOR) != 0 ? 3 : 1,
      .bits = png_get_bit_depth(open.png, open.info),
      .has_alpha = (colour & PNG_COLOR_MASK_ALPHA) != 0 ||
                   png_get_valid(open.png, open.info, PNG_INFO_tRNS) != 0,
      .has_gamma = png_get_valid(open.png, open.info, PNG_INFO_gAMA) != 0 &&
                   png_get_valid(open.png, open.info, PNG_INFO_sRGB) == 0,
  };
  const bool is_small = static_cast<uint64_t>(header.width_px) <= kMostSide_px &&
                        static_cast<uint64_t>(header.height_px) <= kMostSide_px;
  if (is_small && can_hold(std::filesystem::file_size(path), header)) return header;
  throw DataError(c10::str(
      path.string(), ": says to be ", header.width_px, "x", header.height_px, " pixels, which ",
      is_small ? "its bytes cannot hold; it is damaged" : "is too large; scale the frames first"));
}

/// [H, W, C+1] with the opacity last, onto black.
at::Tensor blend_onto_black(const at::Tensor& pixels_HWC) {
  const int64_t channels = pixels_HWC.size(2) - 1;
  const auto values = pixels_HWC.to(at::kInt);
  const auto product = values.slice(2, 0, channels) * values.slice(2, channels);
  return product.add_(127).div_(255, "floor").to(at::kByte);
}

}  // namespace

PngHeader read_png_header(const std::filesystem::path& path) {
  PngFile open;
  open_png(path, open);
  return header_of(path, open);
}

at::Tensor read_png(const std::filesystem::path& path) {
  PngFile open;
  open_png(path, open);
  const PngHeader header = header_of(path, open);
  if (!start_rows(open)) fail(path, open);
  const int64_t stored = header.channels + (header.has_alpha ? 1 : 0);
  TORCH_CHECK(
      png_get_rowbytes(open.png, open.info) == static_cast<size_t>(header.width_px * stored),
      path.string(), ": libpng gives rows of ", png_get_rowbytes(open.png, open.info),
      " bytes for ", header.width_px, " pixels of ", stored);
  const at::Tensor pixels_HWC = at::empty({header.height_px, header.width_px, stored}, at::kByte);
  std::vector<png_bytep> rows;
  for (int64_t y = 0; y < header.height_px; ++y) {
    rows.push_back(pixels_HWC.data_ptr<uint8_t>() + y * header.width_px * stored);
  }
  if (!read_rows(open, rows.data())) fail(path, open);
  return header.has_alpha ? blend_onto_black(pixels_HWC) : pixels_HWC;
}

}  // namespace nextframe
