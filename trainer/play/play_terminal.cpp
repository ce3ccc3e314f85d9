#include "trainer/play/play_terminal.h"

#include <ATen/core/grad_mode.h>
#include <c10/util/StringUtil.h>

#include <algorithm>
#include <chrono>
#include <cstdio>

#include "trainer/exit_code.h"
#include "trainer/play/frame_cells.h"
#include "trainer/play/key_bindings.h"
#include "trainer/play/terminal_screen.h"

namespace nextframe {
namespace {

constexpr int64_t kTextRows = 5;  // below the frames
constexpr size_t kTimedFrames = 100;
constexpr double kSlowest = 0.25, kFastest = 60;  // frames a second
constexpr const char* kActHelp =
    "arrows/WASD, digits: act   p: recorded actions   c: other context   t: beside";
constexpr const char* kTimeHelp =
    "space: pause   n: one frame   b: rewind   r: reset   +/-: speed   q: quit";

double terminal_now_s() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::string shown_action(const PlayActions& actions, const PlayAction& action) {
  if (actions.are_choices()) return actions.names()[static_cast<size_t>(action[0])];
  std::string text;
  for (size_t i = 0; i < action.size() && i < 8; ++i) {
    char number[32];
    std::snprintf(number, sizeof number, "%.3g", static_cast<double>(action[i]));
    text += (i > 0 ? "  " : "") + actions.names()[i] + " " + number;
  }
  return text;
}

/// Bytes of names that a terminal would obey are shown as '?'; no line is longer than the screen.
std::string printable(std::string line, int64_t columns) {
  for (char& c : line) {
    if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') c = '?';
  }
  return line.substr(0, static_cast<size_t>(std::max<int64_t>(columns - 1, 1)));
}

class TerminalPlayer {
 public:
  TerminalPlayer(const PlayedModel& played, std::unique_ptr<DreamSession> dream,
                 const TerminalPlay& options)
      : played_(played), dream_(std::move(dream)), options_(options), keys_(played.actions) {}

  void run() {
    double next_s = terminal_now_s();
    draw();
    while (!is_over_) {
      const double wait_s = is_paused_ ? 1 : std::max(next_s - terminal_now_s(), 0.0);
      for (const auto& key : screen_.keys(static_cast<int64_t>(wait_s * 1000))) press(key);
      if (is_over_) return;
      if (!is_paused_ && terminal_now_s() >= next_s) {
        next_s = std::max(next_s + 1 / options_.frames_per_s, terminal_now_s());
        advance();
      }
      draw();
    }
  }

 private:
  void press(const std::string& key) {
    note_.clear();
    try {
      if (key == "suspend") {
        screen_.suspend();
      } else if (key == "end" || key == "q") {
        is_over_ = true;
      } else if (key == " ") {
        is_paused_ = !is_paused_;
      } else if (key == "n") {
        is_paused_ = true;
        advance();
      } else if (key == "b") {
        dream_->rewind(1);
        is_paused_ = true;
      } else if (key == "r") {
        dream_->reset();
      } else if (key == "c") {
        go_to_next_context();
      } else if (key == "p") {
        dream_->put_recorded_actions_on_tape();
        is_paused_ = false;
      } else if (key == "t") {
        go_to_next_beside();
      } else if (key == "+" || key == "=" || key == "-") {
        const double factor = key == "-" ? 1 / 1.25 : 1.25;
        options_.frames_per_s = std::clamp(options_.frames_per_s * factor, kSlowest, kFastest);
      } else if (keys_.press(key, terminal_now_s())) {
        dream_->put_on_tape({});  // the player takes over
      }
    } catch (const UsageError& error) {
      note_ = error.what();
    }
  }

  void go_to_next_context() {
    const auto& episodes = played_.told.episodes;
    auto start = dream_->start();
    const auto now = std::ranges::find(episodes, start.episode, &SourceEpisode::number);
    for (size_t i = 1; i <= episodes.size(); ++i) {
      const size_t place = (static_cast<size_t>(now - episodes.begin()) + i) % episodes.size();
      if (episodes[place].num_frames < start.context_frames) continue;
      start.episode = episodes[place].number;
      start.first_frame = 0;
      dream_ = std::make_unique<DreamSession>(played_, start);
      return;
    }
  }

  void go_to_next_beside() {
    beside_ = beside_ == Beside::nothing                           ? Beside::truth
              : beside_ == Beside::truth && options_.has_simulator ? Beside::simulator
                                                                   : Beside::nothing;
  }

  void advance() {
    const double begin_s = terminal_now_s();
    try {
      if (!dream_->step_by_tape()) {
        dream_->step(keys_.action(begin_s));
      } else if (dream_->left_on_tape() == 0) {
        note_ = "the tape ends here; space: play on by yourself";
        is_paused_ = true;
      }
    } catch (const UsageError& error) {  // the longest dream
      note_ = error.what();
      is_paused_ = true;
      return;
    }
    frame_ms_.push_back(1000 * (terminal_now_s() - begin_s));
    if (frame_ms_.size() > kTimedFrames) frame_ms_.pop_front();
  }

  std::string timing() const {
    if (frame_ms_.empty()) return "";
    std::vector<double> sorted(frame_ms_.begin(), frame_ms_.end());
    std::ranges::sort(sorted);
    char text[96];
    std::snprintf(text, sizeof text, "  %.1f ms a frame, p95 %.1f ms", sorted[sorted.size() / 2],
                  sorted[std::min(sorted.size() - 1, sorted.size() * 95 / 100)]);
    return text;
  }

  /// "episode 3  frame 27 (20 dreamed)  10 frames/s  12.3 ms a frame, p95 14.0 ms"
  std::string where_it_is() const {
    char speed[48];
    std::snprintf(speed, sizeof speed, "  %.3g frames/s%s", options_.frames_per_s,
                  is_paused_ ? ", paused" : "");
    return c10::str("episode ", dream_->start().episode, "  frame ", dream_->frame_number(), " (",
                    dream_->num_dreamed(), " dreamed)", speed, timing());
  }

  std::string what_is_done(const at::Tensor& other_HWC) const {
    const auto action = dream_->newest_action();
    std::string text = "action: " + (action ? shown_action(played_.actions, *action) : "");
    if (dream_->left_on_tape() > 0) text += c10::str("  tape: ", dream_->left_on_tape(), " left");
    if (beside_ == Beside::nothing) return text;
    text += "  right: " + to_string(beside_);
    if (!other_HWC.defined()) return text + " has no frame here";
    char error[32];
    std::snprintf(error, sizeof error, ", %.1f dB", frame_psnr_db(dream_->frame(), other_HWC));
    return text + error;
  }

  void draw() {
    const auto size = screen_.size();
    const auto other_HWC = frame_beside(played_, *dream_, beside_);
    std::vector<at::Tensor> frames_HWC = {dream_->frame()};
    if (other_HWC.defined()) frames_HWC.push_back(other_HWC);
    std::string text = frame_cells(frames_HWC, size.columns, size.rows - kTextRows);
    for (const auto& line :
         {where_it_is(), what_is_done(other_HWC), std::string(kActHelp), std::string(kTimeHelp)}) {
      text += printable(line, size.columns) + "\n";
    }
    screen_.show(text + printable(note_, size.columns));
  }

  const PlayedModel& played_;
  std::unique_ptr<DreamSession> dream_;
  TerminalPlay options_;
  KeyBindings keys_;
  TerminalScreen screen_;
  Beside beside_ = Beside::nothing;
  bool is_paused_ = false, is_over_ = false;
  std::string note_;
  std::deque<double> frame_ms_;
};

}  // namespace

void play_in_terminal(const PlayedModel& played, std::unique_ptr<DreamSession> dream,
                      const TerminalPlay& options) {
  const at::NoGradGuard no_grad;
  TerminalPlayer(played, std::move(dream), options).run();
}

}  // namespace nextframe
