#include "trainer/play/terminal_screen.h"

#include <c10/util/StringUtil.h>
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

}  // namespace nextframe
