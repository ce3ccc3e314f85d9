#include "trainer/records/console.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <utility>

#include "launch/standard_streams.h"
#include "launch/text.h"

namespace nextframe {
namespace {

constexpr int kBarCells = 30;

double peak_memory_gib() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / (1024.0 * 1024.0);  // ru_maxrss is in KiB
}

double wait_share(const StepRecord& r) { return r.step_s > 0 ? 100 * r.data_wait_s / r.step_s : 0; }

/// "  busiest rank 2 +12%": by how much it works longer than the median.
std::string busiest(const StepRecord& r) {
  if (r.world_size < 2 || r.busy.median_s <= 0) return "";
  return format("  busiest rank %lld %+.0f%%", static_cast<long long>(r.busy.slowest_rank),
                100 * (r.busy.max_s / r.busy.median_s - 1));
}

/// "  MFU 41%", or "" where it is not known.
std::string mfu(const StepRecord& r) {
  return r.mfu > 0 ? format("  MFU %.0f%%", r.mfu * 100) : "";
}

double seconds_left(const StepRecord& r, int64_t steps) {
  return static_cast<double>(steps - r.step) * r.step_s;
}

}  // namespace

std::string format_duration(double seconds) {
  const auto whole = static_cast<int64_t>(std::max(0.0, seconds) + 0.5);
  if (whole < 60) return std::to_string(whole) + "s";
  if (whole < 3600)
    return format("%dm %02ds", static_cast<int>(whole / 60), static_cast<int>(whole % 60));
  return format("%lldh %02dm", static_cast<long long>(whole / 3600),
                static_cast<int>(whole % 3600 / 60));
}

Console::Console(bool is_root) : is_root_(is_root), is_terminal_(isatty(STDERR_FILENO) == 1) {}

Console::~Console() = default;

std::string Console::take_panel_away() {
  std::string text;
  for (; panel_lines_ > 0; --panel_lines_) text += "\033[1A\033[2K";
  return text;
}

void Console::open_log(const std::filesystem::path& path) {
  log_.emplace(path, [this](const std::string& line) { write(take_panel_away() + line + "\n"); });
}

void Console::log(const std::string& line) {
  if (log_) log_->append(now_utc("%Y-%m-%dT%H:%M:%S") + " " + line + "\n");
}

/// A reader that has stopped reading is waited for once, not with every line.
void Console::write(const std::string& text) {
  is_read_ = write_to_standard_error(text, is_read_ ? 1000 : 0);
}

void Console::say(const std::string& line) {
  log(line);
  if (is_root_) write(take_panel_away() + line + "\n");
}

void Console::say_once(const std::string& line) {
  if (!line.empty() && told_.insert(line).second) say(line);
}

void Console::show(const StepRecord& record, int64_t steps) {
  log(plain_line(record, steps));
  if (!is_root_) return;
  const auto text = is_terminal_ ? panel(record, steps) : plain_line(record, steps);
  write(take_panel_away() + text + "\n");
  if (is_terminal_) panel_lines_ = static_cast<int>(std::count(text.begin(), text.end(), '\n')) + 1;
}

std::string Console::plain_line(const StepRecord& r, int64_t steps) const {
  return format(
      "step %lld/%lld  loss %.5f  grad %.3f  lr %.2e  %.0f frames/s  step %.0f ms%s  wait %.0f%%%s "
      " "
      "left %s",
      static_cast<long long>(r.step), static_cast<long long>(steps), r.loss, r.grad_norm, r.lr,
      r.frames_per_s, r.step_s * 1e3, mfu(r).c_str(), wait_share(r), busiest(r).c_str(),
      format_duration(seconds_left(r, steps)).c_str());
}

std::string Console::panel(const StepRecord& r, int64_t steps) const {
  const double done = steps > 0 ? static_cast<double>(r.step) / static_cast<double>(steps) : 1;
  const int cells = static_cast<int>(done * kBarCells);
  std::string bar;
  for (int i = 0; i < kBarCells; ++i) bar += i < cells ? "█" : "░";
  std::string text = format("%s %3.0f%%  step %lld/%lld  %s left\n", bar.c_str(), done * 100,
                            static_cast<long long>(r.step), static_cast<long long>(steps),
                            format_duration(seconds_left(r, steps)).c_str());
  text += format("loss %.5f (z %+.1f)  grad norm %.3f (z %+.1f)  lr %.2e\n", r.loss, r.loss_z,
                 r.grad_norm, r.grad_norm_z, r.lr);
  text += format("%.0f frames/s  step %.0f ms%s  ", r.frames_per_s, r.step_s * 1e3, mfu(r).c_str());
  text += format("memory %.1f GiB a rank  waiting for data %.0f%%  ranks %lld", peak_memory_gib(),
                 wait_share(r), static_cast<long long>(r.world_size));
  if (r.skipped_steps > 0)
    text += format("  skipped %lld steps", static_cast<long long>(r.skipped_steps));
  return text + busiest(r);
}

}  // namespace nextframe
