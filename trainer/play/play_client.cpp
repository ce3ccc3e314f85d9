#include "trainer/play/play_client.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>

#include "trainer/evaluate/image.h"
#include "trainer/exit_code.h"
#include "trainer/json_text.h"

namespace nextframe {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kMostListedEpisodes = 1000;
constexpr int64_t kMostListedSteps = 64, kRecordedFrames = 200, kRecordingSide_px = 128;
constexpr int64_t kRecordingFrameMs = 66;

PlayReply text_reply(const Json& json) { return {false, json_text(json)}; }

PlayReply bytes_reply(const Json& json, const std::string& bytes) {
  const auto text = json_text(json);
  std::string message;
  for (size_t i = 0; i < 4; ++i) message += static_cast<char>(text.size() >> (8 * i) & 0xff);
  return {true, message + text + bytes};
}

/// RGB, row after row.
std::string pixels_of(const at::Tensor& frame_HWC) {
  const auto rgb_HWC = frame_HWC.expand({frame_HWC.size(0), frame_HWC.size(1), 3}).contiguous();
  return {reinterpret_cast<const char*>(rgb_HWC.const_data_ptr<uint8_t>()),
          static_cast<size_t>(rgb_HWC.numel())};
}

double milliseconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin)
      .count();
}

}  // namespace

/// A message, of which every member that is asked for has the right type, or UsageError.
struct PlayClient::Asked {
  explicit Asked(const std::string& message) : json(Json::parse(message, nullptr, false)) {
    if (!json.is_object() || !json.contains("do")) {
      throw UsageError("play: a message is a JSON object with a member \"do\"");
    }
    what = get<std::string>("do", "");
  }

  bool has(const char* name) const { return json.contains(name); }

  template <class Value>
  Value get(const char* name, const Value& otherwise) const {
    if (!has(name)) return otherwise;
    const auto& member = json[name];
    bool is_right = member.is_string();
    if constexpr (std::is_integral_v<Value>) is_right = member.is_number_integer();
    if constexpr (std::is_floating_point_v<Value>) is_right = member.is_number();
    if constexpr (std::is_same_v<Value, PlayAction>) {
      is_right = member.is_array() && std::ranges::all_of(member, [](const Json& element) {
                   return element.is_number();
                 });
    }
    if (!is_right) {
      throw UsageError(std::string("play: \"") + name + "\" of the message has another type than " +
                       "is needed");
    }
    return member.get<Value>();
  }

  Json json;
  std::string what;
};

PlayClient::PlayClient(const PlayedModel& played, const DreamLog& begin, bool has_simulator)
    : played_(played), has_simulator_(has_simulator) {
  dream_ = std::make_unique<DreamSession>(played, begin);
}

PlayReply PlayClient::hello() const {
  const auto& shape = played_.truth.shape;
  Json json{{"kind", "hello"},
            {"height", shape.height_px},
            {"width", shape.width_px},
            {"actions", Json::parse(played_.actions.to_json())},
            {"model", dream_->log().model},
            {"is_sampling", played_.model.is_sampling()},
            {"has_guidance", played_.has_guidance},
            {"has_simulator", has_simulator_},
            {"context", dream_->start().context_frames},
            {"steps", Json::array()},
            {"episodes", Json::array()}};
  for (int64_t steps = 1; steps <= kMostListedSteps; ++steps) {
    if (played_.model.steps_problem(steps).empty()) json["steps"].push_back(steps);
  }
  for (const auto& [number, num_frames] : played_.told.episodes) {
    if (json["episodes"].size() == kMostListedEpisodes) break;
    if (num_frames < dream_->start().context_frames) continue;
    json["episodes"].push_back({number, num_frames});
  }
  return text_reply(json);
}

bool PlayClient::is_for_another_thread(const std::string& message) {
  const auto json = Json::parse(message, nullptr, false);
  return json.is_object() && json.contains("do") && json["do"] == "record";
}

PlayReply PlayClient::answer(const std::string& message) noexcept {
  const at::NoGradGuard no_grad;
  try {
    return obey(Asked(message));
  } catch (...) {
    auto text = describe_failure(std::current_exception()).message;
    if (text.starts_with("play: ")) text.erase(0, 6);
    return text_reply({{"kind", "error"}, {"text", text}});
  }
}

PlayReply PlayClient::obey(const Asked& asked) {
  const auto begin = std::chrono::steady_clock::now();
  if (asked.what == "log") return text_reply({{"kind", "log"}, {"log", to_text(dream_->log())}});
  if (asked.what == "record") return recording();
  if (asked.what == "step") {
    step(asked);
  } else if (asked.what == "rewind") {
    dream_->rewind(asked.get<int64_t>("frames", 1));
  } else if (asked.what == "reset") {
    begin_anew(asked);
  } else if (asked.what == "sampling") {
    const auto now = dream_->sampling();
    dream_->set_sampling({asked.get<int64_t>("steps", now.denoise_steps),
                          asked.get<double>("guidance", now.guidance)});
  } else if (asked.what == "beside") {
    show_beside(beside_from(asked.get<std::string>("what", "nothing")));
  } else if (asked.what == "load") {
    const auto log = dream_log_from(asked.get<std::string>("log", ""));
    dream_ = std::make_unique<DreamSession>(played_, log);
  } else if (asked.what == "recorded") {
    dream_->put_recorded_actions_on_tape();
  } else if (asked.what != "look") {
    throw UsageError("play: a message cannot ask for '" + asked.what.substr(0, 40) + "'");
  }
  return frame(milliseconds_since(begin));
}

void PlayClient::step(const Asked& asked) {
  if (asked.has("action")) {
    dream_->step(asked.get<PlayAction>("action", {}));
  } else if (!dream_->step_by_tape()) {
    throw UsageError("play: a step needs an action: the tape is empty");
  }
}

void PlayClient::show_beside(Beside beside) {
  if (beside == Beside::simulator && !has_simulator_) {
    throw UsageError("play: these data have no simulator that takes a player's actions");
  }
  beside_ = beside;
}

void PlayClient::begin_anew(const Asked& asked) {
  auto start = dream_->start();
  start.episode = asked.get<int64_t>("episode", start.episode);
  start.first_frame = asked.get<int64_t>("start", asked.has("episode") ? 0 : start.first_frame);
  start.seed = asked.get<uint64_t>("seed", start.seed);
  if (start == dream_->start()) {
    dream_->reset();
    return;
  }
  auto dream = std::make_unique<DreamSession>(played_, start);
  dream->set_sampling(dream_->sampling());
  dream_ = std::move(dream);
}

PlayReply PlayClient::frame(double compute_ms) const {
  const auto& start = dream_->start();
  const auto beside_HWC = frame_beside(played_, *dream_, beside_);
  Json json{{"kind", "frame"},
            {"episode", start.episode},
            {"start", start.first_frame},
            {"seed", start.seed},
            {"frame", dream_->frame_number()},
            {"dreamed", dream_->num_dreamed()},
            {"tape", dream_->left_on_tape()},
            {"steps", dream_->sampling().denoise_steps},
            {"guidance", dream_->sampling().guidance},
            {"compute_ms", compute_ms},
            {"beside", to_string(beside_)},
            {"has_beside", beside_HWC.defined()}};
  if (const auto action = dream_->newest_action()) json["action"] = *action;
  if (!beside_HWC.defined()) return bytes_reply(json, pixels_of(dream_->frame()));
  json["psnr_db"] = frame_psnr_db(dream_->frame(), beside_HWC);
  return bytes_reply(json, pixels_of(dream_->frame()) + pixels_of(beside_HWC));
}

PlayReply PlayClient::recording() const {
  const auto& kept = dream_->frames();
  const auto count = std::min<int64_t>(static_cast<int64_t>(kept.size()), kRecordedFrames);
  const int64_t H = kept.back().size(0), W = kept.back().size(1);
  const int64_t scale = std::clamp<int64_t>(kRecordingSide_px / std::max(H, W), 1, 8);
  std::vector<Image> images;
  for (auto frame = kept.end() - count; frame != kept.end(); ++frame) {
    images.emplace_back(W * scale, H * scale, Color{0, 0, 0}).draw(0, 0, *frame, scale);
  }
  return bytes_reply({{"kind", "recording"}, {"frames", count}},
                     encode_webp(images, kRecordingFrameMs));
}

}  // namespace nextframe
