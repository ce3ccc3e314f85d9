// What ffmpeg's libraries say about an error, and handles that free themselves.
#pragma once

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/display.h>
#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>
}

#include <memory>
#include <string>

#include "data/error.h"

namespace nextframe {

struct FfmpegDeleter {
  void operator()(AVFormatContext* p) const { avformat_close_input(&p); }
  void operator()(AVCodecContext* p) const { avcodec_free_context(&p); }
  void operator()(AVFrame* p) const { av_frame_free(&p); }
  void operator()(AVPacket* p) const { av_packet_free(&p); }
  void operator()(SwsContext* p) const { sws_freeContext(p); }
};

template <class T>
using FfmpegHandle = std::unique_ptr<T, FfmpegDeleter>;

/// Takes the libraries' messages off the terminal and keeps the newest error.
void catch_ffmpeg_messages();

/// "moov atom not found", or else what `code` stands for. Forgets the message.
std::string ffmpeg_reason(int code);

}  // namespace nextframe
