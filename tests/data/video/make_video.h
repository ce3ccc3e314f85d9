// Small videos for tests. Every frame shows its number and the action that led to it, as black and
// white blocks that survive any codec and any scaling.
#pragma once

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/display.h>
#include <libavutil/opt.h>
#include <libswscale/swscale.h>
}

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace nextframe {

inline constexpr int64_t kStampHeight = 32, kStampWidth = 64, kStampBits = 8;

/// The action that is taken at frame t of every video here.
inline int64_t stamped_action(int64_t t) { return t * 7 % 5; }

/// uint8 [32, 64, 3]: above the bits of t, below those of the action that led to it.
inline at::Tensor stamped_frame(int64_t t) {
  const int64_t block_px = kStampWidth / kStampBits;
  const at::Tensor frame_HWC = at::zeros({kStampHeight, kStampWidth, 3}, at::kByte);
  const int64_t action = t == 0 ? 0 : stamped_action(t - 1);
  for (int64_t bit = 0; bit < kStampBits; ++bit) {
    const auto columns = frame_HWC.slice(1, bit * block_px, (bit + 1) * block_px);
    columns.slice(0, 0, kStampHeight / 2).fill_((t >> bit & 1) * 255);
    columns.slice(0, kStampHeight / 2).fill_((action >> bit & 1) * 255);
  }
  return frame_HWC;
}

/// What stamps of frames [T, 32, 64, 3] say: row 0 of the result the numbers, row 1 the actions.
inline at::Tensor read_stamps(const at::Tensor& frames_THWC) {
  const auto is_white = frames_THWC.to(at::kFloat)
                            .mean(3)
                            .view({-1, 2, kStampHeight / 2, kStampBits, kStampWidth / kStampBits})
                            .mean(at::IntArrayRef{2, 4})
                            .gt(127);
  const auto weights = at::tensor({1, 2, 4, 8, 16, 32, 64, 128}, at::kLong);
  return (is_white.to(at::kLong) * weights).sum(2).t().contiguous();
}

struct VideoRecipe {
  std::string codec = "libx264";
  AVPixelFormat format = AV_PIX_FMT_YUV420P;
  AVColorRange range = AVCOL_RANGE_MPEG;
  std::vector<int64_t> times_ms{};  // of each frame
  int64_t clockwise = 0;            // degrees that a player is asked to turn the frames by
  int unit_ms = 1;                  // of time stamps; AVI wants that of one frame
};

inline std::vector<int64_t> even_times_ms(int64_t frames, int64_t step_ms) {
  std::vector<int64_t> times_ms;
  for (int64_t t = 0; t < frames; ++t) times_ms.push_back(t * step_ms);
  return times_ms;
}

/// How long the frame of that time is shown; the last one for 100 ms.
inline int64_t shown_ms(int64_t time_ms, const VideoRecipe& recipe) {
  const auto next = std::upper_bound(recipe.times_ms.begin(), recipe.times_ms.end(), time_ms);
  return next == recipe.times_ms.end() ? 100 : *next - time_ms;
}

inline AVFrame* coded_frame(const at::Tensor& frame_HWC, const VideoRecipe& recipe) {
  AVFrame* frame = av_frame_alloc();
  frame->width = static_cast<int>(frame_HWC.size(1));
  frame->height = static_cast<int>(frame_HWC.size(0));
  frame->format = recipe.format;
  frame->color_range = recipe.range;
  av_frame_get_buffer(frame, 0);
  SwsContext* scaler =
      sws_getContext(frame->width, frame->height, AV_PIX_FMT_RGB24, frame->width, frame->height,
                     recipe.format, SWS_BILINEAR | SWS_ACCURATE_RND, nullptr, nullptr, nullptr);
  sws_setColorspaceDetails(scaler, sws_getCoefficients(SWS_CS_ITU601), 1,
                           sws_getCoefficients(SWS_CS_ITU601),
                           recipe.range == AVCOL_RANGE_JPEG ? 1 : 0, 0, 1 << 16, 1 << 16);
  const uint8_t* planes[] = {frame_HWC.const_data_ptr<uint8_t>()};
  const int strides[] = {frame->width * 3};
  sws_scale(scaler, planes, strides, 0, frame->height, frame->data, frame->linesize);
  sws_freeContext(scaler);
  return frame;
}

inline AVCodecContext* open_encoder(const at::Tensor& frame_HWC, const VideoRecipe& recipe) {
  const AVCodec* codec = avcodec_find_encoder_by_name(recipe.codec.c_str());
  AVCodecContext* encoder = avcodec_alloc_context3(codec);
  encoder->width = static_cast<int>(frame_HWC.size(1));
  encoder->height = static_cast<int>(frame_HWC.size(0));
  encoder->pix_fmt = recipe.format;
  encoder->color_range = recipe.range;
  encoder->time_base = {recipe.unit_ms, 1000};
  encoder->bit_rate = 4000000;
  encoder->strict_std_compliance = FF_COMPLIANCE_UNOFFICIAL;
  return encoder;
}

/// Writes a video of those frames, all of one size, with the container of the path's extension.
inline void make_video(const std::filesystem::path& path, const std::vector<at::Tensor>& frames,
                       const VideoRecipe& recipe) {
  av_log_set_level(AV_LOG_QUIET);
  AVFormatContext* file = nullptr;
  ASSERT_GE(avformat_alloc_output_context2(&file, nullptr, nullptr, path.c_str()), 0);
  AVCodecContext* encoder = open_encoder(frames.front(), recipe);
  if ((file->oformat->flags & AVFMT_GLOBALHEADER) != 0) {
    encoder->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
  }
  ASSERT_GE(avcodec_open2(encoder, nullptr, nullptr), 0) << recipe.codec;
  AVStream* stream = avformat_new_stream(file, nullptr);
  avcodec_parameters_from_context(stream->codecpar, encoder);
  stream->time_base = encoder->time_base;
  if (recipe.clockwise != 0) {
    auto* matrix = av_stream_new_side_data(stream, AV_PKT_DATA_DISPLAYMATRIX, 9 * sizeof(int32_t));
    av_display_rotation_set(reinterpret_cast<int32_t*>(matrix),
                            static_cast<double>(recipe.clockwise));
  }
  ASSERT_GE(avio_open(&file->pb, path.c_str(), AVIO_FLAG_WRITE), 0);
  ASSERT_GE(avformat_write_header(file, nullptr), 0);
  AVPacket* packet = av_packet_alloc();
  const auto drain = [&] {
    while (avcodec_receive_packet(encoder, packet) >= 0) {
      packet->duration = shown_ms(packet->pts * recipe.unit_ms, recipe) / recipe.unit_ms;
      av_packet_rescale_ts(packet, encoder->time_base, stream->time_base);
      packet->stream_index = 0;
      av_interleaved_write_frame(file, packet);
    }
  };
  for (size_t t = 0; t < frames.size(); ++t) {
    AVFrame* frame = coded_frame(frames[t].contiguous(), recipe);
    frame->pts = recipe.times_ms[t] / recipe.unit_ms;
    ASSERT_GE(avcodec_send_frame(encoder, frame), 0);
    av_frame_free(&frame);
    drain();
  }
  avcodec_send_frame(encoder, nullptr);
  drain();
  av_write_trailer(file);
  av_packet_free(&packet);
  avcodec_free_context(&encoder);
  avio_closep(&file->pb);
  avformat_free_context(file);
}

/// A video whose frame t is stamped_frame(t).
inline void make_stamped_video(const std::filesystem::path& path, const VideoRecipe& recipe) {
  std::vector<at::Tensor> frames;
  for (size_t t = 0; t < recipe.times_ms.size(); ++t) {
    frames.push_back(stamped_frame(static_cast<int64_t>(t)));
  }
  make_video(path, frames, recipe);
}

/// A still, by the encoder mjpeg or libwebp.
inline void make_picture(const std::filesystem::path& path, const at::Tensor& frame_HWC,
                         const std::string& codec) {
  VideoRecipe recipe{.codec = codec};
  if (codec == "mjpeg") recipe.range = AVCOL_RANGE_JPEG, recipe.format = AV_PIX_FMT_YUVJ420P;
  AVCodecContext* encoder = open_encoder(frame_HWC, recipe);
  ASSERT_GE(avcodec_open2(encoder, nullptr, nullptr), 0) << codec;
  AVFrame* frame = coded_frame(frame_HWC, recipe);
  AVPacket* packet = av_packet_alloc();
  ASSERT_GE(avcodec_send_frame(encoder, frame), 0);
  avcodec_send_frame(encoder, nullptr);
  ASSERT_GE(avcodec_receive_packet(encoder, packet), 0);
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(packet->data), packet->size);
  av_packet_free(&packet);
  av_frame_free(&frame);
  avcodec_free_context(&encoder);
}

}  // namespace nextframe
