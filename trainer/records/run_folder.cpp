#include "trainer/records/run_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>
#include <nlohmann/json.hpp>

#include "data/durable_file.h"
#include "data/error.h"
#include "launch/error.h"
#include "trainer/config/config.h"
#include "trainer/version.h"

namespace nextframe {
namespace fs = std::filesystem;
namespace {

/// Appends a word as a shell reads it back.
void append_quoted(std::string& script, const std::string& word) {
  script += '\'';
  for (const char letter : word) {
    if (letter == '\'') {
      script += "'\\''";
    } else {
      script += letter;
    }
  }
  script += '\'';
}

std::string resume_script(const std::vector<std::string>& command_line) {
  std::string script = "#!/bin/sh\n# Continues this run from its newest valid checkpoint.\ncd ";
  append_quoted(script, fs::current_path().string());
  script += " && exec";
  for (const auto& word : command_line) {
    script += ' ';
    append_quoted(script, word);
  }
  script += " \"$@\"\n";
  return script;
}

std::string now_utc() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  char text[32];
  std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

void create(const RunFolder& folder, const Config& config, const std::string& config_path,
            const std::vector<std::string>& command_line) {
  for (const auto& part : {folder.path, folder.checkpoints(), folder.samples(), folder.log()})
    make_folder(part);
  write_durably(folder.path / "config.yaml", read_text(config_path));
  const nlohmann::ordered_json environment = {{"version", version()},
                                              {"commit", commit()},
                                              {"build_type", build_type()},
                                              {"created", now_utc()},
                                              {"command", command_line}};
  write_durably(folder.path / "environment.json", environment.dump(2) + "\n");
  write_durably(folder.resolved(),
                to_yaml(config));  // last: a folder with it is a whole run folder
}

void recognise(const RunFolder& folder, const Config& config) {
  const auto before = parse_config(read_text(folder.resolved()), folder.resolved().string());
  const auto differences = compare_configs(before, config);
  if (!differences.identity.empty()) {
    std::string message = folder.path.string() + " is a run with another identity:";
    for (const auto& difference : differences.identity) message += "\n  " + difference;
    throw UsageError(
        message + "\nNothing was changed. To start another run with this config: --fork NEW_DIR");
  }
}

}  // namespace

fs::path run_folder_path(const Config& config, const std::string& config_path,
                         const std::string& run_option) {
  if (!run_option.empty()) return run_option;
  return fs::path("runs") /
         (config.run.name.empty() ? fs::path(config_path).stem() : fs::path(config.run.name));
}

RunFolder open_run_folder(const fs::path& path, const Config& config,
                          const std::string& config_path,
                          const std::vector<std::string>& command_line) {
  const RunFolder folder{path};
  if (fs::exists(folder.resolved())) {
    recognise(folder, config);
    if (::access(path.c_str(), W_OK) != 0) {
      throw EnvironmentError("the run folder " + path.string() + " cannot be written by this user");
    }
  } else if (fs::exists(folder.checkpoints()) && !fs::is_empty(folder.checkpoints())) {
    throw UsageError(path.string() +
                     " holds checkpoints but no resolved.yaml, so it is not known whose they are; "
                     "choose another folder with --run");
  } else {
    create(folder, config, config_path, command_line);
  }
  return folder;
}

RunLock::~RunLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void RunLock::take(const fs::path& run) {
  const auto path = run / ".lock";
  descriptor_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (descriptor_ < 0)
    throw FileError("cannot open " + path.string() + ": " + std::strerror(errno));
  if (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0) {
    throw EnvironmentError(run.string() +
                           ": another process is using this run; wait for it, or end it first");
  }
}

void accept_config(const RunFolder& folder, const Config& config,
                   const std::vector<std::string>& command_line) {
  write_durably(folder.path / "resume.sh", resume_script(command_line));
  fs::permissions(folder.path / "resume.sh", fs::perms::owner_exec, fs::perm_options::add);
  const auto text = to_yaml(config);
  if (read_text(folder.resolved()) != text) write_durably(folder.resolved(), text);
}

void write_status(const RunFolder& folder, const std::string& state, int64_t step, int64_t steps) {
  const nlohmann::ordered_json status = {
      {"state", state}, {"step", step}, {"steps", steps}, {"updated", now_utc()}};
  write_durably(folder.path / "status.json", status.dump(2) + "\n");
}

}  // namespace nextframe
