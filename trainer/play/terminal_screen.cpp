#include "trainer/play/terminal_screen.h"

#include <ATen/ATen.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <map>
#include <string_view>

#include "data/import/fit_frames.h"
#include "launch/signals.h"
#include "trainer/exit_code.h"

namespace nextframe {
namespace {

// The alternate screen, without a cursor, and back.
constexpr std::string_view kEnter = "\x1b[?1049h\x1b[?25l\x1b[2J";
constexpr std::string_view kLeave = "\x1b[0m\x1b[?25h\x1b[?1049l";

constexpr std::array kEndSignals{SIGINT, SIGTERM, SIGHUP, SIGQUIT};
constexpr std::array kCrashSignals{SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL};

// A handler can reach nothing else than globals.
termios shell_mode{};
volatile std::sig_atomic_t is_taken = 0, asked_to_end = 0;
std::array<struct sigaction, kEndSignals.size() + kCrashSignals.size()> actions_before{};

/// A terminal that does not read, as after Ctrl-S, is waited for, but not when the program is asked
/// to end, or `is_last`. Calls nothing but what a signal handler may.
void write_all(std::string_view text, bool is_last = false) {
  constexpr size_t kPiece = 256;  // what a terminal that is ready takes at once
  constexpr int kWait_ms = 200;
  while (!text.empty()) {
    pollfd output{STDOUT_FILENO, POLLOUT, 0};
    const int ready = ::poll(&output, 1, kWait_ms);
    if (ready <= 0) {
      if (is_last || asked_to_end != 0) return;
      continue;
    }
    const auto written = ::write(STDOUT_FILENO, text.data(), std::min(text.size(), kPiece));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;  // the terminal is gone: keys() will say so
    text.remove_prefix(static_cast<size_t>(written));
  }
}

/// Calls nothing but what a signal handler may.
void give_back() {
  if (is_taken == 0) return;
  is_taken = 0;
  ::tcsetattr(STDIN_FILENO, TCSANOW, &shell_mode);
  write_all(kLeave, /*is_last=*/true);
}

void take() {
  termios raw = shell_mode;
  raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO | ISIG | IEXTEN);
  raw.c_iflag &= ~static_cast<tcflag_t>(IXON | ICRNL);
  raw.c_cc[VMIN] = 1;
  raw.c_cc[VTIME] = 0;
  is_taken = 1;
  ::tcsetattr(STDIN_FILENO, TCSANOW, &raw);
  write_all(kEnter);
}

extern "C" void note_end(int) { asked_to_end = 1; }

extern "C" void give_back_and_crash(int signal) {
  give_back();
  ::signal(signal, SIG_DFL);
  ::raise(signal);
}

/// Unless whoever started the program wants the signal to be ignored.
void handle(int signal, void (*handler)(int), struct sigaction& before) {
  sigaction(signal, nullptr, &before);
  if (is_ignored(signal)) return;
  struct sigaction action = {};
  action.sa_handler = handler;
  sigemptyset(&action.sa_mask);  // without SA_RESTART: poll() must wake up
  sigaction(signal, &action, nullptr);
}

/// Two pixels, one above the other, in the terminal's colours that were set last where they are
/// these.
class CellWriter {
 public:
  void put(const uint8_t* upper, const uint8_t* lower) {
    const Rgb above = rgb(upper), below = rgb(lower);
    if (above != above_)
      text_ += c10::str("\x1b[38;2;", above[0], ";", above[1], ";", above[2], "m");
    if (below != below_)
      text_ += c10::str("\x1b[48;2;", below[0], ";", below[1], ";", below[2], "m");
    text_ += "\u2580";
    above_ = above, below_ = below;
  }

  void plain(const std::string& text) {
    text_ += "\x1b[0m" + text;
    above_ = below_ = {-1, -1, -1};
  }

  std::string take() { return std::move(text_); }

 private:
  using Rgb = std::array<int, 3>;
  static Rgb rgb(const uint8_t* pixel) { return {pixel[0], pixel[1], pixel[2]}; }

  std::string text_;
  Rgb above_{-1, -1, -1}, below_{-1, -1, -1};
};

/// [T, height, width, 3], where the height is even.
at::Tensor fitted(const std::vector<at::Tensor>& frames_HWC, int64_t most_width,
                  int64_t most_height) {
  auto frames_THWC = at::stack(frames_HWC).expand({-1, -1, -1, 3}).contiguous();
  const int64_t H = frames_THWC.size(1), W = frames_THWC.size(2);
  const int64_t scale = std::min(most_width / W, most_height / H);
  if (scale >= 1) {
    frames_THWC = frames_THWC.repeat_interleave(scale, 1).repeat_interleave(scale, 2);
    if (H * scale % 2 == 1) frames_THWC = at::constant_pad_nd(frames_THWC, {0, 0, 0, 0, 0, 1});
    return frames_THWC.contiguous();
  }
  const double shrink = std::min(static_cast<double>(most_width) / static_cast<double>(W),
                                 static_cast<double>(most_height) / static_cast<double>(H));
  const auto shrunk = [&](int64_t side) {
    return std::max<int64_t>(static_cast<int64_t>(static_cast<double>(side) * shrink), 1);
  };
  return fit_frames(frames_THWC, {std::max<int64_t>(shrunk(H) / 2 * 2, 2), shrunk(W), Fit::stretch})
      .contiguous();
}

const std::map<std::string, std::string, std::less<>> kKeySequences{
    {"\x1b[A", "up"}, {"\x1b[B", "down"}, {"\x1b[C", "right"}, {"\x1b[D", "left"},
    {"\x1bOA", "up"}, {"\x1bOB", "down"}, {"\x1bOC", "right"}, {"\x1bOD", "left"},
    {"\x03", "end"},  {"\x04", "end"},    {"\x1a", "suspend"}, {"\x1b", "escape"},
    {"\t", "tab"},    {"\r", "enter"},    {"\n", "enter"}};

/// Of the key that `bytes` begin with: "ESC [" or "ESC O" goes on to a letter or '~'.
size_t sequence_length(std::string_view bytes) {
  if (!bytes.starts_with("\x1b[") && !bytes.starts_with("\x1bO")) return 1;
  size_t end = 2;
  while (end < bytes.size() && (bytes[end] < '@' || bytes[end] > '~')) ++end;
  return std::min(end + 1, bytes.size());
}

}  // namespace

std::vector<std::string> keys_from(const std::string& bytes) {
  std::vector<std::string> keys;
  for (size_t at = 0; at < bytes.size();) {
    const auto sequence = bytes.substr(at, sequence_length(std::string_view(bytes).substr(at)));
    const auto found = kKeySequences.find(sequence);
    if (found != kKeySequences.end()) {
      keys.push_back(found->second);
    } else if (sequence.size() == 1) {
      keys.push_back(sequence);
    }
    at += sequence.size();
  }
  return keys;
}

TerminalScreen::TerminalScreen() {
  if (::isatty(STDIN_FILENO) == 0 || ::isatty(STDOUT_FILENO) == 0 ||
      ::tcgetattr(STDIN_FILENO, &shell_mode) != 0) {
    throw UsageError(
        "play: --tty needs a terminal as standard input and output; over ssh, ask for one with "
        "ssh -t");
  }
  asked_to_end = 0;
  size_t i = 0;
  for (const int signal : kEndSignals) handle(signal, note_end, actions_before.at(i++));
  for (const int signal : kCrashSignals)
    handle(signal, give_back_and_crash, actions_before.at(i++));
  take();
}

TerminalScreen::~TerminalScreen() {
  give_back();
  size_t i = 0;
  for (const int signal : kEndSignals) sigaction(signal, &actions_before.at(i++), nullptr);
  for (const int signal : kCrashSignals) sigaction(signal, &actions_before.at(i++), nullptr);
}

TerminalSize TerminalScreen::size() const {
  winsize cells{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &cells) != 0 || cells.ws_col == 0 || cells.ws_row == 0) {
    return {};
  }
  return {cells.ws_col, cells.ws_row};
}

std::vector<std::string> TerminalScreen::keys(int64_t limit_ms) {
  if (asked_to_end != 0) return {"end"};
  pollfd input{STDIN_FILENO, POLLIN, 0};
  if (::poll(&input, 1, static_cast<int>(limit_ms)) <= 0) {
    return asked_to_end != 0 ? std::vector<std::string>{"end"} : std::vector<std::string>{};
  }
  std::array<char, 256> bytes{};
  const auto count = ::read(STDIN_FILENO, bytes.data(), bytes.size());
  if (count < 0 && errno == EINTR) return {};
  if (count <= 0) return {"end"};
  return keys_from({bytes.data(), static_cast<size_t>(count)});
}

void TerminalScreen::show(const std::string& text) {
  std::string screen;
  const auto now = size();
  if (now.columns != drawn_size_.columns || now.rows != drawn_size_.rows) {
    drawn_.clear();
    screen = "\x1b[2J";
  }
  drawn_size_ = now;
  std::vector<std::string> lines;
  for (size_t begin = 0, end = 0; end != std::string::npos; begin = end + 1) {
    end = text.find('\n', begin);
    lines.push_back(text.substr(begin, end == std::string::npos ? end : end - begin));
  }
  for (size_t i = 0; i < lines.size(); ++i) {
    if (i < drawn_.size() && drawn_[i] == lines[i]) continue;
    screen += c10::str("\x1b[", i + 1, ";1H", lines[i], "\x1b[0m\x1b[K");
  }
  if (lines.size() < drawn_.size()) screen += c10::str("\x1b[", lines.size() + 1, ";1H\x1b[J");
  drawn_ = std::move(lines);
  write_all(screen);
}

void TerminalScreen::suspend() {
  give_back();
  ::raise(SIGSTOP);
  take();
  drawn_size_ = {0, 0};  // draws everything again
}

std::string frame_cells(const std::vector<at::Tensor>& frames_HWC, int64_t columns, int64_t rows) {
  const auto count = static_cast<int64_t>(frames_HWC.size());
  const auto cells_THWC =
      fitted(frames_HWC, std::max<int64_t>(columns / count - 1, 1), std::max<int64_t>(2 * rows, 2));
  const int64_t height = cells_THWC.size(1), width = cells_THWC.size(2);
  const auto* const pixels = cells_THWC.const_data_ptr<uint8_t>();
  CellWriter writer;
  for (int64_t y = 0; y < height; y += 2) {
    for (int64_t t = 0; t < count; ++t) {
      for (int64_t x = 0; x < width; ++x) {
        const auto* const upper = pixels + ((t * height + y) * width + x) * 3;
        writer.put(upper, upper + width * 3);
      }
      writer.plain(t + 1 < count ? " " : "\n");
    }
  }
  return writer.take();
}

}  // namespace nextframe
