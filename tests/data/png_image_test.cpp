#include "data/import/png_image.h"

#include "tests/data/recordings.h"

namespace nextframe {
namespace {

/// A PNG with the bits, kind of colours and gamma (0: none) given; every value is `value`.
void write_plain_png(const std::filesystem::path& path, int bits, int colours, uint16_t value,
                     double gamma) {
  std::FILE* file = std::fopen(path.c_str(), "wb");
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(png);
  png_init_io(png, file);
  png_set_IHDR(png, info, 4, 4, bits, colours, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
               PNG_FILTER_TYPE_DEFAULT);
  if (gamma > 0) png_set_gAMA(png, info, gamma);
  png_write_info(png, info);
  std::vector<uint8_t> row;
  for (int i = 0; i < 4 * (colours == PNG_COLOR_TYPE_RGB ? 3 : 1); ++i) {
    if (bits == 16) row.push_back(static_cast<uint8_t>(value >> 8));
    row.push_back(static_cast<uint8_t>(value & 0xFF));
  }
  for (int y = 0; y < 4; ++y) png_write_row(png, row.data());
  png_write_end(png, info);
  png_destroy_write_struct(&png, &info);
  std::fclose(file);
}

int64_t value_of_png(const std::filesystem::path& path) {
  const at::Tensor pixels = read_png(path);
  EXPECT_TRUE((pixels == pixels.flatten()[0]).all().item<bool>());
  return pixels.flatten()[0].item<int64_t>();
}

TEST(PngImage, SixteenBitsAndGammaKeepTheBrightness) {
  const ScratchFolder folder;
  const auto path = folder / "a.png";
  for (const int colours : {PNG_COLOR_TYPE_GRAY, PNG_COLOR_TYPE_RGB}) {
    for (const double gamma : {0.0, 0.45455, 1.0}) {
      write_plain_png(path, 8, colours, 64, gamma);
      EXPECT_EQ(value_of_png(path), 64) << gamma;
      write_plain_png(path, 16, colours, 64 * 257, gamma);
      EXPECT_EQ(value_of_png(path), 64) << gamma;
      EXPECT_EQ(read_png_header(path).has_gamma, gamma > 0);
      EXPECT_EQ(read_png_header(path).bits, 16);
    }
  }
}

TEST(PngImage, WhatIsTransparentIsBlendedOntoBlackAndTold) {
  const ScratchFolder folder;
  write_recording(folder / "rec", 3);
  const at::Tensor pixels = at::full({8, 8, 4}, 200, at::kByte);
  pixels.select(2, 3).fill_(128);
  write_png(folder / "rec/e0/0.png", pixels);
  EXPECT_EQ(value_of_png(folder / "rec/e0/0.png"), 100);
  EXPECT_TRUE(contains(describe(import_recording(folder)), "blended onto black"));
  pixels.select(2, 3).fill_(255);
  write_png(folder / "rec/e0/0.png", pixels);
  EXPECT_EQ(value_of_png(folder / "rec/e0/0.png"), 200);
}

TEST(PngImage, GreyFramesAmongColouredOnesBecomeColoured) {
  const ScratchFolder folder;
  write_recording(folder / "rec", 3);
  write_png(folder / "rec/e0/1.png", at::full({8, 8, 1}, 77, at::kByte));
  import_recording(folder);
  EXPECT_EQ(stored_times(folder), (std::vector<int64_t>{0, 77, 2}));
  write_png(folder / "rec/e0/0.png", at::full({8, 8, 1}, 0, at::kByte));
  EXPECT_TRUE(contains(data_error_of([&] { import_recording(folder); }), "2.png: is coloured"));
}

}  // namespace
}  // namespace nextframe
