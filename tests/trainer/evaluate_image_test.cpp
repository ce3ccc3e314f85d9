#include <gtest/gtest.h>
#include <png.h>
#include <webp/decode.h>
#include <webp/mux.h>
#include <zlib.h>

#include "kernels/torch.h"
#include "trainer/evaluate/image.h"

namespace nextframe {
namespace {

/// A picture with no two pixels alike in a row, so that a shift or a swapped channel shows.
Image pattern(int64_t number) {
  Image image(9, 7, {0, 0, 0});
  for (size_t i = 0; i < image.rgb.size(); ++i) {
    image.rgb[i] = static_cast<uint8_t>(i * 37 + static_cast<size_t>(number) * 101);
  }
  return image;
}

std::vector<uint8_t> decoded_png(const std::string& bytes) {
  png_image header{};
  header.version = PNG_IMAGE_VERSION;
  EXPECT_TRUE(png_image_begin_read_from_memory(&header, bytes.data(), bytes.size()));
  header.format = PNG_FORMAT_RGB;
  std::vector<uint8_t> rgb(PNG_IMAGE_SIZE(header));
  EXPECT_TRUE(png_image_finish_read(&header, nullptr, rgb.data(), 0, nullptr));
  return rgb;
}

struct PngChunk {
  std::string type, data;
};

uint32_t read_u32(const std::string& bytes, size_t at) {
  uint32_t value = 0;
  for (size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<uint8_t>(bytes[at + i]);
  return value;
}

/// The chunks of a PNG, each checked against its checksum.
std::vector<PngChunk> chunks_of(const std::string& png) {
  std::vector<PngChunk> chunks;
  for (size_t at = 8; at < png.size();) {
    const uint32_t size = read_u32(png, at);
    const auto checksum = crc32(0, reinterpret_cast<const Bytef*>(png.data() + at + 4), size + 4);
    EXPECT_EQ(checksum, read_u32(png, at + 8 + size));
    chunks.push_back({png.substr(at + 4, 4), png.substr(at + 8, size)});
    at += 12 + size;
  }
  return chunks;
}

std::string chunk_bytes(const PngChunk& chunk) {
  const std::string body = chunk.type + chunk.data;
  std::string out;
  const auto put = [&out](uint64_t value) {
    for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift & 0xFF);
  };
  put(chunk.data.size());
  out += body;
  put(crc32(0, reinterpret_cast<const Bytef*>(body.data()), static_cast<uInt>(body.size())));
  return out;
}

TEST(Image, PngDecodesToTheSamePixels) {
  EXPECT_EQ(decoded_png(encode_png(pattern(0))), pattern(0).rgb);
}

// Every animation frame is put back into a plain PNG, which libpng then reads.
TEST(Image, ApngDecodesToTheSamePixels) {
  const std::vector<Image> images = {pattern(0), pattern(1), pattern(2)};
  const auto bytes = encode_apng(images, 40);
  EXPECT_EQ(decoded_png(bytes), images[0].rgb);  // as a reader that knows no animation sees it
  const auto chunks = chunks_of(bytes);
  ASSERT_GE(chunks.size(), 4u);
  EXPECT_EQ(chunks[0].type, "IHDR");
  EXPECT_EQ(chunks[1].type, "acTL");
  EXPECT_EQ(read_u32(chunks[1].data, 0), 3u);
  EXPECT_EQ(chunks.back().type, "IEND");
  uint32_t sequence = 0;
  size_t shown = 0;
  for (const auto& chunk : chunks) {
    if (chunk.type == "fcTL" || chunk.type == "fdAT") {
      EXPECT_EQ(read_u32(chunk.data, 0), sequence++);
    }
    if (chunk.type != "IDAT" && chunk.type != "fdAT") continue;
    const auto data = chunk.type == "IDAT" ? chunk.data : chunk.data.substr(4);
    const auto png = bytes.substr(0, 8) + chunk_bytes(chunks[0]) + chunk_bytes({"IDAT", data}) +
                     chunk_bytes(chunks.back());
    ASSERT_LT(shown, images.size());
    EXPECT_EQ(decoded_png(png), images[shown++].rgb);
  }
  EXPECT_EQ(shown, images.size());
}

/// Puts the stored part of a WebP animation's frame onto the canvas, as a viewer does.
void compose(const WebPMuxFrameInfo& frame, int64_t canvas_width, std::vector<uint8_t>& rgb) {
  int width = 0, height = 0;
  uint8_t* rgba = WebPDecodeRGBA(frame.bitstream.bytes, frame.bitstream.size, &width, &height);
  ASSERT_NE(rgba, nullptr);
  for (int64_t y = 0; y < height; ++y) {
    for (int64_t x = 0; x < width; ++x) {
      const uint8_t* pixel = rgba + (y * width + x) * 4;
      if (pixel[3] == 0 && frame.blend_method == WEBP_MUX_BLEND) continue;
      const auto at = ((y + frame.y_offset) * canvas_width + x + frame.x_offset) * 3;
      std::copy(pixel, pixel + 3, rgb.begin() + at);
    }
  }
  WebPFree(rgba);
}

TEST(Image, WebpDecodesToTheSamePixels) {
  const std::vector<Image> images = {pattern(0), pattern(0), pattern(1), pattern(2)};
  auto bytes = encode_webp(images, 40);
  const WebPData data = {reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()};
  WebPMux* mux = WebPMuxCreate(&data, 0);
  ASSERT_NE(mux, nullptr);
  int num_frames = 0, time_ms = 0;
  ASSERT_EQ(WebPMuxNumChunks(mux, WEBP_CHUNK_ANMF, &num_frames), WEBP_MUX_OK);
  std::vector<uint8_t> canvas(images[0].rgb.size());
  for (int i = 1; i <= num_frames; ++i) {  // equal frames may have been joined into a longer one
    WebPMuxFrameInfo frame;
    ASSERT_EQ(WebPMuxGetFrame(mux, static_cast<uint32_t>(i), &frame), WEBP_MUX_OK);
    compose(frame, images[0].width_px, canvas);
    EXPECT_EQ(canvas, images.at(static_cast<size_t>(time_ms / 40)).rgb);
    time_ms += frame.duration;
    WebPDataClear(&frame.bitstream);
  }
  EXPECT_EQ(time_ms, 4 * 40);
  WebPMuxDelete(mux);
}

TEST(Image, FramesAreEnlargedWithoutBlending) {
  auto frame = at::zeros({1, 2, 3}, at::kByte);
  frame[0][1][0] = 200;
  Image image(6, 2, {9, 9, 9});
  image.draw(1, 0, frame, 2);
  const std::vector<uint8_t> row = {9, 9, 9, 0, 0, 0, 0, 0, 0, 200, 0, 0, 200, 0, 0, 9, 9, 9};
  EXPECT_EQ(std::vector<uint8_t>(image.rgb.begin(), image.rgb.begin() + 18), row);
  EXPECT_EQ(std::vector<uint8_t>(image.rgb.begin() + 18, image.rgb.end()), row);
}

TEST(Image, GreyAndFloatFramesBecomeRgbBytes) {
  Image image(1, 1, {0, 0, 0});
  image.draw(0, 0, at::full({1, 1, 1}, 0.6f), 1);
  EXPECT_EQ(image.rgb, (std::vector<uint8_t>{153, 153, 153}));
}

TEST(Image, NumbersAreDrawnInDots) {
  Image image(8, 5, {0, 0, 0});
  image.draw_number(0, 0, 17, 1, {1, 1, 1});
  std::string rows;
  for (size_t i = 0; i < 40; ++i) rows += image.rgb[i * 3] ? '#' : '.';
  EXPECT_EQ(rows,
            ".#..###."
            "##....#."
            ".#...#.."
            ".#...#.."
            "###..#..");
}

TEST(Image, AnimationsOfTwoSizesOrNoFrameAreErrors) {
  EXPECT_THROW(encode_apng({}, 40), c10::Error);
  EXPECT_THROW(encode_webp({}, 40), c10::Error);
  EXPECT_THROW(encode_apng({pattern(0), Image(3, 3, {0, 0, 0})}, 40), c10::Error);
  EXPECT_THROW(encode_webp({pattern(0), Image(3, 3, {0, 0, 0})}, 40), c10::Error);
}

}  // namespace
}  // namespace nextframe
