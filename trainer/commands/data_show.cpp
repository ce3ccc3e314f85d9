// `nextframe data show GLOB`: random clips with their actions, in the terminal or as a PNG.
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>
#include <limits>

#include "data/durable_file.h"
#include "trainer/commands/clip_sheet.h"
#include "trainer/commands/command.h"
#include "trainer/commands/read_as_options.h"
#include "trainer/exit_code.h"

namespace nextframe {
namespace {

struct ShowOptions {
  std::string glob, out;
  int64_t clips = 4, frames = 8, seed = 0;
  std::shared_ptr<const ReadAs> read_as;
};

int64_t terminal_columns() {
  winsize size{};
  const bool is_known = ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return is_known ? size.ws_col : 120;
}

int show(const ShowOptions& options) {
  if (!options.out.empty() && !options.out.ends_with(".png")) {
    throw UsageError("--out '" + options.out + "': needed: a name that ends in .png");
  }
  const auto clips =
      draw_clips(options.glob, options.clips, options.frames, options.seed, *options.read_as);
  if (options.out.empty()) {
    std::fputs(clip_cells(clips, terminal_columns()).c_str(), stdout);
    return 0;
  }
  write_durably(options.out, encode_png(clip_sheet(clips)));
  std::printf(
      "%s: %zu clips of up to %lld frames; left of a row its episode and first frame, under "
      "a frame the action taken there\n",
      options.out.c_str(), clips.size(), static_cast<long long>(options.frames));
  return 0;
}

CommandBody set_up_data_show(CLI::App& app) {
  app.group(kDataCommands);
  const auto options = std::make_shared<ShowOptions>();
  app.add_option("GLOB", options->glob, "shards; quote it: 'data/train/*.h5'")->required();
  app.add_option("--out", options->out, "a .png to write; without it the terminal shows the clips");
  app.add_option("--clips", options->clips, "number of clips, one a row")
      ->capture_default_str()
      ->check(CLI::Range(1, 256));
  app.add_option("--frames", options->frames, "frames of a clip")
      ->capture_default_str()
      ->check(CLI::Range(1, 64));
  app.add_option("--seed", options->seed, "of the draw; another one shows other clips")
      ->capture_default_str()
      ->check(CLI::Range(int64_t{0}, std::numeric_limits<int64_t>::max()));
  options->read_as = add_read_as_options(app);
  return [options] { return show(*options); };
}

}  // namespace
}  // namespace nextframe

NF_REGISTER_COMMAND(data_show, "data show",
                    "look at random clips with their actions, in the terminal or as a PNG",
                    nextframe::set_up_data_show)
