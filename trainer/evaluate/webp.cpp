// Animated WebP by libwebpmux: lossless, and only what changes between frames is stored.
#include <c10/util/Exception.h>
#include <webp/encode.h>
#include <webp/mux.h>

#include <memory>

#include "trainer/evaluate/image.h"

namespace nextframe {
namespace {

using Encoder = std::unique_ptr<WebPAnimEncoder, decltype(&WebPAnimEncoderDelete)>;
using Picture = std::unique_ptr<WebPPicture, decltype(&WebPPictureFree)>;

void add_frame(WebPAnimEncoder* encoder, const Image& image, int64_t begin_ms) {
  WebPConfig config;
  WebPConfigInit(&config);
  WebPConfigLosslessPreset(&config, 6);  // 0 fast .. 9 small
  config.exact = 1;
  WebPPicture storage;
  WebPPictureInit(&storage);
  const Picture picture(&storage, WebPPictureFree);
  picture->use_argb = 1;
  picture->width = static_cast<int>(image.width_px);
  picture->height = static_cast<int>(image.height_px);
  const bool added =
      WebPPictureImportRGB(picture.get(), image.rgb.data(), picture->width * 3) &&
      WebPAnimEncoderAdd(encoder, picture.get(), static_cast<int>(begin_ms), &config);
  TORCH_CHECK(added, "image: libwebp could not add a frame of ", image.width_px, "x",
              image.height_px, " px at ", begin_ms, " ms: ", WebPAnimEncoderGetError(encoder));
}

}  // namespace

std::string encode_webp(const std::vector<Image>& images, int64_t frame_ms) {
  TORCH_CHECK(!images.empty(), "image: an animation needs one frame or more, got none");
  WebPAnimEncoderOptions options;
  WebPAnimEncoderOptionsInit(&options);
  options.anim_params.loop_count = 0;  // for ever
  const Encoder encoder(WebPAnimEncoderNew(static_cast<int>(images[0].width_px),
                                           static_cast<int>(images[0].height_px), &options),
                        WebPAnimEncoderDelete);
  TORCH_CHECK(encoder, "image: libwebp takes pictures of at most 16383 px a side, got ",
              images[0].width_px, "x", images[0].height_px);
  int64_t begin_ms = 0;
  for (const auto& image : images) {
    add_frame(encoder.get(), image, begin_ms);
    begin_ms += frame_ms;
  }
  WebPData data;
  WebPDataInit(&data);
  const bool assembled =
      WebPAnimEncoderAdd(encoder.get(), nullptr, static_cast<int>(begin_ms), nullptr) &&
      WebPAnimEncoderAssemble(encoder.get(), &data);
  std::string bytes(reinterpret_cast<const char*>(data.bytes), data.size);
  WebPDataClear(&data);
  TORCH_CHECK(assembled, "image: libwebp could not finish an animation: ",
              WebPAnimEncoderGetError(encoder.get()));
  return bytes;
}

}  // namespace nextframe
