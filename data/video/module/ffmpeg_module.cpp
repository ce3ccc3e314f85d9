// The module's functions: scan a video, decode it, decode a picture.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <mutex>
#include <thread>
#include <utility>

#include "data/video/module/ffmpeg_error.h"
#include "data/video/module/upright.h"
#include "data/video/video_decoder.h"

namespace nextframe {
namespace {

// Others can make the libraries open further files, which a recording has no business with.
constexpr const char* kFormats = "mov,matroska,webm,avi,gif,mpegts,mpeg,flv,asf,ogg,apng";
constexpr int64_t kMostPixels = int64_t{1} << 26;

std::mutex message_mutex;
std::string newest_message;

void keep_message(void* object, int level, const char* format, va_list arguments) {
  if (level > AV_LOG_ERROR) return;
  std::array<char, 256> line{};
  int prefix = 0;
  av_log_format_line(object, level, format, arguments, line.data(), line.size(), &prefix);
  std::string text = line.data();
  while (!text.empty() && text.back() == '\n') text.pop_back();
  const std::lock_guard guard(message_mutex);
  newest_message = text;
}

/// A file whose first bytes are all letters.
bool is_text(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::string start(512, '\0');
  file.read(start.data(), static_cast<std::streamsize>(start.size()));
  start.resize(static_cast<size_t>(file.gcount()));
  return std::none_of(start.begin(), start.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 && c != '\n' && c != '\r' && c != '\t';
  });
}

class OpenFile {
 public:
  explicit OpenFile(const std::filesystem::path& path) {
    catch_ffmpeg_messages();
    if (std::filesystem::file_size(path) == 0) throw DataError("is empty");
    ffmpeg_reason(0);
    AVDictionary* options = nullptr;
    av_dict_set(&options, "format_whitelist", kFormats, 0);
    av_dict_set(&options, "protocol_whitelist", "file", 0);
    AVFormatContext* format = nullptr;
    const int opened =
        avformat_open_input(&format, ("file:" + path.string()).c_str(), nullptr, &options);
    av_dict_free(&options);
    if (opened < 0) {
      if (is_text(path)) throw DataError("holds text, it is no video");
      throw DataError("cannot be opened as a video: " + ffmpeg_reason(opened));
    }
    format_.reset(format);
    const int found = avformat_find_stream_info(format, nullptr);
    if (found < 0) throw DataError("cannot be read as a video: " + ffmpeg_reason(found));
    number_ = av_find_best_stream(format, AVMEDIA_TYPE_VIDEO, -1, -1, nullptr, 0);
    if (number_ < 0) throw DataError("has no pictures, only sound or other data");
    for (unsigned i = 0; i < format->nb_streams; ++i) {
      if (static_cast<int>(i) != number_) format->streams[i]->discard = AVDISCARD_ALL;
    }
  }

  AVFormatContext* format() const { return format_.get(); }
  AVStream& stream() const { return *format_->streams[number_]; }

  /// The next packet of the video; 0, or ffmpeg's code.
  int read(AVPacket* packet) const {
    for (;;) {
      av_packet_unref(packet);
      const int code = av_read_frame(format_.get(), packet);
      if (code < 0 || packet->stream_index == number_) return code;
    }
  }

  Turn turn() const {
    const auto* matrix = av_stream_get_side_data(&stream(), AV_PKT_DATA_DISPLAYMATRIX, nullptr);
    return turn_of(reinterpret_cast<const int32_t*>(matrix));
  }

 private:
  FfmpegHandle<AVFormatContext> format_;
  int number_ = -1;
};

std::string notes_of(const AVCodecParameters& video) {
  std::string notes;
  const AVRational aspect = video.sample_aspect_ratio;
  if (aspect.num > 0 && aspect.den > 0 && aspect.num != aspect.den) {
    notes = "its pixels are not square, and are taken as if they were";
  }
  if (video.color_trc == AVCOL_TRC_SMPTE2084 || video.color_trc == AVCOL_TRC_ARIB_STD_B67) {
    notes += std::string(notes.empty() ? "" : "; ") + "it is HDR, and is not tone-mapped";
  }
  return notes;
}

/// Whether the file ended before what its header promises.
bool is_cut_off(const OpenFile& file, int64_t packets, const VideoFacts& facts) {
  const AVFormatContext& format = *file.format();
  if (std::strstr(format.iformat->name, "mov") != nullptr) return packets < file.stream().nb_frames;
  if (ffmpeg_reason(0).find("prematurely") != std::string::npos) return true;
  // With sound there may be more of it than of pictures.
  const bool has_duration = format.nb_streams == 1 && format.duration != AV_NOPTS_VALUE &&
                            format.duration_estimation_method != AVFMT_DURATION_FROM_BITRATE;
  const double promised_s = static_cast<double>(format.duration) / AV_TIME_BASE;
  return has_duration && promised_s > facts.start_s + facts.duration_s + 0.5;
}

VideoFacts scan_video(const std::filesystem::path& path) {
  const OpenFile file(path);
  const AVStream& stream = file.stream();
  const AVCodecParameters& video = *stream.codecpar;
  const bool swaps = file.turn().swaps_sides();
  VideoFacts facts;
  facts.height_px = swaps ? video.width : video.height;
  facts.width_px = swaps ? video.height : video.width;
  facts.notes = notes_of(video);
  const AVRational rate =
      av_guess_frame_rate(file.format(), file.format()->streams[stream.index], nullptr);
  const double usual_s = rate.num > 0 ? av_q2d(av_inv_q(rate)) : 0.04;
  const FfmpegHandle<AVPacket> packet(av_packet_alloc());
  int64_t packets = 0;
  int code = 0;
  double last_duration_s = 0;
  while ((code = file.read(packet.get())) >= 0) {
    ++packets;
    if ((packet->flags & AV_PKT_FLAG_DISCARD) != 0) continue;
    if ((packet->flags & AV_PKT_FLAG_CORRUPT) != 0) facts.is_cut = true;
    const int64_t time = packet->pts != AV_NOPTS_VALUE ? packet->pts : packet->dts;
    const double time_s = time == AV_NOPTS_VALUE
                              ? static_cast<double>(facts.times_s.size()) * usual_s
                              : static_cast<double>(time) * av_q2d(stream.time_base);
    if (facts.times_s.empty() || time_s >= facts.times_s.back()) {
      last_duration_s = static_cast<double>(packet->duration) * av_q2d(stream.time_base);
    }
    facts.times_s.push_back(time_s);
  }
  if (facts.times_s.empty()) throw DataError("holds no frame");
  std::sort(facts.times_s.begin(), facts.times_s.end());
  facts.start_s = facts.times_s.front();
  for (double& time_s : facts.times_s) time_s -= facts.start_s;
  facts.duration_s = facts.times_s.back() + (last_duration_s > 0 ? last_duration_s : usual_s);
  facts.is_cut = facts.is_cut || code != AVERROR_EOF || is_cut_off(file, packets, facts);
  return facts;
}

FfmpegHandle<AVCodecContext> open_decoder(const AVCodecParameters* video, AVCodecID id) {
  const AVCodec* codec = avcodec_find_decoder(id);
  if (codec == nullptr) {
    throw DataError(std::string("needs a decoder that is not there, for ") + avcodec_get_name(id));
  }
  FfmpegHandle<AVCodecContext> decoder(avcodec_alloc_context3(codec));
  if (video != nullptr) avcodec_parameters_to_context(decoder.get(), video);
  decoder->thread_count = static_cast<int>(std::clamp(std::thread::hardware_concurrency(), 1U, 4U));
  decoder->max_pixels = kMostPixels;
  const int code = avcodec_open2(decoder.get(), codec, nullptr);
  if (code < 0) throw DataError("cannot be decoded: " + ffmpeg_reason(code));
  return decoder;
}

class FfmpegDecoder final : public VideoDecoder {
 public:
  explicit FfmpegDecoder(const std::filesystem::path& path)
      : file_(path),
        decoder_(open_decoder(file_.stream().codecpar, file_.stream().codecpar->codec_id)),
        frame_(av_frame_alloc()),
        packet_(av_packet_alloc()) {
    decoder_->pkt_timebase = file_.stream().time_base;
    width_ = file_.stream().codecpar->width;
    height_ = file_.stream().codecpar->height;
  }

  bool next() override {
    for (;;) {
      const int code = avcodec_receive_frame(decoder_.get(), frame_.get());
      if (code == AVERROR_EOF) return false;
      if (code != AVERROR(EAGAIN)) {
        if (code < 0) fail(code);
        accept();
        return true;
      }
      feed();
    }
  }

  double time_s() const override { return time_s_; }

  void copy_rgb(uint8_t* out) override { upright_.convert(*frame_, file_.turn(), out); }

 private:
  [[noreturn]] void fail(int code) const {
    throw DataError("is damaged after " + std::to_string(num_frames_) +
                    " frames: " + ffmpeg_reason(code));
  }

  void feed() {
    const int read = file_.read(packet_.get());
    if (read < 0 && read != AVERROR_EOF) fail(read);
    if (read >= 0 && (packet_->flags & AV_PKT_FLAG_CORRUPT) != 0) fail(AVERROR_INVALIDDATA);
    const int code = avcodec_send_packet(decoder_.get(), read < 0 ? nullptr : packet_.get());
    if (code < 0 && code != AVERROR_EOF) fail(code);
  }

  void accept() {
    const bool is_bad =
        frame_->decode_error_flags != 0 || (frame_->flags & AV_FRAME_FLAG_CORRUPT) != 0;
    if (is_bad) fail(AVERROR_INVALIDDATA);
    if (frame_->width != width_ || frame_->height != height_) {
      throw DataError("changes its size after " + std::to_string(num_frames_) + " frames");
    }
    const int64_t time = frame_->best_effort_timestamp;
    const double now_s = time == AV_NOPTS_VALUE
                             ? time_s_ + last_gap_s_
                             : static_cast<double>(time) * av_q2d(file_.stream().time_base);
    if (num_frames_ > 0) last_gap_s_ = now_s - time_s_;
    time_s_ = now_s;
    ++num_frames_;
  }

  OpenFile file_;
  FfmpegHandle<AVCodecContext> decoder_;
  FfmpegHandle<AVFrame> frame_;
  FfmpegHandle<AVPacket> packet_;
  UprightRgb upright_;
  int width_ = 0, height_ = 0;
  int64_t num_frames_ = 0;
  double time_s_ = 0, last_gap_s_ = 0.04;
};

AVCodecID picture_codec(const std::string& bytes) {
  if (bytes.starts_with("\xff\xd8")) return AV_CODEC_ID_MJPEG;
  if (bytes.starts_with("RIFF") && bytes.find("WEBP") == 8) return AV_CODEC_ID_WEBP;
  if (bytes.starts_with("BM")) return AV_CODEC_ID_BMP;
  throw DataError("is no JPEG, WebP or BMP picture");
}

Picture read_still(const std::string& bytes) {
  catch_ffmpeg_messages();
  ffmpeg_reason(0);
  const auto decoder = open_decoder(nullptr, picture_codec(bytes));
  const FfmpegHandle<AVPacket> packet(av_packet_alloc());
  const FfmpegHandle<AVFrame> frame(av_frame_alloc());
  if (av_new_packet(packet.get(), static_cast<int>(bytes.size())) < 0) throw std::bad_alloc();
  std::memcpy(packet->data, bytes.data(), bytes.size());
  int code = avcodec_send_packet(decoder.get(), packet.get());
  if (code >= 0) code = avcodec_send_packet(decoder.get(), nullptr);
  if (code >= 0) code = avcodec_receive_frame(decoder.get(), frame.get());
  if (code < 0) throw DataError("cannot be decoded: " + ffmpeg_reason(code));
  if (frame->decode_error_flags != 0 || (frame->flags & AV_FRAME_FLAG_CORRUPT) != 0) {
    throw DataError("is damaged: " + ffmpeg_reason(AVERROR_INVALIDDATA));
  }
  const auto* side = av_frame_get_side_data(frame.get(), AV_FRAME_DATA_DISPLAYMATRIX);
  const Turn turn = turn_of(side == nullptr ? nullptr : reinterpret_cast<int32_t*>(side->data));
  Picture picture{turn.swaps_sides() ? frame->width : frame->height,
                  turn.swaps_sides() ? frame->height : frame->width,
                  {}};
  picture.rgb.resize(static_cast<size_t>(picture.height_px * picture.width_px * 3));
  UprightRgb().convert(*frame, turn, picture.rgb.data());
  return picture;
}

std::string version_text(unsigned version) {
  return std::to_string(version >> 16) + "." + std::to_string(version >> 8 & 0xFF) + "." +
         std::to_string(version & 0xFF);
}

std::string library_versions() {
  return "libavformat " + version_text(avformat_version()) + ", libavcodec " +
         version_text(avcodec_version()) + ", libswscale " + version_text(swscale_version());
}

}  // namespace

void catch_ffmpeg_messages() {
  static const bool once = [] {
    av_log_set_callback(keep_message);
    return true;
  }();
  static_cast<void>(once);
}

std::string ffmpeg_reason(int code) {
  const std::lock_guard guard(message_mutex);
  std::string reason = std::exchange(newest_message, "");
  if (reason.empty() && code < 0) {
    std::array<char, 128> text{};
    av_strerror(code, text.data(), text.size());
    reason = text.data();
  }
  return reason;
}

}  // namespace nextframe

extern "C" const nextframe::VideoModule* nextframe_video_module() {
  static const nextframe::VideoModule module{
      .versions = nextframe::library_versions,
      .scan = nextframe::scan_video,
      .open = [](const std::filesystem::path& path) -> std::unique_ptr<nextframe::VideoDecoder> {
        return std::make_unique<nextframe::FfmpegDecoder>(path);
      },
      .read_picture = nextframe::read_still,
  };
  return &module;
}
