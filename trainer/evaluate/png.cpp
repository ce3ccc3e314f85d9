// PNG by libpng; APNG by wrapping the data of several PNGs of one format (APNG 1.0, now part of
// the PNG specification, third edition).
#include <c10/util/Exception.h>
#include <png.h>

#include "trainer/evaluate/image.h"

namespace nextframe {
namespace {

constexpr size_t kSignatureBytes = 8;

void put_u32(std::string& out, uint64_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift & 0xFF);
}

void put_u16(std::string& out, uint64_t value) {
  out += static_cast<char>(value >> 8 & 0xFF);
  out += static_cast<char>(value & 0xFF);
}

uint32_t read_u32(const std::string& bytes, size_t at) {
  uint32_t value = 0;
  for (size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<uint8_t>(bytes[at + i]);
  return value;
}

/// CRC-32 of ISO 3309, as the PNG specification's annex D defines it.
uint32_t checksum(const std::string& bytes) {
  uint32_t remainder = 0xFFFFFFFF;
  for (const char byte : bytes) {
    remainder ^= static_cast<uint8_t>(byte);
    for (int bit = 0; bit < 8; ++bit) {
      remainder = remainder >> 1 ^ (remainder & 1 ? 0xEDB88320u : 0u);
    }
  }
  return ~remainder;
}

/// Length, type, data and checksum, as every part of a PNG.
void put_chunk(std::string& out, const std::string& type, const std::string& data) {
  const std::string body = type + data;
  put_u32(out, data.size());
  out += body;
  put_u32(out, checksum(body));
}

/// The data of every chunk of `type`, joined.
std::string chunk_data(const std::string& png, const std::string& type) {
  std::string data;
  for (size_t at = kSignatureBytes; at < png.size();) {
    const size_t size = read_u32(png, at);
    if (png.compare(at + 4, 4, type) == 0) data += png.substr(at + 8, size);
    at += 12 + size;
  }
  return data;
}

/// How and when a frame is shown: the whole picture, replacing the one before.
std::string frame_control(uint64_t sequence, const Image& image, int64_t frame_ms) {
  std::string data;
  put_u32(data, sequence);
  put_u32(data, static_cast<uint64_t>(image.width_px));
  put_u32(data, static_cast<uint64_t>(image.height_px));
  put_u32(data, 0);  // left
  put_u32(data, 0);  // top
  put_u16(data, static_cast<uint64_t>(frame_ms));
  put_u16(data, 1000);                 // the delay's unit is a millisecond
  return data + std::string(2, '\0');  // dispose: none; blend: source
}

}  // namespace

std::string encode_png(const Image& image) {
  png_image header{};
  header.version = PNG_IMAGE_VERSION;
  header.width = static_cast<png_uint_32>(image.width_px);
  header.height = static_cast<png_uint_32>(image.height_px);
  header.format = PNG_FORMAT_RGB;
  png_alloc_size_t size = 0;
  std::string bytes;
  const bool sized =
      png_image_write_to_memory(&header, nullptr, &size, 0, image.rgb.data(), 0, nullptr);
  bytes.resize(size);
  const bool written = sized && png_image_write_to_memory(&header, bytes.data(), &size, 0,
                                                          image.rgb.data(), 0, nullptr);
  TORCH_CHECK(written, "image: libpng could not write a picture of ", image.width_px, "x",
              image.height_px, " px: ", header.message);
  return bytes;
}

std::string encode_apng(const std::vector<Image>& images, int64_t frame_ms) {
  TORCH_CHECK(!images.empty(), "image: an animation needs one frame or more, got none");
  const std::string first = encode_png(images[0]);
  std::string out = first.substr(0, kSignatureBytes);
  put_chunk(out, "IHDR", chunk_data(first, "IHDR"));
  std::string animation;
  put_u32(animation, images.size());
  put_u32(animation, 0);  // plays: for ever
  put_chunk(out, "acTL", animation);
  uint64_t sequence = 0;
  for (const auto& image : images) {
    const std::string png = sequence == 0 ? first : encode_png(image);
    TORCH_CHECK(chunk_data(png, "IHDR") == chunk_data(first, "IHDR"),
                "image: the frames of an animation must be of one size");
    put_chunk(out, "fcTL", frame_control(sequence, image, frame_ms));
    if (sequence++ == 0) {
      put_chunk(out, "IDAT", chunk_data(png, "IDAT"));
      continue;
    }
    std::string data;
    put_u32(data, sequence++);
    put_chunk(out, "fdAT", data + chunk_data(png, "IDAT"));
  }
  put_chunk(out, "IEND", "");
  return out;
}

}  // namespace nextframe
